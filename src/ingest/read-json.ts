/** JSON files that a SPEC refers to: config.json of a model, matrices, counts. */
import type { Diagnostic, Result } from '../diagnostics.ts';
import { locateJson, scanJson } from './json-scan.ts';
import { diagnosticAt } from './source.ts';
import type { Source } from './source.ts';

/** Where V8 says that it stopped; the end of the text where it does not say. */
const errorOffset = (message: string, text: string): number => {
  const position = /position (\d{1,9})/u.exec(message)?.[1];
  return position === undefined ? text.trimEnd().length : Math.min(Number(position), text.length);
};

const syntaxError = (source: Source, error: SyntaxError): Diagnostic => {
  const start = errorOffset(error.message, source.text);
  const character = Array.from(source.text.slice(start, start + 2))[0];
  const message =
    source.text.trim() === ''
      ? 'is empty: expected JSON'
      : character === undefined
        ? 'is not JSON: it ends too early'
        : `is not JSON: unexpected ${JSON.stringify(character)}`;
  return diagnosticAt({ source, start, end: start + 1 }, 'json/syntax', message);
};

/** Parses JSON after measuring it. Numbers may be infinite (1e400) or rounded: who uses one checks it. */
export const readJson = (source: Source): Result<unknown> => {
  const scanned = scanJson(source);
  if (scanned.length > 0) return { ok: false, diagnostics: scanned };
  try {
    return { ok: true, value: JSON.parse(source.text) as unknown, warnings: [] };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { ok: false, diagnostics: [syntaxError(source, error)] };
  }
};

/** A diagnostic at the value at `path` of a JSON file that was read. */
export const diagnosticInJson = (
  source: Source,
  path: readonly (string | number)[],
  id: string,
  message: string,
  details: Pick<Diagnostic, 'found' | 'expected' | 'suggestion'> = {},
): Diagnostic => diagnosticAt(locateJson(source, path), id, message, details);
