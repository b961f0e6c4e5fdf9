import type { RankRow } from '../strategy/rank-table.ts';
import { csv } from './csv.ts';

const COLUMNS: readonly (readonly [string, keyof RankRow])[] = [
  ['rank', 'rank'],
  ['node', 'node'],
  ['gpu', 'gpu'],
  ['tensor', 'tensor'],
  ['context', 'context'],
  ['data', 'data'],
  ['pipeline', 'pipeline'],
  ['expert_tensor', 'expertTensor'],
  ['expert', 'expert'],
  ['expert_data', 'expertData'],
];

/** Where every rank runs, and its coordinates in the dense and in the expert grid. */
export const rankTableCsv = (rows: readonly RankRow[]): string =>
  csv([COLUMNS.map(([name]) => name), ...rows.map((row) => COLUMNS.map(([, field]) => row[field]))]);
