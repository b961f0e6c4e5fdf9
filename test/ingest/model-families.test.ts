/** Architectures without a preset, held to the size of a published model of theirs: dimensions from its config.json. */
import { describe, expect, it } from 'vitest';
import { modelFromConfig } from '../../src/ingest/model-config.ts';
import { parameterCount } from '../../src/model/count.ts';
import { layerOperators } from '../../src/model/operators.ts';
import { problems, read, without } from './model-descriptions.ts';
import type { Config } from './model-descriptions.ts';

const minimax: Config = {
  model_type: 'minimax_m2',
  hidden_size: 3072,
  num_hidden_layers: 62,
  num_attention_heads: 48,
  num_key_value_heads: 8,
  head_dim: 128,
  num_local_experts: 256,
  num_experts_per_tok: 8,
  intermediate_size: 1536,
  vocab_size: 200064,
};

const qwen35: Config = {
  model_type: 'qwen3_5_moe_text',
  hidden_size: 2048,
  num_hidden_layers: 40,
  num_attention_heads: 16,
  num_key_value_heads: 2,
  head_dim: 256,
  linear_num_key_heads: 16,
  linear_num_value_heads: 32,
  linear_key_head_dim: 128,
  linear_value_head_dim: 128,
  num_experts: 256,
  num_experts_per_tok: 8,
  moe_intermediate_size: 512,
  shared_expert_intermediate_size: 512,
  vocab_size: 248320,
};

const llama4: Config = {
  model_type: 'llama4_text',
  hidden_size: 5120,
  num_hidden_layers: 48,
  num_attention_heads: 40,
  num_key_value_heads: 8,
  head_dim: 128,
  intermediate_size: 8192,
  intermediate_size_mlp: 16384,
  num_local_experts: 16,
  num_experts_per_tok: 1,
  interleave_moe_layer_step: 1,
  vocab_size: 202048,
};

const upTo = (layers: number): readonly number[] => Array.from({ length: layers }, (_, index) => index + 1);

const kimiLinear: Config = {
  model_type: 'kimi_linear',
  hidden_size: 2304,
  num_hidden_layers: 27,
  num_attention_heads: 32,
  intermediate_size: 9216,
  moe_intermediate_size: 1024,
  num_experts: 256,
  num_experts_per_token: 8,
  num_shared_experts: 1,
  first_k_dense_replace: 1,
  q_lora_rank: null,
  kv_lora_rank: 512,
  qk_nope_head_dim: 128,
  qk_rope_head_dim: 64,
  v_head_dim: 128,
  mla_use_nope: true,
  vocab_size: 163840,
  linear_attn_config: {
    num_heads: 32,
    head_dim: 128,
    short_conv_kernel_size: 4,
    kda_layers: upTo(27).filter((layer) => layer % 4 !== 0 && layer !== 27),
  },
};

const kimiK3: Config = {
  model_type: 'kimi_k3',
  vision_config: {},
  text_config: {
    ...kimiLinear,
    hidden_size: 7168,
    num_hidden_layers: 93,
    num_attention_heads: 96,
    intermediate_size: 33792,
    moe_intermediate_size: 3072,
    num_experts: 896,
    num_experts_per_token: 16,
    num_shared_experts: 2,
    routed_expert_hidden_size: 3584,
    latent_moe_use_norm: true,
    q_lora_rank: 1536,
    mla_use_output_gate: true,
    attn_res_block_size: 12,
    linear_attn_config: {
      num_heads: 96,
      head_dim: 128,
      short_conv_kernel_size: 4,
      use_full_rank_gate: true,
      kda_layers: upTo(93).filter((layer) => layer % 4 !== 0 && layer !== 93),
    },
  },
};

describe('total and active parameters, in thousand millions', () => {
  it.each([
    {
      name: 'MiniMax-M2: every tensor of its checkpoint',
      config: minimax,
      total: 228.689764864,
      digits: 9,
      active: 11.03,
    },
    { name: 'Qwen3.5-35B-A3B, language model', config: qwen35, total: 34.66, digits: 2, active: 3.45 },
    {
      name: 'Qwen3.5-122B-A10B, language model',
      config: {
        ...qwen35,
        hidden_size: 3072,
        num_hidden_layers: 48,
        num_attention_heads: 32,
        linear_num_value_heads: 64,
        moe_intermediate_size: 1024,
        shared_expert_intermediate_size: 1024,
      },
      total: 122.11,
      digits: 2,
      active: 9.77,
    },
    {
      name: 'Llama 4 Scout: 109 with its vision tower',
      config: llama4,
      total: 107.77,
      digits: 2,
      active: 17.17,
    },
    {
      name: 'Llama 4 Maverick: 400, 17 active',
      config: { ...llama4, num_local_experts: 128, interleave_moe_layer_step: 2 },
      total: 400.71,
      digits: 2,
      active: 17.18,
    },
    { name: 'Kimi-Linear-48B-A3B', config: kimiLinear, total: 49.12, digits: 2, active: 3.48 },
  ])('$name', ({ config, total, digits, active }) => {
    const count = parameterCount(read(config).model);
    expect(count.total / 1e9).toBeCloseTo(total, digits);
    expect(count.active / 1e9).toBeCloseTo(active, 2);
  });

  it('Kimi K3: 2,779,931,837,184 with a vision tower of under 0.5e9, and 104e9 active without the embedding', () => {
    const count = parameterCount(read(kimiK3).model);
    const tower = 2_779_931_837_184 - count.total;
    expect(tower).toBeGreaterThan(0.4e9);
    expect(tower).toBeLessThan(0.5e9);
    expect(Math.round((count.active - count.embedding) / 1e9)).toBe(104);
  });
});

describe('Kimi Delta Attention', () => {
  it('takes decay and gate through a bottleneck of one head, the gate of K3 in full', () => {
    const names = (config: Config): readonly string[] => {
      const { model } = read(config);
      const kind = model.kinds.find((candidate) => candidate.mixer.kind === 'gated-delta-net');
      return kind === undefined ? [] : layerOperators(model, kind).map((operator) => operator.name);
    };
    expect(names(kimiLinear)).toEqual(
      expect.arrayContaining(['decay_down', 'decay_up', 'gate_down', 'gate_up']),
    );
    expect(names(kimiK3)).toContain('decay_down');
    expect(names(kimiK3)).not.toContain('gate_down');
  });

  it('stands in the layers that kda_layers counts from 1', () => {
    const { model } = read(kimiLinear);
    const kinds = model.layers.slice(0, 5).map((index) => model.kinds[index]?.mixer.kind);
    const delta = 'gated-delta-net';
    expect(kinds).toEqual([delta, delta, delta, 'latent-attention', delta]);
    expect(model.positions).toEqual({ kind: 'none' });
  });

  it('is refused without its section or its layers', () => {
    const [section] = problems(without(kimiLinear, 'linear_attn_config'));
    expect(section).toMatchObject({ path: [], message: 'linear_attn_config is missing' });
    const [layers] = problems({ ...kimiLinear, linear_attn_config: { num_heads: 32, head_dim: 128 } });
    expect(layers?.path).toEqual(['linear_attn_config']);
  });
});

describe('an architecture that planner does not know', () => {
  it('DeepSeek-V4 (no kv_lora_rank, compressed attention) is refused, not misread', () => {
    const result = modelFromConfig({ ...kimiLinear, model_type: 'deepseek_v4' }, 'v4');
    expect(result.ok).toBe(false);
  });
});
