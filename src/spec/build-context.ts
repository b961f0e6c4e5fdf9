/** What the builders of a Problem share: the document, where files lie, and the list of what is wrong. */
import path from 'node:path';
import type { Diagnostic, Result } from '../diagnostics.ts';
import { keyRange, valueRange } from '../ingest/document.ts';
import type { DataDocument } from '../ingest/document.ts';
import { MAXIMUM_REFERENCED_BYTES, readTextFile } from '../ingest/read-file.ts';
import { diagnosticAt, firstLine } from '../ingest/source.ts';
import type { Details, Source } from '../ingest/source.ts';

export class BuildContext {
  readonly document: DataDocument;
  readonly diagnostics: Diagnostic[] = [];
  readonly #folder: string;
  /** Pointers of what the schema refused and of everything around it. */
  readonly #unsound = new Set<string>();

  /** `broken`: pointers of values that the schema refused; nothing is built from them. */
  constructor(document: DataDocument, specPath: string, broken: Iterable<string>) {
    this.document = document;
    this.#folder = path.dirname(specPath);
    for (const pointer of broken)
      for (let end = pointer.length; end >= 0 && !this.#unsound.has(pointer.slice(0, end));) {
        this.#unsound.add(pointer.slice(0, end));
        end = end === 0 ? -1 : pointer.lastIndexOf('/', end - 1);
      }
  }

  /** Whether the value and all in it are as the schema wants them, unknown keys apart. */
  isSound(pointer: string): boolean {
    return !this.#unsound.has(pointer);
  }

  error(pointer: string, id: string, message: string, details: Details = {}): void {
    this.diagnostics.push(diagnosticAt(firstLine(valueRange(this.document, pointer)), id, message, details));
  }

  warning(pointer: string, id: string, message: string): void {
    const range = firstLine(valueRange(this.document, pointer));
    this.diagnostics.push(diagnosticAt(range, id, message, {}, 'warning'));
  }

  /** An error at the key of a value: what is wrong is that it stands there. */
  errorAtKey(pointer: string, id: string, message: string, details: Details = {}): void {
    this.diagnostics.push(diagnosticAt(firstLine(keyRange(this.document, pointer)), id, message, details));
  }

  /** Where a file lies that the SPEC names. */
  resolve(name: string): string {
    return path.resolve(this.#folder, name);
  }

  /** Reads a file that the SPEC names at `pointer`; what cannot be read is reported under that name. */
  readReference(name: string, pointer: string): Source | null {
    return this.takeReference(readTextFile(this.resolve(name), name, MAXIMUM_REFERENCED_BYTES), pointer);
  }

  /** The value of a result about a file that the SPEC names at `pointer`; its errors are kept, with that place. */
  takeReference<T>(result: Result<T>, pointer: string): T | null {
    if (result.ok) {
      this.diagnostics.push(...result.warnings);
      return result.value;
    }
    const { position, file } = diagnosticAt(valueRange(this.document, pointer), '', '');
    const origin = ` (named at ${file}:${String(position.line)}:${String(position.column)})`;
    this.diagnostics.push(
      ...result.diagnostics.map((found) => ({ ...found, message: found.message + origin })),
    );
    return null;
  }

  /** The value of a result; its errors are kept. */
  take<T>(result: Result<T>): T | null {
    if (result.ok) {
      this.diagnostics.push(...result.warnings);
      return result.value;
    }
    this.diagnostics.push(...result.diagnostics);
    return null;
  }
}
