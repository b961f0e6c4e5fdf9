/** JSON files that a SPEC refers to: config.json of a model, matrices, counts. */
import type { Diagnostic, Result } from '../diagnostics.ts';
import { locateJson, scanJson } from './json-scan.ts';
import { diagnosticAt } from './source.ts';
import type { Source } from './source.ts';

/** What JSON is made of, one of them after the other. */
const TOKEN = /[\s{}[\]:,]+|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|(?:true|false|null)\b/uy;

/** Where the first part begins that is no JSON at all; null where each by itself is. */
const strangeOffset = (text: string): number | null => {
  TOKEN.lastIndex = 0;
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    if (!TOKEN.test(text)) return at;
  }
  return null;
};

/** Where V8 says that it stopped; where it does not say, the first thing that is no JSON, or the end of the text. */
const errorOffset = (message: string, text: string): number => {
  const position = /position (\d{1,9})/u.exec(message)?.[1];
  return position === undefined
    ? (strangeOffset(text) ?? text.trimEnd().length)
    : Math.min(Number(position), text.length);
};

const syntaxError = (source: Source, error: SyntaxError): Diagnostic => {
  const start = errorOffset(error.message, source.text);
  // Python and JavaScript write these where a number is none.
  const word = /^-?(?:NaN|Infinity|nan|inf|None|undefined)\b/u.exec(
    source.text.slice(start, start + 10),
  )?.[0];
  const character = Array.from(source.text.slice(start, start + 2))[0];
  const message =
    source.text.trim() === ''
      ? 'is empty: expected JSON'
      : character === undefined
        ? 'is not JSON: it ends too early'
        : `is not JSON: unexpected ${JSON.stringify(word ?? character)}`;
  return diagnosticAt({ source, start, end: start + (word ?? '-').length }, 'json/syntax', message);
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
