/** Gemma 3 and 4: norms before and after each block, windows in most layers. */
import type { Attention, FeedForward } from '../model/model.ts';
import type { Layer, ModelDraft } from './model-draft.ts';
import { attention, checkGroups, dense, readDimensions, readWidth, rope } from './model-common.ts';
import { readMoe } from './model-experts.ts';
import { MOST_HEADS, MOST_HEAD_DIM, MOST_LAYERS, MOST_WIDTH } from './model-fields.ts';
import type { Fields } from './model-fields.ts';
import { llamaLike } from './model-llama.ts';
import { readSpans } from './model-spans.ts';

/** Gemma 2 slides in every layer of even index. */
export const gemma2 = (fields: Fields): ModelDraft =>
  llamaLike(fields, { tied: true, norms: 4, window: { slides: (layer) => layer % 2 === 0 } });

/** Gemma 3: five windowed layers, one full; norms on q and k. */
export const gemma3 = (fields: Fields): ModelDraft => {
  const pattern = fields.integer('sliding_window_pattern', { max: MOST_LAYERS, fallback: 6 });
  const window = { slides: (layer: number) => (layer + 1) % pattern !== 0 };
  return llamaLike(fields, { tied: true, norms: 4, qkNorm: 'head', window });
};

/**
 * Gemma 4: full layers have their own head width and key-value heads, and with `attention_k_eq_v` no value
 * projection; experts stand beside the dense block, with three norms of their own and a scale of the router's input
 * (8 vectors in all), and a scale per expert, counted as the router's bias. One scalar a layer is left out.
 */
export const gemma4 = (fields: Fields): ModelDraft => {
  const dimensions = readDimensions(fields);
  const spans = readSpans(fields, dimensions.layers, { slides: (layer) => (layer + 1) % 6 !== 0 });
  const bias = fields.flag('attention_bias', false);
  const traits = { qkvBias: bias, outputBias: bias, qkNorm: 'head' } as const;
  const shared = fields.flag('attention_k_eq_v', false);
  const full = {
    heads: dimensions.heads,
    kvHeads: fields.integer('num_global_key_value_heads', { max: MOST_HEADS, fallback: dimensions.kvHeads }),
    headDim: fields.integer('global_head_dim', { max: MOST_HEAD_DIM, fallback: dimensions.headDim }),
  };
  checkGroups(fields, full.heads, full.kvHeads);
  const width = readWidth(fields);
  const experts = fields.flag('enable_moe_block', fields.has('num_experts'));
  const block: FeedForward = experts
    ? readMoe(fields, { parallelDenseWidth: width, routerBias: true })
    : dense(width, true, false);
  const mixerOf = (span: Attention['span']): Attention =>
    span.kind === 'window'
      ? attention(dimensions, { ...traits, span })
      : attention(full, { ...traits, span, sharedKeyValue: shared });
  return {
    hidden: dimensions.hidden,
    vocabularySize: dimensions.vocabulary,
    tiedEmbeddings: fields.flag('tie_word_embeddings', true),
    positions: rope,
    normalization: 'rmsnorm',
    layers: spans.map((span): Layer => ({
      mixer: mixerOf(span),
      feedForward: block,
      norms: experts ? 8 : 4,
    })),
    multiTokenPrediction: null,
    omitted: leftOut(fields),
  };
};

const leftOut = (fields: Fields): string[] => {
  const most = { min: 0, fallback: 0 };
  const perLayer = fields.integer('hidden_size_per_layer_input', { ...most, max: MOST_WIDTH });
  const sharing = fields.integer('num_kv_shared_layers', { ...most, max: MOST_LAYERS });
  return [
    ...(perLayer > 0 ? ['Embeddings of each layer (per-layer inputs) are left out.'] : []),
    ...(sharing > 0
      ? [`${sharing} layers share keys and values with earlier ones; they are counted whole.`]
      : []),
    ...(fields.flag('use_double_wide_mlp', false)
      ? ['Doubled feed-forward widths of sharing layers are left out.']
      : []),
  ];
};
