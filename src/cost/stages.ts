/** From layers to pipeline stages: which layers, on which machines, at what cost. */
import type { Problem } from '../plan/problem.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import { seconds } from '../units.ts';
import type { LayerCost } from './layer.ts';
import type { LayerSet } from './layer-set.ts';
import { addParts, noParts, total } from './parts.ts';
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

const passes = (cost: LayerCost): number => total(cost.forward) + total(cost.backward);

/** The slowest of the machines that hold a stage decides. */
export const slowestSet = (sets: readonly LayerSet[], machines: readonly number[]): LayerSet => {
  let slowest: LayerSet | undefined;
  let most = -1;
  for (const index of machines) {
    const set = sets[index];
    if (set === undefined) continue;
    const time = set.kinds.reduce((sum, kind) => sum + passes(kind), 0);
    if (time > most) [slowest, most] = [set, time];
  }
  if (slowest === undefined) throw new RangeError('a pipeline stage has no machine');
  return slowest;
};

export interface StageCost {
  readonly set: LayerSet;
  readonly chunks: readonly ChunkTime[];
  /** Both passes of one micro-batch through all chunks, by cause. */
  readonly parts: Parts;
  readonly denseParameters: number;
  readonly expertParameters: number;
}

interface Sum {
  forward: Parts;
  backward: Parts;
  weight: number;
  dense: number;
  expert: number;
}

const include = (sum: Sum, cost: LayerCost, count: number, weights = count): void => {
  if (count === 0 && weights === 0) return;
  sum.forward = addParts(sum.forward, cost.forward, count);
  sum.backward = addParts(sum.backward, cost.backward, count);
  sum.weight += cost.weightGradient * count;
  sum.dense += cost.denseParameters * weights;
  sum.expert += cost.expertParameters * weights;
};

/** Where the head's time goes: onto the last stage, or, with a spread vocabulary, into passes of its own. */
const headOnStage = (s: Strategy): boolean => s.vocabulary === 'last' || s.vocabulary === 'redistributed';

/** All stages of a strategy. Throws RangeError when the partition does not hold the model's layers. */
export const stageCosts = (
  problem: Problem,
  prefixes: readonly Int32Array[],
  sets: readonly LayerSet[],
  machines: readonly (readonly number[])[],
  s: Strategy,
  partition: Partition,
): readonly StageCost[] => {
  const layers = problem.model.layers.length;
  // Layer order is virtual-stage-major: chunk v of every stage, then chunk v + 1.
  const starts: number[][] = Array.from({ length: s.pipeline }, () => []);
  let next = 0;
  for (let v = 0; v < s.virtualStages; v += 1)
    for (let stage = 0; stage < s.pipeline; stage += 1) {
      (starts[stage] ?? []).push(next);
      next += partition[stage]?.[v] ?? 0;
    }
  if (next !== layers) throw new RangeError(`the partition holds ${next} layers, the model ${layers}`);
  const blockLayers = s.recompute.kind === 'full-block' ? s.recompute.layers : null;
  return Array.from({ length: s.pipeline }, (_, stage) => {
    const set = slowestSet(sets, machines[stage] ?? []);
    const whole: Sum = { forward: noParts, backward: noParts, weight: 0, dense: 0, expert: 0 };
    const chunks: ChunkTime[] = [];
    for (let v = 0; v < s.virtualStages; v += 1) {
      const sum: Sum = { forward: noParts, backward: noParts, weight: 0, dense: 0, expert: 0 };
      const first = starts[stage]?.[v] ?? 0;
      const last = first + (partition[stage]?.[v] ?? 0);
      const split = blockLayers === null ? last : Math.min(last, first + blockLayers);
      for (const [kind, prefix] of prefixes.entries()) {
        const cost = set.kinds[kind];
        const plain = set.plain[kind];
        if (cost === undefined || plain === undefined) continue;
        include(sum, cost, (prefix[split] ?? 0) - (prefix[first] ?? 0));
        if (split < last) include(sum, plain, (prefix[last] ?? 0) - (prefix[split] ?? 0));
      }
      if (stage === 0 && v === 0) include(sum, set.embedding, 1);
      if (stage === s.pipeline - 1 && v === s.virtualStages - 1) {
        include(sum, set.head, headOnStage(s) ? 1 : 0, 1);
        if (set.mtp !== null) include(sum, set.mtp, 1);
      }
      chunks.push({
        forward: seconds(total(sum.forward)),
        backward: seconds(total(sum.backward)),
        weightGradient: seconds(sum.weight),
      });
      whole.forward = addParts(whole.forward, sum.forward);
      whole.backward = addParts(whole.backward, sum.backward);
      whole.dense += sum.dense;
      whole.expert += sum.expert;
    }
    return {
      set,
      chunks,
      parts: addParts(whole.forward, whole.backward),
      denseParameters: whole.dense,
      expertParameters: whole.expert,
    };
  });
};
