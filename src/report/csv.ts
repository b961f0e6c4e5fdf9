import type { Plan } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import type { Partition } from '../strategy/strategy.ts';
import { planDocument } from './results-json.ts';
import { trainingCost, trainingDays } from './results.ts';
import type { Results } from './results.ts';

type Cell = string | number | boolean | null;

/** Quoted where it must be; null is empty. Source: RFC 4180. */
const quoted = (cell: Cell): string => {
  const text = cell === null ? '' : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** Rows of cells, one a line. */
export const csv = (rows: readonly (readonly Cell[])[]): string =>
  rows.map((row) => `${row.map(quoted).join(',')}\n`).join('');

/** Stages split by blanks, virtual stages by `+`: `21+20 20+19`. */
const partitionText = (partition: Partition): string => partition.map((chunks) => chunks.join('+')).join(' ');

/** Heaviest stage by its bound over its capacity. */
const tightest = <T extends { readonly bound: number; readonly capacity: number }>(
  memory: readonly T[],
): T | null =>
  memory.reduce<T | null>(
    (worst, stage) =>
      worst === null || stage.bound - stage.capacity > worst.bound - worst.capacity ? stage : worst,
    null,
  );

/** Name and value of every column of a plan. */
const planCells = (problem: Problem, plan: Plan): readonly (readonly [string, Cell])[] => {
  const { estimate, strategy, rank, gpus_used, partition } = planDocument(plan);
  const stage = tightest(estimate.memory);
  return [
    ['rank', rank],
    ['gpus_used', gpus_used],
    ...Object.entries(strategy),
    ['partition', partitionText(partition)],
    ['feasible', estimate.feasible],
    ['iteration_time_s', estimate.iteration_time_s],
    ['iteration_time_low_s', estimate.iteration_time_low_s],
    ['iteration_time_high_s', estimate.iteration_time_high_s],
    ['tokens_per_s_per_gpu', estimate.tokens_per_s_per_gpu],
    ['model_tflops_per_gpu', estimate.model_tflops_per_gpu],
    ['mfu', estimate.mfu],
    ...Object.entries(estimate.time).map(([name, value]) => [`${name}_s`, value] as const),
    ['peak_memory_bytes', estimate.peak_memory_bytes],
    ['peak_memory_bound_bytes', estimate.peak_memory_bound_bytes],
    ['tightest_stage', stage?.stage ?? null],
    ['tightest_stage_bound_bytes', stage?.bound ?? null],
    ['tightest_stage_capacity_bytes', stage?.capacity ?? null],
    ['training_days', trainingDays(problem, plan)],
    ['training_cost', trainingCost(problem, plan)],
  ];
};

/** One line per plan, every key of its strategy a column. Without plans: nothing. */
export const resultsCsv = ({ problem, result }: Results): string => {
  const plans = result.plans.map((plan) => planCells(problem, plan));
  const header = plans[0]?.map(([name]) => name);
  return header === undefined ? '' : csv([header, ...plans.map((cells) => cells.map(([, value]) => value))]);
};
