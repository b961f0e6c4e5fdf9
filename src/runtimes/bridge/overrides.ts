/**
 * Megatron-LM's flags as overrides of a Megatron-Bridge recipe. A recipe brings settings of its own, so that what a plan
 * leaves off is said too: `false` and `null` are written, not omitted.
 *
 * Keys: scripts/translate_mlm_to_bridge.py and docs/megatron-lm-to-megatron-bridge.md, NVIDIA-NeMo/Megatron-Bridge; the
 * fields of the core's TransformerConfig, which the model providers extend. Values in Hydra's override grammar, which
 * Bridge parses (training/utils/omegaconf_utils.py).
 */
import { parsePattern } from '../megatron/patterns.ts';
import type { FlagWords } from '../megatron/write-model.ts';

/** `model.tensor_model_parallel_size`, `8`. */
export type Override = readonly [key: string, value: string];

type Write = (values: readonly string[]) => string;

interface Setting {
  readonly keys: readonly string[];
  readonly write: Write;
  /** Written when the flag is absent; absent: nothing is. */
  readonly off?: string;
}

const first: Write = ([value = '']) => value;
const text: Write = ([value = '']) => `"${value}"`;
const list: Write = (values) => `[${values.join(',')}]`;
const yes: Write = () => 'true';
const no: Write = () => 'false';

/** A list of 0 and 1: Megatron evaluates an expression, Hydra's grammar has none. */
const pattern: Write = ([value = '']) =>
  `[${(parsePattern(value) ?? []).map((bit) => (bit ? '1' : '0')).join(',')}]`;

const dtype: Write = ([value = '']) =>
  `torch.${{ fp32: 'float32', bf16: 'bfloat16', fp16: 'float16', fp8: 'uint8' }[value] ?? value}`;

const value = (key: string, off?: string): Setting => ({
  keys: [key],
  write: first,
  ...(off === undefined ? {} : { off }),
});
const toggle = (key: string): Setting => ({ keys: [key], write: yes, off: 'false' });
const inverted = (key: string): Setting => ({ keys: [key], write: no, off: 'true' });

/** Layout and training, in the order in which they are written. */
const layoutSettings: Readonly<Record<string, Setting>> = {
  '--tensor-model-parallel-size': value('model.tensor_model_parallel_size'),
  '--pipeline-model-parallel-size': value('model.pipeline_model_parallel_size'),
  '--num-virtual-stages-per-pipeline-rank': value('model.virtual_pipeline_model_parallel_size', 'null'),
  '--decoder-first-pipeline-num-layers': value('model.num_layers_in_first_pipeline_stage', 'null'),
  '--decoder-last-pipeline-num-layers': value('model.num_layers_in_last_pipeline_stage', 'null'),
  '--pipeline-model-parallel-layout': {
    keys: ['model.pipeline_model_parallel_layout'],
    write: text,
    off: 'null',
  },
  '--hybrid-layer-pattern': { keys: ['model.hybrid_layer_pattern'], write: text },
  '--microbatch-group-size-per-virtual-pipeline-stage': value(
    'model.microbatch_group_size_per_vp_stage',
    'null',
  ),
  '--context-parallel-size': value('model.context_parallel_size'),
  '--cp-comm-type': value('model.cp_comm_type', 'null'),
  '--hierarchical-context-parallel-sizes': {
    keys: ['model.hierarchical_context_parallel_sizes'],
    write: list,
    off: 'null',
  },
  '--expert-model-parallel-size': value('model.expert_model_parallel_size', '1'),
  '--expert-tensor-parallel-size': value('model.expert_tensor_parallel_size', '1'),
  '--sequence-parallel': toggle('model.sequence_parallel'),
  '--use-tp-pp-dp-mapping': toggle('dist.use_tp_pp_dp_mapping'),
  '--recompute-granularity': value('model.recompute_granularity', 'null'),
  '--recompute-method': value('model.recompute_method', 'null'),
  '--recompute-num-layers': value('model.recompute_num_layers', 'null'),
  '--recompute-modules': { keys: ['model.recompute_modules'], write: list },
  '--tp-comm-overlap': toggle('model.tp_comm_overlap'),
  '--micro-batch-size': value('train.micro_batch_size'),
  '--global-batch-size': value('train.global_batch_size'),
  '--use-distributed-optimizer': {
    keys: ['ddp.use_distributed_optimizer', 'optimizer.use_distributed_optimizer'],
    write: yes,
    off: 'false',
  },
  '--num-distributed-optimizer-instances': value('ddp.num_distributed_optimizer_instances', '1'),
  '--use-megatron-fsdp': toggle('ddp.use_megatron_fsdp'),
  '--data-parallel-sharding-strategy': value('ddp.data_parallel_sharding_strategy'),
  '--init-model-with-meta-device': toggle('model.init_model_with_meta_device'),
  '--ckpt-format': value('checkpoint.ckpt_format'),
  '--overlap-grad-reduce': toggle('ddp.overlap_grad_reduce'),
  '--overlap-param-gather': toggle('ddp.overlap_param_gather'),
  '--optimizer': value('optimizer.optimizer'),
  '--optimizer-cpu-offload': toggle('optimizer.optimizer_cpu_offload'),
  '--use-precision-aware-optimizer': toggle('optimizer.use_precision_aware_optimizer'),
  '--exp-avg-dtype': { keys: ['optimizer.exp_avg_dtype'], write: dtype },
  '--exp-avg-sq-dtype': { keys: ['optimizer.exp_avg_sq_dtype'], write: dtype },
  '--main-params-dtype': { keys: ['optimizer.main_params_dtype'], write: dtype },
  '--main-grads-dtype': { keys: ['optimizer.main_grads_dtype'], write: dtype },
  '--attention-backend': value('model.attention_backend'),
};

/** Of models with experts alone. */
const expertSettings: Readonly<Record<string, Setting>> = {
  '--moe-grouped-gemm': toggle('model.moe_grouped_gemm'),
  '--moe-token-dispatcher-type': value('model.moe_token_dispatcher_type'),
  '--moe-flex-dispatcher-backend': value('model.moe_flex_dispatcher_backend', 'null'),
  '--moe-router-dtype': value('model.moe_router_dtype'),
  '--moe-permute-fusion': toggle('model.moe_permute_fusion'),
  '--overlap-moe-expert-parallel-comm': toggle('model.overlap_moe_expert_parallel_comm'),
  '--moe-router-padding-for-quantization': toggle('model.moe_router_padding_for_quantization'),
};

/** Sizes of experts, for a recipe that brings none. */
const expertModelSettings: Readonly<Record<string, Setting>> = {
  '--num-experts': value('model.num_moe_experts'),
  '--moe-layer-freq': { keys: ['model.moe_layer_freq'], write: pattern },
  '--moe-ffn-hidden-size': value('model.moe_ffn_hidden_size'),
  '--moe-router-topk': value('model.moe_router_topk'),
  '--moe-router-pre-softmax': toggle('model.moe_router_pre_softmax'),
  '--moe-router-score-function': value('model.moe_router_score_function'),
  '--moe-router-enable-expert-bias': toggle('model.moe_router_enable_expert_bias'),
  '--moe-router-num-groups': value('model.moe_router_num_groups'),
  '--moe-router-group-topk': value('model.moe_router_group_topk'),
  '--moe-shared-expert-intermediate-size': value('model.moe_shared_expert_intermediate_size'),
  '--moe-shared-expert-gate': toggle('model.moe_shared_expert_gate'),
  '--moe-latent-size': value('model.moe_latent_size'),
};

/** The model's own sizes, for a recipe that brings none (vanilla_gpt). */
const modelSettings: Readonly<Record<string, Setting>> = {
  '--num-layers': value('model.num_layers'),
  '--hidden-size': value('model.hidden_size'),
  '--ffn-hidden-size': value('model.ffn_hidden_size'),
  '--num-attention-heads': value('model.num_attention_heads'),
  '--num-query-groups': value('model.num_query_groups'),
  '--kv-channels': value('model.kv_channels'),
  '--qk-layernorm': toggle('model.qk_layernorm'),
  '--window-size': { keys: ['model.window_size'], write: ([span = '']) => `[${span}]` },
  '--window-attn-skip-freq': { keys: ['model.window_attn_skip_freq'], write: pattern },
  '--mtp-num-layers': value('model.mtp_num_layers'),
  '--seq-length': value('model.seq_length'),
  '--position-embedding-type': value('model.position_embedding_type'),
  '--normalization': value('model.normalization'),
  '--swiglu': { keys: ['model.gated_linear_unit'], write: yes },
  '--squared-relu': { keys: ['model.activation_func'], write: () => 'squared_relu' },
  '--disable-bias-linear': inverted('model.add_bias_linear'),
  '--add-qkv-bias': toggle('model.add_qkv_bias'),
  '--untie-embeddings-and-output-weights': inverted('model.share_embeddings_and_output_weights'),
  '--vocab-size': value('model.vocab_size'),
  '--attention-dropout': value('model.attention_dropout'),
  '--hidden-dropout': value('model.hidden_dropout'),
};

/** Said by other settings, or by the recipe's program. */
const implied = new Set([
  '--group-query-attention',
  '--max-position-embeddings',
  '--spec',
  '--transformer-impl',
  // Presets of mixed precision hold these.
  '--bf16',
  '--fp16',
  '--fp8-format',
  '--fp8-recipe',
  '--fp4-format',
  '--fp4-recipe',
  '--accumulate-allreduce-grads-in-fp32',
  '--grad-reduce-in-bf16',
]);

export interface Translation {
  readonly overrides: readonly Override[];
  /** Flags that have no key. */
  readonly unknown: readonly FlagWords[];
}

const written = (
  settings: Readonly<Record<string, Setting>>,
  given: ReadonlyMap<string, readonly string[]>,
): readonly Override[] =>
  Object.entries(settings).flatMap(([flag, { keys, write, off }]) => {
    const values = given.get(flag);
    const said = values === undefined ? off : write(values);
    return said === undefined ? [] : keys.map((key): Override => [key, said]);
  });

/** Overrides of a recipe for flags of Megatron-LM. `own`: the recipe is a bare one, whose model is stated too. */
export const overridesOf = (
  layout: readonly FlagWords[],
  model: readonly FlagWords[],
  { experts, own }: { readonly experts: boolean; readonly own: boolean },
): Translation => {
  const given = new Map([...layout, ...model].map(([flag, ...values]) => [flag, values]));
  // Facts of the recipe's model that the layout counts on.
  const counted: Readonly<Record<string, Setting>> = {
    '--num-layers': value('model.num_layers'),
    '--num-experts': value('model.num_moe_experts'),
    '--seq-length': value('model.seq_length'),
  };
  const tables = [
    layoutSettings,
    ...(experts ? [expertSettings] : []),
    own ? modelSettings : counted,
    ...(own && experts ? [expertModelSettings] : []),
  ];
  const known = (flag: string): boolean => tables.some((table) => flag in table) || implied.has(flag);
  return {
    overrides: [
      ...tables.flatMap((table) => written(table, given)),
      ...(own && given.has('--swiglu') ? [['model.activation_func', 'silu'] as const] : []),
    ],
    unknown: [...layout, ...(own ? model : [])].filter(([flag]) => !known(flag)),
  };
};
