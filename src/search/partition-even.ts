import type { Partition } from '../strategy/strategy.ts';
import { stageOfChunk, toPartition, type PartitionProblem } from './partition-problem.ts';
import { partitionLayers } from './partition.ts';

/**
 * Several chunks per stage: the partition whose longest chunk is shortest, what stands beside the layers included. Its
 * slowest stage may be slower than need be, but stages wait less for each other's long chunks. Null where there is none.
 */
export const evenChunks = (problem: PartitionProblem): Partition | null => {
  const { stages, virtualStages, block, stageTime } = problem;
  const chunks = stages * virtualStages;
  if (chunks > problem.layers.length + 2) return null;
  const spread = Array.from({ length: chunks }, (_, chunk) => stageOfChunk(problem, chunk));
  const chain = partitionLayers({
    ...problem,
    stages: chunks,
    virtualStages: 1,
    vShaped: false,
    layerTime: spread.map((stage) => problem.layerTime[stage] ?? []),
    stageTime: spread.map((stage, chunk) =>
      chunk === 0 || chunk === chunks - 1 ? (stageTime[stage] ?? 0) : 0,
    ),
    ...(block === undefined
      ? {}
      : { block: { layers: block.layers, time: spread.map((stage) => block.time[stage] ?? []) } }),
    layerMemory: spread.map((stage) => problem.layerMemory[stage] ?? []),
    memoryLimit: spread.map(() => Infinity),
  });
  return chain === null
    ? null
    : toPartition(
        chain.partition.map((sizes) => sizes[0] ?? 0),
        problem,
      );
};
