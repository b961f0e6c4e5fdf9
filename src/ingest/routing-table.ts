/**
 * Counts as CSV: a line for each expert (`layer_id,expert_id,count`, SGLang's recorder before May 2025), or a line for each
 * layer. Experts and layers that a list leaves out have no load.
 */
import type { Diagnostic, Result } from '../diagnostics.ts';
import type { Counts } from './routing-counts.ts';
import { diagnosticAt } from './source.ts';
import type { Source } from './source.ts';

const MAXIMUM_DIAGNOSTICS = 50;
/** More layers and experts than any model has. */
const MAXIMUM_LAYERS = 1000;
const MAXIMUM_EXPERTS = 16_384;

interface Line {
  readonly cells: readonly string[];
  readonly start: number;
  readonly end: number;
}

const linesOf = ({ text }: Source): readonly Line[] => {
  const lines: Line[] = [];
  let start = 0;
  for (const line of text.split('\n')) {
    const written = line.trim();
    if (written !== '' && !written.startsWith('#')) {
      const cells = written.split(/\s*[,;\t]\s*|\s+/u).map((cell) => cell.replace(/^"|"$/gu, ''));
      lines.push({ cells, start, end: start + line.trimEnd().length });
    }
    start += line.length + 1;
  }
  return lines;
};

const isNumber = (cell: string): boolean => /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/iu.test(cell);

/** Whether text is a table of numbers, with or without a line of names: neither JSON nor prose. */
export const isCountTable = (text: string): boolean => {
  const lines = text.slice(0, 10_000).split('\n');
  const [first = '', second = ''] = lines.filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const numbers = (line: string): boolean => {
    const cells = line.trim().split(/\s*[,;\t]\s*|\s+/u);
    return cells.length > 1 && cells.every((cell) => /^(?:nan|inf)/iu.test(cell) || isNumber(cell));
  };
  return numbers(first) || (/^"?layer/iu.test(first.trim()) && numbers(second));
};

class Report {
  readonly diagnostics: Diagnostic[] = [];
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
  }

  at({ start, end }: Line, message: string): void {
    if (this.diagnostics.length < MAXIMUM_DIAGNOSTICS)
      this.diagnostics.push(
        diagnosticAt(
          { source: this.#source, start, end: Math.max(start + 1, end) },
          'routing/counts',
          message,
        ),
      );
  }
}

const countOf = (line: Line, cell: string | undefined, report: Report): number => {
  const count = cell !== undefined && isNumber(cell) ? Number(cell) : NaN;
  if (Number.isFinite(count) && count >= 0) return count;
  report.at(line, `expected a count from 0, found "${(cell ?? '').slice(0, 40)}"`);
  return 0;
};

const indexOf = (line: Line, cell: string | undefined, below: number, report: Report): number | null => {
  const index = cell !== undefined && /^\d{1,9}$/u.test(cell) ? Number(cell) : NaN;
  if (index < below) return index;
  report.at(line, `expected a number from 0 to ${String(below - 1)}, found "${(cell ?? '').slice(0, 40)}"`);
  return null;
};

/** A line for each expert. */
const listed = (
  lines: readonly Line[],
  [layerAt, expertAt, countAt]: readonly [number, number, number],
  report: Report,
): Counts => {
  const rows: (number | undefined)[][] = [];
  let experts = 0;
  for (const line of lines) {
    const layer = indexOf(line, line.cells[layerAt], MAXIMUM_LAYERS, report);
    const expert = indexOf(line, line.cells[expertAt], MAXIMUM_EXPERTS, report);
    const count = countOf(line, line.cells[countAt], report);
    if (layer === null || expert === null) continue;
    while (rows.length <= layer) rows.push([]);
    const row = rows[layer] ?? [];
    if (row[expert] !== undefined)
      report.at(line, `layer ${String(layer)}, expert ${String(expert)} is given twice`);
    row[expert] = count;
    experts = Math.max(experts, expert + 1);
  }
  return rows.map((row) => Array.from({ length: experts }, (_, expert) => row[expert] ?? 0));
};

/** A line for each layer, headed by its number where the first line says so. */
const laid = (lines: readonly Line[], numbered: boolean, report: Report): Counts => {
  const skip = numbered ? 1 : 0;
  const width = (lines[0]?.cells.length ?? 0) - skip;
  const rows: number[][] = [];
  for (const line of lines) {
    const counts = line.cells.slice(skip);
    if (counts.length !== width)
      report.at(line, `the line has ${String(counts.length)} counts, the first one ${String(width)}`);
    const layer = numbered ? indexOf(line, line.cells[0], MAXIMUM_LAYERS, report) : rows.length;
    while (layer !== null && rows.length <= layer) rows.push(new Array<number>(width).fill(0));
    if (layer !== null) rows[layer] = counts.map((cell) => countOf(line, cell, report));
  }
  return rows;
};

export const readCountTable = (source: Source): Result<readonly Counts[]> => {
  const report = new Report(source);
  const lines = linesOf(source);
  const [first] = lines;
  const names = first?.cells.map((cell) => cell.toLowerCase()) ?? [];
  const headed =
    first !== undefined && !first.cells.every(isNumber) && names[0]?.startsWith('layer') === true;
  const body = headed ? lines.slice(1) : lines;
  const [expert, count] = [/^expert(?:_?id)?$/u, /^(?:count|load|tokens|num_tokens)/u].map((name) =>
    names.findIndex((each) => name.test(each)),
  );
  const counts =
    headed && expert !== undefined && expert > 0 && count !== undefined && count > 0
      ? listed(body, [0, expert, count], report)
      : laid(body, headed, report);
  if (body.length === 0 && first !== undefined) report.at(first, 'the table has no rows');
  return report.diagnostics.length > 0
    ? { ok: false, diagnostics: report.diagnostics }
    : { ok: true, value: [counts], warnings: [] };
};
