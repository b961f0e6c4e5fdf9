import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { modelFromConfig, modelTypes } from '../../src/ingest/model-config.ts';
import { problems, llama, withExperts, deepseek } from './model-descriptions.ts';

describe('what is refused', () => {
  it.each([
    { name: 'no map', config: [1], path: [], message: /is a map/ },
    { name: 'null', config: null, path: [], message: /is a map/ },
    { name: 'no model_type', config: { hidden_size: 1 }, path: [], message: /names no architecture/ },
    {
      name: 'a model_type that is no text',
      config: { ...llama, model_type: 7 },
      path: [],
      message: /names no architecture/,
    },
    {
      name: 'text for a number',
      config: { ...llama, hidden_size: '4096' },
      path: ['hidden_size'],
      message: /whole number from 1/,
    },
    {
      name: 'a fraction',
      config: { ...llama, num_hidden_layers: 1.5 },
      path: ['num_hidden_layers'],
      message: /whole number/,
    },
    {
      name: 'negative',
      config: { ...llama, intermediate_size: -1 },
      path: ['intermediate_size'],
      message: /whole number/,
    },
    {
      name: 'zero layers',
      config: { ...llama, num_hidden_layers: 0 },
      path: ['num_hidden_layers'],
      message: /whole number/,
    },
    {
      name: 'infinite',
      config: { ...llama, vocab_size: Infinity },
      path: ['vocab_size'],
      message: /whole number/,
    },
    {
      name: 'not a number',
      config: { ...llama, vocab_size: NaN },
      path: ['vocab_size'],
      message: /whole number/,
    },
    {
      name: 'too many layers',
      config: { ...llama, num_hidden_layers: 2001 },
      path: ['num_hidden_layers'],
      message: /2000/,
    },
    { name: 'too wide', config: { ...llama, hidden_size: 1e9 }, path: ['hidden_size'], message: /1000000/ },
    {
      name: 'missing key',
      config: { ...llama, vocab_size: undefined },
      path: [],
      message: /vocab_size is missing/,
    },
    {
      name: 'heads that do not divide',
      config: { ...llama, num_attention_heads: 31 },
      path: [],
      message: /does not divide by 31/,
    },
    {
      name: 'groups that do not divide',
      config: { ...llama, num_key_value_heads: 5 },
      path: [],
      message: /share 5 key-value heads/,
    },
    {
      name: 'a flag that is a text',
      config: { ...llama, tie_word_embeddings: 'yes' },
      path: ['tie_word_embeddings'],
      message: /true or false/,
    },
    {
      name: 'more experts a token than there are',
      config: { ...withExperts, num_experts_per_tok: 9 },
      path: [],
      message: /9 of 8 experts/,
    },
    {
      name: 'layer_types of another length',
      config: { ...llama, layer_types: ['full_attention'] },
      path: ['layer_types'],
      message: /1 entries for 4/,
    },
    {
      name: 'an unknown layer type',
      config: { ...llama, layer_types: ['full_attention', 'x', 'x', 'x'] },
      path: ['layer_types', 1],
      message: /one of full_attention/,
    },
    {
      name: 'a pattern that does not divide',
      config: { ...llama, layer_attention: ['full', 'full', 'full'] },
      path: ['layer_attention'],
      message: /3 entries for 4/,
    },
    {
      name: 'a span without a window',
      config: { ...llama, layer_attention: [{ sink: 4 }] },
      path: ['layer_attention'],
      message: /entry 0/,
    },
    {
      name: 'spans of latent attention',
      config: { ...deepseek, layer_attention: ['full'] },
      path: ['layer_attention'],
      message: /does not apply/,
    },
    {
      name: 'mlp_only_layers with a text',
      config: { ...withExperts, mlp_only_layers: [0, 'a'] },
      path: ['mlp_only_layers', 1],
      message: /whole number/,
    },
    {
      name: 'value heads that do not divide',
      config: {
        ...withExperts,
        model_type: 'qwen3_next',
        linear_num_key_heads: 16,
        linear_num_value_heads: 20,
        linear_key_head_dim: 128,
        linear_value_head_dim: 128,
      },
      path: ['linear_num_value_heads'],
      message: /20 value heads/,
    },
    {
      name: 'expert groups that do not divide',
      config: { ...deepseek, n_group: 7 },
      path: ['n_group'],
      message: /7 groups/,
    },
    {
      name: 'sizes absurd together',
      config: {
        ...withExperts,
        hidden_size: 1e6,
        head_dim: 128,
        num_hidden_layers: 2000,
        num_experts: 100_000,
        moe_intermediate_size: 1e7,
      },
      path: [],
      message: /parameters/,
    },
  ])('$name', ({ config, path, message }) => {
    const found = problems(config);
    expect(found.map((problem) => problem.message).join('\n')).toMatch(message);
    expect(found.map((problem) => problem.path)).toContainEqual(path);
  });

  it('an unknown architecture, with the known ones and the nearest', () => {
    const [problem] = problems({ ...llama, model_type: 'lama' });
    expect(problem).toMatchObject({ path: ['model_type'], suggestion: 'llama', found: '"lama"' });
    expect(problem?.expected).toContain('deepseek_v3');
  });

  it('everything at once', () => {
    const found = problems({ ...llama, hidden_size: 'x', vocab_size: -1, intermediate_size: [] });
    expect(found.map((problem) => problem.path[0]).sort()).toEqual([
      'hidden_size',
      'intermediate_size',
      'vocab_size',
    ]);
  });

  it('never by throwing', () => {
    const key = fc.constantFrom(
      ...[
        'hidden_size',
        'num_hidden_layers',
        'layer_types',
        'layer_attention',
        'num_experts',
        'text_config',
        'moe_layer_freq',
      ],
      ...[
        'hybrid_override_pattern',
        'attn_config',
        'q_lora_rank',
        'architectures',
        'sliding_window',
        '__proto__',
        'head_dim',
      ],
    );
    const value = fc.oneof(
      fc.anything({ withNullPrototype: true, withBigInt: true }),
      fc.integer(),
      fc.constant(4),
    );
    const bases = [...modelTypes().map((model_type) => ({ ...deepseek, ...withExperts, model_type })), {}];
    fc.assert(
      fc.property(fc.constantFrom(...bases), fc.dictionary(key, value), (base, changes) => {
        const result = modelFromConfig({ ...base, ...changes }, 'test');
        expect(result.ok || result.problems.length > 0).toBe(true);
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});
