/** What the closed forms need of every stage, without a record for each: arrays that are filled anew for every call. */
import type { Problem } from '../plan/problem.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import type { LayerCost } from './layer.ts';
import type { LayerSet } from './layer-set.ts';
import { isVShaped } from '../strategy/partition.ts';
import type { PassTimes } from './stage.ts';
import { headOnStage, headStage, slowestSet } from './stages.ts';

/** By stage; entries beyond the strategy's stages are left from earlier calls. Overwritten by the next one. */
export interface StageTable {
  readonly sets: LayerSet[];
  readonly forward: Float64Array;
  readonly backward: Float64Array;
  readonly weight: Float64Array;
  /** Both passes through all chunks. */
  readonly time: Float64Array;
  readonly dense: Float64Array;
  readonly expert: Float64Array;
  /** Of `backward`, the seconds on network ports. */
  readonly backwardPorts: Float64Array;
  /** Of each chunk: [stage · virtual stages + chunk]; of a stage of one chunk `forward` and `backward` say the same. */
  readonly passes: PassTimes;
}

export type StageSummer = (
  sets: readonly LayerSet[],
  machines: readonly (readonly number[])[],
  s: Strategy,
  partition: Partition,
) => StageTable;

const FORWARD = 0;
const BACKWARD = 1;
const WEIGHT = 2;
const DENSE = 3;
const EXPERT = 4;
const BACKWARD_PORTS = 5;

/** A loop: the built-in way costs more than so few entries are worth. */
const clear = (values: Float64Array, count: number): void => {
  for (let index = 0; index < count; index += 1) values[index] = 0;
};

const emptyTable = (stages: number, chunks: number): StageTable => ({
  sets: [],
  forward: new Float64Array(stages),
  backward: new Float64Array(stages),
  weight: new Float64Array(stages),
  time: new Float64Array(stages),
  dense: new Float64Array(stages),
  expert: new Float64Array(stages),
  backwardPorts: new Float64Array(stages),
  passes: { forward: new Float64Array(chunks), backward: new Float64Array(chunks) },
});

/**
 * The sums of `stageCosts`, added in the same order, so that both agree to the last bit. Throws RangeError when the
 * partition does not hold the model's layers.
 */
export const createStageSummer = (problem: Problem, prefixes: readonly Int32Array[]): StageSummer => {
  const layers = problem.model.layers.length;
  let table = emptyTable(64, 256);
  let starts = new Int32Array(256);
  const place = (s: Strategy, partition: Partition): void => {
    const { pipeline, virtualStages } = s;
    const chunks = pipeline * virtualStages;
    if (starts.length < chunks) starts = new Int32Array(2 * chunks);
    if (table.time.length < pipeline || table.passes.forward.length < chunks)
      table = emptyTable(2 * pipeline, 2 * chunks);
    const v = isVShaped(s.schedule);
    let first = 0;
    for (let virtual = 0; virtual < virtualStages; virtual += 1)
      for (let at = 0; at < pipeline; at += 1) {
        const stage = v && virtual % 2 === 1 ? pipeline - 1 - at : at;
        starts[stage * virtualStages + virtual] = first;
        first += partition[stage]?.[virtual] ?? 0;
      }
    if (first !== layers) throw new RangeError(`the partition holds ${first} layers, the model ${layers}`);
  };
  // One chunk's sums: in an array, because a variable that closures share keeps its numbers on the heap.
  const sums = new Float64Array(6);
  const add = (cost: LayerCost, count: number): void => {
    sums[FORWARD] = (sums[FORWARD] ?? 0) + cost.forwardTime * count;
    sums[BACKWARD] = (sums[BACKWARD] ?? 0) + cost.backwardTime * count;
    sums[WEIGHT] = (sums[WEIGHT] ?? 0) + cost.weightGradient * count;
    sums[DENSE] = (sums[DENSE] ?? 0) + cost.denseParameters * count;
    sums[EXPERT] = (sums[EXPERT] ?? 0) + cost.expertParameters * count;
    sums[BACKWARD_PORTS] = (sums[BACKWARD_PORTS] ?? 0) + cost.backwardPorts * count;
  };
  const addChunk = (set: LayerSet, from: number, split: number, to: number): void => {
    for (let kind = 0; kind < prefixes.length; kind += 1) {
      const prefix = prefixes[kind];
      const cost = set.kinds[kind];
      const plain = set.plain[kind];
      if (prefix === undefined || cost === undefined || plain === undefined) continue;
      const middle = prefix[split] ?? 0;
      const recomputed = middle - (prefix[from] ?? 0);
      const rest = (prefix[to] ?? 0) - middle;
      if (recomputed > 0) add(cost, recomputed);
      if (rest > 0) add(plain, rest);
    }
  };
  return (sets, machines, s, partition) => {
    place(s, partition);
    const { pipeline, virtualStages } = s;
    const shared = sets.length === 1 ? sets[0] : undefined;
    const block = s.recompute.kind === 'full-block' ? s.recompute.layers : Infinity;
    const head = headStage(s);
    const withHead = headOnStage(s);
    for (let stage = 0; stage < pipeline; stage += 1) {
      const set = shared ?? slowestSet(sets, machines[stage] ?? []);
      const own = partition[stage];
      let allForward = 0;
      let allBackward = 0;
      let allWeight = 0;
      let time = 0;
      clear(sums, sums.length);
      for (let v = 0; v < virtualStages; v += 1) {
        const from = starts[stage * virtualStages + v] ?? 0;
        const to = from + (own?.[v] ?? 0);
        clear(sums, DENSE);
        addChunk(set, from, Math.min(to, from + block), to);
        if (stage === 0 && v === 0) add(set.embedding, 1);
        if (stage === head && v === virtualStages - 1) {
          if (withHead) add(set.head, 1);
          else sums[DENSE] = (sums[DENSE] ?? 0) + set.head.denseParameters;
          if (set.mtp !== null) add(set.mtp, 1);
        }
        const forward = sums[FORWARD] ?? 0;
        const backward = sums[BACKWARD] ?? 0;
        table.passes.forward[stage * virtualStages + v] = forward;
        table.passes.backward[stage * virtualStages + v] = backward;
        time += forward + backward;
        allForward += forward;
        allBackward += backward;
        allWeight += sums[WEIGHT] ?? 0;
      }
      table.sets[stage] = set;
      table.forward[stage] = allForward;
      table.backward[stage] = allBackward;
      table.weight[stage] = allWeight;
      table.time[stage] = time;
      table.dense[stage] = sums[DENSE] ?? 0;
      table.expert[stage] = sums[EXPERT] ?? 0;
      table.backwardPorts[stage] = sums[BACKWARD_PORTS] ?? 0;
    }
    return table;
  };
};
