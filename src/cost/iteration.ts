/** One iteration in the runtime's order: pipeline, exposed data parallelism, optimizer, fixed overhead. */
import type { Problem } from '../plan/problem.ts';
import type { TimeBreakdown } from '../plan/plan.ts';
import { gpusUsed, microBatches } from '../strategy/strategy.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import { seconds } from '../units.ts';
import type { Seconds } from '../units.ts';
import { gatherTime, transferTime } from './collectives.ts';
import { dataTime, optimizerTime, shardsLayers } from './data-parallel.ts';
import type { LayerSet, LayerTables } from './layer-set.ts';
import { total } from './parts.ts';
import { pipelineTime } from './pipeline.ts';
import type { PipelineInput } from './stage.ts';
import { stageCosts } from './stages.ts';
import type { StageCost } from './stages.ts';

/** Bytes of an element of the hidden state between stages. */
const ELEMENT = 2;

/**
 * One-way transfer of a micro-batch's hidden state over each stage boundary, as far as it is exposed. A stack that
 * scatters transfers sends 1∕tensor of it per rank and gathers it on arrival; with sequence parallelism a rank holds
 * no more than that.
 */
const stageLinks = (
  problem: Problem,
  tables: LayerTables,
  set: LayerSet,
  s: Strategy,
): readonly Seconds[] => {
  if (s.pipeline === 1) return [seconds(0)];
  const { runtime, behaviour, machine } = set;
  const tokens = (s.microBatchSize * problem.training.sequenceLength) / s.context;
  const whole = ELEMENT * tokens * problem.model.hidden;
  const cut = s.sequenceParallel || behaviour.scattersTransfers ? s.tensor : 1;
  const world = gpusUsed(s);
  const stride = s.rankOrder === 'tp-cp-ep-dp-pp' ? world / s.pipeline : s.tensor * s.context;
  const gathered = cut > 1 && !s.sequenceParallel;
  const arrive = gathered
    ? gatherTime(machine, tables.topology.groupSpan({ world, size: s.tensor, stride: 1 }), whole)
    : 0;
  const hops = tables.topology.pipelineHops({ world, size: s.pipeline, stride });
  return hops.map((hop) =>
    seconds(
      runtime.pipelineExposed * (transferTime(machine, hop, whole / cut) + arrive) + runtime.transferHost,
    ),
  );
};

export interface Iteration {
  readonly time: number;
  readonly breakdown: TimeBreakdown;
}

interface DataPart {
  readonly exchange: number;
  readonly step: number;
}

/** The stage whose gradients and optimizer take longest ends the iteration. */
const dataPart = (stages: readonly StageCost[], s: Strategy): DataPart => {
  let worst: DataPart = { exchange: 0, step: 0 };
  for (const { set, denseParameters, expertParameters } of stages) {
    const exchange = shardsLayers(s, set.behaviour)
      ? 0
      : dataTime(set.data, denseParameters, expertParameters);
    const step = optimizerTime(set.data, denseParameters, expertParameters);
    if (exchange + step > worst.exchange + worst.step) worst = { exchange, step };
  }
  return worst;
};

const busiest = (stages: readonly StageCost[]): StageCost => {
  let most: StageCost | undefined;
  for (const stage of stages) if (most === undefined || total(stage.parts) > total(most.parts)) most = stage;
  if (most === undefined) throw new RangeError('a pipeline has at least one stage');
  return most;
};

/** A vocabulary spread over stages: its passes cost every stage an equal share. */
const spreadVocabulary = (s: Strategy): boolean =>
  s.vocabulary !== 'last' && s.vocabulary !== 'redistributed';

/** Time of one iteration and its parts; the parts sum to the time. Throws RangeError on a strategy that does not fit. */
export const iterationOf = (
  problem: Problem,
  tables: LayerTables,
  prefixes: readonly Int32Array[],
  machines: readonly (readonly number[])[],
  s: Strategy,
  partition: Partition,
): Iteration => {
  const m = microBatches(s, problem.training.globalBatchSize);
  if (!Number.isInteger(m) || m < 1)
    throw new RangeError(`${m} micro-batches for each replica: not a positive integer`);
  const stages = stageCosts(problem, prefixes, tables.sets(s), machines, s, partition);
  const heavy = busiest(stages);
  const { set } = heavy;
  const vocabulary = spreadVocabulary(s)
    ? (total(set.head.forward) + total(set.head.backward)) / s.pipeline
    : 0;
  const input: PipelineInput = {
    schedule: s.schedule,
    vocabulary: s.vocabulary,
    ...(vocabulary > 0 ? { vocabularyPasses: stages.map(() => seconds(vocabulary)) } : {}),
    stages: s.pipeline,
    virtualStages: s.virtualStages,
    microBatches: m,
    microBatchGroup: s.microBatchGroup,
    chunks: stages.map(({ chunks }) => chunks),
    links: stageLinks(problem, tables, set, s),
    blocking: set.behaviour.blockingTransfers,
  };
  const pipeline = s.pipeline === 1 && s.virtualStages === 1 ? null : pipelineTime(input);
  const { exchange, step } = dataPart(stages, s);
  const { parts } = heavy;
  const busy = m * (total(parts) + vocabulary);
  const makespan = pipeline?.makespan ?? busy;
  const transfer = Math.max(0, Math.min(pipeline?.transfer ?? 0, makespan - busy));
  const fixed = set.runtime.iterationOverhead;
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

/**
 * No partition of the strategy is faster: a stage does at least the mean of all work for every micro-batch, and in
 * synchronous schedules one micro-batch passes every other stage; plus the step on the mean shard of parameters.
 * Free of transfers and of exposed gradients. Zero-bubble schedules have no fill.
 */
export const iterationLowerBound = (problem: Problem, tables: LayerTables, s: Strategy): number => {
  const m = problem.training.globalBatchSize / (s.data * s.microBatchSize);
  let best = Infinity;
  for (const set of tables.sets(s)) {
    const { work, denseParameters: dense, expertParameters: expert } = set.whole;
    const p = s.pipeline;
    const filled = s.schedule === 'gpipe' || s.schedule === '1f1b' || s.schedule === 'interleaved';
    const fill = filled ? ((p - 1) / p / s.virtualStages) * work : 0;
    const step = optimizerTime(set.data, dense / p, expert / p);
    best = Math.min(best, (m * work) / p + fill + step + set.runtime.iterationOverhead);
  }
  return best;
};
