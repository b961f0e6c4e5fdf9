/** Small model descriptions and what they are read as. */
import { modelFromConfig } from '../../src/ingest/model-config.ts';
import type { ModelProblem } from '../../src/ingest/model-config.ts';
import type { Attention, AttentionSpan, Model, MoeFeedForward } from '../../src/model/model.ts';

export type Config = Record<string, unknown>;

export const read = (config: unknown): { readonly model: Model; readonly notes: readonly string[] } => {
  const result = modelFromConfig(config, 'test');
  if (!result.ok)
    throw new Error(
      result.problems.map((problem) => `${problem.path.join('.')}: ${problem.message}`).join('; '),
    );
  return result;
};

export const problems = (config: unknown): readonly ModelProblem[] => {
  const result = modelFromConfig(config, 'test');
  return result.ok ? [] : result.problems;
};

export const llama: Config = {
  model_type: 'llama',
  hidden_size: 4096,
  num_hidden_layers: 4,
  intermediate_size: 11008,
  num_attention_heads: 32,
  vocab_size: 32000,
};
export const withExperts: Config = {
  ...llama,
  model_type: 'qwen3_moe',
  head_dim: 128,
  num_experts: 8,
  num_experts_per_tok: 2,
  moe_intermediate_size: 1024,
};
export const deepseek: Config = {
  ...llama,
  model_type: 'deepseek_v3',
  kv_lora_rank: 512,
  qk_nope_head_dim: 128,
  qk_rope_head_dim: 64,
  v_head_dim: 128,
  n_routed_experts: 64,
  n_shared_experts: 2,
  num_experts_per_tok: 6,
  moe_intermediate_size: 1408,
};

export const kindsInOrder = (config: Config): readonly string[] => {
  const { model } = read(config);
  return model.layers.map((index) => model.kinds[index]?.name ?? '?');
};

export const moeLayers = (config: Config): readonly boolean[] =>
  kindsInOrder(config).map((name) => name.endsWith('moe'));

export const spans = (config: Config): readonly AttentionSpan[] => {
  const { model } = read(config);
  return model.layers.map((index) => {
    const mixer = model.kinds[index]?.mixer;
    return mixer?.kind === 'attention' ? mixer.span : { kind: 'full' };
  });
};

export const attentionOf = (config: Config, kind = 0): Attention => {
  const mixer = read(config).model.kinds[kind]?.mixer;
  if (mixer?.kind !== 'attention') throw new Error('no attention');
  return mixer;
};

export const moeOf = (config: Config): MoeFeedForward => {
  const found = read(config).model.kinds.find((kind) => kind.feedForward.kind === 'moe')?.feedForward;
  if (found?.kind !== 'moe') throw new Error('no experts');
  return found;
};

export const full = { kind: 'full' };
export const window = (size: number): AttentionSpan => ({ kind: 'window', window: size });

/** The config without some of its keys. */
export const without = (config: Config, ...keys: readonly string[]): Config =>
  Object.fromEntries(Object.entries(config).filter(([key]) => !keys.includes(key)));
