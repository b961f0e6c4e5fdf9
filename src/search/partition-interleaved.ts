import { bottleneckBound } from './partition-bound.ts';
import { partitionChain } from './partition-chain.ts';
import {
  minimumOf,
  prefixSums,
  stageLoads,
  TIE,
  toPartition,
  type PartitionAnswer,
  type PartitionProblem,
} from './partition-problem.ts';

/**
 * One layer kind: only counts matter. Layers are dealt one by one to the stage that ends up least loaded, which is
 * exact for a min-max of linear loads; then each stage's layers are spread over its chunks, larger chunks in later
 * rounds (early rounds stay in flight longest), on the last stage in earlier ones (its last chunk has the head).
 */
const dealEqualLayers = (problem: PartitionProblem): PartitionAnswer | null => {
  const { stages, virtualStages } = problem;
  const kind = problem.layers[0] ?? 0;
  const minimum = (stage: number): number => {
    let sum = 0;
    for (let virtual = 0; virtual < virtualStages; virtual += 1)
      sum += minimumOf(problem, virtual * stages + stage);
    return sum;
  };
  const time = (stage: number): number => problem.layerTime[stage]?.[kind] ?? 0;
  const room = (stage: number): number => {
    const each = problem.layerMemory[stage]?.[kind] ?? 0;
    const limit = problem.memoryLimit[stage] ?? Infinity;
    if (limit < 0) return 0;
    return each > 0 ? Math.floor(limit / each) : Infinity;
  };
  const counts = Array.from({ length: stages }, (_, stage) => minimum(stage));
  let left = problem.layers.length - counts.reduce((sum, count) => sum + count, 0);
  if (left < 0 || counts.some((count, stage) => count > room(stage) || (problem.memoryLimit[stage] ?? 0) < 0))
    return null;
  const loadWith = (stage: number, count: number): number =>
    (problem.stageTime[stage] ?? 0) + count * time(stage);
  for (; left > 0; left -= 1) {
    let chosen = -1;
    let least = Infinity;
    for (let stage = stages - 1; stage >= 0; stage -= 1) {
      const count = counts[stage] ?? 0;
      const load = loadWith(stage, count + 1);
      if (count < room(stage) && load < least * (1 - TIE)) {
        least = load;
        chosen = stage;
      }
    }
    if (chosen < 0) return null;
    counts[chosen] = (counts[chosen] ?? 0) + 1;
  }
  const partition = counts.map((count, stage) => {
    const base = Math.floor(count / virtualStages);
    const larger = count - base * virtualStages;
    const isLast = stage === stages - 1 && stages > 1;
    return Array.from({ length: virtualStages }, (_, virtual) =>
      (isLast ? virtual < larger : virtual >= virtualStages - larger) ? base + 1 : base,
    );
  });
  const bottleneck = Math.max(...counts.map((count, stage) => loadWith(stage, count)));
  return { partition, bottleneck, proven: true };
};

/** Every chunk as a stage of its own: balances chunks, not stages; a good first answer. */
const balanceChunks = (problem: PartitionProblem): PartitionAnswer | null => {
  const { stages, virtualStages } = problem;
  const chunks = stages * virtualStages;
  const stageOf = (chunk: number): number => chunk % stages;
  const spread = Array.from({ length: chunks }, (_, chunk) => chunk);
  const chain = partitionChain({
    ...problem,
    stages: chunks,
    virtualStages: 1,
    layerTime: spread.map((chunk) => problem.layerTime[stageOf(chunk)] ?? []),
    stageTime: spread.map((chunk) => (problem.stageTime[stageOf(chunk)] ?? 0) / virtualStages),
    layerMemory: spread.map((chunk) => problem.layerMemory[stageOf(chunk)] ?? []),
    memoryLimit: spread.map((chunk) => problem.memoryLimit[stageOf(chunk)] ?? Infinity),
  });
  if (chain === null) return null;
  const partition = toPartition(
    chain.partition.map((sizes) => sizes[0] ?? 0),
    stages,
  );
  return { partition, bottleneck: Math.max(...stageLoads(problem, partition)), proven: false };
};

/**
 * Several chunks per stage. One layer kind: closed form. Otherwise depth-first over chunk sizes, nearest to the fair
 * share first, cut by the average of what is left; stops when the bound is attained or after `limit` partial partitions.
 */
export const partitionInterleaved = (problem: PartitionProblem, limit: number): PartitionAnswer | null => {
  const first = problem.layers[0];
  if (problem.layers.every((kind) => kind === first)) return dealEqualLayers(problem);
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

  const chunkBalanced = balanceChunks(problem);
  const state: { best: { sizes: number[]; bottleneck: number } | null; cut: boolean } = {
    best: null,
    cut: false,
  };
  if (chunkBalanced !== null && respectsMemory(problem, chunkBalanced)) {
    const sizes = Array.from({ length: chunks }, (_, chunk) => {
      return chunkBalanced.partition[chunk % stages]?.[Math.floor(chunk / stages)] ?? 0;
    });
    state.best = { sizes, bottleneck: chunkBalanced.bottleneck };
  }
  const loads = Float64Array.from(problem.stageTime);
  const used = new Float64Array(stages);
  const sizes: number[] = [];
  let nodes = 0;

  const target = (): number => (state.best === null ? Infinity : state.best.bottleneck * (1 - TIE));
  const visit = (chunk: number, start: number): void => {
    if (state.best !== null && state.best.bottleneck <= bound * (1 + TIE)) return;
    if (chunk === chunks) {
      const bottleneck = Math.max(...loads);
      if (start === count && bottleneck < target()) state.best = { sizes: [...sizes], bottleneck };
      return;
    }
    const stage = chunk % stages;
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
      const after = load + (time[stage]?.[start + size] ?? 0) - (time[stage]?.[start] ?? 0);
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
  const found = state.best;
  if (found === null) return null;
  const proven = !state.cut || found.bottleneck <= bound * (1 + TIE);
  return { partition: toPartition(found.sizes, stages), bottleneck: found.bottleneck, proven };
};

const respectsMemory = (problem: PartitionProblem, answer: PartitionAnswer): boolean => {
  const asTime: PartitionProblem = {
    ...problem,
    layerTime: problem.layerMemory,
    stageTime: problem.stageTime.map(() => 0),
  };
  return stageLoads(asTime, answer.partition).every(
    (bytes, stage) => bytes <= (problem.memoryLimit[stage] ?? Infinity),
  );
};
