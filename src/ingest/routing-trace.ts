/** Routes of single tokens: CSV (`token,layer,expert ids`), JSONL (`topk_ids` as vLLM logs them), packed ids with a header. */
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Diagnostic, Result } from '../diagnostics.ts';
import type { RoutingTrace } from '../plan/routing-trace.ts';
import { readBinaryFile } from './read-file.ts';
import { readJson } from './read-json.ts';
import { collectRoutes } from './routing-routes.ts';
import type { Route } from './routing-routes.ts';
import { diagnosticAt, diagnosticOfFile } from './source.ts';
import type { Source } from './source.ts';

const MAXIMUM_UNPACKED = 512_000_000;
const MAXIMUM_DIAGNOSTICS = 20;

const refuse = (name: string, message: string): Result<never> => ({
  ok: false,
  diagnostics: [diagnosticOfFile(name, 'routing/trace', message)],
});

/** Unpacks gzip where the bytes are that; bounded, so that a small file cannot fill the memory. */
const unpacked = (bytes: Buffer, name: string): Result<Buffer> => {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return { ok: true, value: bytes, warnings: [] };
  try {
    return { ok: true, value: gunzipSync(bytes, { maxOutputLength: MAXIMUM_UNPACKED }), warnings: [] };
  } catch {
    return refuse(name, `is not gzip, or holds more than ${String(MAXIMUM_UNPACKED)} bytes`);
  }
};

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;

interface PackedHeader {
  readonly shape: readonly [number, number, number];
}

const headerOf = (value: unknown): PackedHeader | null => {
  const shape = typeof value === 'object' && value !== null ? (value as { shape?: unknown }).shape : null;
  if (!Array.isArray(shape) || shape.length !== 3 || !shape.every(isCount)) return null;
  const [tokens = 0, layers = 0, topK = 0] = shape;
  return { shape: [tokens, layers, topK] };
};

/** `NAME.topk.json` (`{ "shape": [tokens, layers, top-k], "dtype": "uint8" }`) beside `NAME.topk.u8.gz` or `.u8`. */
const readPacked = (file: string, name: string, source: Source, maximum: number): Result<RoutingTrace> => {
  const json = readJson(source);
  if (!json.ok) return json;
  const header = headerOf(json.value);
  if (header === null) return refuse(name, 'expected "shape": [tokens, layers, top-k], whole numbers');
  const [tokens, columns, topK] = header.shape;
  const stem = path.basename(file).replace(/\.json$/u, '');
  const beside = (suffix: string): string => path.join(path.dirname(file), stem + suffix);
  const gzip = readBinaryFile(beside('.u8.gz'), `${stem}.u8.gz`, maximum);
  const raw = gzip.ok
    ? unpacked(gzip.value, `${stem}.u8.gz`)
    : readBinaryFile(beside('.u8'), `${stem}.u8`, maximum);
  if (!raw.ok) return gzip.ok ? raw : gzip;
  if (raw.value.length !== tokens * columns * topK)
    return refuse(
      name,
      `states ${String(tokens * columns * topK)} ids, but ${String(raw.value.length)} bytes lie beside it`,
    );
  const ids = Uint16Array.from(raw.value);
  const experts = ids.reduce((most, id) => Math.max(most, id), 0) + 1;
  const layers = Array.from({ length: columns }, (_, column) => column);
  return { ok: true, value: { tokens, topK, experts, layers, ids }, warnings: [] };
};

const linesOf = (text: string): readonly string[] => text.split(/\r?\n/u);

/** A line of a JSONL log; null for lines that are no routes (a header, other events). */
const jsonRoute = (line: string): Route | string | null => {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'is not JSON';
  }
  if (typeof value !== 'object' || value === null) return 'expected a JSON object';
  const record = value as Readonly<Record<string, unknown>>;
  const ids = record['topk_ids'] ?? record['experts'];
  if (ids === undefined) return null;
  const token = record['token_idx'] ?? record['token'];
  const { layer, topk_weights: weights } = record;
  const request = record['req_id'] ?? '';
  if (!Number.isSafeInteger(token) || !Number.isSafeInteger(layer) || !Array.isArray(ids))
    return 'expected token_idx, layer and a list topk_ids';
  const uniform =
    Array.isArray(weights) && weights.length > 1 && weights.every((weight) => weight === weights[0]);
  return {
    token: `${typeof request === 'string' ? request : ''}/${String(token)}`,
    layer: layer as number,
    experts: ids.map(Number),
    uniform,
  };
};

const csvRoute = (line: string): Route | string | null => {
  const cells = line.split(/[,;\t]/u).map((cell) => cell.trim().replace(/^"|"$/gu, ''));
  if (cells.length < 3) return 'expected token, layer and at least one expert';
  const [token = '', layer = '', ...rest] = cells;
  if (!/^\d+$/u.test(layer)) return /^[a-z_ ]+$/iu.test(layer) ? null : `the layer is "${layer}"`;
  const experts = rest
    .flatMap((cell) => cell.split(/\s+/u))
    .filter((cell) => cell !== '')
    .map(Number);
  return { token, layer: Number(layer), experts, uniform: false };
};

/** Reads a trace from a file by what it is; warnings say what was dropped. */
export const readRoutingTrace = (file: string, name: string, maximum: number): Result<RoutingTrace> => {
  const bytes = readBinaryFile(file, name, maximum);
  if (!bytes.ok) return bytes;
  const plain = unpacked(bytes.value, name);
  if (!plain.ok) return plain;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(plain.value);
  } catch {
    return refuse(name, 'is not text in UTF-8');
  }
  const source: Source = { name, text };
  const begin = text.trimStart();
  if (begin.startsWith('{') && headerOf(tryJson(text)) !== null)
    return readPacked(file, name, source, maximum);
  const parse = begin.startsWith('{') ? jsonRoute : csvRoute;
  const routes: Route[] = [];
  const diagnostics: Diagnostic[] = [];
  let at = 0;
  for (const line of linesOf(text)) {
    const start = at;
    at += line.length + 1;
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const route = parse(line);
    if (typeof route === 'string') {
      if (diagnostics.length < MAXIMUM_DIAGNOSTICS)
        diagnostics.push(diagnosticAt({ source, start, end: start + line.length }, 'routing/trace', route));
    } else if (route !== null) routes.push(route);
  }
  return diagnostics.length > 0 ? { ok: false, diagnostics } : collectRoutes(routes, source);
};

const tryJson = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
};
