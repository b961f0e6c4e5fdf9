/** The report as plain text and as Markdown. */
import type { AccuracyReport } from './report.ts';
import { summaryTables } from './report-tables.ts';
import type { ReportTable } from './report-tables.ts';

const MAX_CELL = 64;

const clip = (cell: string): string => (cell.length > MAX_CELL ? `${cell.slice(0, MAX_CELL - 1)}…` : cell);

/** Control characters of a foreign text would reach the terminal. */
const clean = (cell: string): string => cell.replaceAll(/[\p{Cc}\p{Cf}]/gu, ' ');

const drawText = (table: ReportTable): string => {
  const lines = [table.head, ...table.rows].map((row) => row.map((cell) => clip(clean(cell))));
  const widths = table.head.map((_, column) => Math.max(...lines.map((row) => (row[column] ?? '').length)));
  const draw = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const [head = [], ...rows] = lines;
  return [
    table.title,
    draw(head),
    widths.map((width) => '-'.repeat(width)).join('  '),
    ...rows.map(draw),
  ].join('\n');
};

const drawMarkdown = (table: ReportTable): string => {
  const draw = (row: readonly string[]): string =>
    `| ${row.map((cell) => clean(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = `|${table.head.map((_, column) => (column === 0 ? '---' : '---:')).join('|')}|`;
  return [`## ${table.title}`, '', draw(table.head), rule, ...table.rows.map(draw)].join('\n');
};

export const accuracyText = ({ summary, calibration }: AccuracyReport): string =>
  [
    `${summary.records} records, calibration ${calibration}`,
    ...summaryTables(summary).map(drawText),
    '',
  ].join('\n\n');

export const accuracyMarkdown = ({ summary, calibration }: AccuracyReport): string =>
  [
    `${summary.records} records, calibration ${calibration}.`,
    ...summaryTables(summary).map(drawMarkdown),
  ].join('\n\n') + '\n';
