/** One pipeline stage: states, activations in flight, loss, buffers, and which moment of the iteration is the peak. */
import type { Accelerator } from '../cluster/cluster.ts';
import type { Problem } from '../plan/problem.ts';
import type { MemoryBehaviour } from '../runtimes/memory-behaviour.ts';
import type { Strategy } from '../strategy/strategy.ts';
import { expertData } from '../strategy/strategy.ts';
import { GIB } from '../units.ts';
import { liveOfChunk } from './memory-layers.ts';
import { stageExtras } from './memory-extras.ts';
import { retainedBytes } from './memory-retention.ts';
import { stateBytes } from './memory-states.ts';
import type { MemoryTable } from './memory-table.ts';
import { createMemoryTables } from './memory-table.ts';
import { inFlight } from './schedule-flight.ts';
import { chunkPosition } from './schedule-order.ts';
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

/** Layers of one kind in [from, to). */
const layersOf = (prefix: Int32Array, from: number, to: number): number =>
  (prefix[to] ?? 0) - (prefix[from] ?? 0);

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

/** Σ over chunks in flight, and the largest temporary of any layer of the stage. */
interface StageActivations {
  kept: number;
  working: number;
  dense: number;
  expert: number;
  distinct: number;
  largestBlock: number;
  layers: number;
}

export const createStageMemory = (
  problem: Problem,
  behaviour: MemoryBehaviour,
  accelerator: Accelerator,
  prefixes: readonly Int32Array[],
): ComputeStage => {
  const { model, training } = problem;
  const tableOf = createMemoryTables(problem, behaviour);
  const sums: StageActivations = {
    kept: 0,
    working: 0,
    dense: 0,
    expert: 0,
    distinct: 0,
    largestBlock: 0,
    layers: 0,
  };
  const conditions = training.conditions ?? {};
  const offloadedShare = Math.min(1, (conditions.offloadedLayers ?? 0) / Math.max(1, model.layers.length));
  const everyOther = conditions.recomputeEveryOther === true;
  const byOperator = ({ recompute }: Strategy): boolean =>
    conditions.recomputeOperators === true ||
    (behaviour.selective === 'operators' && recompute.kind === 'selective');

  /** Bytes per token that one pass through `count` layers of a kind keeps, `recomputed` of them in a recomputed block. */
  const keptOf = (
    strategy: Strategy,
    table: MemoryTable,
    kind: number,
    count: number,
    recomputed: number,
  ): number => {
    const each = table.activations[kind];
    if (each === undefined) return 0;
    const split = strategy.sequenceParallel ? strategy.tensor : 1;
    const copy = strategy.microBatchSize > 1 ? (behaviour.batchCopy * model.hidden) / split : 0;
    const input = each.input * behaviour.checkpoint;
    const { recompute } = strategy;
    if (byOperator(strategy)) return (count * behaviour.operatorPolicy * model.hidden) / split;
    if (everyOther) return (count * (each.kept + copy + input)) / 2;
    switch (recompute.kind) {
      case 'none':
      case 'selective':
        return count * (each.kept + copy);
      case 'full':
        return count * input;
      case 'full-uniform':
        return (count * input) / recompute.layers;
      case 'full-block':
        return recomputed * input + (count - recomputed) * (each.kept + copy);
    }
  };
  /** Layers that are alive in full at once during recomputation. */
  const liveLayers = (strategy: Strategy): number => {
    const { recompute } = strategy;
    if (recompute.kind === 'full-uniform') return recompute.layers;
    return recompute.kind === 'full' || recompute.kind === 'full-block' || everyOther ? 1 : 0;
  };
  const clear = (): void => {
    sums.kept = sums.working = sums.dense = sums.expert = sums.distinct = sums.largestBlock = sums.layers = 0;
  };
  /** What layers of a kind add, but for what they keep. */
  const addLayers = (strategy: Strategy, table: MemoryTable, kind: number, count: number): void => {
    const parameters = table.parameters.kinds[kind];
    const each = table.activations[kind];
    if (count === 0 || parameters === undefined || each === undefined) return;
    const unit = liveLayers(strategy) * behaviour.live;
    sums.layers += count;
    sums.working = Math.max(sums.working, each.working + unit * each.live);
    sums.dense += count * parameters.dense;
    sums.expert += count * parameters.expert;
    sums.distinct = Math.max(sums.distinct, parameters.distinct);
    sums.largestBlock = Math.max(sums.largestBlock, parameters.dense + parameters.expert);
  };
  const sumLayers = (
    strategy: Strategy,
    shape: ScheduleShape,
    table: MemoryTable,
    first: Int32Array,
    stage: number,
    live: number,
  ): void => {
    clear();
    const block = strategy.recompute.kind === 'full-block' ? strategy.recompute.layers : 0;
    for (let chunk = 0; chunk < strategy.virtualStages; chunk += 1) {
      const position = chunkPosition(shape, stage, chunk);
      const [from, to] = [first[position] ?? 0, first[position + 1] ?? 0];
      const alive = liveOfChunk(shape, live, chunk);
      for (let kind = 0; kind < prefixes.length; kind += 1) {
        const prefix = prefixes[kind];
        const count = prefix === undefined ? 0 : layersOf(prefix, from, to);
        if (prefix === undefined || count === 0) continue;
        const recomputed = block === 0 ? 0 : layersOf(prefix, from, Math.min(to, from + block));
        sums.kept += alive * keptOf(strategy, table, kind, count, recomputed);
        addLayers(strategy, table, kind, count);
      }
    }
    sums.kept *= 1 - offloadedShare;
  };
  /**
   * Layers of each kind wherever they stand: in the chunk with fewest passes alive, but for one layer in every chunk that
   * may not be empty; of each chunk the layers that keep most are those recomputed.
   */
  const sumCounts = (
    strategy: Strategy,
    shape: ScheduleShape,
    table: MemoryTable,
    counts: readonly number[],
    stage: number,
    live: number,
  ): void => {
    clear();
    const { virtualStages, recompute } = strategy;
    const last = strategy.pipeline * virtualStages - 1;
    let [least, more] = [Infinity, 0];
    for (let chunk = 0; chunk < virtualStages; chunk += 1)
      least = Math.min(least, liveOfChunk(shape, live, chunk));
    for (let chunk = 0; chunk < virtualStages; chunk += 1) {
      const position = chunkPosition(shape, stage, chunk);
      if (position > 0 && position < last) more += liveOfChunk(shape, live, chunk) - least;
    }
    let block = recompute.kind === 'full-block' ? recompute.layers * virtualStages : 0;
    let lightest = Infinity;
    const saved = (kind: number): number =>
      keptOf(strategy, table, kind, 1, 0) - keptOf(strategy, table, kind, 1, 1);
    for (const kind of counts.map((_, index) => index).sort((a, b) => saved(b) - saved(a))) {
      const count = counts[kind] ?? 0;
      if (count === 0) continue;
      const recomputed = Math.min(block, count);
      block -= recomputed;
      sums.kept += least * keptOf(strategy, table, kind, count, recomputed);
      lightest = Math.min(
        lightest,
        keptOf(strategy, table, kind, 1, Number(recompute.kind === 'full-block')),
      );
      addLayers(strategy, table, kind, count);
    }
    if (Number.isFinite(lightest)) sums.kept += more * lightest;
    sums.kept *= 1 - offloadedShare;
  };

  const { headPeak, addExtras } = stageExtras(problem, behaviour);

  /** Figures of a stage whose layers are summed. */
  const fill = (
    strategy: Strategy,
    shape: ScheduleShape,
    table: MemoryTable,
    stage: number,
    live: number,
    out: StageBytes,
  ): void => {
    const tokens = (training.sequenceLength * strategy.microBatchSize) / strategy.context;
    const extras = addExtras(strategy, table, stage);

    const states = stateBytes(training, strategy.sharding, behaviour);
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
    const blocks = states.shardsWeights
      ? 4 * sums.largestBlock +
        Math.min(states.gradients, 4) * sums.largestBlock +
        2 * (extras.dense + extras.expert)
      : 0;
    const constant = behaviour.constant + (expert > 0 ? behaviour.groupedConstant : 0);

    out.activations = activations;
    out.logits = temporary === loss ? loss : 0;
    out.communicationBuffers = gathered + blocks;
    out.workspace = (temporary === loss ? 0 : temporary) + dummies + constant;
    const sumOf = out.parameters + out.gradients + out.optimizerStates;
    // Freed blocks that the allocator reclaims before it fails: they count for the peak, not for what must fit.
    const retained = retainedBytes(behaviour, accelerator, {
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
    const elastic = behaviour.retention > 0;
    const needed = (total - expected) * ELASTIC_MARGIN;
    const reclaimed = Math.max(needed, RECLAIM * accelerator.memory - outside);
    out.bound = outside + (elastic ? Math.min(most, reclaimed) : most);
  };
  return {
    placed: (strategy, shape, first, stage, out) => {
      const table = tableOf(strategy);
      const live = inFlight(shape, stage, strategy.vocabulary);
      sumLayers(strategy, shape, table, first, stage, live);
      fill(strategy, shape, table, stage, live, out);
    },
    counted: (strategy, shape, counts, stage, out) => {
      const table = tableOf(strategy);
      const live = inFlight(shape, stage, strategy.vocabulary);
      sumCounts(strategy, shape, table, counts, stage, live);
      fill(strategy, shape, table, stage, live, out);
    },
  };
};
