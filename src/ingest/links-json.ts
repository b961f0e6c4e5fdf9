/** JSON that other projects publish of their clusters: matrices between nodes, and curves of collectives. */
import { readCurves } from './links-json-curves.ts';
import { readPairs } from './links-json-pairs.ts';
import { readMatrixFile } from './links-matrix.ts';
import { emptyRows } from './links-pairs.ts';
import { ReadingReport, noFacts } from './links-reading.ts';
import type { LinkKind, LinkMatrix, ReadOptions, ReadingResult } from './links-reading.ts';
import { locateJson } from './json-scan.ts';
import { readJson } from './read-json.ts';
import type { Source } from './source.ts';

type Json = Readonly<Record<string, unknown>>;

const isMap = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

const isNames = (value: unknown): value is readonly string[] =>
  isList(value) && value.length > 0 && value.every((name) => typeof name === 'string');

/** Which of the known shapes a document has; null for none. */
export const jsonKind = (value: unknown): LinkKind | null => {
  if (isList(value))
    return value.length > 0 && value.every((entry) => isMap(entry) && 'matrix' in entry) ? 'matrix' : null;
  if (!isMap(value)) return null;
  if ('order' in value && 'bandwidth' in value) return 'matrix';
  if (isMap(value['tests']) && 'nodes' in value) return 'nccl-pairs';
  if (isMap(value['config']) && isList(value['results']) && 'nccl_version' in value) return 'nccl-tests';
  if (Object.values(value).some((entry) => isMap(entry) && 'gpus' in entry && 'bandwidth' in entry))
    return 'mpigraph-json';
  return readCurves(value).length > 0 ? 'collectives' : null;
};

interface Rows {
  readonly rows: unknown;
  readonly names: readonly string[];
  readonly path: readonly (string | number)[];
  /** bytes/s (or seconds) of a unit. */
  readonly factor: number;
  /** Rows are receivers. */
  readonly transposed: boolean;
}

/** A square of positive numbers as sender → receiver; NaN for null. The diagonal is ignored, whatever it holds. */
const squareOf = (
  source: Source,
  { rows, names, path, factor, transposed }: Rows,
  report: ReadingReport,
): number[][] => {
  const found = emptyRows(names.length);
  if (!isList(rows) || rows.length !== names.length) {
    report.error(locateJson(source, path), `expected ${names.length} rows, one for each name`);
    return found;
  }
  for (const [index, row] of rows.entries()) {
    if (!isList(row) || row.length !== names.length) {
      report.error(locateJson(source, [...path, index]), `expected ${names.length} numbers in each row`);
      continue;
    }
    for (const [column, cell] of row.entries()) {
      if (index === column || cell === null) continue;
      const [from, to] = transposed ? [column, index] : [index, column];
      const target = found[from];
      if (typeof cell !== 'number' || !Number.isFinite(cell) || cell < 0)
        report.error(
          locateJson(source, [...path, index, column]),
          `${names[from] ?? ''} to ${names[to] ?? ''}: expected a bandwidth`,
        );
      else if (target !== undefined) target[to] = cell === 0 ? NaN : cell * factor;
    }
  }
  return found;
};

/** Pipette's form of mpiGraph: "0" received (row = receiver), "1" sent; MB/s; the diagonal repeats the row's largest. */
const readMpiGraphJson = (source: Source, map: Json, options: ReadOptions): ReadingResult => {
  const report = new ReadingReport('mpigraph-json');
  const key = options.test === 'send' ? '1' : '0';
  const entry = map[key];
  if (!isMap(entry) || !isNames(entry['gpus'])) {
    report.error(locateJson(source, [key]), `expected "${key}": { gpus: [names], bandwidth: [[…]] }`);
    return report.refuse();
  }
  const names = entry['gpus'];
  if (new Set(names).size < names.length)
    report.error(locateJson(source, [key, 'gpus']), 'a host is named twice');
  const path = [key, 'bandwidth'];
  const transposed = key === '0';
  const bandwidth = squareOf(
    source,
    { rows: entry['bandwidth'], names, path, factor: 1e6, transposed },
    report,
  );
  const matrix: LinkMatrix = {
    level: 'node',
    names,
    bandwidth,
    latency: null,
    bySize: [],
    rangeOf: (from, to) => locateJson(source, transposed ? [...path, to, from] : [...path, from, to]),
    failed: [],
    nominal: false,
  };
  report.warn(locateJson(source, path), 'ignored: the diagonal, which repeats the largest figure of its row');
  return report.finish({
    kind: 'mpigraph-json',
    source,
    summary: `mpiGraph between ${names.length} hosts (${transposed ? 'receiving' : 'sending'} side)`,
    facts: { ...noFacts, hosts: names, nodes: names.length },
    matrix,
    curves: [],
  });
};

interface Published {
  readonly title: string;
  readonly index: number;
  readonly entry: Json;
}

/** A list of matrices inside nodes, as p2pBandwidthLatencyTest prints them; --test picks one by its words. */
const readMatrixList = (source: Source, list: readonly unknown[], options: ReadOptions): ReadingResult => {
  const report = new ReadingReport('matrix');
  const all = list.flatMap((entry, index): Published[] =>
    isMap(entry) ? [{ entry, index, title: `${String(entry['gpus'])}; ${String(entry['kind'])}` }] : [],
  );
  const rates = all.filter(({ entry }) => /B\/s$/u.test(String(entry['unit'])));
  const wanted = options.test?.toLowerCase() ?? null;
  const matching = rates.filter(({ title }) => wanted === null || title.toLowerCase().includes(wanted));
  const [chosen, second] = matching;
  if (chosen === undefined || (second !== undefined && wanted === null)) {
    const titles = rates.map(({ title }) => `"${title.slice(0, 60)}"`).join(', ');
    report.error(
      locateJson(source, []),
      `holds ${rates.length} matrices; pick one with --test (in a SPEC network.test): ${titles}`,
    );
    return report.refuse();
  }
  const { entry, index } = chosen;
  const size = isList(entry['matrix']) ? entry['matrix'].length : 0;
  const names = Array.from({ length: size }, (_, gpu) => `GPU${gpu}`);
  const path = [index, 'matrix'];
  const unit = String(entry['unit']);
  const factor = unit === 'GB/s' ? 1e9 : unit === 'MB/s' ? 1e6 : NaN;
  if (Number.isNaN(factor))
    report.error(locateJson(source, [index, 'unit']), `the unit "${unit}" is not known`);
  // Both directions at once share what is printed.
  const halves = /bidirectional/iu.test(String(entry['kind'])) ? 0.5 : 1;
  const rows = { names, path, transposed: false };
  const bandwidth = squareOf(source, { ...rows, rows: entry['matrix'], factor: factor * halves }, report);
  const delays = all.find((other) => other.entry['gpus'] === entry['gpus'] && other.entry['unit'] === 'us');
  const latency =
    delays === undefined
      ? null
      : squareOf(
          source,
          { ...rows, rows: delays.entry['matrix'], path: [delays.index, 'matrix'], factor: 1e-6 },
          report,
        );
  return report.finish({
    kind: 'matrix',
    source,
    summary: `${size} GPUs of one node: ${chosen.title}`,
    facts: { ...noFacts, nodes: 1, perNode: size },
    matrix: {
      level: 'gpu',
      names,
      bandwidth,
      latency,
      bySize: [],
      rangeOf: (from, to) => locateJson(source, [...path, from, to]),
      failed: [],
      nominal: false,
    },
    curves: [],
  });
};

export const readLinksJson = (source: Source, options: ReadOptions): ReadingResult => {
  const read = readJson(source);
  if (!read.ok) return read;
  const { value } = read;
  switch (jsonKind(value)) {
    case 'matrix':
      return isList(value) ? readMatrixList(source, value, options) : readMatrixFile(source, options);
    case 'mpigraph-json':
      return readMpiGraphJson(source, value as Json, options);
    case 'nccl-pairs':
      return readPairs(source, value as Json, options);
    case 'collectives': {
      const report = new ReadingReport('collectives');
      const curves = readCurves(value as Json).map((curve) => ({ ...curve, range: locateJson(source, []) }));
      return report.finish({
        kind: 'collectives',
        source,
        summary: `${curves.length} curves of collectives; no links between named nodes`,
        facts: noFacts,
        matrix: null,
        curves,
      });
    }
    default: {
      const report = new ReadingReport('matrix');
      report.error(
        locateJson(source, []),
        'no known form: expected { order, bandwidth }, mpiGraph\'s { "0": { gpus, bandwidth } }, { nodes, tests }, or tables of collectives',
      );
      return report.refuse();
    }
  }
};
