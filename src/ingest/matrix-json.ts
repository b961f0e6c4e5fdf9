/** A matrix as JSON: `{ unit, level: node|gpu, order: [names], bandwidth: [[…]], latency: [[…]] }`. */
import type { MeasuredLinks } from '../cluster/cluster.ts';
import type { Diagnostic, Result } from '../diagnostics.ts';
import { MAXIMUM_SIDE, bandwidthCell, bandwidthUnit, latencyCell, levelOf } from './matrix-cells.ts';
import type { CellResult } from './matrix-cells.ts';
import type { MatrixContext } from './matrix-cells.ts';
import { diagnosticInJson, readJson } from './read-json.ts';
import type { Source } from './source.ts';

const KEYS = ['unit', 'level', 'order', 'bandwidth', 'latency'];
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

const readRows = (
  value: unknown,
  key: string,
  names: readonly string[],
  read: (cell: unknown) => CellResult,
  report: Report,
): readonly (readonly number[])[] => {
  if (!Array.isArray(value) || value.length !== names.length) {
    report.at([key], `${key}: expected ${String(names.length)} rows, one for each name in order`);
    return [];
  }
  return value.map((row: unknown, sender) => {
    if (!Array.isArray(row) || row.length !== names.length) {
      report.at([key, sender], `${key}: expected ${String(names.length)} numbers in each row`);
      return [];
    }
    return row.map((cell: unknown, receiver) => {
      if (sender === receiver) return Number.NaN;
      const result = read(cell);
      if (result.ok) return result.value;
      report.at(
        [key, sender, receiver],
        `${names[sender] ?? ''} to ${names[receiver] ?? ''}: ${result.message}`,
      );
      return Number.NaN;
    });
  });
};

/** `unit` is that of the bandwidth (bytes per second without it); latency is in seconds. */
export const readJsonMatrix = (source: Source, context: MatrixContext): Result<MeasuredLinks> => {
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
  const unit =
    map['unit'] === undefined ? 1 : typeof map['unit'] === 'string' ? bandwidthUnit(map['unit']) : undefined;
  if (unit === undefined) report.at(['unit'], 'unit: expected a unit of bandwidth such as "GB/s"');
  const stated = map['level'] ?? null;
  if (stated !== null && stated !== 'node' && stated !== 'gpu')
    report.at(['level'], 'level: expected node or gpu');
  const names = readNames(map['order'], report);
  const bandwidth = readRows(
    map['bandwidth'],
    'bandwidth',
    names,
    (cell) => bandwidthCell(cell, unit ?? 1),
    report,
  );
  const latency =
    map['latency'] === undefined || map['latency'] === null
      ? null
      : readRows(map['latency'], 'latency', names, (cell) => latencyCell(cell, 1), report);
  const level = levelOf(names.length, stated === 'node' || stated === 'gpu' ? stated : null, context);
  if (typeof level !== 'string' && names.length > 0) report.at(['order'], level.message);
  if (report.diagnostics.length > 0 || typeof level !== 'string')
    return { ok: false, diagnostics: report.diagnostics };
  return { ok: true, value: { level, names, bandwidth, latency }, warnings: [] };
};
