/**
 * NVIDIA's own verification runs of Megatron-Bridge (launch/bridge_measured_runs.json: step times of 63 cards of 2026)
 * against their prediction. Only pre-training of a model whose config.json is at hand and whose layout the card or its
 * recipe (launch/bridge_perf_recipes.json) states is a check of the estimator; each other card is named with what it lacks.
 * None of them is in training.jsonl: its rows are of the release tables, months before.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { compareRun } from '../../src/accuracy/compare.ts';
import { createPredictor } from '../../src/accuracy/predict.ts';
import { percent } from '../../src/accuracy/report-tables.ts';
import { defaultCalibration } from '../../src/ingest/calibration.ts';
import { parseMeasuredRuns } from '../../src/ingest/measured-runs.ts';
import { PUBLIC_MODELS, PUBLIC_RECIPES } from './bridge-recipes.ts';
import type { Json } from './bridge-recipes.ts';

interface Card {
  readonly card: string;
  readonly path: string;
  readonly precision: string;
  readonly features: Json | null;
  readonly nodes: number;
  readonly gpus_per_node: number;
  readonly recipe: string;
  readonly seq_length_flag: number | null;
  readonly parallelism_in_text: Json;
  readonly parallelism_from_recipe?: Json;
  readonly metrics: Json;
  readonly last_verified: string;
  readonly command: string;
  readonly expected_result: string;
}

export interface CardResult {
  readonly name: string;
  readonly model: string;
  readonly accelerator: string;
  /** predicted ∕ measured − 1; null: not predicted. */
  readonly error: number | null;
  readonly lacks: string | null;
}

/** Card → file of launch/hf_configs. Nemotron 3.5 Lightning has the layers of Nemotron 3 Nano. */
const CONFIGS: Readonly<Record<string, string>> = {
  'nemotron-3.5-lightning': 'nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-BF16',
  'deepseek-v3': 'deepseek-ai--DeepSeek-V3',
  'gpt-oss-120b': 'openai--gpt-oss-120b',
  'gpt-oss-20b': 'openai--gpt-oss-20b',
  'qwen3-235b-a22b': 'Qwen--Qwen3-235B-A22B',
  'qwen3-30b-a3b': 'Qwen--Qwen3-30B-A3B',
  'qwen3-8b': 'Qwen--Qwen3-8B',
};

const first = (from: Json, ...keys: readonly string[]): unknown =>
  keys.map((key) => from[key]).find((value) => value !== undefined && value !== null) ?? null;

const product = (a: unknown, b: unknown): number | null =>
  typeof a === 'number' && typeof b === 'number' ? a * b : null;

/** Dimensions of config.json under the keys of a measured record, and what the recipe trains beside it. */
const modelOf = (name: string, config: Json, settings: Json): Json => {
  const experts = first(config, 'n_routed_experts', 'num_experts', 'num_local_experts');
  const latent = config['kv_lora_rank'] !== undefined;
  const hybrid = config['hybrid_override_pattern'] !== undefined;
  const capacity = first(settings, 'model.moe_expert_capacity_factor');
  return {
    name,
    arch: hybrid ? 'hybrid-mamba-moe' : experts === null ? 'dense' : 'moe',
    mtp_layers: first(settings, 'model.mtp_num_layers'),
    variant: typeof capacity === 'number' ? `tokendrop ${capacity}` : null,
    layers: config['num_hidden_layers'],
    hidden: config['hidden_size'],
    heads: config['num_attention_heads'],
    kv_heads: config['num_key_value_heads'],
    head_dim: first(config, 'head_dim'),
    ffn: config['intermediate_size'],
    gated_mlp: !hybrid,
    vocab: config['vocab_size'],
    tied_embeddings: first(config, 'tie_word_embeddings') ?? false,
    experts,
    topk: first(config, 'num_experts_per_tok', 'experts_per_token'),
    moe_ffn: first(config, 'moe_intermediate_size', 'intermediate_size'),
    shared_expert_ffn:
      first(config, 'moe_shared_expert_intermediate_size') ??
      product(first(config, 'n_shared_experts'), config['moe_intermediate_size']),
    dense_layers: first(config, 'first_k_dense_replace') ?? 0,
    mla: latent
      ? {
          q_lora_rank: config['q_lora_rank'],
          kv_lora_rank: config['kv_lora_rank'],
          qk_nope_dim: config['qk_nope_head_dim'],
          qk_rope_dim: config['qk_rope_head_dim'],
          v_dim: config['v_head_dim'],
        }
      : null,
  };
};

const listed = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.map(String) : typeof value === 'string' ? [value] : [];

const recomputeOf = (settings: Json): string => {
  const granularity = first(settings, 'model.recompute_granularity');
  const modules = listed(settings['model.recompute_modules']);
  return granularity === 'full' ? 'full' : modules.length > 0 ? `selective:${modules.join(',')}` : 'none';
};

/** Settings of the card's recipe, and what the card says of its own run. */
const settingsOf = (card: Card, stored: Json): Json => {
  const graph = (card.features?.['cuda_graph'] ?? {}) as Json;
  const said: Json = {
    'model.cuda_graph_impl': graph['implementation'],
    'model.cuda_graph_scope': graph['scopes'],
    'model.moe_flex_dispatcher_backend': card.features?.['moe_dispatcher'],
  };
  const stated = Object.entries(said).filter(([, value]) => value !== undefined);
  return { ...stored, ...PUBLIC_RECIPES[card.recipe], ...Object.fromEntries(stated) };
};

/** Cards that check function, not speed, train on text and let the router choose: how far loads differ is not printed. */
const NATURAL_ROUTING = /natural (?:expert )?routing|moe_router_force_load_balancing=false/;

const recordOf = (card: Card, config: Json, settings: Json): Json | string => {
  const layout: Json = { ...card.parallelism_from_recipe, ...card.parallelism_in_text };
  const [global, micro] = [first(layout, 'GBS'), first(layout, 'MBS')];
  if (global === null || micro === null) return 'batch is not stated';
  if (first(layout, 'TP', 'PP', 'EP') === null) return 'layout is not stated';
  const model = modelOf(card.card, config, settings);
  if (model['experts'] !== null && NATURAL_ROUTING.test(`${card.command} ${card.expected_result}`))
    return 'routing is natural, loads are not stated';
  const known = 'model.recompute_granularity' in settings;
  return {
    id: `${card.card} ${card.path}`,
    source: { title: 'Megatron-Bridge verification cards' },
    date: card.last_verified,
    model,
    cluster: {
      gpu: card.path.split('/')[1],
      gpus: card.nodes * card.gpus_per_node,
      gpus_per_node: card.gpus_per_node,
    },
    train: {
      precision: card.precision,
      global_batch: global,
      micro_batch: micro,
      seq: card.seq_length_flag ?? first(settings, 'model.seq_length', 'dataset.seq_length') ?? 4096,
      distributed_optimizer: true,
      megatron_fsdp: first(layout, 'fsdp') === true,
      recompute: known ? recomputeOf(settings) : null,
      cuda_graph_impl: first(settings, 'model.cuda_graph_impl'),
      cuda_graph_scope: listed(settings['model.cuda_graph_scope']),
      moe_dispatcher: first(settings, 'model.moe_flex_dispatcher_backend'),
      fp8_dot_product_attention: settings['mixed_precision.fp8_dot_product_attention'] === true,
      fp8_output_proj: settings['model.fp8_output_proj'] === true,
      moe_a2a_overlap: settings['comm_overlap.overlap_moe_expert_parallel_comm'] === true,
    },
    parallel: {
      tp: first(layout, 'TP') ?? 1,
      pp: first(layout, 'PP') ?? 1,
      vpp: first(layout, 'VPP'),
      cp: first(layout, 'CP') ?? 1,
      ep: first(layout, 'EP') ?? 1,
      etp: first(layout, 'ETP') ?? 1,
    },
    measured: { iteration_time_s: Number(card.metrics['last_10_steps_step_time_ms_avg']) / 1000 },
    status: 'ok',
  };
};

const configAt = (launch: string, name: string): Json =>
  JSON.parse(readFileSync(path.join(launch, 'hf_configs', `${name}.config.json`), 'utf8')) as Json;

/** `launch`: the folder that holds the runs, the recipes and hf_configs. */
export const bridgeCards = (launch: string, calibration = defaultCalibration()): readonly CardResult[] => {
  const rowsOf = (name: string): readonly Json[] => {
    const file = path.join(launch, name);
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { rows: readonly Json[] }).rows : [];
  };
  const recipes = new Map(rowsOf('bridge_perf_recipes.json').map((row) => [row['recipe'], row['settings']]));
  const predict = createPredictor(calibration);
  return (rowsOf('bridge_measured_runs.json') as unknown as readonly Card[]).map((card): CardResult => {
    const [task = '', accelerator = ''] = card.path.split('/');
    const result = (error: number | null, lacks: string | null): CardResult => ({
      name: card.path,
      model: card.card,
      accelerator,
      error,
      lacks,
    });
    if (!/^pretrain|^checkpoint/.test(task)) return result(null, 'no pre-training');
    const config = CONFIGS[card.card];
    const model = PUBLIC_MODELS[card.card] ?? (config === undefined ? null : configAt(launch, config));
    if (model === null) return result(null, 'no dimensions of the model at hand');
    const settings = settingsOf(card, (recipes.get(card.recipe) ?? {}) as Json);
    const record = recordOf(card, model, settings);
    if (typeof record === 'string') return result(null, record);
    const [line] = parseMeasuredRuns(JSON.stringify(record));
    if (line?.kind !== 'run') return result(null, line?.reason ?? 'unreadable');
    const { skipped, predicted, measured } = compareRun(line.run, predict);
    return skipped !== null || predicted.iterationTimeS === null || measured.iterationTimeS === null
      ? result(null, skipped ?? 'no time')
      : result(predicted.iterationTimeS / measured.iterationTimeS - 1, null);
  });
};

/** Runs that were predicted, one a line, and how many lack what. */
export const cardTable = (cards: readonly CardResult[]): readonly string[] => {
  const lacks = new Map<string, number>();
  for (const { lacks: reason } of cards) if (reason !== null) lacks.set(reason, (lacks.get(reason) ?? 0) + 1);
  return [
    '## Verification cards of Megatron-Bridge, 2026',
    '',
    'Never fitted, and newer than any run of the corpus: the recipes that capture whole iterations in CUDA graphs run fused',
    'expert kernels that no run of the corpus has, and no run of Mamba layers was fitted. What the flattened recipes do not carry',
    'is read in the public ones (`scripts/fidelity/bridge-recipes.ts`).',
    '',
    '| model | run | error |',
    '|---|---|---:|',
    ...cards.flatMap(({ model, name, error }) =>
      error === null ? [] : [`| ${model} | ${name} | ${percent(error, 1)} |`],
    ),
    '',
    `Not predicted: ${[...lacks].map(([reason, count]) => `${String(count)} ${reason}`).join(', ')}.`,
    '',
  ];
};
