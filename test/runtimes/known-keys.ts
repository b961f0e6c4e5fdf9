/** Keys that the readers of launch targets know, from their sources: what planner writes holds no other. */

/** ClusterConfig and BaseConfig, src/accelerate/commands/config/config_args.py, huggingface/accelerate @ 16cb6eb8: others are refused. */
const accelerateTop = [
  'compute_environment',
  'distributed_type',
  'mixed_precision',
  'use_cpu',
  'debug',
  'num_processes',
  'machine_rank',
  'num_machines',
  'gpu_ids',
  'main_process_ip',
  'main_process_port',
  'rdzv_backend',
  'same_network',
  'main_training_function',
  'enable_cpu_affinity',
  'fp8_config',
  'deepspeed_config',
  'fsdp_config',
  'parallelism_config',
  'megatron_lm_config',
  'mpirun_config',
  'downcast_bf16',
  'dynamo_config',
];

/** Options of `accelerate launch` that a section of the YAML may set (src/accelerate/commands/launch.py). */
const accelerateSections: Readonly<Record<string, readonly string[]>> = {
  fsdp_config: [
    'fsdp_version',
    'fsdp_offload_params',
    'fsdp_min_num_params',
    'fsdp_sharding_strategy',
    'fsdp_reshard_after_forward',
    'fsdp_auto_wrap_policy',
    'fsdp_transformer_layer_cls_to_wrap',
    'fsdp_backward_prefetch',
    'fsdp_state_dict_type',
    'fsdp_forward_prefetch',
    'fsdp_use_orig_params',
    'fsdp_cpu_ram_efficient_loading',
    'fsdp_sync_module_states',
    'fsdp_activation_checkpointing',
  ],
  parallelism_config: [
    'dp_replicate_size',
    'dp_shard_size',
    'tp_size',
    'cp_size',
    'cp_comm_strategy',
    'sp_size',
    'sp_backend',
    'sp_seq_length',
    'sp_seq_length_is_variable',
    'sp_attn_implementation',
  ].map((key) => `parallelism_config_${key}`),
  megatron_lm_config: [
    'tp_degree',
    'pp_degree',
    'num_micro_batches',
    'sequence_parallelism',
    'recompute_activations',
    'use_distributed_optimizer',
    'gradient_clipping',
  ].map((key) => `megatron_lm_${key}`),
  deepspeed_config: [
    'deepspeed_config_file',
    'zero3_init_flag',
    'deepspeed_multinode_launcher',
    'deepspeed_hostfile',
    'deepspeed_moe_layer_cls_names',
  ],
};

export const accelerateKeys: readonly string[] = [
  ...accelerateTop,
  ...Object.entries(accelerateSections).flatMap(([section, keys]) => keys.map((key) => `${section}.${key}`)),
];

/** deepspeed/runtime/config.py, zero/config.py, zero/offload_config.py, deepspeedai/DeepSpeed @ edaa7221. */
export const deepspeedKeys: readonly string[] = [
  'train_batch_size',
  'train_micro_batch_size_per_gpu',
  'gradient_accumulation_steps',
  'bf16',
  'bf16.enabled',
  'fp16',
  'fp16.enabled',
  'data_types',
  'data_types.grad_accum_dtype',
  'zero_optimization',
  'zero_optimization.stage',
  'zero_optimization.overlap_comm',
  'zero_optimization.contiguous_gradients',
  'zero_optimization.mics_shard_size',
  'zero_optimization.offload_optimizer',
  'zero_optimization.offload_optimizer.device',
  'zero_optimization.offload_optimizer.pin_memory',
  'tensor_parallel',
  'tensor_parallel.autotp_size',
  'sequence_parallel_size',
  'pipeline',
  'pipeline.stages',
  'pipeline.activation_checkpoint_interval',
];

/** ParallelismArgs, TokensArgs, OptimizerArgs, ModelArgs, huggingface/nanotron @ 2411b022. */
export const nanotronKeys: readonly string[] = [
  ...[
    'dp',
    'pp',
    'tp',
    'pp_engine',
    'tp_mode',
    'tp_linear_async_communication',
    'recompute_layer',
    'tp_recompute_allgather',
    'expert_parallel_size',
    'context_parallel_size',
  ].map((key) => `parallelism.${key}`),
  ...['sequence_length', 'train_steps', 'micro_batch_size', 'batch_accumulation_per_replica'].map(
    (key) => `tokens.${key}`,
  ),
  ...['zero_stage', 'accumulate_grad_in_fp32'].map((key) => `optimizer.${key}`),
  'model.dtype',
  'parallelism',
  'tokens',
  'optimizer',
  'model',
];

const titanParallelism = [
  'data_parallel_replicate_degree',
  'data_parallel_shard_degree',
  'fsdp_reshard_after_forward',
  'tensor_parallel_degree',
  'pipeline_parallel_degree',
  'pipeline_parallel_schedule',
  'context_parallel_degree',
  'expert_parallel_degree',
];

/** torchtitan/config/job_config.py of 2025, pytorch/torchtitan @ 01424cb2 and 1a618d1d. */
export const titanKeys2025: readonly string[] = [
  ...[
    ...titanParallelism,
    'enable_async_tensor_parallel',
    'module_fqns_per_model_part',
    'pipeline_parallel_microbatch_size',
    'context_parallel_rotate_method',
    'expert_tensor_parallel_degree',
  ].map((key) => `parallelism.${key}`),
  ...[
    'local_batch_size',
    'global_batch_size',
    'seq_len',
    'mixed_precision_param',
    'mixed_precision_reduce',
  ].map((key) => `training.${key}`),
  'model.name',
  'model.flavor',
  'activation_checkpoint.mode',
  'activation_checkpoint.selective_ac_option',
  'model',
  'training',
  'parallelism',
  'activation_checkpoint',
];

/** torchtitan/config/configs.py after pull request 4121 (August 2026). */
export const titanKeys2026: readonly string[] = [
  ...[...titanParallelism, 'enable_sequence_parallel', 'num_pp_microbatches'].map(
    (key) => `parallelism.${key}`,
  ),
  ...[
    'num_tokens_per_microbatch_per_dp_rank',
    'num_tokens_per_train_step',
    'max_context_length',
    'mixed_precision_param',
    'mixed_precision_reduce',
  ].map((key) => `training.${key}`),
];

/** Dotted keys of nested maps, lists left whole. */
export const keysOf = (value: unknown, prefix = ''): readonly string[] =>
  typeof value !== 'object' || value === null || Array.isArray(value)
    ? []
    : Object.entries(value).flatMap(([key, inner]) => {
        const path = prefix === '' ? key : `${prefix}.${key}`;
        return [path, ...keysOf(inner, path)];
      });

/**
 * Fields of ConfigContainer's sections: scripts/translate_mlm_to_bridge.py, docs/megatron-lm-to-megatron-bridge.md and
 * src/megatron/bridge/perf_recipes of NVIDIA-NeMo/Megatron-Bridge @ 067f987d; fields of the core's TransformerConfig and
 * ModelParallelConfig (NVIDIA/Megatron-LM @ d98e8a64), which model providers extend.
 */
export const bridgeConfigKeys: readonly string[] = [
  'mixed_precision',
  ...[
    'tensor_model_parallel_size',
    'pipeline_model_parallel_size',
    'virtual_pipeline_model_parallel_size',
    'pipeline_model_parallel_layout',
    'num_layers_in_first_pipeline_stage',
    'num_layers_in_last_pipeline_stage',
    'microbatch_group_size_per_vp_stage',
    'context_parallel_size',
    'cp_comm_type',
    'hierarchical_context_parallel_sizes',
    'init_model_with_meta_device',
    'expert_model_parallel_size',
    'expert_tensor_parallel_size',
    'sequence_parallel',
    'recompute_granularity',
    'recompute_method',
    'recompute_num_layers',
    'recompute_modules',
    'tp_comm_overlap',
    'overlap_moe_expert_parallel_comm',
    'attention_backend',
    'num_layers',
    'hidden_size',
    'ffn_hidden_size',
    'num_attention_heads',
    'num_query_groups',
    'kv_channels',
    'qk_layernorm',
    'window_size',
    'window_attn_skip_freq',
    'seq_length',
    'position_embedding_type',
    'normalization',
    'gated_linear_unit',
    'activation_func',
    'add_bias_linear',
    'add_qkv_bias',
    'share_embeddings_and_output_weights',
    'vocab_size',
    'attention_dropout',
    'hidden_dropout',
    'hybrid_layer_pattern',
    'mtp_num_layers',
    'num_moe_experts',
    'moe_layer_freq',
    'moe_ffn_hidden_size',
    'moe_shared_expert_intermediate_size',
    'moe_shared_expert_gate',
    'moe_latent_size',
    'moe_router_topk',
    'moe_router_pre_softmax',
    'moe_router_score_function',
    'moe_router_enable_expert_bias',
    'moe_router_num_groups',
    'moe_router_group_topk',
    'moe_router_dtype',
    'moe_router_padding_for_quantization',
    'moe_grouped_gemm',
    'moe_permute_fusion',
    'moe_token_dispatcher_type',
    'moe_flex_dispatcher_backend',
  ].map((key) => `model.${key}`),
  ...['micro_batch_size', 'global_batch_size'].map((key) => `train.${key}`),
  ...[
    'use_distributed_optimizer',
    'num_distributed_optimizer_instances',
    'overlap_grad_reduce',
    'overlap_param_gather',
    'use_megatron_fsdp',
    'data_parallel_sharding_strategy',
  ].map((key) => `ddp.${key}`),
  ...[
    'optimizer',
    'use_distributed_optimizer',
    'optimizer_cpu_offload',
    'use_precision_aware_optimizer',
    'exp_avg_dtype',
    'exp_avg_sq_dtype',
    'main_params_dtype',
    'main_grads_dtype',
  ].map((key) => `optimizer.${key}`),
  'dist.use_tp_pp_dp_mapping',
  'checkpoint.ckpt_format',
];
