/** Mixture-of-experts models with grouped-query attention that depart from Llama in more than their experts. */
import type { AttentionSpan, FeedForward } from '../model/model.ts';
import type { Layer, ModelDraft } from './model-draft.ts';
import { attention, dense, readDimensions, readMtp, readWidth, rope } from './model-common.ts';
import { hasExperts, readMoe, readMoeLayers } from './model-experts.ts';
import { MOST_TOKENS, MOST_WIDTH } from './model-fields.ts';
import type { Fields } from './model-fields.ts';
import { llamaLike } from './model-llama.ts';
import { readLayerTypes, readSpans } from './model-spans.ts';

/** gpt-oss: biases everywhere, attention sinks, windows in every second layer from the first. */
export const gptOss = (fields: Fields): ModelDraft => ({
  ...llamaLike(fields, {
    sinks: true,
    window: { slides: (layer) => layer % 2 === 0 },
    experts: { bias: true, routerBias: true, clamped: true },
  }),
  positions: { kind: 'rope', scaled: true },
});

/**
 * Llama 4: a shared expert of the routed width in every expert layer, dense layers of `intermediate_size_mlp`, and
 * three of four layers attending within chunks. A chunk of c tokens gives c/2 keys on average, as a window of c/2.
 */
export const llama4 = (fields: Fields): ModelDraft => {
  const dimensions = readDimensions(fields);
  const width = readWidth(fields);
  const denseWidth = fields.integer('intermediate_size_mlp', { max: MOST_WIDTH, fallback: width });
  const block: FeedForward = dense(denseWidth, true, false);
  const moe = hasExperts(fields) ? readMoe(fields, { sharedWidth: width }) : block;
  const moeLayers = readMoeLayers(fields, dimensions.layers);
  const bias = fields.flag('attention_bias', false);
  const chunk = fields.integer('attention_chunk_size', { max: MOST_TOKENS, fallback: 8192 });
  const chunked: AttentionSpan = { kind: 'window', window: Math.ceil(chunk / 2) };
  const explicit = fields.has('layer_attention') ? readSpans(fields, dimensions.layers) : null;
  const types = readLayerTypes(fields, dimensions.layers);
  const isChunked = (layer: number): boolean =>
    types === null ? (layer + 1) % 4 !== 0 : types[layer] === 'chunked_attention';
  const layers = moeLayers.map((expert, index): Layer => {
    const span = explicit?.[index] ?? (isChunked(index) ? chunked : { kind: 'full' as const });
    return {
      mixer: attention(dimensions, { qkvBias: bias, outputBias: bias, span }),
      feedForward: expert ? moe : block,
      norms: 2,
    };
  });
  return {
    hidden: dimensions.hidden,
    vocabularySize: dimensions.vocabulary,
    tiedEmbeddings: fields.flag('tie_word_embeddings', false),
    positions: rope,
    normalization: 'rmsnorm',
    layers,
    multiTokenPrediction: readMtp(fields, layers),
    omitted: [],
  };
};
