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
}

const at = (table: Float64Array | undefined, index: number): number => table?.[index] ?? 0;

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
    const memory = tables.memory[stage];
    const extra = problem.stageTime[stage] ?? 0;
    const limit = problem.memoryLimit[stage] ?? Infinity;
    const minimum = minimumOf(problem, stage);
    for (let end = minimum; end <= count; end += 1) {
      let best = Infinity;
      for (let start = end - minimum; start >= 0; start -= 1) {
        const load = at(time, end) - at(time, start) + extra;
        if (load >= best || at(memory, end) - at(memory, start) > limit) break;
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
    const memory = tables.memory[stage];
    const extra = problem.stageTime[stage] ?? 0;
    const limit = problem.memoryLimit[stage] ?? Infinity;
    const minimum = minimumOf(problem, stage);
    for (let end = minimum; end <= count; end += 1) {
      let best = Infinity;
      for (let start = end - minimum; start >= 0; start -= 1) {
        const load = at(time, end) - at(time, start) + extra;
        if (load > cap || at(memory, end) - at(memory, start) > limit) break;
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
  };
  const bottleneck = leastBottleneck(problem, tables);
  if (!Number.isFinite(bottleneck)) return null;
  const sizes = evenest(problem, tables, bottleneck);
  return { partition: toPartition(sizes, problem.stages), bottleneck, proven: true };
};
