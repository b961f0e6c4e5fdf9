import { describe, expect, it } from 'vitest';
import { parameterCount } from '../../src/model/count.ts';
import { read } from './model-descriptions.ts';

describe('GPT and kin', () => {
  it('GPT-2 keys, n_inner null for four times the width', () => {
    const { model } = read({
      model_type: 'gpt2',
      n_embd: 768,
      n_layer: 12,
      n_head: 12,
      n_positions: 1024,
      n_inner: null,
      vocab_size: 50257,
    });
    expect(model).toMatchObject({
      positions: { kind: 'learned', count: 1024 },
      tiedEmbeddings: true,
      normalization: 'layernorm',
    });
    expect(model.kinds[0]?.feedForward).toEqual({ kind: 'dense', width: 3072, gated: false, bias: true });
  });

  /** Parameter counts of the checkpoints on Hugging Face, as their model pages and papers give them. */
  it.each([
    {
      name: 'gpt2',
      want: 124_439_808,
      config: {
        model_type: 'gpt2',
        n_embd: 768,
        n_layer: 12,
        n_head: 12,
        n_positions: 1024,
        vocab_size: 50257,
      },
    },
    {
      name: 'opt-125m',
      want: 125_239_296,
      config: {
        model_type: 'opt',
        hidden_size: 768,
        num_hidden_layers: 12,
        num_attention_heads: 12,
        ffn_dim: 3072,
        max_position_embeddings: 2048,
        vocab_size: 50272,
      },
    },
    {
      name: 'bloom-560m',
      want: 559_214_592,
      config: {
        model_type: 'bloom',
        n_embed: 1024,
        n_layer: 24,
        num_attention_heads: 16,
        vocab_size: 250880,
      },
    },
    {
      name: 'pythia-160m',
      want: 162_322_944,
      config: {
        model_type: 'gpt_neox',
        hidden_size: 768,
        num_hidden_layers: 12,
        num_attention_heads: 12,
        intermediate_size: 3072,
        vocab_size: 50304,
      },
    },
    {
      name: 'falcon-7b',
      want: 6_921_720_704,
      config: {
        model_type: 'falcon',
        hidden_size: 4544,
        num_hidden_layers: 32,
        num_attention_heads: 71,
        multi_query: true,
        parallel_attn: true,
        bias: false,
        vocab_size: 65024,
      },
    },
    {
      name: 'mpt-7b',
      want: 6_649_286_656,
      config: {
        model_type: 'mpt',
        d_model: 4096,
        n_layers: 32,
        n_heads: 32,
        expansion_ratio: 4,
        vocab_size: 50432,
        attn_config: { alibi: true },
      },
    },
    {
      name: 'phi-2',
      want: 2_779_683_840,
      config: {
        model_type: 'phi',
        hidden_size: 2560,
        num_hidden_layers: 32,
        num_attention_heads: 32,
        intermediate_size: 10240,
        vocab_size: 51200,
      },
    },
    {
      name: 'gemma-2b',
      want: 2_506_172_416,
      config: {
        model_type: 'gemma',
        hidden_size: 2048,
        num_hidden_layers: 18,
        num_attention_heads: 8,
        num_key_value_heads: 1,
        head_dim: 256,
        intermediate_size: 16384,
        vocab_size: 256000,
      },
    },
    {
      name: 'gemma-2-9b',
      want: 9_241_705_984,
      config: {
        model_type: 'gemma2',
        hidden_size: 3584,
        num_hidden_layers: 42,
        num_attention_heads: 16,
        num_key_value_heads: 8,
        head_dim: 256,
        intermediate_size: 14336,
        vocab_size: 256000,
        sliding_window: 4096,
      },
    },
    {
      name: 'Mistral-7B-v0.1',
      want: 7_241_732_096,
      config: {
        model_type: 'mistral',
        hidden_size: 4096,
        num_hidden_layers: 32,
        num_attention_heads: 32,
        num_key_value_heads: 8,
        intermediate_size: 14336,
        vocab_size: 32000,
        sliding_window: 4096,
      },
    },
    {
      name: 'starcoder2-3b',
      want: 3_030_371_328,
      config: {
        model_type: 'starcoder2',
        hidden_size: 3072,
        num_hidden_layers: 30,
        num_attention_heads: 24,
        num_key_value_heads: 2,
        intermediate_size: 12288,
        vocab_size: 49152,
        use_bias: true,
      },
    },
    {
      name: 'OLMoE-1B-7B',
      want: 6_919_161_856,
      config: {
        model_type: 'olmoe',
        hidden_size: 2048,
        num_hidden_layers: 16,
        num_attention_heads: 16,
        intermediate_size: 1024,
        num_experts: 64,
        num_experts_per_tok: 8,
        vocab_size: 50304,
      },
    },
    {
      name: 'Qwen1.5-MoE-A2.7B',
      want: 14_315_784_192,
      config: {
        model_type: 'qwen2_moe',
        hidden_size: 2048,
        num_hidden_layers: 24,
        num_attention_heads: 16,
        intermediate_size: 5632,
        moe_intermediate_size: 1408,
        shared_expert_intermediate_size: 5632,
        num_experts: 60,
        num_experts_per_tok: 4,
        decoder_sparse_step: 1,
        vocab_size: 151936,
      },
    },
  ])('$name holds $want parameters', ({ config, want }) => {
    expect(parameterCount(read(config).model).total).toBe(want);
  });
});
