/** One iteration in the runtime's order: pipeline, exposed data parallelism, optimizer, fixed overhead. */
import type { Problem } from '../plan/problem.ts';
import type { TimeBreakdown } from '../plan/plan.ts';
import { microBatches } from '../strategy/strategy.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import { seconds } from '../units.ts';
import type { DataPartOf, DataTable } from './data-part.ts';
import { measuredPipeline, measuredTransfer } from './measured-pipeline.ts';
import type { MeasuredPipeline } from './measured-pipeline.ts';
import { pipelineTime } from './pipeline.ts';
import { vocabularyShare } from './pipeline-part.ts';
import type { PipelineContext, PipelinePartOf } from './pipeline-part.ts';
import type { PipelineInput } from './stage.ts';
import { stageCosts, stageParts } from './stages.ts';
import type { StageCost } from './stages.ts';

/** Backward of all chunks, in the order in which the stages' tables add. */
const backwardOf = ({ chunks }: StageCost): number => {
  let sum = 0;
  for (const { backward } of chunks) sum += backward;
  return sum;
};

const tableOf = (stages: readonly StageCost[]): DataTable => ({
  sets: stages.map(({ set }) => set),
  backward: Float64Array.from(stages, backwardOf),
  backwardPorts: Float64Array.from(stages, ({ backwardPorts }) => backwardPorts),
  dense: Float64Array.from(stages, ({ denseParameters }) => denseParameters),
  expert: Float64Array.from(stages, ({ expertParameters }) => expertParameters),
});

/** What all figures of an iteration come from. */
interface Course {
  readonly microBatches: number;
  readonly stages: readonly StageCost[];
  /** Index of the stage with most work. */
  readonly busiest: number;
  readonly heavy: StageCost;
  /** Seconds of the spread vocabulary per stage and micro-batch. */
  readonly vocabulary: number;
  /** null without a pipeline. */
  readonly pipeline: PipelineInput | null;
  /** Over measured links: the slowest replica's pipeline by event simulation. */
  readonly measured: MeasuredPipeline<PipelineInput> | null;
}

/** Problem, tables and places that every call shares. */
export interface IterationContext extends PipelineContext {
  readonly problem: Problem;
  readonly prefixes: readonly Int32Array[];
  readonly pipelinePart: PipelinePartOf;
  readonly dataPart: DataPartOf;
}

const wholeMicroBatches = (problem: Problem, s: Strategy): number => {
  const m = microBatches(s, problem.training.globalBatchSize);
  if (!Number.isInteger(m) || m < 1)
    throw new RangeError(`${m} micro-batches for each replica: not a positive integer`);
  return m;
};

const courseOf = (context: IterationContext, s: Strategy, partition: Partition): Course => {
  const { problem, tables, prefixes } = context;
  const m = wholeMicroBatches(problem, s);
  const stages = stageCosts(problem, prefixes, tables.sets(s), context.machines(s), s, partition);
  let busiest = 0;
  for (let i = 1; i < stages.length; i += 1)
    if ((stages[i]?.time ?? 0) > (stages[busiest]?.time ?? 0)) busiest = i;
  const heavy = stages[busiest];
  if (heavy === undefined) throw new RangeError('a pipeline has at least one stage');
  const { set } = heavy;
  const vocabulary = vocabularyShare(set, s);
  const alone = s.pipeline === 1 && s.virtualStages === 1;
  const chunks = stages.map((stage) => stage.chunks);
  const inputs = alone
    ? []
    : context.linksOf(set, s).map((links): PipelineInput => ({
        schedule: s.schedule,
        vocabulary: s.vocabulary,
        ...(vocabulary > 0 ? { vocabularyPasses: stages.map(() => seconds(vocabulary)) } : {}),
        stages: s.pipeline,
        virtualStages: s.virtualStages,
        microBatches: m,
        microBatchGroup: s.microBatchGroup,
        chunks,
        ...links,
        blocking: set.behaviour.blockingTransfers,
      }));
  const measured =
    tables.topology.links === null || alone ? null : measuredPipeline(inputs, context.simulate);
  const pipeline = measured?.input ?? inputs[0] ?? null;
  return { microBatches: m, stages, busiest, heavy, vocabulary, pipeline, measured };
};

const busyTime = ({ microBatches: m, heavy, vocabulary }: Course): number => m * (heavy.time + vocabulary);

/** Time of one iteration, to the last bit that of `iterationBreakdown`. Throws RangeError on a strategy that does not fit. */
export const iterationTime = (context: IterationContext, s: Strategy, partition: Partition): number => {
  const m = wholeMicroBatches(context.problem, s);
  const { makespan, starts, table, overhead } = context.pipelinePart(context, s, partition, m);
  const { exchange, step } = context.dataPart(table, s, starts);
  return makespan + exchange + step + overhead;
};

/** The same time by cause: what the busiest stage does, and what it waits for. The parts sum to the time. */
export const iterationBreakdown = (
  context: IterationContext,
  s: Strategy,
  partition: Partition,
): { readonly time: number; readonly breakdown: TimeBreakdown } => {
  const course = courseOf(context, s, partition);
  const { microBatches: m, heavy, vocabulary } = course;
  const parts = stageParts(context.prefixes, s, heavy, course.busiest);
  const { measured } = course;
  const pipeline =
    measured !== null
      ? { makespan: measured.makespan, transfer: measuredTransfer(measured, context.simulate) }
      : course.pipeline === null
        ? null
        : pipelineTime(course.pipeline, context.uneven);
  const { exchange, step } = context.dataPart(tableOf(course.stages), s, measured?.headStarts ?? null);
  const busy = busyTime(course);
  const makespan = pipeline?.makespan ?? busy;
  const transfer = Math.max(0, Math.min(pipeline?.transfer ?? 0, makespan - busy));
  const fixed = heavy.set.runtime.iterationOverhead;
  const breakdown: TimeBreakdown = {
    compute: seconds(m * (parts.compute + vocabulary)),
    tensorCommunication: seconds(m * parts.tensor),
    contextCommunication: seconds(m * parts.context),
    expertCommunication: seconds(m * parts.expert),
    pipelineCommunication: seconds(transfer),
    bubble: seconds(makespan - busy - transfer),
    dataCommunication: seconds(m * parts.data + exchange),
    optimizer: seconds(step),
    overhead: seconds(m * parts.overhead + fixed),
  };
  return { time: makespan + exchange + step + fixed, breakdown };
};
