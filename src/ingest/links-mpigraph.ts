/**
 * mpiGraph logs, and the tables cut from them: a sending and a receiving matrix in MB/s (10⁶ bytes).
 * `a to b` of the sending table and `b from a` of the receiving one are the same transfer, timed at either end; what
 * arrived counts. Source of the format: LLNL/mpiGraph mpiGraph.c, v1.5.
 */
import { lineRange, logLines, numberOf } from './links-lines.ts';
import type { LogLine } from './links-lines.ts';
import { emptyRows } from './links-pairs.ts';
import { ReadingReport, noFacts, startOf } from './links-reading.ts';
import type { LinkMatrix, ReadOptions, ReadingResult } from './links-reading.ts';
import type { Range, Source } from './source.ts';

const MEGABYTE = 1e6;
const MAXIMUM_SIDE = 4096;

interface Table {
  readonly way: 'send' | 'recv';
  readonly names: readonly string[];
  /** [row][column] as printed. */
  readonly cells: { readonly value: number; readonly range: Range }[][];
  readonly header: Range;
}

interface Field {
  readonly text: string;
  readonly range: Range;
}

/** Words between blanks or commas; `host:0 to` and `host:0 from`, which head rows, are one. */
const fieldsOf = (line: LogLine): readonly Field[] => {
  const [label, ...others] = [...line.text.matchAll(/[^\s,]+/gu)].map(({ 0: text, index }): Field => {
    const start = line.start + index;
    return { text, range: { source: line.source, start, end: start + text.length } };
  });
  if (label === undefined) return [];
  const [way, ...values] = others;
  if (way === undefined || !/^(?:to|from)$/u.test(way.text)) return [label, ...others];
  return [{ text: `${label.text} ${way.text}`, range: { ...label.range, end: way.range.end } }, ...values];
};

/** Processes of one host are numbered `host:0`, `host:1`, …. */
const hostOf = (name: string): string => name.replace(/:\d+$/u, '');

const tablesOf = (source: Source, report: ReadingReport): readonly Table[] => {
  const tables: Table[] = [];
  let open: Table | null = null;
  for (const line of logLines(source)) {
    const header = /^\s*(Send|Recv)(?: *[\t,]|\s+(?=\S+:\d))/u.exec(line.text);
    if (header !== null) {
      const names = fieldsOf(line)
        .slice(1)
        .map(({ text }) => text);
      if (names.length > MAXIMUM_SIDE) {
        report.error(lineRange(line), `names more than ${MAXIMUM_SIDE} processes`);
        return tables;
      }
      open = { way: header[1] === 'Send' ? 'send' : 'recv', names, cells: [], header: lineRange(line) };
      tables.push(open);
      continue;
    }
    if (open === null || open.cells.length === open.names.length) {
      open = null;
      continue;
    }
    const [label, ...values] = fieldsOf(line);
    if (label === undefined || label.text === '') continue;
    const row = open.cells.length;
    const name = open.names[row] ?? '';
    if (label.text.replace(/ (?:to|from)$/u, '') !== name)
      report.error(label.range, `expected the row of ${name}, found "${label.text.slice(0, 60)}"`);
    if (values.length !== open.names.length)
      report.error(
        label.range,
        `the row has ${values.length} links, but there are ${open.names.length} columns`,
      );
    open.cells.push(
      values.map(({ text, range }, column) => {
        const value = numberOf(text);
        if (value === null || value < 0)
          report.error(range, `${name}, column ${column + 1}: expected MB/s, found "${text.slice(0, 40)}"`);
        return { value: value ?? NaN, range };
      }),
    );
  }
  for (const { cells, names, header } of tables)
    if (cells.length < names.length)
      report.error(
        header,
        `the table ends after ${cells.length} of ${names.length} rows: the log is cut off`,
      );
  return tables;
};

interface HostLink {
  sum: number;
  count: number;
  range: Range;
}

/** Mean over the pairs of processes of two hosts, as sender → receiver. */
const matrixOf = (table: Table): LinkMatrix => {
  const hosts = [...new Set(table.names.map(hostOf))];
  const index = table.names.map((name) => hosts.indexOf(hostOf(name)));
  const links = new Map<string, HostLink>();
  for (const [row, cells] of table.cells.entries())
    for (const [column, { value, range }] of cells.entries()) {
      const [a, b] = table.way === 'send' ? [index[row], index[column]] : [index[column], index[row]];
      if (a === undefined || b === undefined || a === b) continue;
      const link = links.get(`${a} ${b}`) ?? { sum: 0, count: 0, range };
      link.sum += value;
      link.count += 1;
      links.set(`${a} ${b}`, link);
    }
  const bandwidth = emptyRows(hosts.length);
  for (const [key, { sum, count }] of links) {
    const [from = 0, to = 0] = key.split(' ').map(Number);
    const row = bandwidth[from];
    if (row !== undefined) row[to] = (sum / count) * MEGABYTE;
  }
  return {
    level: 'node',
    names: hosts,
    bandwidth,
    latency: null,
    bySize: [],
    rangeOf: (from, to) => links.get(`${from} ${to}`)?.range ?? table.header,
    failed: [],
    nominal: false,
  };
};

/** The log prints the largest of each table: a table that lacks it is not the one that was measured. */
const checkMaximum = (source: Source, tables: readonly Table[], report: ReadingReport): void => {
  for (const line of logLines(source)) {
    const found = /^\s*(Send|Recv) max:?\s+([\d.]+)/u.exec(line.text);
    if (found === null) continue;
    const table = tables.find(({ way }) => way === (found[1] === 'Send' ? 'send' : 'recv'));
    const stated = Number(found[2]);
    const largest = Math.max(0, ...(table?.cells.flat().map(({ value }) => value) ?? []));
    if (table !== undefined && Math.abs(largest / stated - 1) > 1e-3)
      report.error(
        lineRange(line),
        `says that the largest link is ${stated} MB/s, but the table's is ${largest}`,
      );
  }
};

export const readMpiGraph = (source: Source, options: ReadOptions): ReadingResult => {
  const report = new ReadingReport('mpigraph');
  const tables = tablesOf(source, report);
  if (tables.length === 0 && report.errors.length === 0)
    report.error(
      startOf(source),
      'no table of mpiGraph: expected a line that begins with Send or Recv and names processes',
    );
  if (report.errors.length === 0) checkMaximum(source, tables, report);
  const lines = logLines(source).map(({ text }) => text.trim());
  const says = (words: string): boolean => lines.some((text) => text.startsWith(words));
  if (says('START mpiGraph') && !says('END mpiGraph'))
    report.error(startOf(source), 'the log has no line "END mpiGraph": the run did not finish');
  const wanted = options.test === 'send' || options.test === 'recv' ? options.test : null;
  const table =
    tables.find(({ way }) => way === (wanted ?? 'recv')) ?? (wanted === null ? tables[0] : undefined);
  if (table === undefined && report.errors.length === 0)
    report.error(startOf(source), `holds no ${wanted ?? ''} table`);
  if (table === undefined || report.errors.length > 0) return report.refuse();
  const matrix = matrixOf(table);
  const processes = table.names.length / matrix.names.length;
  if (processes > 1)
    report.warn(table.header, `${processes} processes a host: a link is the mean over their pairs`);
  const size = /^(?:MsgSize|Msg Size:)\s+(\d+)/u.exec(
    lines.find((text) => /^Msg ?Size/u.test(text)) ?? '',
  )?.[1];
  const of = size === undefined ? '' : `, messages of ${size} bytes`;
  return report.finish({
    kind: 'mpigraph',
    source,
    summary: `mpiGraph between ${matrix.names.length} hosts (${table.way === 'send' ? 'sending' : 'receiving'} side)${of}`,
    facts: { ...noFacts, hosts: matrix.names, nodes: matrix.names.length },
    matrix,
    curves: [],
  });
};
