/** Memory that the GPUs of a pipeline stage have for planning. */
import type { Accelerator, Cluster } from '../cluster/cluster.ts';
import type { Strategy } from '../strategy/strategy.ts';
import { gpusUsed } from '../strategy/strategy.ts';

/** The accelerator with the least memory among those that hold ranks of the stage, in the order of the SPEC. */
export const smallestAccelerator = (cluster: Cluster, strategy: Strategy, stage: number): Accelerator => {
  const [only] = cluster.groups;
  if (only === undefined) throw new RangeError('a cluster without nodes');
  if (cluster.groups.length === 1) return only.accelerator;
  const contiguous = strategy.rankOrder === 'tp-cp-ep-dp-pp';
  const perStage = gpusUsed(strategy) / strategy.pipeline;
  const [from, to] = contiguous ? [stage * perStage, (stage + 1) * perStage] : [0, gpusUsed(strategy)];
  let smallest: Accelerator | null = null;
  let first = 0;
  for (const group of cluster.groups) {
    const end = first + group.count * group.perNode;
    if (first < to && end > from && (smallest === null || group.accelerator.memory < smallest.memory))
      smallest = group.accelerator;
    first = end;
  }
  return smallest ?? only.accelerator;
};
