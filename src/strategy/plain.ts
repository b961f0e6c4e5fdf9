import type { Strategy } from './strategy.ts';

/** One GPU and nothing switched on, with the given keys changed; what follows from them by default follows. */
export const plainStrategy = (given: Partial<Strategy> = {}): Strategy => ({
  tensor: 1,
  pipeline: 1,
  virtualStages: 1,
  context: 1,
  data: 1,
  expert: 1,
  expertTensor: 1,
  microBatchSize: 1,
  microBatchGroup: given.pipeline ?? 1,
  schedule: (given.virtualStages ?? 1) > 1 ? 'interleaved' : '1f1b',
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
  dispatcher: 'all-to-all',
  rankOrder: 'tp-cp-ep-dp-pp',
  offload: 'none',
  ...given,
});
