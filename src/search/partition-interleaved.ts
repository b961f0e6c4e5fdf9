import { bottleneckBound } from './partition-bound.ts';
import { partitionChain } from './partition-chain.ts';
import {
  minimumOf,
  prefixSums,
  stageLoads,
  stageOfChunk,
  TIE,
  toPartition,
  type PartitionAnswer,
  type PartitionProblem,
} from './partition-problem.ts';
import type { Partition } from '../strategy/strategy.ts';

/** Every chunk as a stage of its own: balances chunks, not stages. */
const balancedChunks = (problem: PartitionProblem): readonly number[] | null => {
  const { stages, virtualStages, block } = problem;
  const chunks = stages * virtualStages;
  const spread = Array.from({ length: chunks }, (_, chunk) => stageOfChunk(problem, chunk));
  const chain = partitionChain({
    ...problem,
    stages: chunks,
    virtualStages: 1,
    vShaped: false,
    layerTime: spread.map((stage) => problem.layerTime[stage] ?? []),
    stageTime: spread.map((stage) => (problem.stageTime[stage] ?? 0) / virtualStages),
    ...(block === undefined
      ? {}
      : { block: { layers: block.layers, time: spread.map((stage) => block.time[stage] ?? []) } }),
    layerMemory: spread.map((stage) => problem.layerMemory[stage] ?? []),
    memoryLimit: spread.map((stage) => problem.memoryLimit[stage] ?? Infinity),
  });
  return chain === null ? null : chain.partition.map((sizes) => sizes[0] ?? 0);
};

/** Chunks that end where their stages' fair shares of the bound do; null where a minimum is in the way. */
const fairShares = (problem: PartitionProblem, bound: number): readonly number[] | null => {
  const { stages, virtualStages, layers } = problem;
  const chunks = stages * virtualStages;
  const sizes: number[] = [];
  let needed = 0;
  for (let chunk = 1; chunk < chunks; chunk += 1) needed += minimumOf(problem, chunk);
  let [start, due] = [0, 0];
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    const stage = stageOfChunk(problem, chunk);
    const times = problem.layerTime[stage] ?? [];
    due += Math.max(0, bound - (problem.stageTime[stage] ?? 0)) / virtualStages;
    const least = minimumOf(problem, chunk);
    let size = 0;
    while (start + size + needed < layers.length) {
      const time = times[layers[start + size] ?? 0] ?? 0;
      if (size >= least && due < time / 2) break;
      due -= time;
      size += 1;
    }
    if (size < least) return null;
    sizes.push(size);
    start += size;
    needed -= chunk + 1 < chunks ? minimumOf(problem, chunk + 1) : 0;
  }
  return start === layers.length ? sizes : null;
};

/**
 * Several chunks per stage and several layer kinds: depth-first over chunk sizes, nearest to the fair
 * share first, cut by the average of what is left; stops when the bound is attained or after `limit` partial partitions.
 */
export const partitionInterleaved = (problem: PartitionProblem, limit: number): PartitionAnswer | null => {
  const { stages, virtualStages } = problem;
  const chunks = stages * virtualStages;
  const count = problem.layers.length;
  const time = prefixSums(problem.layers, problem.layerTime);
  const memory = prefixSums(problem.layers, problem.layerMemory);
  const least = prefixSums(problem.layers, [
    (problem.layerTime[0] ?? []).map((_, kind) =>
      Math.min(...problem.layerTime.map((times) => times[kind] ?? 0)),
    ),
  ])[0];
  const bound = bottleneckBound(problem);
  const needed = new Int32Array(chunks + 1);
  for (let chunk = chunks - 1; chunk >= 0; chunk -= 1)
    needed[chunk] = (needed[chunk + 1] ?? 0) + minimumOf(problem, chunk);

  const state: { best: { sizes: readonly number[]; bottleneck: number } | null; cut: boolean } = {
    best: null,
    cut: false,
  };
  const consider = (candidate: readonly number[] | null): void => {
    if (candidate === null) return;
    const partition = toPartition(candidate, problem);
    if (!respectsMemory(problem, partition)) return;
    const bottleneck = Math.max(...stageLoads(problem, partition));
    if (bottleneck < (state.best?.bottleneck ?? Infinity) * (1 - TIE))
      state.best = { sizes: candidate, bottleneck };
  };
  const attained = (): boolean => state.best !== null && state.best.bottleneck <= bound * (1 + TIE);
  consider(fairShares(problem, bound));
  const loads = Float64Array.from(problem.stageTime);
  const used = new Float64Array(stages);
  const sizes: number[] = [];
  let nodes = 0;

  const again = problem.block === undefined ? null : prefixSums(problem.layers, problem.block.time);
  const repeated = (stage: number, start: number, size: number): number => {
    if (again === null) return 0;
    const end = start + Math.min(size, problem.block?.layers ?? 0);
    return (again[stage]?.[end] ?? 0) - (again[stage]?.[start] ?? 0);
  };

  const target = (): number => (state.best === null ? Infinity : state.best.bottleneck * (1 - TIE));
  const visit = (chunk: number, start: number): void => {
    if (attained()) return;
    if (chunk === chunks) {
      const bottleneck = Math.max(...loads);
      if (start === count && bottleneck < target()) state.best = { sizes: [...sizes], bottleneck };
      return;
    }
    const stage = stageOfChunk(problem, chunk);
    const round = Math.floor(chunk / stages);
    const load = loads[stage] ?? 0;
    const held = used[stage] ?? 0;
    const room = problem.memoryLimit[stage] ?? Infinity;
    const share =
      ((bound - (problem.stageTime[stage] ?? 0)) * (round + 1)) / virtualStages +
      (problem.stageTime[stage] ?? 0);
    const candidates: { size: number; distance: number; after: number; bytes: number }[] = [];
    const last = chunk === chunks - 1;
    for (
      let size = last ? count - start : minimumOf(problem, chunk);
      start + size + (needed[chunk + 1] ?? 0) <= count;
      size += 1
    ) {
      const after =
        load +
        (time[stage]?.[start + size] ?? 0) -
        (time[stage]?.[start] ?? 0) +
        repeated(stage, start, size);
      const bytes = held + (memory[stage]?.[start + size] ?? 0) - (memory[stage]?.[start] ?? 0);
      if (after >= target() || bytes > room) break;
      candidates.push({ size, distance: Math.abs(after - share), after, bytes });
    }
    candidates.sort((a, b) => a.distance - b.distance || a.size - b.size);
    for (const { size, after, bytes } of candidates) {
      if (after >= target()) continue;
      nodes += 1;
      if (nodes > limit) {
        state.cut = true;
        return;
      }
      loads[stage] = after;
      used[stage] = bytes;
      sizes.push(size);
      const rest = (least?.[count] ?? 0) - (least?.[start + size] ?? 0);
      const total = loads.reduce((sum, value) => sum + value, 0);
      if ((total + rest) / stages < target()) visit(chunk + 1, start + size);
      sizes.pop();
      loads[stage] = load;
      used[stage] = held;
    }
  };
  visit(0, 0);
  if (state.cut && state.best === null) consider(balancedChunks(problem));
  const found = state.best;
  if (found === null) return null;
  const proven = !state.cut || attained();
  return {
    partition: toPartition(found.sizes, problem),
    bottleneck: found.bottleneck,
    bound: proven ? found.bottleneck : bound,
    proven,
  };
};

const respectsMemory = (problem: PartitionProblem, partition: Partition): boolean => {
  const { layers, stages, virtualStages, vShaped, layerMemory, memoryLimit, minimumLayers } = problem;
  const stageTime = memoryLimit.map(() => 0);
  const asTime = { layers, stages, virtualStages, vShaped, layerTime: layerMemory, stageTime };
  return stageLoads({ ...asTime, layerMemory, memoryLimit, minimumLayers }, partition).every(
    (bytes, stage) => bytes <= (memoryLimit[stage] ?? Infinity),
  );
};
