/** Architectures by the `model_type` of transformers; a new one is a line here, or a reader of its own. */
import type { ModelDraft } from './model-draft.ts';
import { deepseek } from './model-deepseek.ts';
import { MOST_LAYERS } from './model-fields.ts';
import type { Fields } from './model-fields.ts';
import { gemma2, gemma3, gemma4 } from './model-gemma.ts';
import {
  bloom,
  falcon,
  gpt2,
  gptBigCode,
  gptNeo,
  gptNeox,
  mpt,
  nemotron,
  opt,
  phi,
  starcoder2,
} from './model-gpt.ts';
import { nemotronHybrid, qwenNext } from './model-hybrid.ts';
import { llamaLike } from './model-llama.ts';
import type { LlamaTraits } from './model-llama.ts';
import { kimiLinear } from './model-kimi.ts';
import { gptOss, llama4 } from './model-moe.ts';

export type ArchitectureReader = (fields: Fields) => ModelDraft;

const like =
  (traits: LlamaTraits): ArchitectureReader =>
  (fields) =>
    llamaLike(fields, traits);

/** Qwen: windows are off unless `use_sliding_window`, and then only from layer `max_window_layers` on. */
const qwen =
  (traits: LlamaTraits): ArchitectureReader =>
  (fields) => {
    const first = fields.integer('max_window_layers', { min: 0, max: MOST_LAYERS, fallback: 0 });
    return llamaLike(fields, { ...traits, window: { enabled: false, slides: (layer) => layer >= first } });
  };

/** GLM-4.5 and 4.6: norms on q and k by `use_qk_norm`. */
const glm4Moe: ArchitectureReader = (fields) =>
  llamaLike(fields, {
    bias: 'configured-qkv',
    qkNorm: fields.flag('use_qk_norm', false) ? 'head' : 'none',
    experts: { routerBias: true },
  });

const deepseekV2: ArchitectureReader = (fields) => deepseek(fields, false);
const deepseekV3: ArchitectureReader = (fields) => deepseek(fields, true);

export const ARCHITECTURES: ReadonlyMap<string, ArchitectureReader> = new Map<string, ArchitectureReader>([
  ['apertus', like({ gated: false, qkNorm: 'head' })],
  ['bloom', bloom],
  ['cohere', like({ tied: true, norms: 1, normalization: 'layernorm', normalizationBias: false })],
  ['cohere2', like({ tied: true, norms: 1, normalization: 'layernorm', normalizationBias: false })],
  ['deepseek_v2', deepseekV2],
  ['deepseek_v3', deepseekV3],
  ['deepseek_v32', deepseekV3],
  ['falcon', falcon],
  ['gemma', like({ tied: true })],
  ['gemma2', gemma2],
  ['gemma3_text', gemma3],
  ['gemma4_text', gemma4],
  ['glm', like({ bias: 'configured-qkv' })],
  ['glm4', like({ bias: 'configured-qkv', norms: 4 })],
  ['glm4_moe', glm4Moe],
  ['glm4_moe_lite', deepseekV3],
  ['glm_moe_dsa', deepseekV3],
  ['gpt2', gpt2],
  ['gpt_bigcode', gptBigCode],
  ['gpt_neo', gptNeo],
  ['gpt_neox', gptNeox],
  ['gpt_oss', gptOss],
  ['granite', like({ tied: true })],
  ['grok-1', like({ tied: true, norms: 4, experts: {} })],
  ['internlm2', like({})],
  ['kimi_k2', deepseekV3],
  ['kimi_linear', kimiLinear],
  ['llama', like({ experts: {} })],
  ['llama4_text', llama4],
  ['minimax_m2', like({ qkNorm: 'projection', experts: { routerBias: true } })],
  ['mistral', like({ bias: 'none' })],
  ['mixtral', like({ bias: 'none', experts: {} })],
  ['mpt', mpt],
  ['nemotron', nemotron],
  ['nemotron_h', nemotronHybrid],
  ['olmo2', like({ qkNorm: 'projection' })],
  ['olmoe', like({ qkNorm: 'projection', experts: {} })],
  ['opt', opt],
  ['phi', phi],
  ['phi3', like({ bias: 'none' })],
  [
    'phimoe',
    like({
      normalization: 'layernorm',
      headBias: true,
      experts: {},
    }),
  ],
  ['qwen2', qwen({ bias: 'qkv' })],
  ['qwen2_moe', qwen({ bias: 'qkv', experts: { sharedGate: true } })],
  ['qwen3', qwen({ qkNorm: 'head' })],
  ['qwen3_5_moe_text', qwenNext],
  ['qwen3_5_text', qwenNext],
  ['qwen3_moe', qwen({ qkNorm: 'head', experts: {} })],
  ['qwen3_next', qwenNext],
  ['seed_oss', like({ bias: 'configured-qkv' })],
  ['smollm3', qwen({ tied: true })],
  ['starcoder2', starcoder2],
]);

/** Other spellings of the same: without `_text`, dashes, and multimodal wrappers that state no nested model_type. */
export const ALIASES: ReadonlyMap<string, string> = new Map([
  ['gemma3', 'gemma3_text'],
  ['gemma4', 'gemma4_text'],
  ['grok', 'grok-1'],
  ['grok1', 'grok-1'],
  ['kimi_k25', 'kimi_k2'],
  ['kimi_k3', 'kimi_linear'],
  ['llama4', 'llama4_text'],
  ['qwen3_5', 'qwen3_5_text'],
  ['qwen3_5_moe', 'qwen3_5_moe_text'],
]);
