import {
  minimumOf,
  prefixSums,
  TIE,
  toPartition,
  type PartitionAnswer,
  type PartitionProblem,
} from './partition-problem.ts';

/** Weight of even loads beside the sum of loads, small enough never to outweigh it. */
const EVENNESS = 1e-3;

interface Tables {
  readonly time: readonly Float64Array[];
  readonly memory: readonly Float64Array[];
  /** What the first `block` layers of a chunk take more; null where nothing. */
  readonly again: readonly Float64Array[] | null;
  readonly block: number;
}

const at = (table: Float64Array | undefined, index: number): number => table?.[index] ?? 0;

const repeated = (again: Float64Array | undefined, start: number, end: number): number =>
  again === undefined ? 0 : at(again, end) - at(again, start);

/** Ends of the longest runs of layers that a stage can hold, by first layer. A part of what fits also fits. */
const reachOf = (problem: PartitionProblem, stage: number): Int32Array | null => {
  const { reach, layers } = problem;
  return reach === undefined
    ? null
    : Int32Array.from({ length: layers.length + 1 }, (_, start) => reach(stage, start));
};

/**
 * best[stage][i]: least bottleneck of the first i layers on stages 0 … stage. Chunks are tried from the shortest;
 * a chunk that alone is no better than the best so far, or does not fit, ends the loop, so the work is about 2 L².
 */
const leastBottleneck = (problem: PartitionProblem, tables: Tables): number => {
  const count = problem.layers.length;
  let before = new Float64Array(count + 1).fill(Infinity);
  before[0] = 0;
  for (let stage = 0; stage < problem.stages; stage += 1) {
    const current = new Float64Array(count + 1).fill(Infinity);
    const time = tables.time[stage];
    const again = tables.again?.[stage];
    const memory = tables.memory[stage];
    const extra = problem.stageTime[stage] ?? 0;
    const limit = problem.memoryLimit[stage] ?? Infinity;
    const minimum = minimumOf(problem, stage);
    const reach = reachOf(problem, stage);
    for (let end = minimum; end <= count; end += 1) {
      let best = Infinity;
      for (let start = end - minimum; start >= 0; start -= 1) {
        const plain = at(time, end) - at(time, start) + extra;
        if (plain >= best || at(memory, end) - at(memory, start) > limit) break;
        if (reach !== null && (reach[start] ?? 0) < end) break;
        const load = plain + repeated(again, start, Math.min(end, start + tables.block));
        const bottleneck = Math.max(before[start] ?? Infinity, load);
        if (bottleneck < best) best = bottleneck;
      }
      current[end] = best;
    }
    before = current;
  }
  return before[count] ?? Infinity;
};

/** Among the partitions within `bottleneck`: least Σ load + ε Σ load², fewest layers in early stages on ties. */
const evenest = (problem: PartitionProblem, tables: Tables, bottleneck: number): number[] => {
  const count = problem.layers.length;
  const cap = bottleneck * (1 + TIE);
  const tie = bottleneck * TIE;
  let before = new Float64Array(count + 1).fill(Infinity);
  before[0] = 0;
  const choices: Int32Array[] = [];
  for (let stage = 0; stage < problem.stages; stage += 1) {
    const current = new Float64Array(count + 1).fill(Infinity);
    const choice = new Int32Array(count + 1).fill(-1);
    const time = tables.time[stage];
    const again = tables.again?.[stage];
    const memory = tables.memory[stage];
    const extra = problem.stageTime[stage] ?? 0;
    const limit = problem.memoryLimit[stage] ?? Infinity;
    const minimum = minimumOf(problem, stage);
    const reach = reachOf(problem, stage);
    for (let end = minimum; end <= count; end += 1) {
      let best = Infinity;
      for (let start = end - minimum; start >= 0; start -= 1) {
        const plain = at(time, end) - at(time, start) + extra;
        if (plain > cap || at(memory, end) - at(memory, start) > limit) break;
        if (reach !== null && (reach[start] ?? 0) < end) break;
        // A longer run may repeat less, where its block begins with cheaper layers: no reason to stop.
        const load = plain + repeated(again, start, Math.min(end, start + tables.block));
        if (load > cap) continue;
        const value =
          (before[start] ?? Infinity) + load + (bottleneck > 0 ? (EVENNESS * load * load) / bottleneck : 0);
        if (value < best - tie || (value < Infinity && value <= best + tie)) {
          best = Math.min(best, value);
          choice[end] = start;
        }
      }
      current[end] = best;
    }
    before = current;
    choices.push(choice);
  }
  const sizes: number[] = [];
  let end = count;
  for (let stage = problem.stages - 1; stage >= 0; stage -= 1) {
    const start = choices[stage]?.[end] ?? 0;
    sizes.unshift(end - start);
    end = start;
  }
  return sizes;
};

/** One chunk per stage: exact dynamic programming over (stage, layers placed). */
export const partitionChain = (problem: PartitionProblem): PartitionAnswer | null => {
  const tables: Tables = {
    time: prefixSums(problem.layers, problem.layerTime),
    memory: prefixSums(problem.layers, problem.layerMemory),
    again: problem.block === undefined ? null : prefixSums(problem.layers, problem.block.time),
    block: problem.block?.layers ?? 0,
  };
  const bottleneck = leastBottleneck(problem, tables);
  if (!Number.isFinite(bottleneck)) return null;
  const sizes = evenest(problem, tables, bottleneck);
  return { partition: toPartition(sizes, problem), bottleneck, bound: bottleneck, proven: true };
};
