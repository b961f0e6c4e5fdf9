import { describe, expect, it } from 'vitest';
import {
  read,
  llama,
  withExperts,
  deepseek,
  spans,
  attentionOf,
  moeOf,
  full,
  window,
} from './model-descriptions.ts';

describe('attention', () => {
  it('has as many key-value heads as heads where the config is silent (Llama-2 7B)', () => {
    expect(attentionOf(llama)).toMatchObject({ heads: 32, kvHeads: 32, headDim: 128 });
    expect(attentionOf({ ...llama, num_key_value_heads: null })).toMatchObject({ kvHeads: 32 });
  });

  it.each([
    {
      name: 'Qwen2: bias on q, k, v alone',
      config: { ...llama, model_type: 'qwen2' },
      want: { qkvBias: true, outputBias: false },
    },
    {
      name: 'Llama: by attention_bias',
      config: { ...llama, attention_bias: true },
      want: { qkvBias: true, outputBias: true },
    },
    {
      name: 'GLM-4.5: attention_bias, none on the output',
      config: { ...withExperts, model_type: 'glm4_moe', attention_bias: true, use_qk_norm: true },
      want: { qkvBias: true, outputBias: false, qkNorm: 'head' },
    },
    {
      name: 'Qwen3: norms on q and k',
      config: { ...llama, model_type: 'qwen3' },
      want: { qkvBias: false, qkNorm: 'head' },
    },
    {
      name: 'OLMo 2: norms over the projections',
      config: { ...llama, model_type: 'olmo2' },
      want: { qkNorm: 'projection' },
    },
    { name: 'head_dim beside hidden ∕ heads', config: { ...llama, head_dim: 64 }, want: { headDim: 64 } },
    {
      name: 'Falcon 7B: one key-value head whatever num_kv_heads says',
      config: {
        ...llama,
        model_type: 'falcon',
        multi_query: true,
        num_kv_heads: 32,
        num_attention_heads: 32,
      },
      want: { kvHeads: 1 },
    },
    {
      name: 'MPT: nested kv_n_heads',
      config: {
        model_type: 'mpt',
        d_model: 4096,
        n_layers: 2,
        n_heads: 32,
        vocab_size: 50368,
        attn_config: { alibi: true, kv_n_heads: 8 },
      },
      want: { kvHeads: 8, qkvBias: false },
    },
  ])('$name', ({ config, want }) => {
    expect(attentionOf(config)).toMatchObject(want);
  });

  it('of Gemma 4 has its own heads in full layers and no value projection there', () => {
    const config = {
      ...llama,
      model_type: 'gemma4_text',
      num_hidden_layers: 2,
      num_key_value_heads: 8,
      head_dim: 128,
      global_head_dim: 256,
      num_global_key_value_heads: 2,
      attention_k_eq_v: true,
      sliding_window: 1024,
      layer_types: ['sliding_attention', 'full_attention'],
    };
    expect(attentionOf(config, 0)).toMatchObject({
      kvHeads: 8,
      headDim: 128,
      sharedKeyValue: false,
      span: window(1024),
    });
    expect(attentionOf(config, 1)).toMatchObject({
      kvHeads: 2,
      headDim: 256,
      sharedKeyValue: true,
      span: full,
    });
  });

  it('of gpt-oss has biases, sinks and alternating windows, sliding first', () => {
    const config = {
      ...llama,
      model_type: 'gpt_oss',
      attention_bias: true,
      sliding_window: 128,
      num_local_experts: 4,
      num_experts_per_tok: 2,
    };
    expect(attentionOf(config)).toMatchObject({ sinks: true, qkvBias: true, outputBias: true });
    expect(spans(config)).toEqual([window(128), full, window(128), full]);
    expect(moeOf(config)).toMatchObject({ bias: true, routerBias: true, expertWidth: 11008 });
  });
});

describe('windows', () => {
  it.each([
    {
      name: 'Mistral: every layer',
      config: { ...llama, model_type: 'mistral', sliding_window: 4096 },
      want: [window(4096), window(4096), window(4096), window(4096)],
    },
    {
      name: 'null: none',
      config: { ...llama, model_type: 'mistral', sliding_window: null },
      want: [full, full, full, full],
    },
    {
      name: 'Qwen2: stated but off',
      config: { ...llama, model_type: 'qwen2', sliding_window: 131072, use_sliding_window: false },
      want: [full, full, full, full],
    },
    {
      name: 'Qwen2: on from max_window_layers',
      config: {
        ...llama,
        model_type: 'qwen2',
        sliding_window: 1024,
        use_sliding_window: true,
        max_window_layers: 3,
      },
      want: [full, full, full, window(1024)],
    },
    {
      name: 'Gemma 2: even layers',
      config: { ...llama, model_type: 'gemma2', sliding_window: 4096 },
      want: [window(4096), full, window(4096), full],
    },
    {
      name: 'Gemma 3: all but every third',
      config: { ...llama, model_type: 'gemma3_text', sliding_window: 512, sliding_window_pattern: 3 },
      want: [window(512), window(512), full, window(512)],
    },
    {
      name: 'GPT-Neo: every second is local',
      config: { ...llama, model_type: 'gpt_neo', max_position_embeddings: 2048 },
      want: [full, window(256), full, window(256)],
    },
    {
      name: 'layer_types decide',
      config: {
        ...llama,
        sliding_window: 512,
        layer_types: ['full_attention', 'sliding_attention', 'full_attention', 'full_attention'],
      },
      want: [full, window(512), full, full],
    },
    {
      name: 'layer_attention, repeated',
      config: { ...llama, layer_attention: ['full', { window: 1024, sink: 4 }] },
      want: [
        full,
        { kind: 'sparse', window: 1024, sink: 4 },
        full,
        { kind: 'sparse', window: 1024, sink: 4 },
      ],
    },
    {
      name: 'layer_attention overrides the window',
      config: { ...llama, model_type: 'mistral', sliding_window: 64, layer_attention: [{ window: 8 }] },
      want: [window(8), window(8), window(8), window(8)],
    },
    {
      name: 'Llama 4: chunks but every fourth',
      config: { ...llama, model_type: 'llama4_text', attention_chunk_size: 8192 },
      want: [window(4096), window(4096), window(4096), full],
    },
  ])('$name', ({ config, want }) => {
    expect(spans(config)).toEqual(want);
  });
});

describe('latent attention', () => {
  it.each([
    { name: 'absent', change: {} },
    { name: 'null', change: { q_lora_rank: null } },
    { name: 'zero, as some tools write', change: { q_lora_rank: 0 } },
  ])('projects q in full where q_lora_rank is $name', ({ change }) => {
    expect(read({ ...deepseek, ...change }).model.kinds[0]?.mixer).toMatchObject({
      queryRank: null,
      kvRank: 512,
    });
  });

  it('reads the indexer and ignores head_dim, the rope part in GLM-5', () => {
    const config = {
      ...deepseek,
      model_type: 'glm_moe_dsa',
      head_dim: 64,
      q_lora_rank: 2048,
      index_topk: 2048,
      index_n_heads: 32,
      index_head_dim: 128,
    };
    expect(read(config).model.kinds[0]?.mixer).toMatchObject({
      queryRank: 2048,
      nopeHeadDim: 128,
      indexer: { heads: 32, headDim: 128, topK: 2048 },
    });
  });
});
