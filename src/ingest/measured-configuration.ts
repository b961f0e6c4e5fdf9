/**
 * What a measured run was: the part of a record that a prediction may read. The figures that somebody measured, and
 * what readers noted about them, stand in `measured-outcome.ts`; keeping the two types apart is what makes sure that
 * no prediction sees its answer.
 */
import { count, flag, number, positive, section, text, texts, whole } from './measured-fields.ts';
import type { Fields } from './measured-fields.ts';

export interface RecordedLatentAttention {
  readonly queryRank: number | null;
  readonly kvRank: number;
  readonly nopeHeadDim: number;
  readonly ropeHeadDim: number;
  readonly valueHeadDim: number;
}

export interface RecordedModel {
  readonly name: string;
  /** dense, moe, hybrid-mamba, hybrid-mamba-moe, or what else the source says. */
  readonly arch: string;
  readonly layers: number | null;
  readonly hidden: number | null;
  readonly heads: number | null;
  readonly kvHeads: number | null;
  readonly headDim: number | null;
  readonly ffn: number | null;
  readonly gated: boolean | null;
  readonly vocabulary: number | null;
  readonly tied: boolean | null;
  readonly sequence: number | null;
  readonly experts: number | null;
  readonly topK: number | null;
  readonly expertWidth: number | null;
  readonly sharedWidth: number | null;
  readonly denseLayers: number | null;
  readonly moeEvery: number | null;
  readonly latent: RecordedLatentAttention | null;
  readonly mtpLayers: number | null;
  readonly variant: string | null;
}

export interface RecordedCluster {
  readonly gpu: string | null;
  readonly gpus: number | null;
  readonly perNode: number | null;
  readonly intraNode: string | null;
  readonly interNode: string | null;
}

export interface RecordedTraining {
  readonly precision: string | null;
  readonly globalBatch: number | null;
  readonly microBatch: number | null;
  readonly localBatch: number | null;
  readonly microBatches: number | null;
  readonly sequence: number | null;
  readonly recompute: string | null;
  readonly optimizer: string | null;
  readonly distributedOptimizer: boolean | null;
  readonly zeroStage: number | null;
  readonly attentionKernel: string | null;
  readonly sharding: string | null;
  /** Number of ranks, or words. */
  readonly fsdp: number | string | null;
  readonly fsdpShardSize: number | null;
  readonly hsdpShardSize: number | null;
  readonly megatronFsdp: boolean | null;
  /** Ranks that share one copy of the optimizer states; -1 all. */
  readonly zero1Size: number | null;
  readonly cpuOffload: boolean | null;
  readonly offloadedLayers: number | null;
  readonly optimizerOffload: number | null;
  readonly activationOffload: number | null;
  readonly dispatcher: string | null;
  readonly expertOverlap: boolean | null;
  readonly packedExperts: boolean | null;
  readonly fusedExperts: boolean | null;
  readonly lowPrecisionAttention: boolean | null;
  readonly lowPrecisionHead: boolean | null;
  readonly cudaGraphs: string | null;
  readonly cudaGraphScope: readonly string[];
  readonly tensorOverlap: boolean | null;
  readonly pipelineLayout: string | null;
  readonly mixedPrecisionMode: string | null;
  readonly framework: string | null;
  readonly task: string | null;
}

export interface RecordedParallel {
  readonly tensor: number | null;
  readonly pipeline: number | null;
  readonly virtualStages: number | null;
  readonly context: number | null;
  readonly expert: number | null;
  readonly expertTensor: number | null;
  readonly data: number | null;
  readonly sequenceParallel: boolean | null;
  readonly schedule: string | null;
  readonly contextCommunication: string | null;
}

export interface RunConfiguration {
  readonly model: RecordedModel;
  readonly cluster: RecordedCluster;
  readonly training: RecordedTraining;
  readonly parallel: RecordedParallel;
  readonly release: string | null;
  readonly date: string | null;
  /** Names the software; nothing else of the source is read. */
  readonly title: string;
}

/** Limits that keep a hostile record from asking for memory: far above anything that was ever trained. */
const MAX_LAYERS = 2000;
const MAX_WIDTH = 1 << 20;
const MAX_GPUS = 1 << 22;

const latentAttention = (mla: Fields): RecordedLatentAttention | null => {
  const kvRank = count(mla, 'kv_lora_rank', MAX_WIDTH);
  const nopeHeadDim = count(mla, 'qk_nope_dim', MAX_WIDTH);
  if (kvRank === null || nopeHeadDim === null) return null;
  return {
    queryRank: count(mla, 'q_lora_rank', MAX_WIDTH),
    kvRank,
    nopeHeadDim,
    ropeHeadDim: count(mla, 'qk_rope_dim', MAX_WIDTH) ?? 64,
    valueHeadDim: count(mla, 'v_dim', MAX_WIDTH) ?? nopeHeadDim,
  };
};

const readModel = (fields: Fields): RecordedModel => ({
  name: text(fields, 'name') ?? 'unnamed',
  arch: (text(fields, 'arch') ?? 'dense').toLowerCase(),
  layers: count(fields, 'layers', MAX_LAYERS),
  hidden: count(fields, 'hidden', MAX_WIDTH),
  heads: count(fields, 'heads', MAX_WIDTH),
  kvHeads: count(fields, 'kv_heads', MAX_WIDTH),
  headDim: count(fields, 'head_dim', MAX_WIDTH),
  ffn: count(fields, 'ffn', MAX_WIDTH * 8),
  gated: flag(fields, 'gated_mlp'),
  vocabulary: count(fields, 'vocab', 1 << 24),
  tied: flag(fields, 'tied_embeddings'),
  sequence: count(fields, 'seq', 1 << 28),
  experts: count(fields, 'experts', 1 << 16),
  topK: count(fields, 'topk', 1 << 12),
  expertWidth: count(fields, 'moe_ffn', MAX_WIDTH * 8),
  sharedWidth: whole(fields, 'shared_expert_ffn', MAX_WIDTH * 8),
  denseLayers: whole(fields, 'dense_layers', MAX_LAYERS),
  moeEvery: count(fields, 'moe_layer_freq', MAX_LAYERS),
  latent: latentAttention(section(fields, 'mla')),
  mtpLayers: whole(fields, 'mtp_layers', 16),
  variant: text(fields, 'variant'),
});

/** Words; a bare `true` or `false` says whether whole layers are recomputed. */
const recomputation = (fields: Fields): string | null => {
  const words = text(fields, 'recompute');
  const whole = words === null ? flag(fields, 'recompute') : null;
  return whole === null ? words : whole ? 'full' : 'none';
};

const readTraining = (fields: Fields): RecordedTraining => ({
  precision: text(fields, 'precision'),
  globalBatch: count(fields, 'global_batch', 1 << 28),
  microBatch: count(fields, 'micro_batch', 1 << 20),
  localBatch: count(fields, 'local_batch', 1 << 20),
  microBatches: count(fields, 'num_microbatches', 1 << 20),
  sequence: count(fields, 'seq', 1 << 28),
  recompute: recomputation(fields),
  optimizer: text(fields, 'optimizer'),
  distributedOptimizer: flag(fields, 'distributed_optimizer'),
  zeroStage: whole(fields, 'zero_stage', 3),
  attentionKernel: text(fields, 'attention_kernel'),
  sharding: text(fields, 'sharding'),
  fsdp: whole(fields, 'fsdp') ?? text(fields, 'fsdp') ?? (flag(fields, 'fsdp') === true ? 'fsdp' : null),
  fsdpShardSize: count(fields, 'fsdp_shard_size', MAX_GPUS),
  hsdpShardSize: count(fields, 'hsdp_shard_size', MAX_GPUS),
  megatronFsdp: flag(fields, 'megatron_fsdp'),
  zero1Size: number(fields, 'zero1_size'),
  cpuOffload: flag(fields, 'cpu_offload'),
  offloadedLayers: whole(fields, 'cpu_offloading_num_layers', MAX_LAYERS),
  optimizerOffload: number(fields, 'optimizer_offload_fraction'),
  activationOffload: positive(fields, 'activation_offload_ratio'),
  dispatcher: text(fields, 'moe_dispatcher'),
  expertOverlap: flag(fields, 'moe_a2a_overlap'),
  packedExperts: flag(fields, 'moe_packed_experts'),
  fusedExperts: flag(fields, 'moe_fused_experts'),
  lowPrecisionAttention: flag(fields, 'fp8_dot_product_attention'),
  lowPrecisionHead: flag(fields, 'fp8_output_proj'),
  cudaGraphs: text(fields, 'cuda_graph_impl'),
  cudaGraphScope: texts(fields, 'cuda_graph_scope'),
  tensorOverlap: flag(fields, 'tp_comm_overlap'),
  pipelineLayout: text(fields, 'pp_layout'),
  mixedPrecisionMode: text(fields, 'mp_mode'),
  framework: text(fields, 'framework'),
  task: text(fields, 'task'),
});

const readParallel = (fields: Fields): RecordedParallel => ({
  tensor: count(fields, 'tp', MAX_GPUS),
  pipeline: count(fields, 'pp', MAX_GPUS),
  virtualStages: count(fields, 'vpp', MAX_LAYERS),
  context: count(fields, 'cp', MAX_GPUS),
  expert: count(fields, 'ep', MAX_GPUS),
  expertTensor: count(fields, 'etp', MAX_GPUS),
  data: count(fields, 'dp', MAX_GPUS),
  sequenceParallel: flag(fields, 'sp'),
  schedule: text(fields, 'schedule'),
  contextCommunication: text(fields, 'cp_comm'),
});

export const readConfiguration = (record: Fields): RunConfiguration => {
  const cluster = section(record, 'cluster');
  return {
    model: readModel(section(record, 'model')),
    cluster: {
      gpu: text(cluster, 'gpu'),
      gpus: count(cluster, 'gpus', MAX_GPUS),
      perNode: count(cluster, 'gpus_per_node', 1 << 12),
      intraNode: text(cluster, 'intra_node'),
      interNode: text(cluster, 'inter_node'),
    },
    training: readTraining(section(record, 'train')),
    parallel: readParallel(section(record, 'parallel')),
    release: text(record, 'release'),
    date: text(record, 'date'),
    title: text(section(record, 'source'), 'title') ?? 'unnamed source',
  };
};
