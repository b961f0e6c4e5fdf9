import { bottleneckBound } from './partition-bound.ts';
import { partitionChain } from './partition-chain.ts';
import { dealEqualLayers, equalBottleneck } from './partition-equal.ts';
import { partitionInterleaved } from './partition-interleaved.ts';
import type { PartitionAnswer, PartitionProblem } from './partition-problem.ts';

const sameKind = ({ layers }: PartitionProblem): boolean => layers.every((kind) => kind === layers[0]);

const sameTimes = ({ layerTime }: PartitionProblem): boolean =>
  layerTime.every((row) => row === layerTime[0] || row.every((time, kind) => time === layerTime[0]?.[kind]));

/**
 * The contiguous partition with the least bottleneck (the slowest stage repeats once per micro-batch). Ties go to the
 * least sum of stage times (fill and drain of the pipeline), then to even loads, then to light early stages, which
 * keep the most micro-batches in flight. Null when no partition fits the memory limits.
 * Exact for one chunk per stage and for models of one layer kind; otherwise exact unless `proven` says no, which `nodes`
 * (partial partitions looked at) bounds.
 */
export const partitionLayers = (problem: PartitionProblem, nodes = 20_000): PartitionAnswer | null => {
  const equal = sameKind(problem) && problem.reach === undefined;
  if (problem.virtualStages === 1)
    return equal && sameTimes(problem) ? dealEqualLayers(problem) : partitionChain(problem);
  return equal ? dealEqualLayers(problem) : partitionInterleaved(problem, nodes);
};

/** A bottleneck that no partition undercuts, without the partition: exact for one layer kind, else a relaxation. */
export const leastBottleneck = (problem: PartitionProblem): number =>
  sameKind(problem) ? equalBottleneck(problem) : bottleneckBound(problem);
