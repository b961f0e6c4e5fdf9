import { describe, expect, it } from 'vitest';
import { modelFromConfig } from '../../src/ingest/model-config.ts';
import { modelPresetNames, readModelPreset } from '../../src/ingest/model-presets.ts';
import { parameterCount, sumParameters } from '../../src/model/count.ts';
import type { Model } from '../../src/model/model.ts';
import type { Operator } from '../../src/model/operator.ts';
import { attendedKeys, forwardFlops } from '../../src/model/operator-flops.ts';
import {
  embeddingOperators,
  headOperators,
  layerOperators,
  mtpOperators,
} from '../../src/model/operators.ts';

const modelOf = (config: Record<string, unknown>): Model => {
  const result = modelFromConfig(config, 'test');
  if (!result.ok) throw new Error(result.problems.map((problem) => problem.message).join('; '));
  return result.model;
};

const layer = (model: Model, name: string): readonly Operator[] => {
  const kind = model.kinds.find((candidate) => candidate.name === name);
  if (kind === undefined) throw new Error(`no ${name} in ${model.kinds.map((each) => each.name).join(', ')}`);
  return layerOperators(model, kind);
};

const find = (operators: readonly Operator[], name: string): Operator => {
  const operator = operators.find((candidate) => candidate.name === name);
  if (operator === undefined) throw new Error(`no operator ${name}`);
  return operator;
};

const traffic = (operators: readonly Operator[], names: readonly string[]): readonly [number, number] => {
  const chosen = operators.filter(
    (operator) => operator.kind === 'pointwise' && names.includes(operator.name),
  );
  return chosen.reduce<[number, number]>(
    ([forward, backward], operator) =>
      operator.kind === 'pointwise'
        ? [forward + operator.forwardBytes, backward + operator.backwardBytes]
        : [forward, backward],
    [0, 0],
  );
};

const llama = readModelPreset('llama3-8b').model;
const NORMS = ['input_norm', 'post_norm', 'mixer_residual', 'feed_forward_residual'];

describe('a Llama layer', () => {
  const operators = layer(llama, 'attention+dense');

  it('runs its operators in the order of the forward pass', () => {
    expect(operators.map((operator) => operator.name)).toEqual([
      'input_norm',
      'qkv',
      'rope',
      'core_attention',
      'attention_output',
      'mixer_residual',
      'post_norm',
      'mlp_up',
      'mlp_activation',
      'mlp_down',
      'feed_forward_residual',
    ]);
  });

  it('has the shapes of its weights: h 4096, q 4096, kv 1024, f 14336', () => {
    expect(find(operators, 'qkv')).toMatchObject({ inputs: 4096, outputs: 6144, parameters: 4096 * 6144 });
    expect(find(operators, 'qkv')).toMatchObject({
      sharding: 'column',
      module: 'attention',
      lowPrecision: true,
    });
    expect(find(operators, 'attention_output')).toMatchObject({
      inputs: 4096,
      outputs: 4096,
      sharding: 'row',
    });
    expect(find(operators, 'mlp_up')).toMatchObject({ inputs: 4096, outputs: 28672, sharding: 'column' });
    expect(find(operators, 'mlp_down')).toMatchObject({ inputs: 14336, outputs: 4096, sharding: 'row' });
  });

  it('moves 20h and 32h bytes for norms and residuals, 4(q + 2kv) for rope, 6f and 10f for SwiGLU', () => {
    expect(traffic(operators, NORMS)).toEqual([20 * 4096, 32 * 4096]);
    expect(traffic(operators, ['rope'])).toEqual([4 * 6144, 4 * 6144]);
    expect(traffic(operators, ['mlp_activation'])).toEqual([6 * 14336, 10 * 14336]);
  });
});

describe('a GPT layer', () => {
  const model = readModelPreset('gpt3-175b').model;
  const operators = layer(model, 'attention+dense');
  const h = 12288;

  it('moves 22h and 42h for norms and residuals, 4f + 4h and 8f + 8h between them', () => {
    expect(traffic(operators, NORMS)).toEqual([22 * h, 42 * h]);
    expect(traffic(operators, ['mlp_activation', 'qkv_bias'])).toEqual([
      4 * 4 * h + 4 * h,
      8 * 4 * h + 8 * h,
    ]);
  });

  it('holds 12h² weights, 13h biases and norms', () => {
    expect(sumParameters(operators)).toBe(12 * h * h + 13 * h);
  });

  it('keeps positions in the embedding and leaves the tied head without weights', () => {
    expect(sumParameters(embeddingOperators(model))).toBe((50257 + 2048) * h);
    expect(sumParameters(headOperators(model))).toBe(2 * h);
    expect(find(headOperators(model, 51200), 'logits')).toMatchObject({ outputs: 51200, parameters: 0 });
  });
});

describe('latent attention', () => {
  const model = readModelPreset('deepseek-v3').model;
  const operators = layer(model, 'latent-attention+moe');

  it('holds 187,107,328 parameters a layer in V3: hand sum of its six matrices and two norms', () => {
    const attention = operators.filter((operator) => ['attention', 'mla_up_proj'].includes(operator.module));
    const matrices = 7168 * 1536 + 1536 * 128 * 192 + 7168 * 576 + 512 * 128 * 256 + 128 * 128 * 7168;
    expect(sumParameters(attention)).toBe(matrices + 1536 + 512);
    expect(matrices + 2048).toBe(187_107_328);
  });

  it('replicates the down projections and cuts the up projections by heads', () => {
    expect(find(operators, 'query_down')).toMatchObject({ sharding: 'replicated', outputs: 1536 });
    expect(find(operators, 'kv_down')).toMatchObject({ sharding: 'replicated', outputs: 576 });
    expect(find(operators, 'query_up')).toMatchObject({ sharding: 'column', module: 'mla_up_proj' });
    expect(find(operators, 'core_attention')).toMatchObject({
      queryKeyDim: 192,
      valueDim: 128,
      kvHeads: 128,
    });
  });

  it('projects q directly without a query rank', () => {
    const lite = layer(readModelPreset('deepseek-v2-lite').model, 'latent-attention+moe');
    expect(find(lite, 'query')).toMatchObject({ inputs: 2048, outputs: 16 * 192 });
    expect(lite.some((operator) => operator.name === 'query_down')).toBe(false);
  });

  it('scores all earlier tokens with the indexer and attends to its top-k', () => {
    const sparse = layer(readModelPreset('deepseek-v3.2').model, 'latent-attention+moe');
    expect(find(sparse, 'core_attention')).toMatchObject({ topK: 2048 });
    // 64 heads of 128, half of 65,536 keys: 2 · 64 · 128 · 32,768.
    expect(forwardFlops(find(sparse, 'indexer_scores'), 65_536)).toBe(2 * 64 * 128 * 32_768);
    const indexer = sparse.filter((operator) => operator.name.startsWith('indexer_'));
    expect(sumParameters(indexer)).toBe(1536 * 64 * 128 + 7168 * 128 + 2 * 128 + 7168 * 64);
  });
});

describe('experts', () => {
  const mixtral = layer(readModelPreset('mixtral-8x7b').model, 'attention+moe');

  it('count per routed copy what they move and compute', () => {
    expect(find(mixtral, 'expert_up')).toMatchObject({ experts: 8, topK: 2, inputs: 4096, outputs: 28672 });
    expect(forwardFlops(find(mixtral, 'expert_down'), 1)).toBe(2 * 2 * 14336 * 4096);
    expect(find(mixtral, 'expert_activation')).toMatchObject({ sharding: 'expert', forwardBytes: 6 * 14336 });
    // Five passes of four bytes an element over both directions.
    expect(traffic(mixtral, ['permute', 'unpermute'])).toEqual([8 * 4096, 12 * 4096]);
    expect(find(mixtral, 'router')).toMatchObject({ sharding: 'replicated', lowPrecision: false });
  });

  it('share the top-k with zero-computation experts', () => {
    const config = { ...mixtralConfig, zero_computation_experts: 8 };
    const shared = layer(modelOf(config), 'attention+moe');
    expect(find(shared, 'expert_up')).toMatchObject({ experts: 8, topK: 1 });
    expect(find(shared, 'router')).toMatchObject({ outputs: 16 });
  });

  it('work on the latent width where there is one', () => {
    const latent = layer(modelOf({ ...mixtralConfig, moe_latent_size: 1024 }), 'attention+moe');
    expect(find(latent, 'expert_up')).toMatchObject({ inputs: 1024 });
    expect(find(latent, 'latent_down')).toMatchObject({ inputs: 4096, outputs: 1024 });
    expect(find(latent, 'permute')).toMatchObject({ forwardBytes: 4 * 1024 });
  });

  it('with biases and clamps, which no kernel fuses (gpt-oss)', () => {
    const oss = layer(readModelPreset('gpt-oss-20b').model, 'attention+moe');
    // 4 + 10 + 8 + 6 bytes an element of the hidden width forward, 12 + 12 + 12 backward; clamps on both gated halves.
    expect(traffic(oss, ['expert_bias', 'expert_clamp'])).toEqual([
      28 * 2880 + 8 * 2 * 2880,
      36 * 2880 + 10 * 2 * 2880,
    ]);
    expect(mixtral.some(({ name }) => /bias|clamp/.test(name))).toBe(false);
  });

  it('rotation with scaled sines is left to PyTorch (gpt-oss): 24 and 20 bytes an element of queries and keys', () => {
    const oss = layer(readModelPreset('gpt-oss-120b').model, 'attention+moe');
    // 64 heads of queries and 8 of keys, 64 wide.
    expect(find(oss, 'rope')).toMatchObject({
      width: 4608,
      forwardBytes: 24 * 4608,
      backwardBytes: 20 * 4608,
      unfused: true,
    });
    expect(find(mixtral, 'rope')).not.toHaveProperty('unfused');
  });

  it('keep the groups that routing is limited to', () => {
    const deepseek = readModelPreset('deepseek-v3').model;
    expect(find(layer(deepseek, 'latent-attention+moe'), 'expert_up')).toMatchObject({
      groups: { count: 8, limit: 4 },
    });
    expect(find(mixtral, 'expert_up')).not.toHaveProperty('groups');
  });

  it('stand beside shared experts and their gate', () => {
    const next = layer(readModelPreset('qwen3-next-80b-a3b').model, 'attention+moe');
    expect(find(next, 'shared_expert_up')).toMatchObject({
      inputs: 2048,
      outputs: 1024,
      module: 'shared_experts',
    });
    expect(find(next, 'shared_expert_gate')).toMatchObject({ outputs: 1, sharding: 'replicated' });
    expect(find(next, 'qkv')).toMatchObject({ outputs: 2 * 4096 + 2 * 512 });
  });
});

const mixtralConfig = {
  model_type: 'mixtral',
  hidden_size: 4096,
  num_hidden_layers: 2,
  intermediate_size: 14336,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  num_local_experts: 8,
  num_experts_per_tok: 2,
  vocab_size: 32000,
};

describe('recurrent mixers', () => {
  it('Gated DeltaNet of Qwen3-Next: 16 key and 32 value heads of 128', () => {
    const operators = layer(readModelPreset('qwen3-next-80b-a3b').model, 'gated-delta-net+moe');
    const [keys, values] = [2048, 4096];
    expect(find(operators, 'mixer_input')).toMatchObject({ outputs: 2 * keys + 2 * values + 64 });
    const rule = find(operators, 'gated_delta_rule');
    expect(rule.parameters).toBe(4 * (2 * keys + values) + 2 * 32 + 128);
    expect(forwardFlops(rule, 4096)).toBe(2 * (4 * (2 * keys + values) + 4 * 32 * 128 * 128));
  });

  it('Mamba-2 of Nemotron 3 Nano: 64 heads of 64, state 128, 8 groups', () => {
    const operators = layer(readModelPreset('nemotron-3-nano-30b-a3b').model, 'mamba2');
    expect(find(operators, 'mixer_input')).toMatchObject({ inputs: 2688, outputs: 2 * 4096 + 2 * 1024 + 64 });
    const scan = find(operators, 'state_space_scan');
    expect(scan.parameters).toBe(5 * (4096 + 2048) + 3 * 64 + 4096);
    expect(forwardFlops(scan, 1)).toBe(7 * 4096 * 128);
    expect(operators.filter((operator) => operator.name.endsWith('norm'))).toHaveLength(1);
  });
});

describe('multi-token prediction', () => {
  it('adds a layer, a projection, three norms and another pass through the head without weights', () => {
    const model = readModelPreset('deepseek-v3').model;
    const operators = mtpOperators(model);
    const oneLayer = sumParameters(layer(model, 'latent-attention+moe'));
    expect(sumParameters(operators)).toBe(oneLayer + 2 * 7168 * 7168 + 3 * 7168);
    expect(find(operators, 'logits')).toMatchObject({ outputs: 129_280, parameters: 0 });
    expect(mtpOperators(llama)).toEqual([]);
  });
});

describe('attended keys, averaged over a causal sequence', () => {
  const over = (
    most: number,
    sequence: number,
    span:
      | { kind: 'full' }
      | { kind: 'window'; window: number }
      | { kind: 'sparse'; window: number; sink: number },
  ): number => attendedKeys({ span, topK: most === 0 ? null : most }, sequence);

  it.each([
    { name: 'full', keys: over(0, 4096, { kind: 'full' }), want: 2048 },
    // 128 − 128² ∕ 8192
    { name: 'window', keys: over(0, 4096, { kind: 'window', window: 128 }), want: 126 },
    { name: 'window of the sequence', keys: over(0, 4096, { kind: 'window', window: 4096 }), want: 2048 },
    { name: 'window beyond it', keys: over(0, 4096, { kind: 'window', window: 1e6 }), want: 2048 },
    { name: 'window and sink', keys: over(0, 4096, { kind: 'sparse', window: 96, sink: 32 }), want: 126 },
    { name: 'top-k', keys: over(2048, 8192, { kind: 'full' }), want: 2048 - 256 },
    { name: 'top-k within a window', keys: over(2048, 4096, { kind: 'window', window: 128 }), want: 126 },
  ])('$name', ({ keys, want }) => {
    expect(keys).toBe(want);
  });

  it('agrees with the sum over positions within half a key', () => {
    const [window, sequence] = [100, 1000];
    let sum = 0;
    for (let position = 1; position <= sequence; position += 1) sum += Math.min(position, window);
    expect(Math.abs(over(0, sequence, { kind: 'window', window }) - sum / sequence)).toBeLessThan(0.5);
  });
});

describe('every preset', () => {
  it.each(modelPresetNames())('%s: operators sum to the count, and all figures are finite', (name) => {
    const { model } = readModelPreset(name);
    const count = parameterCount(model);
    const decoder = model.layers.reduce((total, index) => {
      const kind = model.kinds[index];
      return total + (kind === undefined ? Number.NaN : sumParameters(layerOperators(model, kind)));
    }, 0);
    const ends = sumParameters(embeddingOperators(model)) + sumParameters(headOperators(model));
    expect(decoder + ends).toBe(count.total);
    const all = [...model.kinds.flatMap((kind) => layerOperators(model, kind)), ...mtpOperators(model)];
    for (const operator of all) {
      expect(operator.parameters).toBeGreaterThanOrEqual(0);
      expect(Number.isFinite(forwardFlops(operator, 4096))).toBe(true);
    }
    for (const kind of model.kinds) {
      const names = layerOperators(model, kind).map((operator) => operator.name);
      expect(new Set(names).size).toBe(names.length);
    }
  });
});
