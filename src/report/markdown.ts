import { memoryTable, timeTable } from './estimate-tables.ts';
import { planTable } from './plan-table.ts';
import { placementSentence } from './expert-placement.ts';
import { tieNote } from './results.ts';
import type { Results } from './results.ts';
import { missTable, prunedTable, searchSentence } from './search-tables.ts';
import { problemSentence } from './table.ts';
import { markdownTable } from './text-table.ts';
import type { Table } from './text-table.ts';

const section = (title: string, table: Table): readonly string[] =>
  table.rows.length === 0 ? [] : [`## ${title}\n`, markdownTable(table)];

/** Plans, the first one's time and memory, and what the search did, as a Markdown page. */
export const resultsMarkdown = (results: Results): string => {
  const { plans, nearestMisses, search } = results.result;
  const best = plans[0];
  const note = tieNote(plans);
  const first =
    best === undefined
      ? ['Nothing fits.\n']
      : [
          markdownTable(planTable(results)),
          ...(note === null ? [] : [`${note}\n`]),
          ...[placementSentence(results.problem, best)].filter(Boolean).map((sentence) => `${sentence}\n`),
          ...section('Exposed time of the first plan', timeTable(best.estimate)),
          ...section('Peak memory of the first plan, GiB', memoryTable(best.estimate)),
        ];
  return [
    `# Plans\n`,
    `${problemSentence(results.problem)}\n`,
    ...first,
    ...section('Nearest misses', missTable(nearestMisses)),
    `${searchSentence(search, best !== undefined)}\n`,
    ...section('Dropped', prunedTable(search)),
  ].join('\n');
};
