/** Text with a name, and where a range of it stands. */
import type { Diagnostic, Position, Severity } from '../diagnostics.ts';

export interface Source {
  /** As the user gave it. */
  readonly name: string;
  readonly text: string;
}

/** Characters [start, end) of a source. */
export interface Range {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

/** Line (from 0) that holds `offset`, and where it begins. Linear; called for what is reported, not for what is read. */
const lineAt = (text: string, offset: number): { readonly line: number; readonly start: number } => {
  let line = 0;
  let start = 0;
  for (let next = text.indexOf('\n'); next !== -1 && next < offset; next = text.indexOf('\n', start)) {
    line += 1;
    start = next + 1;
  }
  return { line, start };
};

/** Longest line that an excerpt keeps whole, and what it keeps around the fault of a longer one. */
const MAXIMUM_LINE = 2000;
const AROUND = 200;

/** Characters as people count them: a pair of surrogates is one. Allocates nothing: lines may be long. */
const characters = (text: string, start: number, end: number): number => {
  let count = 0;
  for (let index = start; index < end; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0xdc00 || code > 0xdfff) count += 1;
  }
  return count;
};

/** Position and text of the line of a range; the mark ends with the line. */
export const locate = (range: Range): Pick<Diagnostic, 'position' | 'lineText' | 'lineTextColumn'> => {
  const { text } = range.source;
  const offset = Math.min(Math.max(range.start, 0), text.length);
  const { line, start } = lineAt(text, offset);
  const next = text.indexOf('\n', offset);
  const end = next === -1 ? text.length : next;
  const column = characters(text, start, offset) + 1;
  const length = Math.max(1, characters(text, offset, Math.min(range.end, end, offset + MAXIMUM_LINE)));
  const position: Position = { line: line + 1, column, length };
  if (end - start <= MAXIMUM_LINE) return { position, lineText: text.slice(start, end).replace(/\r$/u, '') };
  const from = Math.max(start, offset - AROUND);
  return {
    position,
    lineText: text.slice(from, Math.min(end, offset + AROUND)),
    lineTextColumn: column - characters(text, from, offset),
  };
};

/** What spans lines is marked by its first character. */
export const firstLine = (range: Range): Range =>
  range.source.text.slice(range.start, range.end).includes('\n') ? { ...range, end: range.start + 1 } : range;

export type Details = Pick<Diagnostic, 'found' | 'expected' | 'suggestion'>;

/** A diagnostic at a range of a source. */
export const diagnosticAt = (
  range: Range,
  id: string,
  message: string,
  details: Details = {},
  severity: Severity = 'error',
): Diagnostic => ({ id, severity, file: range.source.name, ...locate(range), message, ...details });

/** A diagnostic about a whole file. */
export const diagnosticOfFile = (file: string, id: string, message: string): Diagnostic => ({
  id,
  severity: 'error',
  file,
  position: { line: 1, column: 1 },
  message,
});

const sameDiagnostic = (a: Diagnostic, b: Diagnostic): boolean =>
  a.file === b.file &&
  a.position.line === b.position.line &&
  a.position.column === b.position.column &&
  a.message === b.message;

/** In the order of files as they first occur, then of places; the same thing said twice is said once. */
export const sortDiagnostics = (diagnostics: readonly Diagnostic[]): readonly Diagnostic[] => {
  const files = [...new Set(diagnostics.map((diagnostic) => diagnostic.file))];
  const rank = new Map(files.map((file, index) => [file, index]));
  return diagnostics
    .toSorted(
      (a, b) =>
        (rank.get(a.file) ?? 0) - (rank.get(b.file) ?? 0) ||
        a.position.line - b.position.line ||
        a.position.column - b.position.column,
    )
    .filter((diagnostic, index, sorted) => {
      const previous = sorted[index - 1];
      return previous === undefined || !sameDiagnostic(previous, diagnostic);
    });
};
