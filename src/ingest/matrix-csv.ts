/**
 * A matrix as CSV: the first line names the receivers, the first cell of each other line the sender. The corner may
 * name the unit (`GB/s`); without it numbers are bytes per second, which a warning says, and a cell may carry a unit of its own. Cells are
 * separated by commas, semicolons or tabs.
 */
import type { MeasuredLinks } from '../cluster/cluster.ts';
import type { Diagnostic, Result } from '../diagnostics.ts';
import { MAXIMUM_SIDE, bandwidthCell, bandwidthUnit, levelOf } from './matrix-cells.ts';
import type { MatrixContext, MatrixOptions } from './matrix-cells.ts';
import { diagnosticAt } from './source.ts';
import type { Range, Source } from './source.ts';

const MAXIMUM_DIAGNOSTICS = 50;
/** Room for 10,000 columns of any sensible width. */
const MAXIMUM_LINE = 500_000;

interface Cell {
  readonly text: string;
  readonly range: Range;
}

/** Cells of the line [start, end), blanks and quotes around them removed; a line is read up to MAXIMUM_LINE. Cells of a matrix hold no commas. */
const cellsOf = (source: Source, start: number, end: number, separator: string): readonly Cell[] => {
  let at = start;
  return source.text
    .slice(start, Math.min(end, start + MAXIMUM_LINE))
    .split(separator)
    .map((written) => {
      const lead = written.length - written.trimStart().length;
      const trimmed = written.trim();
      const text = /^"[^"]*"$/u.test(trimmed) ? trimmed.slice(1, -1).trim() : trimmed;
      const range: Range = { source, start: at + lead, end: at + lead + Math.max(1, trimmed.length) };
      at += written.length + 1;
      return { text, range };
    });
};

/** The first of the usual separators that the header has. */
const separatorOf = (header: string): string =>
  [',', ';', '\t'].find((separator) => header.includes(separator)) ?? ',';

const isNumber = (text: string): boolean => text !== '' && Number.isFinite(Number(text));

/** Lines that are neither blank nor comments, as [start, end). */
const linesOf = function* (text: string): Generator<readonly [number, number]> {
  for (let start = 0; start < text.length;) {
    const next = text.indexOf('\n', start);
    const end = next === -1 ? text.length : next;
    const line = text.slice(start, end).trim();
    if (line !== '' && !line.startsWith('#')) yield [start, end];
    start = end + 1;
  }
};

/** Collects diagnostics up to a limit. */
class Report {
  readonly diagnostics: Diagnostic[] = [];

  get full(): boolean {
    return this.diagnostics.length >= MAXIMUM_DIAGNOSTICS;
  }

  at(range: Range, message: string): void {
    if (!this.full) this.diagnostics.push(diagnosticAt(range, 'matrix/csv', message));
  }
}

const checkNames = (cells: readonly Cell[], report: Report): void => {
  const seen = new Set<string>();
  for (const { text, range } of cells) {
    if (text === '') report.at(range, 'a name is empty');
    else if (seen.has(text)) report.at(range, `the name "${text}" is given twice`);
    seen.add(text);
  }
};

const readRow = (
  cells: readonly Cell[],
  row: number,
  names: readonly string[],
  unit: number,
  allowMissing: boolean,
  report: Report,
): number[] => {
  const [sender, ...links] = cells;
  const name = names[row] ?? '';
  if (sender === undefined) return [];
  if (sender.text !== name)
    report.at(
      sender.range,
      `row ${String(row + 1)} is "${sender.text}", but column ${String(row + 1)} is "${name}"`,
    );
  if (links.length !== names.length)
    report.at(
      sender.range,
      `the row has ${String(links.length)} links, but there are ${String(names.length)} columns`,
    );
  return links.map(({ text, range }, column) => {
    if (column === row) return Number.NaN;
    const cell = bandwidthCell(text, unit, allowMissing);
    if (cell.ok) return cell.value;
    report.at(range, `${name} to ${names[column] ?? 'nowhere'}: ${cell.message}`);
    return Number.NaN;
  });
};

/** Bytes per second are the default, and rarely what a script printed. */
const unitWarning = ({ text, range }: Cell): Diagnostic =>
  diagnosticAt(
    range,
    'matrix/csv',
    `${text === '' ? 'the first cell names no unit' : `"${text.slice(0, 40)}" is no unit of bandwidth`}: numbers are read as bytes per second; a unit in the first cell, such as GB/s or Gbit/s, says otherwise`,
    {},
    'warning',
  );

export const readCsvMatrix = (
  source: Source,
  context: MatrixContext | null,
  { allowMissing = false }: MatrixOptions = {},
): Result<MeasuredLinks> => {
  const report = new Report();
  const lines = linesOf(source.text);
  const whole: Range = { source, start: 0, end: 1 };
  const first = lines.next();
  const separator = first.done === true ? ',' : separatorOf(source.text.slice(...first.value));
  const header = first.done === true ? [] : cellsOf(source, ...first.value, separator);
  const [corner, ...columns] = header;
  const names = columns.map(({ text }) => text);
  if (corner === undefined || names.length === 0)
    report.at(whole, 'expected a first line that names the receivers');
  else if (header.every(({ text }) => isNumber(text)))
    report.at(
      columns[0]?.range ?? whole,
      'the first line holds numbers, not names: a matrix needs its header',
    );
  else if (names.length > MAXIMUM_SIDE) report.at(whole, `has more than ${String(MAXIMUM_SIDE)} columns`);
  if (corner === undefined || report.diagnostics.length > 0)
    return { ok: false, diagnostics: report.diagnostics };
  const unit = bandwidthUnit(corner.text);
  checkNames(columns, report);
  const bandwidth: number[][] = [];
  let bare = 0;
  for (const line of lines) {
    const row = bandwidth.length;
    if (row > names.length || report.full) break;
    const cells = cellsOf(source, ...line, separator);
    if (unit === undefined)
      bare += cells.filter(
        ({ text }, at) => at > 0 && at !== row + 1 && isNumber(text) && Number(text) !== 0,
      ).length;
    bandwidth.push(readRow(cells, row, names, unit ?? 1, allowMissing, report));
  }
  if (bandwidth.length !== names.length && !report.full)
    report.at(
      corner.range,
      `is not square: ${String(names.length)} columns, ${bandwidth.length > names.length ? 'more' : String(bandwidth.length)} rows`,
    );
  const level = levelOf(names.length, null, context);
  if (typeof level !== 'string') report.at(corner.range, level.message);
  if (report.diagnostics.length > 0 || typeof level !== 'string')
    return { ok: false, diagnostics: report.diagnostics };
  const warnings = unit === undefined && bare > 0 ? [unitWarning(corner)] : [];
  return { ok: true, value: { level, names, bandwidth, latency: null }, warnings };
};
