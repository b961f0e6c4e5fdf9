/** From layers to pipeline stages: which layers, on which machines, at what cost. */
import type { Problem } from '../plan/problem.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import { seconds } from '../units.ts';
import type { LayerCost } from './layer.ts';
import type { LayerSet } from './layer-set.ts';
import { addParts, noParts } from './parts.ts';
import { isVShaped } from '../strategy/partition.ts';
import type { Parts } from './parts.ts';
import type { ChunkTime } from './stage.ts';

/** Prefix counts of each kind over the layers: counts[kind][i] = layers of that kind before layer i. */
export const kindPrefixes = (kinds: number, layers: readonly number[]): readonly Int32Array[] => {
  const prefixes = Array.from({ length: kinds }, () => new Int32Array(layers.length + 1));
  for (const [layer, kind] of layers.entries())
    for (const [index, prefix] of prefixes.entries())
      prefix[layer + 1] = (prefix[layer] ?? 0) + Number(index === kind);
  return prefixes;
};

/** Node groups whose GPUs hold ranks of each stage. */
export const stageMachines = (problem: Problem, s: Strategy): readonly (readonly number[])[] => {
  const all = problem.cluster.groups.map((_, index) => index);
  if (all.length === 1) return Array.from({ length: s.pipeline }, () => all);
  const bounds: number[] = [0];
  for (const group of problem.cluster.groups) bounds.push((bounds.at(-1) ?? 0) + group.count * group.perNode);
  const perStage = s.tensor * s.context * s.data;
  const contiguous = s.rankOrder === 'tp-cp-ep-dp-pp';
  return Array.from({ length: s.pipeline }, (_, stage) => {
    const [first, last] = contiguous
      ? [stage * perStage, (stage + 1) * perStage]
      : [0, perStage * s.pipeline];
    return all.filter((index) => (bounds[index] ?? 0) < last && (bounds[index + 1] ?? 0) > first);
  });
};

/** The slowest of the machines that hold a stage decides. */
export const slowestSet = (sets: readonly LayerSet[], machines: readonly number[]): LayerSet => {
  let slowest: LayerSet | undefined;
  let most = -1;
  for (const index of machines) {
    const set = sets[index];
    if (set === undefined) continue;
    let time = 0;
    for (const { forwardTime, backwardTime } of set.kinds) time += forwardTime + backwardTime;
    if (time > most) [slowest, most] = [set, time];
  }
  if (slowest === undefined) throw new RangeError('a pipeline stage has no machine');
  return slowest;
};

/** Layers of one chunk: first and last + 1, and where recomputation of the first layers of a block ends. */
interface Range {
  readonly first: number;
  readonly split: number;
  readonly last: number;
}

/** What a stage does with one micro-batch, and the parameters it holds. */
export interface StageCost {
  readonly set: LayerSet;
  readonly ranges: readonly Range[];
  readonly chunks: readonly ChunkTime[];
  /** Both passes through all chunks. */
  readonly time: number;
  readonly denseParameters: number;
  readonly expertParameters: number;
  /** Seconds of backward through all chunks on network ports. */
  readonly backwardPorts: number;
}

/** Where the head's time goes: onto the last stage, or, with a spread vocabulary, into passes of its own. */
export const headOnStage = (s: Strategy): boolean =>
  s.vocabulary === 'last' || s.vocabulary === 'redistributed';

/** The stage where the model ends: the last, or in a V of an even number of rounds the first. */
export const headStage = (s: Strategy): number =>
  isVShaped(s.schedule) && s.virtualStages % 2 === 0 ? 0 : s.pipeline - 1;

/** Chunks in layer order, which is virtual-stage-major: chunk v of every stage, then chunk v + 1; in a V back up the stages. */
const rangesOf = (layers: number, s: Strategy, partition: Partition): readonly (readonly Range[])[] => {
  const block = s.recompute.kind === 'full-block' ? s.recompute.layers : Infinity;
  const ranges: Range[][] = [];
  for (let stage = 0; stage < s.pipeline; stage += 1) ranges.push([]);
  let first = 0;
  const v = isVShaped(s.schedule);
  for (let virtual = 0; virtual < s.virtualStages; virtual += 1)
    for (let at = 0; at < s.pipeline; at += 1) {
      const stage = v && virtual % 2 === 1 ? s.pipeline - 1 - at : at;
      const last = first + (partition[stage]?.[virtual] ?? 0);
      ranges[stage]?.push({ first, split: Math.min(last, first + block), last });
      first = last;
    }
  if (first !== layers) throw new RangeError(`the partition holds ${first} layers, the model ${layers}`);
  return ranges;
};

/** Sums over the pieces of a chunk or stage. */
interface Sums {
  forward: number;
  backward: number;
  weight: number;
  dense: number;
  expert: number;
  backwardPorts: number;
}

const add = (sums: Sums, cost: LayerCost, count: number): void => {
  sums.forward += cost.forwardTime * count;
  sums.backward += cost.backwardTime * count;
  sums.weight += cost.weightGradient * count;
  sums.dense += cost.denseParameters * count;
  sums.expert += cost.expertParameters * count;
  sums.backwardPorts += cost.backwardPorts * count;
};

/** Layers of one kind in a chunk: recomputed as the strategy says, and beyond its block. */
const layersOf = (
  prefix: Int32Array,
  { first, split, last }: Range,
): { recomputed: number; rest: number } => {
  const middle = prefix[split] ?? 0;
  return { recomputed: middle - (prefix[first] ?? 0), rest: (prefix[last] ?? 0) - middle };
};

const addChunk = (sums: Sums, prefixes: readonly Int32Array[], set: LayerSet, range: Range): void => {
  for (let kind = 0; kind < prefixes.length; kind += 1) {
    const prefix = prefixes[kind];
    const cost = set.kinds[kind];
    const plain = set.plain[kind];
    if (prefix === undefined || cost === undefined || plain === undefined) continue;
    const { recomputed, rest } = layersOf(prefix, range);
    if (recomputed > 0) add(sums, cost, recomputed);
    if (rest > 0) add(sums, plain, rest);
  }
};

/** All stages of a strategy. Throws RangeError when the partition does not hold the model's layers. */
export const stageCosts = (
  problem: Problem,
  prefixes: readonly Int32Array[],
  sets: readonly LayerSet[],
  machines: readonly (readonly number[])[],
  s: Strategy,
  partition: Partition,
): readonly StageCost[] => {
  const ranges = rangesOf(problem.model.layers.length, s, partition);
  const shared = sets.length === 1 ? sets[0] : undefined;
  const stages: StageCost[] = [];
  for (let stage = 0; stage < s.pipeline; stage += 1) {
    const set = shared ?? slowestSet(sets, machines[stage] ?? []);
    const own = ranges[stage] ?? [];
    const chunks: ChunkTime[] = [];
    const sums: Sums = {
      forward: 0,
      backward: 0,
      weight: 0,
      dense: 0,
      expert: 0,
      backwardPorts: 0,
    };
    let time = 0;
    for (let v = 0; v < own.length; v += 1) {
      const range = own[v];
      if (range === undefined) continue;
      sums.forward = 0;
      sums.backward = 0;
      sums.weight = 0;
      addChunk(sums, prefixes, set, range);
      if (stage === 0 && v === 0) add(sums, set.embedding, 1);
      if (stage === headStage(s) && v === own.length - 1) {
        if (headOnStage(s)) add(sums, set.head, 1);
        else sums.dense += set.head.denseParameters;
        if (set.mtp !== null) add(sums, set.mtp, 1);
      }
      time += sums.forward + sums.backward;
      chunks.push({
        forward: seconds(sums.forward),
        backward: seconds(sums.backward),
        weightGradient: seconds(sums.weight),
      });
    }
    stages.push({
      set,
      ranges: own,
      chunks,
      time,
      denseParameters: sums.dense,
      expertParameters: sums.expert,
      backwardPorts: sums.backwardPorts,
    });
  }
  return stages;
};

/** Both passes of one micro-batch through a stage, by cause. */
export const stageParts = (
  prefixes: readonly Int32Array[],
  s: Strategy,
  { set, ranges }: StageCost,
  stage: number,
): Parts => {
  let parts = noParts;
  const include = (piece: LayerCost | undefined, count: number): void => {
    if (piece !== undefined) parts = addParts(addParts(parts, piece.forward, count), piece.backward, count);
  };
  for (const range of ranges)
    for (const [kind, prefix] of prefixes.entries()) {
      const { recomputed, rest } = layersOf(prefix, range);
      include(set.kinds[kind], recomputed);
      include(set.plain[kind], rest);
    }
  if (stage === 0) include(set.embedding, 1);
  if (stage === headStage(s)) {
    if (headOnStage(s)) include(set.head, 1);
    if (set.mtp !== null) include(set.mtp, 1);
  }
  return parts;
};
