import { selective } from '../strategy/recompute.ts';
import type { Strategy } from '../strategy/strategy.ts';

/** Changes one axis; what leaves or joins it goes to the replicas. */
const resized = (
  strategy: Strategy,
  key: 'tensor' | 'pipeline' | 'context',
  size: number,
): Strategy | null => {
  const data = (strategy.data * strategy[key]) / size;
  if (!Number.isInteger(size) || !Number.isInteger(data) || size < 1 || data < 1) return null;
  const changed = { ...strategy, [key]: size, data };
  const whole = strategy.shardingGroup === strategy.data * strategy.context;
  return {
    ...changed,
    shardingGroup: whole ? data * changed.context : strategy.shardingGroup,
    microBatchGroup:
      key === 'pipeline' && strategy.microBatchGroup === strategy.pipeline ? size : strategy.microBatchGroup,
    sequenceParallel: key === 'tensor' && size === 1 ? false : strategy.sequenceParallel,
  };
};

/** Strategies one change away, on the same GPUs. */
export const variants = (strategy: Strategy): readonly Strategy[] => {
  const found: (Strategy | null)[] = [];
  for (const key of ['tensor', 'pipeline', 'context'] as const)
    for (const factor of [2, 4, 0.5, 0.25]) found.push(resized(strategy, key, strategy[key] * factor));
  for (const factor of [2, 4, 0.5, 0.25]) {
    for (const key of ['microBatchSize', 'expert', 'expertTensor'] as const) {
      const size = strategy[key] * factor;
      if (Number.isInteger(size) && size >= 1) found.push({ ...strategy, [key]: size });
    }
    const virtualStages = strategy.virtualStages * factor;
    if (Number.isInteger(virtualStages) && virtualStages >= 1)
      found.push({ ...strategy, virtualStages, schedule: virtualStages > 1 ? 'interleaved' : '1f1b' });
  }
  found.push(
    { ...strategy, recompute: { kind: 'none' } },
    { ...strategy, recompute: { kind: 'full' } },
    { ...strategy, recompute: selective(['core_attn']) },
  );
  for (const key of [
    'sequenceParallel',
    'overlapGradients',
    'overlapParameters',
    'overlapTensor',
    'overlapExpert',
  ] as const)
    found.push({ ...strategy, [key]: !strategy[key] });
  found.push({ ...strategy, overlapGradients: true, overlapParameters: true });
  for (const dispatcher of ['all-to-all', 'deepep', 'hybridep'] as const)
    found.push({ ...strategy, dispatcher });
  for (const sharding of ['none', 'optimizer'] as const) found.push({ ...strategy, sharding });
  return found.filter((candidate) => candidate !== null);
};
