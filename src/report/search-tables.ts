import type { NearestMiss, SearchStatistics } from '../plan/plan.ts';
import { layoutText } from './layout-text.ts';
import { gib, integer, percent } from './figures.ts';
import type { Table } from './text-table.ts';

/** Strategies that came closest to fitting: what each lacks, and where. */
export const missTable = (misses: readonly NearestMiss[]): Table => ({
  columns: [
    { header: 'nearest misses', align: 'left' },
    { header: 'lacks GiB', align: 'right' },
    { header: 'on stage', align: 'right' },
    { header: 'why', align: 'left', dropOrder: 1 },
  ],
  rows: misses.map((miss) => [
    { text: layoutText(miss.strategy) },
    // What a rule forbids lacks no memory, and no stage of it stands out.
    { text: miss.missing > 0 ? gib(miss.missing) : '–', style: 'bad' as const },
    { text: miss.missing > 0 ? String(miss.stage) : '–' },
    { text: miss.reasons.join('; ') },
  ]),
});

/** Rules and bounds that removed strategies, the most effective first. */
export const prunedTable = ({ pruned }: SearchStatistics): Table => ({
  columns: [
    { header: 'dropped by', align: 'left' },
    { header: 'strategies', align: 'right' },
  ],
  rows: Object.entries(pruned)
    .filter(([, count]) => count > 0)
    .sort(([a, more], [b, less]) => less - more || (a < b ? -1 : 1))
    .map(([id, count]) => [{ text: id }, { text: integer(count) }]),
});

const proofText = (search: SearchStatistics, found: boolean): string => {
  if (!found) return search.provenOptimal ? 'it is proven that none fits' : 'it is not proven that none fits';
  return search.provenOptimal
    ? 'the first plan is proven best in this model'
    : `the first plan is within ${percent(search.gap)} of the bound`;
};

/** What the search covered and how far its answer is proven, in one sentence. `found`: there is a plan. */
export const searchSentence = (search: SearchStatistics, found: boolean): string => {
  const covered = `${integer(search.strategies)} legal strategies covered, ${integer(search.evaluated)} evaluated`;
  const repeat = search.reproducible ? '' : '; its time was limited: another run may differ';
  return `${covered}; ${proofText(search, found)}${repeat}.`;
};
