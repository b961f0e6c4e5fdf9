import {
  leastCounts,
  stageOfChunk,
  TIE,
  type PartitionAnswer,
  type PartitionProblem,
} from './partition-problem.ts';

/** Relative distance below the water level up to which layers are handed out at once. */
const BELOW_LEVEL = 1e-6;

/**
 * Layers of one stage over its chunks: as even as can be, larger chunks in later rounds (early rounds stay in flight
 * longest), on the last stage in earlier ones (its last chunk has the head).
 */
export const spreadOverChunks = (
  count: number,
  virtualStages: number,
  largerFirst: boolean,
): readonly number[] => {
  const base = Math.floor(count / virtualStages);
  const larger = count - base * virtualStages;
  const sizes: number[] = [];
  for (let virtual = 0; virtual < virtualStages; virtual += 1)
    sizes.push((largerFirst ? virtual < larger : virtual >= virtualStages - larger) ? base + 1 : base);
  return sizes;
};

/** Layers of a stage that are among the first `block` of their chunk. */
const inBlocks = (count: number, virtualStages: number, block: number): number => {
  const base = Math.floor(count / virtualStages);
  const larger = count - base * virtualStages;
  return larger * Math.min(base + 1, block) + (virtualStages - larger) * Math.min(base, block);
};

/** Whether the last chunk of the model stands on a stage: there larger chunks come first. */
export const endsOn = (
  shape: Pick<PartitionProblem, 'stages' | 'virtualStages' | 'vShaped'>,
  stage: number,
): boolean => shape.stages > 1 && stage === stageOfChunk(shape, shape.stages * shape.virtualStages - 1);

/** Most layers that fit on each stage. */
const roomOf = (problem: PartitionProblem, kind: number): number[] =>
  problem.memoryLimit.map((limit, stage) => {
    const each = problem.layerMemory[stage]?.[kind] ?? 0;
    if (limit < 0) return -1;
    return each > 0 ? Math.floor(limit / each) : Infinity;
  });

/** Layers of every stage, and the time of the slowest. */
interface Deal {
  readonly counts: readonly number[];
  readonly bottleneck: number;
}

/**
 * One layer kind: only counts matter. Layers are dealt one by one to the stage that ends up least loaded, later stages
 * first, which is exact for a min-max of linear loads. Those below the level that the loads would reach if layers could
 * be cut are handed out at once.
 */
const deal = (problem: PartitionProblem): Deal | null => {
  const { stages, virtualStages } = problem;
  const kind = problem.layers[0] ?? 0;
  const times = problem.layerTime.map((row) => row[kind] ?? 0);
  const { block } = problem;
  const again = problem.layerTime.map((_, stage) => block?.time[stage]?.[kind] ?? 0);
  const extra = (stage: number): number => problem.stageTime[stage] ?? 0;
  const rooms = roomOf(problem, kind);
  const least = leastCounts(problem);
  const total = problem.layers.length;
  const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
  if (sum(least) > total || least.some((count, stage) => count > (rooms[stage] ?? 0))) return null;
  let counts = [...least];
  const speed = sum(times.map((time) => (time > 0 ? 1 / time : Infinity)));
  if (Number.isFinite(speed)) {
    const level = (sum(times.map((time, stage) => extra(stage) / time)) + total) / speed;
    const filled = counts.map((count, stage) => {
      const each = (times[stage] ?? 1) + (again[stage] ?? 0);
      const below = Math.floor((level * (1 - BELOW_LEVEL) - extra(stage)) / each);
      return Math.max(count, Math.min(below, rooms[stage] ?? 0));
    });
    if (sum(filled) <= total) counts = filled;
  }
  const loadWith = (stage: number, count: number): number =>
    extra(stage) +
    count * (times[stage] ?? 0) +
    (block === undefined ? 0 : inBlocks(count, virtualStages, block.layers) * (again[stage] ?? 0));
  for (let left = total - sum(counts); left > 0; left -= 1) {
    let chosen = -1;
    let lightest = Infinity;
    for (let stage = stages - 1; stage >= 0; stage -= 1) {
      const count = counts[stage] ?? 0;
      const load = loadWith(stage, count + 1);
      if (count < (rooms[stage] ?? 0) && load < lightest * (1 - TIE)) {
        lightest = load;
        chosen = stage;
      }
    }
    if (chosen < 0) return null;
    counts[chosen] = (counts[chosen] ?? 0) + 1;
  }
  const bottleneck = counts.reduce((most, count, stage) => Math.max(most, loadWith(stage, count)), 0);
  return { counts, bottleneck };
};

/** The deal with the chunks of every stage as even as can be: no partition of the layers has a smaller bottleneck. */
export const dealEqualLayers = (problem: PartitionProblem): PartitionAnswer | null => {
  const dealt = deal(problem);
  if (dealt === null) return null;
  const { counts, bottleneck } = dealt;
  return {
    partition: counts.map((count, stage) =>
      spreadOverChunks(count, problem.virtualStages, endsOn(problem, stage)),
    ),
    bottleneck,
    bound: bottleneck,
    proven: true,
  };
};

/** Its bottleneck alone; Infinity where no partition fits the memory limits. */
export const equalBottleneck = (problem: PartitionProblem): number => deal(problem)?.bottleneck ?? Infinity;
