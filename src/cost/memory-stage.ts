/** One pipeline stage: states, activations in flight, loss, buffers, and which moment of the iteration is the peak. */
import type { Accelerator } from '../cluster/cluster.ts';
import type { Problem } from '../plan/problem.ts';
import type { MemoryBehaviour } from '../runtimes/memory-behaviour.ts';
import type { Strategy } from '../strategy/strategy.ts';
import { expertData } from '../strategy/strategy.ts';
import { GIB } from '../units.ts';
import { createLayerSums } from './memory-layer-sums.ts';
import type { Prepared, StageActivations } from './memory-layer-sums.ts';
import { liveOfChunk } from './memory-layers.ts';
import { stageExtras } from './memory-extras.ts';
import { retainedBytes } from './memory-retention.ts';
import { stateBytes } from './memory-states.ts';
import { createMemoryTables } from './memory-table.ts';
import { inFlight } from './schedule-flight.ts';
import type { ScheduleShape } from './schedule-order.ts';

/** Figures of StageMemory, in a record that is filled anew for every stage. */
export interface StageBytes {
  parameters: number;
  gradients: number;
  optimizerStates: number;
  activations: number;
  logits: number;
  communicationBuffers: number;
  workspace: number;
  total: number;
  reserved: number;
  device: number;
  bound: number;
}

export const emptyStage = (): StageBytes => ({
  parameters: 0,
  gradients: 0,
  optimizerStates: 0,
  activations: 0,
  logits: 0,
  communicationBuffers: 0,
  workspace: 0,
  total: 0,
  reserved: 0,
  device: 0,
  bound: 0,
});

/** Buffers of fused dispatchers, NVLink and network, outside the allocator (deepseek-ai/DeepEP README: 0.2 to 1 GiB). */
const DISPATCHER_BUFFERS = 0.6 * GIB;

/** Share of the memory at which the allocator has given all cached blocks back. */
const RECLAIM = 0.98;
/** Margin on what such a stage cannot give back. */
const ELASTIC_MARGIN = 1.04;

export interface ComputeStage {
  /** `first`: the first layer at each position of the model's chunks. */
  readonly placed: (
    strategy: Strategy,
    shape: ScheduleShape,
    first: Int32Array,
    stage: number,
    out: StageBytes,
  ) => void;
  /** No more than a stage takes that holds so many layers of each kind, in whatever chunks and order. */
  readonly counted: (
    strategy: Strategy,
    shape: ScheduleShape,
    counts: readonly number[],
    stage: number,
    out: StageBytes,
  ) => void;
}

export const createStageMemory = (
  problem: Problem,
  behaviour: MemoryBehaviour,
  accelerator: Accelerator,
  prefixes: readonly Int32Array[],
): ComputeStage => {
  const { model, training } = problem;
  const tableOf = createMemoryTables(problem, behaviour);
  const conditions = training.conditions ?? {};
  const { layersKept, sumLayers, sumCounts } = createLayerSums(problem, behaviour, prefixes);
  const { headPeak, addExtras } = stageExtras(problem, behaviour);

  /** Figures of a stage whose layers are summed. */
  const fill = (
    { strategy, table, states }: Prepared,
    sums: Readonly<StageActivations>,
    shape: ScheduleShape,
    stage: number,
    live: number,
    out: StageBytes,
  ): void => {
    const tokens = (training.sequenceLength * strategy.microBatchSize) / strategy.context;
    const extras = addExtras(strategy, table, stage);

    const replicas = strategy.data * strategy.context;
    const shards = strategy.sharding === 'none' ? 1 : Math.max(1, Math.min(strategy.shardingGroup, replicas));
    const expertShards =
      strategy.sharding === 'none' ? 1 : Math.max(1, (expertData(strategy) * shards) / replicas);
    const dense = sums.dense + extras.dense;
    const expert = sums.expert + extras.expert;
    const whole = dense + expert;
    const sharded = dense / shards + expert / expertShards;
    const bucket = strategy.data > 1 ? behaviour.states.buckets : 0;
    const offload = conditions.optimizerOffload ?? (strategy.offload === 'optimizer' ? 1 : 0);
    const optimizer = states.optimizer - offload * states.moments;
    out.parameters = states.weights * (states.shardsWeights ? sharded : whole);
    if (!states.shardsWeights) out.parameters += behaviour.weightCopies * (sums.dense + sums.expert);
    out.gradients = (states.gradients + bucket) * (states.shardsGradients ? sharded : whole);
    out.optimizerStates = optimizer * sharded;
    // Two bytes an element in `extras`: the gradient of the table as autograd makes it.
    if (strategy.pipeline > 1) out.gradients += (behaviour.embeddingGradient / 2) * extras.embeddingGradient;

    const activations =
      (sums.kept + liveOfChunk(shape, live, 0) * extras.keptPerPass + extras.keptOnce) * tokens;
    // Moments that compete for the peak: the loss, the backward pass of the widest layer, the dense gradient of the
    // embedding after the last layer of a micro-batch has gone.
    const loss = headPeak(strategy, table, stage, tokens);
    const working = sums.working * tokens;
    const oldest = activations / Math.max(1, live / strategy.virtualStages);
    const embeddingGradient = extras.embeddingGradient - oldest;
    const temporary = Math.max(loss, working, embeddingGradient);
    const dummies = behaviour.dummyWeightGradients ? 2 * (sums.distinct + extras.headWeights) : 0;
    const gathered =
      strategy.sequenceParallel && strategy.tensor > 1 ? behaviour.gatherBuffers * model.hidden * tokens : 0;
    const adds =
      states.shardsWeights &&
      shape.microBatches > 1 &&
      behaviour.accumulatesWhole[strategy.pipeline === 1 ? 'one' : 'more'];
    const gathers =
      adds && strategy.pipeline > 1 ? 2 * whole : 4 * sums.largestBlock + 2 * (extras.dense + extras.expert);
    const blocks = states.shardsWeights
      ? gathers +
        behaviour.gradientBlocks * Math.min(states.gradients, 4) * sums.largestBlock +
        (adds ? 4 * whole : 0)
      : 0;
    const constant = behaviour.constant + (expert > 0 ? behaviour.groupedConstant : 0);

    out.activations = activations;
    out.logits = temporary === loss ? loss : 0;
    out.communicationBuffers = gathered + blocks;
    out.workspace = (temporary === loss ? 0 : temporary) + dummies + constant;
    const sumOf = out.parameters + out.gradients + out.optimizerStates;
    // Freed blocks that the allocator reclaims before it fails: they count for the peak, not for what must fit.
    const retained =
      behaviour.retention === 0
        ? 0
        : retainedBytes(behaviour, accelerator, {
            strategy,
            live,
            tokens,
            layers: sums.layers,
            hidden: model.hidden,
            layerParameters: sums.largestBlock,
            used: sumOf + activations + out.logits + out.communicationBuffers + out.workspace,
          });
    const expected = behaviour.expectsRetention ? retained : 0;
    out.communicationBuffers += expected;
    let total = sumOf + out.activations + out.logits + out.communicationBuffers + out.workspace;
    const step = sumOf + states.step * sharded + constant;
    if (step > total) {
      // fp16: gradient copies of the step outweigh activations, which are gone by then.
      out.activations = out.logits = out.communicationBuffers = 0;
      out.gradients += states.step * sharded;
      out.workspace = constant;
      total = step;
    }
    // Parameters are sharded layer by layer: beside those not yet sharded, a layer is held twice.
    const start =
      behaviour.startsWhole && states.shardsWeights ? states.weights * (whole + sums.largestBlock) : 0;
    if (start > total) {
      out.parameters = start;
      out.gradients = out.optimizerStates = out.activations = out.logits = out.communicationBuffers = 0;
      out.workspace = 0;
      total = start;
    }
    const outside =
      behaviour.outside +
      (strategy.expert > 1 && strategy.dispatcher.endsWith('ep') ? DISPATCHER_BUFFERS : 0);
    const fragments =
      behaviour.activationFragmentation * out.activations + behaviour.unshared * Math.min(loss, working);
    out.total = total;
    out.reserved = total * (1 + behaviour.fragmentation) + fragments;
    out.device = out.reserved + outside;
    const factor = strategy.pipeline === 1 ? behaviour.bound : behaviour.pipelineBound;
    const { two, more } = behaviour.retainedBound;
    const waiting = strategy.pipeline === 1 ? behaviour.bound : strategy.pipeline === 2 ? two : more;
    const held = total - expected + fragments;
    const most = Math.max(held * factor + retained * waiting, out.reserved);
    const elastic = behaviour.reclaims || behaviour.retention > 0;
    const needed = (total - expected) * ELASTIC_MARGIN;
    const reclaimed = Math.max(needed, RECLAIM * accelerator.memory - outside);
    out.bound = outside + (elastic ? Math.min(most, reclaimed) : most);
  };
  // All stages of a strategy are asked about one after the other.
  let last: Prepared | null = null;
  const prepare = (strategy: Strategy): Prepared => {
    if (last?.strategy === strategy) return last;
    const table = tableOf(strategy);
    const states = stateBytes(training, strategy.sharding, behaviour);
    last = { strategy, table, states, kept: layersKept(strategy, table) };
    return last;
  };
  return {
    placed: (strategy, shape, first, stage, out) => {
      const prepared = prepare(strategy);
      const live = inFlight(shape, stage, strategy.vocabulary);
      fill(prepared, sumLayers(prepared, shape, first, stage, live), shape, stage, live, out);
    },
    counted: (strategy, shape, counts, stage, out) => {
      const prepared = prepare(strategy);
      const live = inFlight(shape, stage, strategy.vocabulary);
      fill(prepared, sumCounts(prepared, shape, counts, stage, live), shape, stage, live, out);
    },
  };
};
