import { gpuCount, nodeCount } from '../cluster/cluster.ts';
import type { Plan } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import { strategyToText } from '../strategy/format.ts';
import { memoryTable, timeTable } from './estimate-tables.ts';
import { placementSentence } from './expert-placement.ts';
import { gib, integer, percent, short, time, timeRange } from './figures.ts';
import type { Paint } from './paint.ts';
import { planTable, tightestStage } from './plan-table.ts';
import { tieNote, trainingCost, trainingDays } from './results.ts';
import type { Results } from './results.ts';
import { missTable, prunedTable, searchSentence } from './search-tables.ts';
import { textTable } from './text-table.ts';
import type { Table } from './text-table.ts';

export interface TableOptions {
  /** Characters of a line; null where nobody cuts them (a pipe, a file). */
  readonly width: number | null;
  readonly paint: Paint;
}

/** What is trained on what, in one line. */
export const problemSentence = ({ cluster, model, training }: Problem): string => {
  const names = [...new Set(cluster.groups.map((group) => group.accelerator.name))].join(' and ');
  const { runtime } = training;
  const nodes = nodeCount(cluster);
  return (
    `${model.name} on ${integer(gpuCount(cluster))} × ${names} (${integer(nodes)} ${nodes === 1 ? 'node' : 'nodes'}), ` +
    `sequences of ${integer(training.sequenceLength)}, ${integer(training.globalBatchSize)} per iteration, ` +
    `${training.precision}, ${runtime.name} ${runtime.version}`
  );
};

/** How full the fullest GPU is. */
const memorySentence = ({ estimate }: Plan): string => {
  const stage = tightestStage(estimate.memory);
  if (stage === null) return '';
  return (
    `Memory of stage ${stage.stage}, the tightest: ${gib(stage.total)} GiB expected, ` +
    `at most ${gib(stage.bound)} of ${gib(stage.capacity)} GiB.`
  );
};

const section = (table: Table, { width, paint }: TableOptions): readonly string[] =>
  table.rows.length === 0 ? [] : [textTable(table, width, paint)];

/** `search` for people: ranked plans, or what came closest, then what the search did. */
export const searchTable = (results: Results, options: TableOptions): string => {
  const { plans, nearestMisses, search } = results.result;
  const { paint } = options;
  const best = plans[0];
  const note = tieNote(plans);
  const answer =
    best === undefined
      ? [`${paint('bad', 'Nothing fits.')}\n`, ...section(missTable(nearestMisses), options)]
      : [
          textTable(planTable(results), options.width, paint) +
            (note === null ? '' : `${paint('faint', note)}\n`),
          `${[memorySentence(best), placementSentence(results.problem, best)].filter(Boolean).join('\n')}\n`,
        ];
  return [
    `${paint('strong', problemSentence(results.problem))}\n`,
    ...answer,
    `${searchSentence(search, best !== undefined)}\n`,
    ...section(prunedTable(search), options),
  ].join('\n');
};

const verdict = ({ estimate }: Plan, paint: Paint): string =>
  estimate.feasible
    ? paint('good', 'feasible')
    : [paint('bad', 'not feasible'), ...estimate.reasons.map((reason) => `  - ${reason}`)].join('\n');

/** Days and cost of the whole run, where they are known. */
const trainingSentence = (problem: Problem, plan: Plan): string => {
  const days = trainingDays(problem, plan);
  const cost = trainingCost(problem, plan);
  if (days === null) return '';
  return `\n${short(days)} days for all tokens${cost === null ? '' : `, at a cost of ${integer(cost)}`}`;
};

const headline = ({ estimate }: Plan): string =>
  `${time(estimate.iterationTime)} per iteration ` +
  `(${timeRange(estimate.iterationTimeLow, estimate.iterationTimeHigh)}), ` +
  `${integer(estimate.tokensPerSecondPerGpu)} tokens/s/GPU, ` +
  `${integer(estimate.modelTflopsPerGpu)} TFLOP/s/GPU, MFU ${percent(estimate.mfu)}`;

/** `estimate` for people: each plan's time by cause and its memory by stage, the tightest stage first. */
export const estimateTable = (results: Results, options: TableOptions): string => {
  const { paint } = options;
  const plans = results.result.plans.flatMap((plan) => [
    `${strategyToText(plan.strategy)}\n${verdict(plan, paint)}\n`,
    `${headline(plan)}${trainingSentence(results.problem, plan)}\n`,
    ...[placementSentence(results.problem, plan)].filter(Boolean).map((sentence) => `${sentence}\n`),
    ...section(timeTable(plan.estimate), options),
    `Peak memory per GPU in GiB, tightest stage first:\n`,
    ...section(memoryTable(plan.estimate), options),
  ]);
  return [`${paint('strong', problemSentence(results.problem))}\n`, ...plans].join('\n');
};
