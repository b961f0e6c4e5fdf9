import type { AcceleratorArchitecture } from '../cluster/cluster.ts';
import type { Strategy } from '../strategy/strategy.ts';

/** GPU types in the names of recipes. */
export const architectures: Readonly<Record<string, AcceleratorArchitecture>> = {
  a100: 'ampere',
  h100: 'hopper',
  h200: 'hopper',
  b200: 'blackwell',
  b300: 'blackwell',
  gb200: 'blackwell',
  gb300: 'blackwell',
  vr200: 'blackwell',
};

/** Sizes that a recipe brings when the command line does not. */
export const fromRecipe: readonly string[] = [
  '--tensor-model-parallel-size',
  '--pipeline-model-parallel-size',
  '--context-parallel-size',
  '--expert-model-parallel-size',
  '--expert-tensor-parallel-size',
  '--num-virtual-stages-per-pipeline-rank',
  '--micro-batch-size',
  '--global-batch-size',
  '--sequence-parallel',
];

/** The flag that states a strategy key. */
export const flagOfStrategyKey: Readonly<Partial<Record<keyof Strategy, string>>> = {
  tensor: '--tensor-model-parallel-size',
  pipeline: '--pipeline-model-parallel-size',
  virtualStages: '--num-virtual-stages-per-pipeline-rank',
  context: '--context-parallel-size',
  expert: '--expert-model-parallel-size',
  expertTensor: '--expert-tensor-parallel-size',
  microBatchSize: '--micro-batch-size',
  microBatchGroup: '--microbatch-group-size-per-virtual-pipeline-stage',
  sequenceParallel: '--sequence-parallel',
  recompute: '--recompute-granularity',
  sharding: '--use-distributed-optimizer',
  shardingGroup: '--num-distributed-optimizer-instances',
  overlapGradients: '--overlap-grad-reduce',
  overlapParameters: '--overlap-param-gather',
  overlapTensor: '--tp-comm-overlap',
  overlapExpert: '--overlap-moe-expert-parallel-comm',
  contextCommunication: '--cp-comm-type',
  dispatcher: '--moe-token-dispatcher-type',
};
