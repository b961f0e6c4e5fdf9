import { partitionChain } from './partition-chain.ts';
import { partitionInterleaved } from './partition-interleaved.ts';
import type { PartitionAnswer, PartitionProblem } from './partition-problem.ts';

/**
 * The contiguous partition with the least bottleneck (the slowest stage repeats once per micro-batch). Ties go to the
 * least sum of stage times (fill and drain of the pipeline), then to even loads, then to light early stages, which
 * keep the most micro-batches in flight. Null when no partition fits the memory limits.
 * Exact for one chunk per stage and for models of one layer kind; otherwise exact unless `proven` says no, which `nodes`
 * (partial partitions looked at) bounds.
 */
export const partitionLayers = (problem: PartitionProblem, nodes = 20_000): PartitionAnswer | null =>
  problem.virtualStages === 1 ? partitionChain(problem) : partitionInterleaved(problem, nodes);
