/** Small tables of published figures: comma-separated, with a header, without quotes. */
import { readFileSync } from 'node:fs';

export type Row = Readonly<Record<string, string>>;

export const readRows = (file: string): readonly Row[] => {
  const [header = '', ...lines] = readFileSync(file, 'utf8').trim().split('\n');
  const names = header.split(',');
  return lines.map((line) => {
    const cells = line.split(',');
    return Object.fromEntries(names.map((name, index) => [name, cells[index] ?? '']));
  });
};

export const numberOf = (row: Row, key: string): number => {
  const cell = row[key];
  if (cell === undefined || cell === '') throw new Error(`no ${key} in ${JSON.stringify(row)}`);
  return Number(cell);
};

export const textOf = (row: Row, key: string): string => row[key] ?? '';
