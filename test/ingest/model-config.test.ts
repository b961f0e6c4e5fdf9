import { describe, expect, it } from 'vitest';
import {
  read,
  problems,
  llama,
  withExperts,
  deepseek,
  kindsInOrder,
  moeOf,
  without,
} from './model-descriptions.ts';
import type { Config } from './model-descriptions.ts';

describe('where a config keeps its language model', () => {
  it.each(['text_config', 'language_config', 'llm_config'])('%s', (key) => {
    const { model, notes } = read({ model_type: 'some_vl', [key]: llama, vision_config: { hidden_size: 1 } });
    expect(model.hidden).toBe(4096);
    expect(notes.join(' ')).toMatch(/[Vv]ision/);
    expect(model.omitted).toEqual(notes);
  });

  it('takes the outer tie_word_embeddings where the nested one is silent', () => {
    const outer = { model_type: 'gemma4', tie_word_embeddings: true };
    expect(read({ ...outer, text_config: llama }).model.tiedEmbeddings).toBe(true);
    const inner = { ...llama, tie_word_embeddings: false };
    expect(read({ ...outer, text_config: inner }).model.tiedEmbeddings).toBe(false);
  });

  it('reads DeepSeek-VL2, which names no model_type inside but a class', () => {
    const inner = without(deepseek, 'model_type');
    const config = {
      model_type: 'deepseek_vl_v2',
      language_config: { ...inner, architectures: ['DeepseekV2ForCausalLM'] },
    };
    expect(read(config).model.modelType).toBe('deepseek_v2');
  });

  it('reports problems with the path into the nested map', () => {
    expect(problems({ text_config: { ...llama, hidden_size: 'wide' } })[0]).toMatchObject({
      path: ['text_config', 'hidden_size'],
      found: '"wide"',
    });
  });

  it('reads null-prototype maps and ignores keys that bear on no cost', () => {
    const config = Object.assign(Object.create(null) as Config, llama, {
      torch_dtype: 'bfloat16',
      bos_token_id: [1, 2],
    });
    expect(read(config).model.hidden).toBe(4096);
  });
});

describe('multi-token prediction', () => {
  it.each([
    { name: 'num_nextn_predict_layers', config: { ...deepseek, num_nextn_predict_layers: 1 }, layers: 1 },
    {
      name: 'num_mtp_modules × mtp_transformer_layers',
      config: { ...withExperts, model_type: 'minimax_m2', num_mtp_modules: 3, mtp_transformer_layers: 2 },
      layers: 6,
    },
  ])('$name', ({ config, layers }) => {
    const { model } = read(config);
    expect(model.multiTokenPrediction).toEqual({ layers, kind: model.layers.at(-1) });
    expect(model.layers).toHaveLength(4);
  });

  it('0 is none', () => {
    expect(read({ ...deepseek, num_nextn_predict_layers: 0 }).model.multiTokenPrediction).toBeNull();
  });

  it('of Qwen3.5 attends, though the last layer before it may not', () => {
    const config = {
      ...withExperts,
      model_type: 'qwen3_5_moe',
      num_hidden_layers: 3,
      linear_num_key_heads: 16,
      linear_num_value_heads: 32,
      linear_key_head_dim: 128,
      linear_value_head_dim: 128,
      layer_types: ['full_attention', 'linear_attention', 'linear_attention'],
      mtp_num_hidden_layers: 1,
    };
    const { model } = read(config);
    expect(kindsInOrder(config)).toEqual(['attention+moe', 'gated-delta-net+moe', 'gated-delta-net+moe']);
    expect(model.kinds[model.multiTokenPrediction?.kind ?? -1]?.mixer).toMatchObject({
      kind: 'attention',
      outputGate: true,
    });
  });
});

describe('hybrids', () => {
  const nemotron: Config = {
    ...withExperts,
    model_type: 'nemotron_h',
    hybrid_override_pattern: 'ME*-',
    mamba_num_heads: 64,
    mamba_head_dim: 64,
    ssm_state_size: 128,
    n_groups: 8,
    moe_shared_expert_intermediate_size: 3712,
    n_shared_experts: 1,
  };

  it('Nemotron: one block a layer, by the letters', () => {
    expect(kindsInOrder(nemotron)).toEqual(['mamba2', 'moe', 'attention', 'dense']);
    expect(moeOf(nemotron)).toMatchObject({ gated: false, sharedWidth: 3712, routerBias: true });
    expect(read(nemotron).model.positions).toEqual({ kind: 'none' });
  });

  it('Nemotron: layers by words, and the pattern as the number of layers', () => {
    const rest = without(nemotron, 'hybrid_override_pattern');
    expect(kindsInOrder({ ...rest, layers_block_type: ['mamba', 'moe', 'attention', 'mlp'] })).toEqual(
      kindsInOrder(nemotron),
    );
    const open = without(nemotron, 'num_hidden_layers');
    expect(kindsInOrder(open)).toHaveLength(4);
  });

  it('Nemotron: letters that name no layer, and too few of them', () => {
    expect(problems({ ...nemotron, hybrid_override_pattern: 'MX*-' })[0]).toMatchObject({
      path: ['hybrid_override_pattern'],
      found: '"X"',
    });
    expect(problems({ ...nemotron, hybrid_override_pattern: 'ME' })[0]?.message).toContain(
      '2 letters for 4 layers',
    );
    const endless = problems({ ...nemotron, hybrid_override_pattern: 'M'.repeat(20_000) });
    expect(endless[0]?.expected).toBe('at most 2000 letters');
  });

  it('Qwen3-Next: every fourth layer attends without layer_types', () => {
    const config = {
      ...withExperts,
      model_type: 'qwen3_next',
      linear_num_key_heads: 16,
      linear_num_value_heads: 32,
      linear_key_head_dim: 128,
      linear_value_head_dim: 128,
    };
    expect(kindsInOrder(config)).toEqual([
      'gated-delta-net+moe',
      'gated-delta-net+moe',
      'gated-delta-net+moe',
      'attention+moe',
    ]);
  });
});
