/** One iteration in the runtime's order: pipeline, exposed data parallelism, optimizer, fixed overhead. */
import type { Problem } from '../plan/problem.ts';
import type { TimeBreakdown } from '../plan/plan.ts';
import { gpusUsed, microBatches } from '../strategy/strategy.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import { seconds } from '../units.ts';
import type { Seconds } from '../units.ts';
import { gatherTime, transferTimes } from './collectives.ts';
import { dataTime, optimizerTime, shardsLayers } from './data-parallel.ts';
import { stageAxis } from './group-spans.ts';
import type { LayerSet, LayerTables } from './layer-set.ts';
import { measuredPipeline, measuredTransfer } from './measured-pipeline.ts';
import type { MeasuredPipeline } from './measured-pipeline.ts';
import { pipelineMakespan, pipelineTime } from './pipeline.ts';
import type { PipelineInput } from './stage.ts';
import { leastLoads } from './stage-bound.ts';
import { stageCosts, stageParts } from './stages.ts';
import type { StageCost } from './stages.ts';
import { pair } from './tuple-map.ts';
import type { TupleMap } from './tuple-map.ts';

/** Bytes of an element of the hidden state between stages. */
const ELEMENT = 2;

/** One-way times over each stage boundary, of which `links` are the means; `directed` over measured links alone. */
type StageLinks = Pick<PipelineInput, 'links' | 'directed'>;

/**
 * One-way transfer of a micro-batch's hidden state over each stage boundary, as far as it is exposed. A stack that
 * scatters transfers sends 1∕tensor of it per rank and gathers it on arrival; with sequence parallelism a rank holds
 * no more than that. Over measured links every replica has its own (those alike appear once).
 */
const stageLinks = (
  problem: Problem,
  tables: LayerTables,
  set: LayerSet,
  s: Strategy,
): readonly StageLinks[] => {
  if (s.pipeline === 1) return [{ links: [seconds(0)] }];
  const { runtime, behaviour, machine } = set;
  const tokens = (s.microBatchSize * problem.training.sequenceLength) / s.context;
  const whole = ELEMENT * tokens * problem.model.hidden;
  const cut = s.sequenceParallel || behaviour.scattersTransfers ? s.tensor : 1;
  const { topology } = tables;
  const world = gpusUsed(s);
  const gathered = cut > 1 && !s.sequenceParallel;
  const arrive = gathered
    ? gatherTime(machine, topology.groupSpan({ world, size: s.tensor, stride: 1 }), whole)
    : 0;
  const exposed = (time: number): Seconds =>
    seconds(runtime.pipelineExposed * (time + arrive) + runtime.transferHost);
  const replicas = topology.replicaHops({ world, ...stageAxis(s) }, s.tensor * s.context);
  return replicas.map((hops): StageLinks => {
    const times = hops.map((hop) => transferTimes(machine, hop, whole / cut));
    const links = times.map(({ down, up }) => exposed((down + up) / 2));
    if (topology.links === null) return { links };
    const directed = {
      down: times.map(({ down }) => exposed(down)),
      up: times.map(({ up }) => exposed(up)),
    };
    return { links, directed };
  });
};

interface DataPart {
  readonly exchange: number;
  readonly step: number;
}

/**
 * The stage whose gradients and optimizer end last ends the iteration. Over measured links the data-parallel groups of
 * stages differ, and each begins when its own stage is done (`starts`); otherwise all are taken to begin together.
 */
const dataPart = (stages: readonly StageCost[], s: Strategy, starts: readonly number[] | null): DataPart => {
  let worst: DataPart = { exchange: 0, step: 0 };
  let before: StageCost | undefined;
  for (const [index, stage] of stages.entries()) {
    const { set, denseParameters, expertParameters } = stage;
    const same =
      before?.denseParameters === denseParameters &&
      before.expertParameters === expertParameters &&
      before.set === set;
    before = stage;
    // A later stage alike has the longer head start.
    if (same) continue;
    const whole = shardsLayers(s, set.behaviour) ? 0 : dataTime(set.data, denseParameters, expertParameters);
    const step = optimizerTime(set.data, denseParameters, expertParameters);
    if (starts !== null) {
      // The step waits for the norm of all gradients.
      const exchange = Math.max(worst.exchange, whole - (starts[index] ?? 0));
      worst = { exchange, step: Math.max(worst.step, step) };
    } else if (whole + step > worst.exchange + worst.step) worst = { exchange: whole, step };
  }
  return worst;
};

/** A vocabulary spread over stages: its passes cost every stage an equal share. */
const spreadVocabulary = (s: Strategy): boolean =>
  s.vocabulary !== 'last' && s.vocabulary !== 'redistributed';

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
  readonly measured: MeasuredPipeline | null;
}

/** Problem, tables and places that every call shares. */
export interface IterationContext {
  readonly problem: Problem;
  readonly tables: LayerTables;
  readonly prefixes: readonly Int32Array[];
  readonly machines: (s: Strategy) => readonly (readonly number[])[];
}

/** Also what bounds remember. */
export interface BoundContext extends IterationContext {
  /** Least transfers of a micro-batch, by the keys that they depend on. */
  readonly transfers: TupleMap<number>;
}

const courseOf = (context: IterationContext, s: Strategy, partition: Partition): Course => {
  const { problem, tables, prefixes } = context;
  const m = microBatches(s, problem.training.globalBatchSize);
  if (!Number.isInteger(m) || m < 1)
    throw new RangeError(`${m} micro-batches for each replica: not a positive integer`);
  const stages = stageCosts(problem, prefixes, tables.sets(s), context.machines(s), s, partition);
  let busiest = 0;
  for (let i = 1; i < stages.length; i += 1)
    if ((stages[i]?.time ?? 0) > (stages[busiest]?.time ?? 0)) busiest = i;
  const heavy = stages[busiest];
  if (heavy === undefined) throw new RangeError('a pipeline has at least one stage');
  const { set } = heavy;
  const vocabulary = spreadVocabulary(s) ? (set.head.forwardTime + set.head.backwardTime) / s.pipeline : 0;
  const alone = s.pipeline === 1 && s.virtualStages === 1;
  const chunks = stages.map((stage) => stage.chunks);
  const inputs = alone
    ? []
    : stageLinks(problem, tables, set, s).map((links): PipelineInput => ({
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
  const measured = tables.topology.links === null || alone ? null : measuredPipeline(inputs);
  const pipeline = measured?.input ?? inputs[0] ?? null;
  return { microBatches: m, stages, busiest, heavy, vocabulary, pipeline, measured };
};

const busyTime = ({ microBatches: m, heavy, vocabulary }: Course): number => m * (heavy.time + vocabulary);

/** Time of one iteration. Throws RangeError on a strategy that does not fit. */
export const iterationTime = (context: IterationContext, s: Strategy, partition: Partition): number => {
  const course = courseOf(context, s, partition);
  const { pipeline, measured } = course;
  const makespan = measured?.makespan ?? (pipeline === null ? busyTime(course) : pipelineMakespan(pipeline));
  const { exchange, step } = dataPart(course.stages, s, measured?.headStarts ?? null);
  return makespan + exchange + step + course.heavy.set.runtime.iterationOverhead;
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
      ? { makespan: measured.makespan, transfer: measuredTransfer(measured) }
      : course.pipeline === null
        ? null
        : pipelineTime(course.pipeline);
  const { exchange, step } = dataPart(course.stages, s, measured?.headStarts ?? null);
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

/** Seconds that one micro-batch is at least on its way between stages, down and up: what every partition waits for. */
const leastTransfers = ({ problem, tables, transfers }: BoundContext, set: LayerSet, s: Strategy): number => {
  if (s.pipeline === 1 || tables.topology.links !== null || !opensWithWay(s)) return 0;
  const tokens = pair(s.context, s.microBatchSize);
  const rest = Number(s.sequenceParallel) * 2 + Number(s.rankOrder === 'tp-cp-ep-pp-dp');
  const machine = tables.machines.indexOf(set.machine);
  const place = pair(s.pipeline, machine * 4 + rest);
  const known = transfers.get(gpusUsed(s), s.tensor, tokens, place);
  if (known !== undefined) return known;
  const links = stageLinks(problem, tables, set, s)[0]?.links ?? [];
  let way = 0;
  for (let index = 0; index < s.pipeline - 1; index += 1) way += 2 * (links[index] ?? 0);
  transfers.set(gpusUsed(s), s.tensor, tokens, place, way);
  return way;
};

/** Schedules that expose at least one micro-batch's whole way through the pipeline. */
const opensWithWay = ({ schedule }: Strategy): boolean =>
  schedule === 'gpipe' || schedule === '1f1b' || schedule === 'interleaved' || schedule === 'zb-h1';

/**
 * No partition of the strategy is faster: some stage does at least the balanced share of all work for every micro-batch,
 * and in synchronous schedules one micro-batch passes every other stage and all transfers; plus the step on the mean
 * shard of parameters. Free of exposed gradients. Zero-bubble schedules have no fill. `bottleneck`: seconds that the
 * slowest stage takes at least for one micro-batch under every partition, where the caller knows.
 */
export const iterationLowerBound = (context: BoundContext, s: Strategy, bottleneck = 0): number =>
  leastTime(context, s, false, bottleneck);

/** The same with the exposed gradients and gathers of the mean stage, which the stage with most parameters exceeds. */
export const iterationExchangeBound = (context: BoundContext, s: Strategy, bottleneck = 0): number =>
  leastTime(context, s, true, bottleneck);

/** Sums of the same times in another order differ by less. */
const ROUNDING = 1e-12;

const leastTime = (context: BoundContext, s: Strategy, exchanges: boolean, bottleneck: number): number => {
  const { problem, tables } = context;
  const m = problem.training.globalBatchSize / (s.data * s.microBatchSize);
  const { pipeline: p, virtualStages: v } = s;
  const sets = tables.sets(s);
  const { share, round } = leastLoads(problem, sets, context.machines, s);
  let end = Infinity;
  for (const set of sets) {
    const { denseParameters: dense, expertParameters: expert } = set.whole;
    const step = optimizerTime(set.data, dense / p, expert / p);
    const whole = exchanges && !shardsLayers(s, set.behaviour);
    const exchange = whole ? dataTime(set.data, dense / p, expert / p) : 0;
    const transfer = leastTransfers(context, set, s);
    end = Math.min(end, exchange + transfer + step + set.runtime.iterationOverhead);
  }
  // A spread vocabulary leaves the last stage; over measured links passes are simulated. Both may undercut the caller's.
  const slowest = spreadVocabulary(s) || tables.topology.links !== null ? share : Math.max(share, bottleneck);
  const filled = s.schedule === 'gpipe' || s.schedule === '1f1b' || s.schedule === 'interleaved';
  const pipeline = filled ? (m - 1 / v) * slowest + Math.max(round, slowest) / v : m * slowest;
  return (pipeline + end) * (1 - ROUNDING);
};
