import type { Paint, Style } from './paint.ts';

export interface Column {
  readonly header: string;
  readonly align: 'left' | 'right';
  /** Columns with the highest number go first where the terminal is too narrow; absent: never. */
  readonly dropOrder?: number;
  /** Where dropping columns is not enough, longer cells are cut to as little as this many characters. */
  readonly cutTo?: number;
}

export interface TableCell {
  readonly text: string;
  /** Says the same in less room, for a terminal that is too narrow. */
  readonly short?: string;
  readonly style?: Style;
}

/** Rows have one cell for each column. */
export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly TableCell[])[];
}

const GAP = '  ';

const widths = ({ columns, rows }: Table): readonly number[] =>
  columns.map((column, index) =>
    rows.reduce((most, row) => Math.max(most, row[index]?.text.length ?? 0), column.header.length),
  );

const totalWidth = (table: Table): number =>
  widths(table).reduce((sum, width) => sum + width, 0) + GAP.length * (table.columns.length - 1);

const without = (table: Table, dropped: number): Table => ({
  columns: table.columns.filter((_, index) => index !== dropped),
  rows: table.rows.map((row) => row.filter((_, index) => index !== dropped)),
});

const mapCells = (
  { columns, rows }: Table,
  change: (cell: TableCell, column: number) => TableCell,
): Table => ({
  columns,
  rows: rows.map((row) => row.map(change)),
});

const shortened = (table: Table): Table =>
  mapCells(table, ({ short, ...cell }) => ({ ...cell, text: short ?? cell.text }));

/** Cuts the cells of the columns that allow it by `excess` characters, as far as it goes. */
const cut = (table: Table, excess: number): Table => {
  const now = widths(table);
  let left = excess;
  const limits = table.columns.map(({ header, cutTo }, index) => {
    const width = now[index] ?? 0;
    if (cutTo === undefined) return width;
    const limit = Math.max(header.length, cutTo, width - left);
    left -= Math.max(0, width - limit);
    return limit;
  });
  return mapCells(table, (cell, index) => {
    const limit = limits[index] ?? Infinity;
    return cell.text.length <= limit ? cell : { ...cell, text: `${cell.text.slice(0, limit - 1)}…` };
  });
};

/**
 * Leaves out columns, the most dispensable first, then shortens and cuts cells, until the table fits. `width` null: no
 * limit.
 */
export const fitTable = (table: Table, width: number | null): Table => {
  if (width === null || totalWidth(table) <= width) return table;
  let dropped = -1;
  for (const [index, { dropOrder = -1 }] of table.columns.entries()) {
    if (dropOrder > (table.columns[dropped]?.dropOrder ?? -1)) dropped = index;
  }
  if (dropped !== -1) return fitTable(without(table, dropped), width);
  const short = shortened(table);
  return cut(short, totalWidth(short) - width);
};

const padded = (text: string, width: number, align: Column['align']): string =>
  align === 'right' ? text.padStart(width) : text.padEnd(width);

/** Lines of a table without rules: a header, then the rows. */
export const textTable = (given: Table, width: number | null, paint: Paint): string => {
  const table = fitTable(given, width);
  const columnWidths = widths(table);
  const line = (cells: readonly TableCell[]): string => {
    const parts = table.columns.map(({ align }, index) => {
      const { text = '', style = 'plain' } = cells[index] ?? {};
      const last = index === table.columns.length - 1;
      const padding = last && align === 'left' ? text : padded(text, columnWidths[index] ?? 0, align);
      return paint(style, padding);
    });
    return `${parts.join(GAP).trimEnd()}\n`;
  };
  const header = line(table.columns.map((column) => ({ text: column.header, style: 'faint' })));
  return header + table.rows.map(line).join('');
};

const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('|', '\\|').replaceAll('\n', ' ');

/** The same table in Markdown (GitHub's pipes). */
export const markdownTable = ({ columns, rows }: Table): string => {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  return (
    line(columns.map((column) => escaped(column.header))) +
    line(columns.map(({ align }) => (align === 'right' ? '---:' : '---'))) +
    rows.map((row) => line(row.map((cell) => escaped(cell.text)))).join('')
  );
};
