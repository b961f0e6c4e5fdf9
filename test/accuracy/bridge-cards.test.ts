/** Verification cards become checks where model, layout and batch are stated; a card that lacks one says which. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { bridgeCards } from '../../scripts/fidelity/bridge-cards.ts';

const layout = { TP: 1, PP: 1, CP: 1, DP: 16, GBS: 1024, MBS: 1 };

const folderWith = (rows: readonly object[], recipes: readonly object[] = []): string => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cards-'));
  const write = (name: string, value: object): void => {
    writeFileSync(path.join(folder, name), JSON.stringify(value));
  };
  mkdirSync(path.join(folder, 'hf_configs'));
  write('bridge_measured_runs.json', { rows });
  write('bridge_perf_recipes.json', { rows: recipes });
  write('hf_configs/Qwen--Qwen3-8B.config.json', {
    num_hidden_layers: 36,
    hidden_size: 4096,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    head_dim: 128,
    intermediate_size: 12288,
    vocab_size: 151936,
  });
  return folder;
};

const card = (change: object): object => ({
  card: 'qwen3-8b',
  path: 'pretrain/H100',
  precision: 'bf16',
  nodes: 2,
  gpus_per_node: 8,
  recipe: 'qwen3_8b_pretrain_16gpu_h100_bf16_config',
  seq_length_flag: 4096,
  parallelism_in_text: layout,
  metrics: { last_10_steps_step_time_ms_avg: 25000 },
  last_verified: '2026-08-14',
  features: null,
  command: 'train.sh',
  expected_result: 'completes',
  ...change,
});

it('an error is predicted over measured: half the measured time doubles it', () => {
  const [slow, fast] = bridgeCards(
    folderWith([card({}), card({ metrics: { last_10_steps_step_time_ms_avg: 12500 } })]),
  );
  // 1024 sequences of 4096 tokens, 6 · 8.2 billion FLOPs each and more, on 16 GPUs of 989 TFLOP/s: 13 s at the peak.
  expect(25 * (1 + (slow?.error ?? 0))).toBeGreaterThan(13);
  expect((1 + (fast?.error ?? 0)) / (1 + (slow?.error ?? 0))).toBeCloseTo(2, 10);
  expect(slow).toMatchObject({ model: 'qwen3-8b', accelerator: 'H100', lacks: null });
});

it('reads what the recipe states', () => {
  const settings = { 'model.recompute_granularity': 'full' };
  const recipe = 'qwen3_8b_pretrain_16gpu_h100_bf16_config';
  const [plain] = bridgeCards(folderWith([card({})]));
  const [full] = bridgeCards(folderWith([card({})], [{ recipe, settings }]));
  // A recomputed forward pass is a third more work.
  const ratio = (1 + (full?.error ?? 0)) / (1 + (plain?.error ?? 0));
  expect(ratio).toBeGreaterThan(1.2);
  expect(ratio).toBeLessThan(1.4);
});

describe('mixtures of experts', () => {
  const recipe = 'qwen3_30b_a3b_pretrain_8gpu_gb200_fp8mx_config';
  const experts = {
    card: 'qwen3-30b-a3b',
    path: 'pretrain_performance/GB200',
    precision: 'fp8_mx',
    gpus_per_node: 4,
    parallelism_in_text: { TP: 1, PP: 1, CP: 1, EP: 8, GBS: 512, MBS: 4 },
  };
  const folder = (rows: readonly object[]): string => {
    const made = folderWith(rows);
    writeFileSync(
      path.join(made, 'hf_configs', 'Qwen--Qwen3-30B-A3B.config.json'),
      JSON.stringify({
        num_hidden_layers: 48,
        hidden_size: 2048,
        num_attention_heads: 32,
        num_key_value_heads: 4,
        head_dim: 128,
        intermediate_size: 6144,
        moe_intermediate_size: 768,
        num_experts: 128,
        num_experts_per_tok: 8,
        vocab_size: 151936,
      }),
    );
    return made;
  };

  it('take from the public recipe what the flattened one does not carry', () => {
    const [bare, known, hybrid] = bridgeCards(
      folder([
        card(experts),
        card({ ...experts, recipe }),
        card({ ...experts, features: { moe_dispatcher: 'hybridep' } }),
      ]),
    );
    // Captured whole, with the exchange beside the compute and fused experts, it is far faster than eager all-to-all.
    expect((1 + (known?.error ?? 0)) / (1 + (bare?.error ?? 0))).toBeLessThan(0.7);
    // What the card says of its own run counts too: one row a rank in place of eight copies.
    expect((1 + (hybrid?.error ?? 0)) / (1 + (bare?.error ?? 0))).toBeLessThan(0.95);
  });

  it('of Mamba layers, with a fixed capacity of experts, from public dimensions', () => {
    const layout = { TP: 1, PP: 2, CP: 1, EP: 32, GBS: 1280, MBS: 1 };
    const hybrid = {
      card: 'nemotron-3-super-120b-a12b',
      path: 'pretrain_performance/H100',
      nodes: 8,
      parallelism_in_text: layout,
      recipe: 'nemotron_3_super',
    };
    const capacity = (factor: number): number => {
      const settings = { 'model.moe_expert_capacity_factor': factor, 'model.recompute_granularity': null };
      const [result] = bridgeCards(folderWith([card(hybrid)], [{ recipe: hybrid.recipe, settings }]));
      return 1 + (result?.error ?? Number.NaN);
    };
    // 12 billion active parameters, 6 FLOP each and token, 1280 · 4096 tokens on 64 GPUs of 989 TFLOP/s: 6 s at the peak.
    expect(25 * capacity(1)).toBeGreaterThan(6);
    expect(capacity(1.5) / capacity(1)).toBeGreaterThan(1.05);
    expect(capacity(1.5) / capacity(1)).toBeLessThan(1.5);
  });

  it.each([
    [{ command: 'train.sh model.moe_router_force_load_balancing=false' }],
    [{ expected_result: 'completes with natural routing' }],
  ])('%j: loads are not stated', (change) => {
    const lacks = 'routing is natural, loads are not stated';
    expect(bridgeCards(folder([card({ ...experts, ...change })]))).toMatchObject([{ error: null, lacks }]);
    expect(bridgeCards(folder([card(change)]))).toMatchObject([{ lacks: null }]);
  });
});

it.each([
  [{ path: 'sft/H100' }, 'no pre-training'],
  [{ card: 'unheard-of' }, 'no dimensions of the model at hand'],
  [{ parallelism_in_text: {} }, 'batch is not stated'],
  [{ parallelism_in_text: { GBS: 8, MBS: 1 } }, 'layout is not stated'],
])('%j is not predicted: %s', (change, lacks) => {
  expect(bridgeCards(folderWith([card(change)]))).toMatchObject([{ error: null, lacks }]);
});
