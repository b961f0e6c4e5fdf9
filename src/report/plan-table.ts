import type { Plan, StageMemory } from '../plan/plan.ts';
import { recomputeToText } from '../strategy/recompute.ts';
import { gib, integer, percent, short, time, timeRange } from './figures.ts';
import { ties, trainingCost, trainingDays } from './results.ts';
import type { Results } from './results.ts';
import type { Column, Table, TableCell } from './text-table.ts';

interface PlanColumn extends Column {
  /** null where a plan has no such value; a column without any is left out. */
  readonly cell: (plan: Plan, index: number) => string | TableCell | null;
}

/** An axis of the layout; left out where no plan uses it. */
const axis = (header: string, size: (plan: Plan) => number): PlanColumn => ({
  header,
  align: 'right',
  cell: (plan) => (size(plan) === 1 ? null : String(size(plan))),
});

/** The stage with the least room, by which a plan is feasible or not. */
export const tightestStage = (memory: readonly StageMemory[]): StageMemory | null =>
  memory.reduce<StageMemory | null>(
    (worst, stage) =>
      worst === null || stage.bound - stage.capacity > worst.bound - worst.capacity ? stage : worst,
    null,
  );

/** Of the tightest stage alone: on an unequal cluster the largest peak may stand on another GPU than the least room. */
const memoryCell = ({ estimate }: Plan): TableCell | null => {
  const stage = tightestStage(estimate.memory);
  if (stage === null) return null;
  const text = `${gib(stage.total)}/${gib(stage.bound)}/${gib(stage.capacity)}`;
  return { text, style: estimate.feasible ? 'plain' : 'bad' };
};

const recomputeCell = ({ strategy }: Plan): TableCell => {
  const text = recomputeToText(strategy.recompute);
  return { text, short: text.replace(/^selective:/u, '') };
};

const money = (value: number | null): string | null => (value === null ? null : integer(value));

const planColumns = ({ problem, result }: Results): readonly PlanColumn[] => {
  const tied = ties(result.plans);
  return [
    {
      header: '#',
      align: 'right',
      cell: (plan) => ({ text: String(plan.rank), style: plan.rank === 1 ? 'strong' : 'plain' }),
    },
    {
      header: 'tie',
      align: 'left',
      cell: (_, index) => {
        const rank = tied[index] ?? null;
        return rank === null ? null : `≈${rank}`;
      },
    },
    axis('TP', (plan) => plan.strategy.tensor),
    axis('PP', (plan) => plan.strategy.pipeline),
    axis('VP', (plan) => plan.strategy.virtualStages),
    axis('CP', (plan) => plan.strategy.context),
    axis('EP', (plan) => plan.strategy.expert),
    axis('ETP', (plan) => plan.strategy.expertTensor),
    axis('DP', (plan) => plan.strategy.data),
    { header: 'MBS', align: 'right', cell: (plan) => String(plan.strategy.microBatchSize) },
    { header: 'schedule', align: 'left', dropOrder: 4, cell: (plan) => plan.strategy.schedule },
    { header: 'sharding', align: 'left', dropOrder: 6, cell: (plan) => plan.strategy.sharding },
    { header: 'recompute', align: 'left', cutTo: 10, cell: recomputeCell },
    { header: 'iteration', align: 'right', cell: ({ estimate }) => time(estimate.iterationTime) },
    {
      header: 'range',
      align: 'left',
      dropOrder: 2,
      cell: ({ estimate }) => timeRange(estimate.iterationTimeLow, estimate.iterationTimeHigh),
    },
    {
      header: 'tokens/s/GPU',
      align: 'right',
      dropOrder: 0,
      cell: ({ estimate }) => integer(estimate.tokensPerSecondPerGpu),
    },
    {
      header: 'TFLOP/s/GPU',
      align: 'right',
      dropOrder: 5,
      cell: ({ estimate }) => integer(estimate.modelTflopsPerGpu),
    },
    { header: 'MFU', align: 'right', dropOrder: 1, cell: ({ estimate }) => percent(estimate.mfu) },
    { header: 'GiB peak/bound/GPU', align: 'right', cell: memoryCell },
    {
      header: 'days',
      align: 'right',
      cell: (plan) => {
        const days = trainingDays(problem, plan);
        return days === null ? null : short(days);
      },
    },
    { header: 'cost', align: 'right', cell: (plan) => money(trainingCost(problem, plan)) },
  ];
};

const asCell = (cell: string | TableCell | null, blank: string): TableCell =>
  cell === null ? { text: blank, style: 'faint' } : typeof cell === 'string' ? { text: cell } : cell;

/** Ranked plans, one a row. Axes that no plan uses, and figures that none has, have no column. */
export const planTable = (results: Results): Table => {
  const columns = planColumns(results)
    .map((column) => ({ column, cells: results.result.plans.map((plan, index) => column.cell(plan, index)) }))
    .filter(({ cells }) => cells.some((cell) => cell !== null));
  return {
    columns: columns.map(({ column }) => column),
    rows: results.result.plans.map((_, row) =>
      columns.map(({ column, cells }) => asCell(cells[row] ?? null, column.header === 'tie' ? '' : '1')),
    ),
  };
};
