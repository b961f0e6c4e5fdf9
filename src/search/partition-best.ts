import type { Partition, Strategy } from '../strategy/strategy.ts';
import type { PartitionChoice, Partitioner } from './partition-choice.ts';
import type { SearchCosts } from './search-types.ts';

/**
 * Of the partition with the least bottleneck and the one with the shortest longest chunk the one whose iteration is
 * faster: stages of several chunks wait for each other's long ones. The second counts where both fit, or the first does
 * not and it does.
 */
export const bestPartition = (
  strategy: Strategy,
  { partition, shortage }: Pick<PartitionChoice, 'partition' | 'shortage'>,
  partitioner: Pick<Partitioner, 'even'>,
  costs: Pick<SearchCosts, 'iterationTime' | 'excess'>,
): { readonly partition: Partition; readonly shortage: number; readonly time: number } => {
  const first = { partition, shortage, time: costs.iterationTime(strategy, partition) };
  const even = partitioner.even(strategy);
  if (even === null || even === partition) return first;
  const time = costs.iterationTime(strategy, even);
  if (shortage <= 0 && time >= first.time) return first;
  return { partition: even, shortage: costs.excess(strategy, even), time };
};

/** The same for a strategy that nothing is known of; null where no partition can be stated. */
export const partitionOf = (
  strategy: Strategy,
  partitioner: Pick<Partitioner, 'choose' | 'even'>,
  costs: Pick<SearchCosts, 'iterationTime' | 'excess'>,
): Partition | null => {
  const choice = partitioner.choose(strategy);
  return choice === null ? null : bestPartition(strategy, choice, partitioner, costs).partition;
};
