/**
 * Tables of collectives as CSV: vTrain's (`size(B),count,type,time(ns),busbw(GB/s),…`, out of place then in place) and
 * those with columns collective, gpus, data_MB, time_ms.
 */
import { busFactor } from './links-bus.ts';
import { logLines, numberOf } from './links-lines.ts';
import { collectiveNamed } from './links-nccl-runs.ts';
import { ReadingReport, noFacts, startOf } from './links-reading.ts';
import type { Collective, LinkCurve, ReadingResult } from './links-reading.ts';
import type { Range, Source } from './source.ts';

interface Row {
  readonly cells: readonly string[];
  readonly range: Range;
}

interface Point {
  readonly message: number;
  readonly bandwidth: number;
  readonly seconds: number;
}

interface Group {
  readonly collective: Collective;
  readonly ranks: number | null;
  readonly device: string | null;
  readonly points: Map<number, Point>;
}

const MEGABYTE = 2 ** 20;
const SECONDS: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1 };

const rowsOf = (source: Source): readonly Row[] =>
  logLines(source)
    .filter(({ text }) => text.trim() !== '')
    .map(({ text, start }) => ({
      cells: text.split(',').map((cell) => cell.trim()),
      range: { source, start, end: start + Math.max(1, text.trimEnd().length) },
    }));

/** Index and unit of the first column whose name begins so: `time(ns)`, `time_ms`. */
const columnOf = (
  header: readonly string[],
  name: RegExp,
): { readonly at: number; readonly unit: string } | null => {
  const at = header.findIndex((column) => name.test(column));
  if (at === -1) return null;
  const unit = /(?:\(([A-Za-z/]+)\)|_([A-Za-z]+))$/u.exec(header[at] ?? '');
  return { at, unit: unit?.[1] ?? unit?.[2] ?? '' };
};

export const readTable = (source: Source): ReadingResult => {
  const report = new ReadingReport('collectives');
  const [header, ...rows] = rowsOf(source);
  const names = header?.cells ?? [];
  const size = columnOf(names, /^(?:size|data|message|bytes)/u);
  const time = columnOf(names, /^time/u);
  const rate = columnOf(names, /^busbw/u);
  const named = columnOf(names, /collective/u);
  const ranks = columnOf(names, /^(?:gpus|ranks)$/u);
  const device = columnOf(names, /^gpu$/u);
  const scale = SECONDS[time?.unit ?? ''];
  if (
    size === null ||
    time === null ||
    scale === undefined ||
    (rate === null && (named === null || ranks === null))
  ) {
    report.error(
      header?.range ?? startOf(source),
      'expected columns of size, time with its unit, and bus bandwidth or collective and gpus',
    );
    return report.refuse();
  }
  const unit = /^MB$/u.test(size.unit) ? MEGABYTE : 1;
  const inFile = collectiveNamed(source.name.replace(/^.*[/\\]/u, '')) ?? 'all-reduce';
  const groups = new Map<string, Group>();
  let repeated = 0;
  for (const { cells, range } of rows) {
    if (cells.length !== names.length) {
      report.error(range, `the row has ${cells.length} columns, the header ${names.length}`);
      continue;
    }
    const [bytes, duration] = [numberOf(cells[size.at] ?? ''), numberOf(cells[time.at] ?? '')];
    const bus = rate === null ? null : numberOf(cells[rate.at] ?? '');
    const collective = named === null ? inFile : collectiveNamed(cells[named.at] ?? '');
    const count = ranks === null ? null : numberOf(cells[ranks.at] ?? '');
    if (
      bytes === null ||
      duration === null ||
      !(bytes > 0 && duration > 0) ||
      (rate !== null && bus === null)
    ) {
      report.error(range, 'expected a size, a time and a bandwidth above 0');
      continue;
    }
    // Point-to-point rows and others that are no collective stand in the same tables.
    if (collective === null) continue;
    const message = bytes * unit;
    const seconds = duration * scale;
    const gpu = device === null ? null : (cells[device.at] ?? null);
    const key = `${gpu ?? ''} ${collective} ${count ?? ''}`;
    const group = groups.get(key) ?? {
      collective,
      ranks: count,
      device: gpu,
      points: new Map<number, Point>(),
    };
    groups.set(key, group);
    const bandwidth = bus === null ? (busFactor(collective, count ?? 2) * message) / seconds : bus * 1e9;
    const known = group.points.get(message);
    if (known !== undefined) repeated += 1;
    // Of repeats the fastest counts: the others waited for something.
    if (known === undefined || seconds < known.seconds)
      group.points.set(message, { message, bandwidth, seconds });
  }
  if (rows.length === 0) report.error(header?.range ?? startOf(source), 'the table has no rows');
  if (report.errors.length > 0) return report.refuse();
  const where = header?.range ?? startOf(source);
  if (repeated > 0) report.warn(where, `${repeated} rows repeat a size: the fastest of each counts`);
  const curves = [...groups.values()].map(({ collective, ranks: count, device: gpu, points }): LinkCurve => {
    const sorted = [...points.values()].toSorted((a, b) => a.message - b.message);
    return {
      collective,
      ranks: count,
      hosts: [],
      perHost: null,
      device: gpu,
      layout: null,
      messages: sorted.map(({ message }) => message),
      bandwidth: sorted.map(({ bandwidth }) => bandwidth),
      times: sorted.map(({ seconds }) => seconds),
      range: where,
    };
  });
  return report.finish({
    kind: 'collectives',
    source,
    summary: `${curves.length} curves of collectives; no links between named nodes`,
    facts: noFacts,
    matrix: null,
    curves,
  });
};
