import type { Strategy } from '../../src/strategy/strategy.ts';

/** A plain strategy on one GPU, with the given keys changed. */
export const strategy = (given: Partial<Strategy> = {}): Strategy => ({
  tensor: 1,
  pipeline: 1,
  virtualStages: 1,
  context: 1,
  data: 1,
  expert: 1,
  expertTensor: 1,
  microBatchSize: 1,
  microBatchGroup: given.pipeline ?? 1,
  schedule: '1f1b',
  vocabulary: 'last',
  sequenceParallel: false,
  recompute: { kind: 'none' },
  sharding: 'none',
  shardingGroup: (given.data ?? 1) * (given.context ?? 1),
  overlapGradients: false,
  overlapParameters: false,
  overlapTensor: false,
  overlapExpert: false,
  contextCommunication: 'p2p',
  dispatcher: 'all-gather',
  rankOrder: 'tp-cp-ep-dp-pp',
  offload: 'none',
  ...given,
});
