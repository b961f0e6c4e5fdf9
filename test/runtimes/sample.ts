import type { Strategy } from '../../src/strategy/strategy.ts';

/** One GPU, nothing switched on, with `overrides`. */
export const strategyOf = (overrides: Partial<Strategy> = {}): Strategy => ({
  tensor: 1,
  pipeline: 1,
  virtualStages: 1,
  context: 1,
  data: 1,
  expert: 1,
  expertTensor: 1,
  microBatchSize: 1,
  microBatchGroup: overrides.pipeline ?? 1,
  schedule: (overrides.virtualStages ?? 1) > 1 ? 'interleaved' : '1f1b',
  vocabulary: 'last',
  sequenceParallel: false,
  recompute: { kind: 'none' },
  sharding: 'none',
  shardingGroup: (overrides.data ?? 1) * (overrides.context ?? 1),
  overlapGradients: false,
  overlapParameters: false,
  overlapTensor: false,
  overlapExpert: false,
  contextCommunication: 'p2p',
  dispatcher: 'all-gather',
  rankOrder: 'tp-cp-ep-dp-pp',
  offload: 'none',
  ...overrides,
});
