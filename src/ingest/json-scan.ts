/**
 * One linear pass over JSON text before it is parsed: nesting, number of values, keys that are dangerous or given
 * twice. And a second one that finds the place of a value, for the few that are reported.
 */
import type { Diagnostic } from '../diagnostics.ts';
import { diagnosticAt } from './source.ts';
import type { Range, Source } from './source.ts';
import { FORBIDDEN_KEYS } from './read-yaml.ts';
import { MAXIMUM_DEPTH } from './yaml-scan.ts';

const MAXIMUM_COLLECTIONS = 1_000_000;
const MAXIMUM_VALUES = 10_000_000;
const MAXIMUM_KEYS = 200_000;
const MAXIMUM_DIAGNOSTICS = 1000;

/** Index after the string whose opening quote is at `start`; the text's end where it is not closed. */
const stringEnd = (text: string, start: number): number => {
  for (let index = start + 1; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 92) index += 1;
    else if (code === 34) return index + 1;
  }
  return text.length;
};

const unescape = (written: string): string => {
  if (!written.includes('\\')) return written.slice(1, -1);
  try {
    return JSON.parse(written) as string;
  } catch {
    return written.slice(1, -1);
  }
};

const isBlank = (code: number): boolean => code === 32 || code === 9 || code === 10 || code === 13;

const skipBlank = (text: string, start: number): number => {
  let index = start;
  while (index < text.length && isBlank(text.charCodeAt(index))) index += 1;
  return index;
};

/** What is wrong with the text apart from its syntax, which the parser judges. */
export const scanJson = (source: Source): readonly Diagnostic[] => {
  const { text } = source;
  const diagnostics: Diagnostic[] = [];
  /** For each open collection the keys so far; null in a list. */
  const open: (Set<string> | null)[] = [];
  let collections = 0;
  let values = 1;
  let keys = 0;
  const tooComplex = (start: number, message: string): readonly Diagnostic[] => [
    diagnosticAt({ source, start, end: start + 1 }, 'json/too-complex', message),
  ];
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 34) {
      const end = stringEnd(text, index);
      const names = open.at(-1);
      if (names !== null && names !== undefined && text.charCodeAt(skipBlank(text, end)) === 58) {
        const key = unescape(text.slice(index, end));
        const range: Range = { source, start: index, end };
        if (FORBIDDEN_KEYS.has(key))
          diagnostics.push(diagnosticAt(range, 'json/forbidden-key', `the key "${key}" is not allowed`));
        else if (names.has(key))
          diagnostics.push(diagnosticAt(range, 'json/duplicate-key', `the key "${key}" is given twice`));
        names.add(key);
        keys += 1;
        if (keys > MAXIMUM_KEYS) return tooComplex(index, 'holds too many keys');
        if (diagnostics.length >= MAXIMUM_DIAGNOSTICS) return diagnostics;
      }
      index = end - 1;
    } else if (code === 123 || code === 91) {
      open.push(code === 123 ? new Set() : null);
      collections += 1;
      if (open.length > MAXIMUM_DEPTH)
        return tooComplex(index, `nests more than ${String(MAXIMUM_DEPTH)} levels deep`);
      if (collections > MAXIMUM_COLLECTIONS) return tooComplex(index, 'holds too many lists and maps');
    } else if (code === 125 || code === 93) open.pop();
    else if (code === 44) {
      values += 1;
      if (values > MAXIMUM_VALUES) return tooComplex(index, 'holds too many values');
    }
  }
  return diagnostics;
};

/** Index after the value that begins at `start`, in text that is valid JSON. */
const valueEnd = (text: string, start: number): number => {
  let depth = 0;
  for (let index = start; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 34) index = stringEnd(text, index) - 1;
    else if (code === 123 || code === 91) depth += 1;
    else if (code === 125 || code === 93) depth -= 1;
    else if (code === 44 && depth === 0) return index;
    if (depth < 0) return index;
    if (depth === 0 && (code === 34 || code === 125 || code === 93)) return index + 1;
  }
  return text.length;
};

/** Place of the member `step` of the collection that begins at `start`; undefined where there is none. */
const memberStart = (text: string, start: number, step: string): number | undefined => {
  const list = text[start] === '[';
  if (!list && text[start] !== '{') return undefined;
  let index = skipBlank(text, start + 1);
  for (let position = 0; index < text.length && text[index] !== ']' && text[index] !== '}'; position += 1) {
    let name = String(position);
    if (!list) {
      const end = stringEnd(text, index);
      name = unescape(text.slice(index, end));
      index = skipBlank(text, skipBlank(text, end) + 1);
    }
    if (name === step) return index;
    index = skipBlank(text, valueEnd(text, index));
    if (text[index] === ',') index = skipBlank(text, index + 1);
  }
  return undefined;
};

/** Range of the value at `path` in valid JSON; of the nearest value around it where that does not exist. Linear for each step. */
export const locateJson = (source: Source, path: readonly (string | number)[]): Range => {
  const { text } = source;
  let start = skipBlank(text, 0);
  for (const step of path) {
    const next = memberStart(text, start, String(step));
    if (next === undefined) break;
    start = next;
  }
  const end = text[start] === '{' || text[start] === '[' ? start + 1 : valueEnd(text, start);
  return { source, start, end: Math.max(start + 1, start + text.slice(start, end).trimEnd().length) };
};
