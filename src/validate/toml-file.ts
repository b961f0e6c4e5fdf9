import { parse, TomlError } from 'smol-toml';
import type { Data } from '../ingest/document.ts';
import type { Range, Source } from '../ingest/source.ts';
import type { DataFile, Entry } from './data-file.ts';

export type TomlResult =
  | { readonly ok: true; readonly file: DataFile }
  | { readonly ok: false; readonly message: string; readonly range: Range };

const forbidden = new Set(['__proto__', 'constructor', 'prototype']);

/** Levels of brackets in one line: smol-toml recurses over them. */
const DEEPEST = 64;

const tooDeep = (text: string): number | null => {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') depth = Math.max(0, depth - 1);
    else if (character === '\n' && depth < DEEPEST) continue;
    if (depth > DEEPEST) return index;
  }
  return null;
};

const plain = (value: unknown): Data => {
  if (value === null || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string')
    return value;
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Date) return value.toISOString();
  if (typeof value !== 'object') return null;
  const map = Object.create(null) as Record<string, Data>;
  for (const [key, inner] of Object.entries(value)) if (!forbidden.has(key)) map[key] = plain(inner);
  return map;
};

const header = /^[ \t]*\[{1,2}([^\]\n]{1,300})\]{1,2}[ \t]*(?:#.*)?$/u;
const assignment = /^([ \t]*)([A-Za-z0-9_."'-]{1,300}?)([ \t]*=[ \t]*)(.*)$/u;

const keyText = (text: string): string =>
  text
    .split('.')
    .map((part) => part.trim().replace(/^(["'])(.*)\1$/u, '$2'))
    .join('.');

/** Length of a value on its line, a comment after it left out. */
const valueLength = (text: string): number => {
  const quoted = /^("(?:[^"\\]|\\.)*"|'[^']*')/u.exec(text)?.[1];
  if (quoted !== undefined) return quoted.length;
  return text.replace(/\s*#.*$/u, '').trimEnd().length;
};

/** Places of keys, found line by line: the parser itself gives none. */
const placesOf = (source: Source): ReadonlyMap<string, { readonly key: Range; readonly value: Range }> => {
  const places = new Map<string, { key: Range; value: Range }>();
  let section = '';
  let offset = 0;
  for (const line of source.text.split('\n')) {
    const opened = line.length <= 4000 ? header.exec(line) : null;
    const pair = line.length <= 4000 && opened === null ? assignment.exec(line) : null;
    if (opened !== null) section = keyText(opened[1] ?? '');
    else if (pair !== null) {
      const [, indent = '', key = '', sign = '', value = ''] = pair;
      const start = offset + indent.length;
      const from = start + key.length + sign.length;
      const path = section === '' ? keyText(key) : `${section}.${keyText(key)}`;
      places.set(path, {
        key: { source, start, end: start + key.length },
        value: { source, start: from, end: from + Math.max(1, valueLength(value)) },
      });
    }
    offset += line.length + 1;
  }
  return places;
};

/** Offset of a 1-based line and column. */
const offsetOf = (text: string, line: number, column: number): number => {
  let start = 0;
  for (let at = 1; at < line; at++) {
    const next = text.indexOf('\n', start);
    if (next < 0) return text.length;
    start = next + 1;
  }
  return Math.min(text.length, start + Math.max(0, column - 1));
};

/** TOML as values by dotted key, with the places of those that stand on one line. */
export const readToml = (source: Source): TomlResult => {
  const deep = tooDeep(source.text);
  if (deep !== null)
    return {
      ok: false,
      message: `nests more than ${DEEPEST} levels deep`,
      range: { source, start: deep, end: deep + 1 },
    };
  let tree: unknown;
  try {
    tree = parse(source.text);
  } catch (failure) {
    if (!(failure instanceof TomlError)) throw failure;
    const start = offsetOf(source.text, failure.line, failure.column);
    const message =
      failure.message.split('\n')[0]?.replace(/^Invalid TOML document:\s*/u, '') ?? 'is not TOML';
    return { ok: false, message: `is not TOML: ${message}`, range: { source, start, end: start + 1 } };
  }
  const places = placesOf(source);
  const entries = new Map<string, Entry>();
  const visit = (data: Data, path: string): void => {
    const place = places.get(path);
    if (path !== '') entries.set(path, { value: data, key: place?.key ?? null, range: place?.value ?? null });
    if (typeof data === 'object' && data !== null && !Array.isArray(data))
      for (const [key, value] of Object.entries(data)) visit(value, path === '' ? key : `${path}.${key}`);
  };
  visit(plain(tree), '');
  return { ok: true, file: { source, entries, format: 'toml' } };
};
