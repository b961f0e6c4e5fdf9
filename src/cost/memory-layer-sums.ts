/** Sums over the layers of a pipeline stage: activations in flight, parameters, the largest of each. */
import type { Problem } from '../plan/problem.ts';
import type { MemoryBehaviour } from '../runtimes/memory-behaviour.ts';
import type { Strategy } from '../strategy/strategy.ts';
import { liveOfChunk } from './memory-layers.ts';
import type { StateBytes } from './memory-states.ts';
import type { MemoryTable } from './memory-table.ts';
import { chunkPosition } from './schedule-order.ts';
import type { ScheduleShape } from './schedule-order.ts';

/** Layers of one kind in [from, to). */
const layersOf = (prefix: Int32Array, from: number, to: number): number =>
  (prefix[to] ?? 0) - (prefix[from] ?? 0);

/** Of one kind of layer, per token and pass. */
interface LayerKept {
  readonly whole: number;
  readonly input: number;
}

/** What all stages of a strategy share. */
export interface Prepared {
  readonly strategy: Strategy;
  readonly table: MemoryTable;
  readonly states: StateBytes;
  /** By kind of layer. */
  readonly kept: readonly LayerKept[];
}

/** Σ over chunks in flight, and the largest temporary of any layer of the stage. */
export interface StageActivations {
  kept: number;
  working: number;
  dense: number;
  expert: number;
  distinct: number;
  largestBlock: number;
  layers: number;
}

export interface LayerSums {
  readonly layersKept: (strategy: Strategy, table: MemoryTable) => readonly LayerKept[];
  /** One record, overwritten by the next call. */
  readonly sumLayers: (
    prepared: Prepared,
    shape: ScheduleShape,
    first: Int32Array,
    stage: number,
    live: number,
  ) => Readonly<StageActivations>;
  /**
   * Layers of each kind wherever they stand: in the chunk with fewest passes alive, but for one layer in every chunk that
   * may not be empty; of each chunk the layers that keep most are those recomputed.
   */
  readonly sumCounts: (
    prepared: Prepared,
    shape: ScheduleShape,
    counts: readonly number[],
    stage: number,
    live: number,
  ) => Readonly<StageActivations>;
}

export const createLayerSums = (
  { model, training }: Problem,
  behaviour: MemoryBehaviour,
  prefixes: readonly Int32Array[],
): LayerSums => {
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

  /** Bytes per token that one pass through a layer of each kind keeps: all of it, and its input where it is recomputed. */
  const layersKept = (strategy: Strategy, table: MemoryTable): readonly LayerKept[] => {
    const split = strategy.sequenceParallel ? strategy.tensor : 1;
    const copy = strategy.microBatchSize > 1 ? (behaviour.batchCopy * model.hidden) / split : 0;
    return table.activations.map(({ kept, input }) => ({
      whole: kept + copy,
      input: input * behaviour.checkpoint,
    }));
  };
  /** Bytes per token that one pass through `count` layers of a kind keeps, `recomputed` of them in a recomputed block. */
  const keptOf = (
    { recompute, sequenceParallel, tensor }: Strategy,
    operators: boolean,
    { whole, input }: LayerKept,
    count: number,
    recomputed: number,
  ): number => {
    if (operators) return (count * behaviour.operatorPolicy * model.hidden) / (sequenceParallel ? tensor : 1);
    if (everyOther) return (count * (whole + input)) / 2;
    switch (recompute.kind) {
      case 'none':
      case 'selective':
        return count * whole;
      case 'full':
        return count * input;
      case 'full-uniform':
        return (count * input) / recompute.layers;
      case 'full-block':
        return recomputed * input + (count - recomputed) * whole;
    }
  };
  /** Layers that are alive in full at once during recomputation. */
  const liveLayers = (strategy: Strategy): number => {
    const { recompute } = strategy;
    if (recompute.kind === 'full-uniform') return recompute.layers;
    return recompute.kind === 'full' || recompute.kind === 'full-block' || everyOther ? 1 : 0;
  };
  const sumLayers = (
    { strategy, table, kept: keptByKind }: Prepared,
    shape: ScheduleShape,
    first: Int32Array,
    stage: number,
    live: number,
  ): StageActivations => {
    const unit = liveLayers(strategy) * behaviour.live;
    const operators = byOperator(strategy);
    const { virtualStages } = strategy;
    const block = strategy.recompute.kind === 'full-block' ? strategy.recompute.layers : 0;
    let kept = 0;
    let working = 0;
    let dense = 0;
    let expert = 0;
    let distinct = 0;
    let largestBlock = 0;
    let layers = 0;
    for (let chunk = 0; chunk < virtualStages; chunk += 1) {
      const position = chunkPosition(shape, stage, chunk);
      const from = first[position] ?? 0;
      const to = first[position + 1] ?? 0;
      const alive = liveOfChunk(shape, live, chunk);
      layers += to - from;
      for (let kind = 0; kind < prefixes.length; kind += 1) {
        const prefix = prefixes[kind];
        const count = prefix === undefined ? 0 : layersOf(prefix, from, to);
        if (count === 0 || prefix === undefined) continue;
        const parameters = table.parameters.kinds[kind];
        const each = table.activations[kind];
        const own = keptByKind[kind];
        if (parameters === undefined || each === undefined || own === undefined) continue;
        const recomputed = block === 0 ? 0 : layersOf(prefix, from, Math.min(to, from + block));
        kept += alive * keptOf(strategy, operators, own, count, recomputed);
        working = Math.max(working, each.working + unit * each.live);
        dense += count * parameters.dense;
        expert += count * parameters.expert;
        distinct = Math.max(distinct, parameters.distinct);
        largestBlock = Math.max(largestBlock, parameters.dense + parameters.expert);
      }
    }
    sums.kept = kept * (1 - offloadedShare);
    sums.working = working;
    sums.dense = dense;
    sums.expert = expert;
    sums.distinct = distinct;
    sums.largestBlock = largestBlock;
    sums.layers = layers;
    return sums;
  };
  const sumCounts = (
    { strategy, table, kept: keptByKind }: Prepared,
    shape: ScheduleShape,
    counts: readonly number[],
    stage: number,
    live: number,
  ): StageActivations => {
    const { virtualStages, recompute } = strategy;
    const unit = liveLayers(strategy) * behaviour.live;
    const operators = byOperator(strategy);
    const keeps = (kind: number, count: number, recomputed: number): number => {
      const own = keptByKind[kind];
      return own === undefined ? 0 : keptOf(strategy, operators, own, count, recomputed);
    };
    sums.kept = sums.working = sums.dense = sums.expert = sums.distinct = sums.largestBlock = sums.layers = 0;
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
    const saved = (kind: number): number => keeps(kind, 1, 0) - keeps(kind, 1, 1);
    for (const kind of counts.map((_, index) => index).sort((a, b) => saved(b) - saved(a))) {
      const count = counts[kind] ?? 0;
      const parameters = table.parameters.kinds[kind];
      const each = table.activations[kind];
      if (count === 0 || parameters === undefined || each === undefined) continue;
      const recomputed = Math.min(block, count);
      block -= recomputed;
      sums.kept += least * keeps(kind, count, recomputed);
      lightest = Math.min(lightest, keeps(kind, 1, Number(recompute.kind === 'full-block')));
      sums.layers += count;
      sums.working = Math.max(sums.working, each.working + unit * each.live);
      sums.dense += count * parameters.dense;
      sums.expert += count * parameters.expert;
      sums.distinct = Math.max(sums.distinct, parameters.distinct);
      sums.largestBlock = Math.max(sums.largestBlock, parameters.dense + parameters.expert);
    }
    if (Number.isFinite(lightest)) sums.kept += more * lightest;
    sums.kept *= 1 - offloadedShare;
    return sums;
  };
  return { layersKept, sumLayers, sumCounts };
};
