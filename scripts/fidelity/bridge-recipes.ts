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
  qwen3_235b_a22b_pretrain_256gpu_gb200_fp8mx_config: QWEN,
  qwen3_235b_a22b_pretrain_256gpu_gb300_fp8mx_config: QWEN,
  qwen3_30b_a3b_pretrain_8gpu_gb200_fp8mx_config: QWEN,
  qwen3_30b_a3b_pretrain_8gpu_gb300_fp8mx_config: QWEN,
};
