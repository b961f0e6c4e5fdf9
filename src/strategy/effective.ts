import type { Strategy } from './strategy.ts';

/**
 * The strategy with every key that changes nothing at its plainest value: sequence parallelism of one tensor rank, the
 * exchange of one context rank, the dispatcher of a model without experts, shards of one rank. Two strategies that run
 * the same have the same effective form.
 */
export const effectiveStrategy = (strategy: Strategy, experts: boolean): Strategy => {
  const { tensor, context, pipeline, virtualStages, data } = strategy;
  const replicas = data * context;
  const sharded = strategy.sharding !== 'none' && strategy.shardingGroup > 1;
  return {
    ...strategy,
    ...(tensor === 1 ? { sequenceParallel: false, overlapTensor: false } : {}),
    ...(context === 1 ? { contextCommunication: 'p2p' as const } : {}),
    ...(experts ? {} : { expertTensor: 1, dispatcher: 'all-gather' as const, overlapExpert: false }),
    ...(virtualStages === 1 ? { microBatchGroup: pipeline } : {}),
    ...(pipeline === 1 ? { rankOrder: 'tp-cp-ep-dp-pp' as const } : {}),
    ...(replicas === 1 ? { overlapGradients: false } : {}),
    ...(sharded ? {} : { sharding: 'none' as const, shardingGroup: replicas, overlapParameters: false }),
  };
};
