/**
 * Megatron-Bridge's configuration keys by the flag of Megatron-LM that means the same: facts of
 * scripts/translate_mlm_to_bridge.py and of the dataclasses behind ConfigContainer, NVIDIA-NeMo/Megatron-Bridge @
 * 067f987d. Where several sections hold a key, the first here is its home.
 */
export const bridgeKeys: Readonly<Record<string, readonly string[]>> = {
  '--tensor-model-parallel-size': ['model.tensor_model_parallel_size'],
  '--pipeline-model-parallel-size': ['model.pipeline_model_parallel_size'],
  '--num-virtual-stages-per-pipeline-rank': ['model.virtual_pipeline_model_parallel_size'],
  '--pipeline-model-parallel-layout': ['model.pipeline_model_parallel_layout'],
  '--context-parallel-size': ['model.context_parallel_size'],
  '--cp-comm-type': ['model.cp_comm_type'],
  '--expert-model-parallel-size': ['model.expert_model_parallel_size'],
  '--expert-tensor-parallel-size': ['model.expert_tensor_parallel_size'],
  '--sequence-parallel': ['model.sequence_parallel'],
  '--microbatch-group-size-per-virtual-pipeline-stage': ['model.microbatch_group_size_per_vp_stage'],
  '--decoder-first-pipeline-num-layers': ['model.num_layers_in_first_pipeline_stage'],
  '--decoder-last-pipeline-num-layers': ['model.num_layers_in_last_pipeline_stage'],
  '--account-for-embedding-in-pipeline-split': ['model.account_for_embedding_in_pipeline_split'],
  '--account-for-loss-in-pipeline-split': ['model.account_for_loss_in_pipeline_split'],
  '--recompute-granularity': ['model.recompute_granularity'],
  '--recompute-method': ['model.recompute_method'],
  '--recompute-num-layers': ['model.recompute_num_layers'],
  '--recompute-modules': ['model.recompute_modules'],
  '--distribute-saved-activations': ['model.distribute_saved_activations'],
  '--num-layers': ['model.num_layers'],
  '--hidden-size': ['model.hidden_size'],
  '--ffn-hidden-size': ['model.ffn_hidden_size'],
  '--num-attention-heads': ['model.num_attention_heads'],
  '--num-query-groups': ['model.num_query_groups'],
  '--kv-channels': ['model.kv_channels'],
  '--multi-latent-attention': ['model.multi_latent_attention'],
  '--num-experts': ['model.num_moe_experts'],
  '--moe-router-topk': ['model.moe_router_topk'],
  '--moe-ffn-hidden-size': ['model.moe_ffn_hidden_size'],
  '--moe-shared-expert-intermediate-size': ['model.moe_shared_expert_intermediate_size'],
  '--moe-token-dispatcher-type': ['model.moe_token_dispatcher_type'],
  '--moe-flex-dispatcher-backend': ['model.moe_flex_dispatcher_backend'],
  '--moe-shared-expert-overlap': ['model.moe_shared_expert_overlap'],
  '--moe-grouped-gemm': ['model.moe_grouped_gemm'],
  '--mtp-num-layers': ['model.mtp_num_layers'],
  '--hybrid-layer-pattern': ['model.hybrid_layer_pattern'],
  '--hybrid-override-pattern': ['model.hybrid_override_pattern'],
  '--cpu-offloading-num-layers': ['model.cpu_offloading_num_layers'],
  '--seq-length': ['model.seq_length', 'dataset.seq_length', 'dataset.sequence_length'],
  '--vocab-size': ['model.vocab_size'],
  '--global-batch-size': ['train.global_batch_size'],
  '--micro-batch-size': ['train.micro_batch_size'],
  '--use-distributed-optimizer': ['ddp.use_distributed_optimizer', 'optimizer.use_distributed_optimizer'],
  '--overlap-grad-reduce': ['ddp.overlap_grad_reduce', 'comm_overlap.overlap_grad_reduce'],
  '--overlap-param-gather': [
    'ddp.overlap_param_gather',
    'comm_overlap.overlap_param_gather',
    'optimizer.overlap_param_gather',
  ],
  '--num-distributed-optimizer-instances': ['ddp.num_distributed_optimizer_instances'],
  '--use-megatron-fsdp': ['ddp.use_megatron_fsdp'],
  '--data-parallel-sharding-strategy': ['ddp.data_parallel_sharding_strategy'],
  '--init-model-with-meta-device': ['model.init_model_with_meta_device'],
  '--tp-comm-overlap': ['comm_overlap.tp_comm_overlap', 'model.tp_comm_overlap'],
  '--overlap-moe-expert-parallel-comm': [
    'comm_overlap.overlap_moe_expert_parallel_comm',
    'model.overlap_moe_expert_parallel_comm',
  ],
  '--delay-wgrad-compute': ['comm_overlap.delay_wgrad_compute', 'model.delay_wgrad_compute'],
  '--optimizer-cpu-offload': ['optimizer.optimizer_cpu_offload'],
  '--use-precision-aware-optimizer': ['optimizer.use_precision_aware_optimizer'],
  '--exp-avg-dtype': ['optimizer.exp_avg_dtype'],
  '--exp-avg-sq-dtype': ['optimizer.exp_avg_sq_dtype'],
  '--main-grads-dtype': ['optimizer.main_grads_dtype'],
  '--main-params-dtype': ['optimizer.main_params_dtype'],
  '--use-tp-pp-dp-mapping': ['dist.use_tp_pp_dp_mapping'],
};

/** Keys that say the opposite of the flag: `model.add_bias_linear=false` is `--disable-bias-linear`. */
const invertedKeys: Readonly<Record<string, readonly string[]>> = {
  '--disable-bias-linear': ['model.add_bias_linear'],
  '--untie-embeddings-and-output-weights': ['model.share_embeddings_and_output_weights'],
};

export const isInverted = (flag: string): boolean => flag in invertedKeys;

/** NeMo's YAML (NVIDIA/NeMo, megatron_gpt_config.yaml) names the batch and the sequence within the model. */
const nemoKeys: Readonly<Record<string, readonly string[]>> = {
  '--global-batch-size': ['model.global_batch_size', 'data.global_batch_size'],
  '--micro-batch-size': ['model.micro_batch_size', 'data.micro_batch_size'],
  '--seq-length': ['model.encoder_seq_length', 'data.seq_length'],
  '--overlap-grad-reduce': ['model.optim.overlap_grad_sync', 'trainer.strategy.ddp.overlap_grad_reduce'],
  '--overlap-param-gather': ['model.optim.overlap_param_sync'],
  '--recompute-granularity': ['model.activations_checkpoint_granularity'],
  '--recompute-method': ['model.activations_checkpoint_method'],
  '--recompute-num-layers': ['model.activations_checkpoint_num_layers'],
  '--tp-comm-overlap': ['model.ub_tp_comm_overlap'],
  '--num-experts': ['model.num_moe_experts'],
  // distributed_fused_adam is the sharded optimizer.
  '--use-distributed-optimizer': ['model.optim.name'],
};

const flags = new Map<string, string>();
for (const table of [bridgeKeys, invertedKeys, nemoKeys])
  for (const [flag, keys] of Object.entries(table)) for (const key of keys) flags.set(key, flag);

/** The flag of Megatron-LM behind a dotted key of Bridge or NeMo; null for keys that rules do not read. */
export const flagOfKey = (key: string): string | null => {
  const plain = key.replace(/^trainer\.strategy\./u, 'model.');
  return flags.get(key) ?? flags.get(plain) ?? null;
};

/** GPU count and hardware in a recipe's name (scripts/training/recipe_metadata.py:40). */
export const recipeFacts = (
  name: string,
): { readonly gpus: number; readonly hardware: string; readonly model: string } | null => {
  const match = /^(.{1,100}?)_(?:pretrain|sft|peft)_(\d{1,6})gpu_([a-z0-9]{1,12})(?:_|$)/u.exec(name);
  return match === null ? null : { model: match[1] ?? '', gpus: Number(match[2]), hardware: match[3] ?? '' };
};

/** Rules about flags that Bridge shares with Megatron-LM because both build the same configuration of the core. */
export const sharedArgumentRules: ReadonlySet<string> = new Set([
  'head-width',
  'recompute-full',
  'recompute-selective',
  'recompute-activation-without-grouped',
  'distribute-saved-activations',
  'context-communication-list',
  'deepep-dispatcher',
  'shared-expert-overlap',
  'delayed-weight-gradient',
  'activation-offload',
  'uneven-stages',
  'layout',
  'layout-prediction-stage',
  'sequence-parallel-off',
]);
