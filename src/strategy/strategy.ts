/** How a model is split over GPUs: every key of the strategy format, in camelCase. */

export type Schedule =
  'gpipe' | '1f1b' | 'interleaved' | 'zb-h1' | 'zb-h2' | 'zb-v' | 'v-half' | 'dualpipe-v';
export type VocabularyPlacement = 'last' | 'redistributed' | 'vocab-1' | 'vocab-2' | 'interlaced';
export type RecomputeModule =
  'core_attn' | 'mlp' | 'moe' | 'moe_act' | 'layernorm' | 'mla_up_proj' | 'shared_experts';
export type Sharding = 'none' | 'optimizer' | 'gradients' | 'parameters';
export type ContextCommunication = 'p2p' | 'a2a' | 'all-gather' | 'a2a+p2p';
export type Dispatcher = 'all-gather' | 'all-to-all' | 'deepep' | 'hybridep';
export type RankOrder = 'tp-cp-ep-dp-pp' | 'tp-cp-ep-pp-dp';
export type Offload = 'none' | 'optimizer';

export type Recompute =
  | { readonly kind: 'none' }
  /** Every layer, one at a time. */
  | { readonly kind: 'full' }
  /** block: the first `layers` of each (virtual) stage; uniform: all of them, in units of `layers`. */
  | { readonly kind: 'full-block' | 'full-uniform'; readonly layers: number }
  /** Sorted, without repetition, not empty. */
  | { readonly kind: 'selective'; readonly modules: readonly RecomputeModule[] };

export interface Strategy {
  readonly tensor: number;
  readonly pipeline: number;
  /** Model chunks per pipeline stage; 1 without interleaving. */
  readonly virtualStages: number;
  readonly context: number;
  readonly data: number;
  readonly expert: number;
  readonly expertTensor: number;
  readonly microBatchSize: number;
  /** Micro-batches per virtual stage before switching; pipeline by default. */
  readonly microBatchGroup: number;
  readonly schedule: Schedule;
  readonly vocabulary: VocabularyPlacement;
  readonly sequenceParallel: boolean;
  readonly recompute: Recompute;
  readonly sharding: Sharding;
  /** Ranks that share one sharded copy; data × context by default. */
  readonly shardingGroup: number;
  readonly overlapGradients: boolean;
  readonly overlapParameters: boolean;
  readonly overlapTensor: boolean;
  readonly overlapExpert: boolean;
  readonly contextCommunication: ContextCommunication;
  readonly dispatcher: Dispatcher;
  readonly rankOrder: RankOrder;
  readonly offload: Offload;
}

/** Ranks that the strategy occupies. */
export const gpusUsed = (s: Strategy): number => s.tensor * s.context * s.data * s.pipeline;

/** Replicas of an expert shard: gpus = expertTensor × expert × expertData × pipeline. Not an integer when the grids do not fit. */
export const expertData = (s: Strategy): number => gpusUsed(s) / (s.expertTensor * s.expert * s.pipeline);

/** Micro-batches per data-parallel replica and iteration. Not an integer when the batch does not divide. */
export const microBatches = (s: Strategy, globalBatchSize: number): number =>
  globalBatchSize / (s.data * s.microBatchSize);

/** Partition of decoder layers: partition[stage][virtual stage] = number of layers; layer order is virtual-stage-major. */
export type Partition = readonly (readonly number[])[];
