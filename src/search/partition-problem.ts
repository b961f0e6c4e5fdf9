import type { Partition } from '../strategy/strategy.ts';

/**
 * Which decoder layers go to which pipeline stage. Layers keep their order and are laid out over chunks in
 * virtual-stage-major order: chunk c stands on stage c mod p, as its virtual stage ⌊c / p⌋.
 */
export interface PartitionProblem {
  /** Kind of each decoder layer, in order. */
  readonly layers: readonly number[];
  readonly stages: number;
  readonly virtualStages: number;
  /** Forward and backward of one micro-batch through a layer: layerTime[stage][kind]. Any unit of time. */
  readonly layerTime: readonly (readonly number[])[];
  /** Time of what else stands on a stage (embedding, head, loss, multi-token prediction). */
  readonly stageTime: readonly number[];
  /** Bytes of a layer on a stage, states and the activations of all micro-batches in flight: layerMemory[stage][kind]. */
  readonly layerMemory: readonly (readonly number[])[];
  /** Bytes that the layers of a stage may take together. */
  readonly memoryLimit: readonly number[];
  /** Fewest layers of a chunk; the first and the last may hold none where the runtime can express it. */
  readonly minimumLayers: { readonly first: number; readonly middle: number; readonly last: number };
}

export interface PartitionAnswer {
  readonly partition: Partition;
  /** Time of the slowest stage for one micro-batch, over all its chunks. */
  readonly bottleneck: number;
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
  for (let virtual = 0; virtual < problem.virtualStages; virtual += 1)
    for (let stage = 0; stage < problem.stages; stage += 1)
      for (let count = partition[stage]?.[virtual] ?? 0; count > 0; count -= 1) {
        loads[stage] = (loads[stage] ?? 0) + (problem.layerTime[stage]?.[problem.layers[layer] ?? 0] ?? 0);
        layer += 1;
      }
  return loads;
};

/** Chunk sizes in virtual-stage-major order as partition[stage][virtual stage]. */
export const toPartition = (sizes: readonly number[], stages: number): Partition =>
  Array.from({ length: stages }, (_, stage) => sizes.filter((_size, chunk) => chunk % stages === stage));
