import { describe, expect, it } from 'vitest';
import { read, llama, withExperts, deepseek, moeLayers, moeOf, without } from './model-descriptions.ts';

describe('experts', () => {
  it.each([
    { name: 'all', change: {}, want: [true, true, true, true] },
    { name: 'first_k_dense_replace', change: { first_k_dense_replace: 2 }, want: [false, false, true, true] },
    {
      name: 'decoder_sparse_step counts from 1',
      change: { decoder_sparse_step: 2 },
      want: [false, true, false, true],
    },
    { name: 'mlp_only_layers', change: { mlp_only_layers: [0, 3] }, want: [false, true, true, false] },
    { name: 'moe_layer_freq counts from 0', change: { moe_layer_freq: 2 }, want: [true, false, true, false] },
    {
      name: 'moe_layer_freq as a list',
      change: { moe_layer_freq: [0, 1, 1, 0] },
      want: [false, true, true, false],
    },
    { name: 'no experts at all', change: { num_experts: 0 }, want: [false, false, false, false] },
  ])('in which layers: $name', ({ change, want }) => {
    expect(moeLayers({ ...withExperts, ...change })).toEqual(want);
  });

  it('of Llama 4 alternate with wide dense layers and share one of their width', () => {
    const config = {
      ...llama,
      model_type: 'llama4',
      num_local_experts: 16,
      num_experts_per_tok: 1,
      interleave_moe_layer_step: 2,
      intermediate_size_mlp: 16384,
      intermediate_size: 8192,
    };
    expect(moeLayers(config)).toEqual([false, true, false, true]);
    expect(moeOf(config)).toMatchObject({ expertWidth: 8192, sharedWidth: 8192 });
    expect(read(config).model.kinds[0]?.feedForward).toMatchObject({ kind: 'dense', width: 16384 });
  });

  it.each([
    { name: 'a count times the routed width', change: { n_shared_experts: 2 }, want: 2048 },
    { name: 'a width', change: { shared_expert_intermediate_size: 5120 }, want: 5120 },
    { name: 'none', change: {}, want: 0 },
  ])('shared: $name', ({ change, want }) => {
    expect(moeOf({ ...withExperts, ...change }).sharedWidth).toBe(want);
  });

  it.each(['num_experts_per_tok', 'num_experts_per_token', 'experts_per_token', 'top_k_experts'])(
    'top-k as %s',
    (key) => {
      const rest = without(withExperts, 'num_experts_per_tok');
      expect(moeOf({ ...rest, [key]: 3 }).topK).toBe(3);
    },
  );

  it('of DeepSeek route by groups, with a correction term only in V3', () => {
    expect(moeOf({ ...deepseek, n_group: 8, topk_group: 4 })).toMatchObject({
      groups: { count: 8, limit: 4 },
      routerBias: true,
      sharedWidth: 2816,
    });
    expect(moeOf({ ...deepseek, model_type: 'deepseek_v2', topk_method: 'greedy' })).toMatchObject({
      groups: null,
      routerBias: false,
    });
  });

  it('of MoE++ may compute nothing', () => {
    expect(moeOf({ ...withExperts, zero_computation_experts: 4 }).zeroComputationExperts).toBe(4);
  });
});
