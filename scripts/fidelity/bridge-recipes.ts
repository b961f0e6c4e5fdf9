/**
 * What the recipes of the verification cards state where the flattened file (launch/bridge_perf_recipes.json) does not
 * carry it: rows that are not in it, and keys set through a constructor or a function that it did not follow.
 * Settings alone, read in NVIDIA-NeMo/Megatron-Bridge, src/megatron/bridge/perf_recipes, at the commits named below.
 */
export type Json = Readonly<Record<string, unknown>>;

/**
 * qwen/common.py @ 134e903, `_enable_hybridep_full_iteration_mxfp8`; deepseek/common.py @ 267f756,
 * `_enable_deepseek_full_iteration_mxfp8`: overlap of the token exchange stands in `CommOverlapConfig(…)`.
 */
const FULL_ITERATION: Json = {
  'model.cuda_graph_impl': 'full_iteration',
  'model.cuda_graph_scope': [],
  'model.moe_flex_dispatcher_backend': 'hybridep',
  'comm_overlap.overlap_moe_expert_parallel_comm': true,
};

const QWEN: Json = { ...FULL_ITERATION, 'mixed_precision.fp8_dot_product_attention': true };

const LIGHTNING: Json = {
  'model.seq_length': 8192,
  'model.moe_flex_dispatcher_backend': 'hybridep',
  'model.mtp_num_layers': 2,
};

/**
 * Dimensions of models whose config.json is not at hand: card → keys of config.json. Nemotron 3 Super's, whose layers are 40
 * Mamba-2, 40 of experts and 8 of attention: config.json of nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-BF16.
 */
export const PUBLIC_MODELS: Readonly<Record<string, Json>> = {
  'nemotron-3-super-120b-a12b': {
    hybrid_override_pattern: 'M*E',
    num_hidden_layers: 88,
    hidden_size: 4096,
    num_attention_heads: 32,
    num_key_value_heads: 2,
    head_dim: 128,
    intermediate_size: 2688,
    vocab_size: 131072,
    n_routed_experts: 512,
    num_experts_per_tok: 22,
    moe_intermediate_size: 2688,
    moe_shared_expert_intermediate_size: 5376,
  },
};

export const PUBLIC_RECIPES: Readonly<Record<string, Json>> = {
  // deepseek/gb200/deepseek_v3.py @ 0ed3295.
  deepseek_v3_pretrain_256gpu_gb200_fp8mx_config: {
    ...FULL_ITERATION,
    'model.recompute_granularity': 'selective',
    'model.recompute_modules': ['mla_up_proj'],
    'model.fp8_output_proj': true,
  },
  // PR 3983 of the same repository: 8-bit attention in this recipe.
  deepseek_v3_pretrain_256gpu_gb300_fp8mx_config: {
    ...FULL_ITERATION,
    'mixed_precision.fp8_dot_product_attention': true,
  },
  // gpt_oss/gb200/gpt_oss.py @ 0ae56a7; the dispatcher is the model's default.
  gpt_oss_120b_pretrain_64gpu_gb200_bf16_config: {
    'model.cuda_graph_impl': 'none',
    'model.recompute_granularity': 'selective',
    'model.recompute_modules': ['layernorm', 'moe_act'],
    'comm_overlap.overlap_moe_expert_parallel_comm': true,
  },
  // nemotronh/gb200/nemotronh.py: layout and graphs there, recomputation and capacity of its base as in the H100 recipe. The
  // card's FLOP/s over its time are 1.7e11 FLOP for each of its 4,096 × 512 tokens, where those of H100 and GB300 are 8.4e10.
  nemotron_3_super_pretrain_64gpu_gb200_bf16_config: {
    'model.seq_length': 8192,
    'model.cuda_graph_impl': 'transformer_engine',
    'model.cuda_graph_scope': ['attn', 'mamba', 'moe_router', 'moe_preprocess'],
    'model.moe_flex_dispatcher_backend': 'hybridep',
    'model.moe_expert_capacity_factor': 1.1,
    'model.recompute_granularity': 'selective',
    'model.recompute_modules': ['layernorm', 'moe_act', 'moe', 'core_attn'],
    'model.mtp_num_layers': 2,
  },
  // nemotronh/h100/nemotronh.py; the card names the graphs.
  nemotron_3_5_lightning_pretrain_16gpu_h100_bf16_config: {
    ...LIGHTNING,
    'model.cuda_graph_impl': 'transformer_engine',
    'model.cuda_graph_scope': ['attn', 'mamba'],
    'model.recompute_granularity': 'selective',
    'model.recompute_modules': ['moe_act', 'layernorm'],
  },
  // nemotronh/gb200/nemotronh.py.
  nemotron_3_5_lightning_pretrain_8gpu_gb200_fp8mx_fsdp_config: {
    ...LIGHTNING,
    'model.cuda_graph_impl': 'none',
    'model.recompute_granularity': null,
  },
  qwen3_235b_a22b_pretrain_256gpu_gb200_fp8mx_config: QWEN,
  qwen3_235b_a22b_pretrain_256gpu_gb300_fp8mx_config: QWEN,
  qwen3_30b_a3b_pretrain_8gpu_gb200_fp8mx_config: QWEN,
  qwen3_30b_a3b_pretrain_8gpu_gb300_fp8mx_config: QWEN,
};
