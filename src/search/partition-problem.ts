import type { Partition } from '../strategy/strategy.ts';

/**
 * Which decoder layers go to which pipeline stage. Layers keep their order and are laid out over chunks in
 * virtual-stage-major order: chunk c stands on stage c mod p, as its virtual stage ⌊c / p⌋; in a V every second round
 * runs back, from stage p − 1 to 0.
 */
export interface PartitionProblem {
  /** Kind of each decoder layer, in order. */
  readonly layers: readonly number[];
  readonly stages: number;
  readonly virtualStages: number;
  /** Schedules whose layers run down and up the stages. */
  readonly vShaped: boolean;
  /** Forward and backward of one micro-batch through a layer: layerTime[stage][kind]. Any unit of time. */
  readonly layerTime: readonly (readonly number[])[];
  /** The first so many layers of every chunk take more, by time[stage][kind]: a block that is recomputed. */
  readonly block?: { readonly layers: number; readonly time: readonly (readonly number[])[] };
  /** Time of what else stands on a stage (embedding, head, loss, multi-token prediction). */
  readonly stageTime: readonly number[];
  /** Bytes of a layer on a stage, states and the activations of all micro-batches in flight: layerMemory[stage][kind]. */
  readonly layerMemory: readonly (readonly number[])[];
  /** Bytes that the layers of a stage may take together. */
  readonly memoryLimit: readonly number[];
  /** Fewest layers of a chunk; the first and the last may hold none where the runtime can express it. */
  readonly minimumLayers: { readonly first: number; readonly middle: number; readonly last: number };
  /**
   * One chunk per stage: the end of the longest run of layers from `start` that the stage can hold; start − 1 when not
   * even an empty stage fits. Beside `layerMemory`, for memory that is not a sum over layers.
   */
  readonly reach?: (stage: number, start: number) => number;
}

export interface PartitionAnswer {
  readonly partition: Partition;
  /** Time of the slowest stage for one micro-batch, over all its chunks. */
  readonly bottleneck: number;
  /** No partition that fits has a smaller bottleneck than this. */
  readonly bound: number;
  /** No partition has a smaller bottleneck; false when the bounded search of an interleaved case was cut off. */
  readonly proven: boolean;
}

/** Relative difference below which two loads count as equal. */
export const TIE = 1e-9;

/** Least number of layers that chunk `chunk` of `chunks` must hold. */
export const minimumOf = (problem: PartitionProblem, chunk: number): number => {
  const chunks = problem.stages * problem.virtualStages;
  const { first, middle, last } = problem.minimumLayers;
  if (chunks === 1) return Math.max(first, last);
  if (chunk === 0) return first;
  return chunk === chunks - 1 ? last : middle;
};

/** Stage of a chunk, in the order of the layers. */
export const stageOfChunk = (
  { stages, vShaped }: Pick<PartitionProblem, 'stages' | 'vShaped'>,
  chunk: number,
): number => {
  const at = chunk % stages;
  return vShaped && Math.floor(chunk / stages) % 2 === 1 ? stages - 1 - at : at;
};

/** Fewest layers of each stage: its chunks' minima together. */
export const leastCounts = (problem: PartitionProblem): number[] => {
  const counts = Array.from({ length: problem.stages }, () => 0);
  for (let chunk = 0; chunk < problem.stages * problem.virtualStages; chunk += 1) {
    const stage = stageOfChunk(problem, chunk);
    counts[stage] = (counts[stage] ?? 0) + minimumOf(problem, chunk);
  }
  return counts;
};

/** Sums over the first i layers, per stage: prefix[stage][i]. */
export const prefixSums = (
  layers: readonly number[],
  perStage: readonly (readonly number[])[],
): readonly Float64Array[] => {
  const byCosts = new Map<readonly number[], Float64Array>();
  return perStage.map((perKind) => {
    const known = byCosts.get(perKind);
    if (known !== undefined) return known;
    const sums = new Float64Array(layers.length + 1);
    layers.forEach((kind, index) => {
      sums[index + 1] = (sums[index] ?? 0) + (perKind[kind] ?? 0);
    });
    byCosts.set(perKind, sums);
    return sums;
  });
};

/** Time of every stage under a partition. */
export const stageLoads = (problem: PartitionProblem, partition: Partition): number[] => {
  const loads = [...problem.stageTime];
  let layer = 0;
  for (let chunk = 0; chunk < problem.stages * problem.virtualStages; chunk += 1) {
    const stage = stageOfChunk(problem, chunk);
    const virtual = Math.floor(chunk / problem.stages);
    const count = partition[stage]?.[virtual] ?? 0;
    for (let index = 0; index < count; index += 1) {
      const kind = problem.layers[layer] ?? 0;
      const again = index < (problem.block?.layers ?? 0) ? (problem.block?.time[stage]?.[kind] ?? 0) : 0;
      loads[stage] = (loads[stage] ?? 0) + (problem.layerTime[stage]?.[kind] ?? 0) + again;
      layer += 1;
    }
  }
  return loads;
};

/** Chunk sizes in the order of the layers as partition[stage][virtual stage]. */
export const toPartition = (
  sizes: readonly number[],
  shape: Pick<PartitionProblem, 'stages' | 'vShaped'>,
): Partition => {
  const partition: number[][] = Array.from({ length: shape.stages }, () => []);
  for (const [chunk, size] of sizes.entries()) partition[stageOfChunk(shape, chunk)]?.push(size);
  return partition;
};
