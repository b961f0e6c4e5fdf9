/**
 * A matrix as JSON: `{ unit, level: node|gpu, order: [names], bandwidth: [[…]], latency: [[…]] }`, and where they were
 * measured `message_bytes: [sizes]` with `bandwidth_by_size: [[[…]]]`, a matrix for each. `unusable: [[from, to]]` names
 * links that are known to be missing or dead. `quantiles: { p50: [[…]], p95: [[…]] }` are bandwidths that so many per cent
 * of the transfers attain; without `bandwidth` the median stands for it.
 */
import type { MeasuredLinks, MeasuredSize } from '../cluster/cluster.ts';
import type { Diagnostic, Result } from '../diagnostics.ts';
import { bytes } from '../units.ts';
import { MAXIMUM_SIDE, bandwidthCell, bandwidthUnit, latencyCell, levelOf } from './matrix-cells.ts';
import type { CellResult, MatrixContext, MatrixOptions } from './matrix-cells.ts';
import { diagnosticInJson, readJson } from './read-json.ts';
import type { Source } from './source.ts';

const KEYS = [
  'unit',
  'level',
  'order',
  'bandwidth',
  'latency',
  'message_bytes',
  'bandwidth_by_size',
  'unusable',
  'quantiles',
];
const MAXIMUM_DIAGNOSTICS = 50;

type Path = readonly (string | number)[];

class Report {
  readonly diagnostics: Diagnostic[] = [];
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
  }

  at(path: Path, message: string): void {
    if (this.diagnostics.length < MAXIMUM_DIAGNOSTICS)
      this.diagnostics.push(diagnosticInJson(this.#source, path, 'matrix/json', message));
  }
}

const readNames = (value: unknown, report: Report): readonly string[] => {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAXIMUM_SIDE) {
    report.at(['order'], `order: expected a list of 1 to ${String(MAXIMUM_SIDE)} names`);
    return [];
  }
  const seen = new Set<string>();
  return value.map((name: unknown, index) => {
    if (typeof name !== 'string' || name === '') report.at(['order', index], 'expected a name');
    else if (seen.has(name)) report.at(['order', index], `the name "${name.slice(0, 60)}" is given twice`);
    else seen.add(name);
    return typeof name === 'string' ? name : '';
  });
};

type CellReader = (cell: unknown, sender: number, receiver: number) => CellResult;

const readRows = (
  value: unknown,
  path: Path,
  names: readonly string[],
  read: CellReader,
  report: Report,
): readonly (readonly number[])[] => {
  const key = path.join(' ');
  if (!Array.isArray(value) || value.length !== names.length) {
    report.at(path, `${key}: expected ${String(names.length)} rows, one for each name in order`);
    return [];
  }
  return value.map((row: unknown, sender) => {
    if (!Array.isArray(row) || row.length !== names.length) {
      report.at([...path, sender], `${key}: expected ${String(names.length)} numbers in each row`);
      return [];
    }
    return row.map((cell: unknown, receiver) => {
      if (sender === receiver) return Number.NaN;
      const result = read(cell, sender, receiver);
      if (result.ok) return result.value;
      report.at(
        [...path, sender, receiver],
        `${names[sender] ?? ''} to ${names[receiver] ?? ''}: ${result.message}`,
      );
      return Number.NaN;
    });
  });
};

/** Pairs of names that are known to be unusable, as from · names + to. */
const readUnusable = (value: unknown, names: readonly string[], report: Report): ReadonlySet<number> => {
  const pairs = new Set<number>();
  if (value === undefined) return pairs;
  if (!Array.isArray(value)) {
    report.at(['unusable'], 'unusable: expected a list of [from, to]');
    return pairs;
  }
  for (const [index, pair] of value.entries()) {
    const ends =
      Array.isArray(pair) && pair.length === 2 ? pair.map((name) => names.indexOf(String(name))) : [];
    const [from = -1, to = -1] = ends;
    if (from < 0 || to < 0) report.at(['unusable', index], 'unusable: expected two names of order');
    else pairs.add(from * names.length + to);
  }
  return pairs;
};

const readSizes = (
  map: Readonly<Record<string, unknown>>,
  names: readonly string[],
  read: CellReader,
  report: Report,
): readonly MeasuredSize[] => {
  const [sizes, matrices] = [map['message_bytes'], map['bandwidth_by_size']];
  if (sizes === undefined && matrices === undefined) return [];
  if (!Array.isArray(sizes) || !Array.isArray(matrices) || sizes.length !== matrices.length) {
    const key = Array.isArray(sizes) ? 'bandwidth_by_size' : 'message_bytes';
    report.at([key], 'message_bytes and bandwidth_by_size: expected as many matrices as sizes');
    return [];
  }
  return sizes.map((size: unknown, index): MeasuredSize => {
    const before: unknown = sizes[index - 1];
    const sound = typeof size === 'number' && size > (typeof before === 'number' ? before : 0);
    if (!sound) report.at(['message_bytes', index], 'message_bytes: expected ascending numbers of bytes');
    const bandwidth = readRows(matrices[index], ['bandwidth_by_size', index], names, read, report);
    return { message: bytes(Number(size)), bandwidth };
  });
};

const QUANTILE = /^p\d{1,2}$/u;

const readQuantiles = (
  value: unknown,
  names: readonly string[],
  read: CellReader,
  report: Report,
): NonNullable<MeasuredLinks['quantiles']> | null => {
  if (value === undefined) return null;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    report.at(['quantiles'], 'quantiles: expected a map such as { p50: [[…]], p95: [[…]] }');
    return null;
  }
  const found: Record<string, readonly (readonly number[])[]> = {};
  for (const [key, rows] of Object.entries(value))
    if (QUANTILE.test(key)) found[key] = readRows(rows, ['quantiles', key], names, read, report);
    else report.at(['quantiles', key], `"${key.slice(0, 20)}" is no quantile: expected p1 to p99`);
  return found;
};

const unitOf = (map: Readonly<Record<string, unknown>>, report: Report): number => {
  const { unit: written } = map;
  const unit = written === undefined ? 1 : typeof written === 'string' ? bandwidthUnit(written) : undefined;
  if (unit === undefined) report.at(['unit'], 'unit: expected a unit of bandwidth such as "GB/s"');
  return unit ?? 1;
};

/** `unit` is that of the bandwidth (bytes per second without it); latency is in seconds. */
export const readJsonMatrix = (
  source: Source,
  context: MatrixContext | null,
  { allowMissing = false }: MatrixOptions = {},
): Result<MeasuredLinks> => {
  const read = readJson(source);
  if (!read.ok) return read;
  const report = new Report(source);
  if (typeof read.value !== 'object' || read.value === null || Array.isArray(read.value)) {
    report.at([], 'expected a map with order and bandwidth');
    return { ok: false, diagnostics: report.diagnostics };
  }
  const map = read.value as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(map))
    if (!KEYS.includes(key))
      report.at([key], `unknown key "${key.slice(0, 60)}": expected ${KEYS.join(', ')}`);
  const unit = unitOf(map, report);
  const stated = map['level'] ?? null;
  if (stated !== null && stated !== 'node' && stated !== 'gpu')
    report.at(['level'], 'level: expected node or gpu');
  const names = readNames(map['order'], report);
  const unusable = readUnusable(map['unusable'], names, report);
  const allowed = (sender: number, receiver: number): boolean =>
    allowMissing || unusable.has(sender * names.length + receiver);
  const link: CellReader = (cell, sender, receiver) => bandwidthCell(cell, unit, allowed(sender, receiver));
  const quantiles = readQuantiles(map['quantiles'], names, link, report);
  const median = map['bandwidth'] === undefined ? quantiles?.['p50'] : undefined;
  const bandwidth = median ?? readRows(map['bandwidth'], ['bandwidth'], names, link, report);
  const delay: CellReader = (cell, sender, receiver) =>
    latencyCell(cell === null && allowed(sender, receiver) ? 0 : cell, 1);
  const latency =
    map['latency'] === undefined || map['latency'] === null
      ? null
      : readRows(map['latency'], ['latency'], names, delay, report);
  const bySize = readSizes(map, names, link, report);
  const level = levelOf(names.length, stated === 'node' || stated === 'gpu' ? stated : null, context);
  if (typeof level !== 'string' && names.length > 0) report.at(['order'], level.message);
  if (report.diagnostics.length > 0 || typeof level !== 'string')
    return { ok: false, diagnostics: report.diagnostics };
  const sizes = {
    ...(bySize.length === 0 ? {} : { bySize }),
    ...(quantiles === null ? {} : { quantiles }),
  };
  return { ok: true, value: { level, names, bandwidth, latency, ...sizes }, warnings: [] };
};
