/** Llama and its kin: RMSNorm, rotary positions, grouped queries, a gated feed-forward block. */
import type { Attention, AttentionSpan, FeedForward } from '../model/model.ts';
import type { Layer, ModelDraft } from './model-draft.ts';
import { attention, dense, readDimensions, readMtp, readWidth, rope } from './model-common.ts';
import type { Dimensions } from './model-common.ts';
import type { Fields } from './model-fields.ts';
import { hasExperts, readMoe, readMoeLayers } from './model-experts.ts';
import type { MoeTraits } from './model-experts.ts';
import { readSpans } from './model-spans.ts';
import type { WindowRule } from './model-spans.ts';

/** Where an architecture departs from Llama. */
export interface LlamaTraits {
  /** Value where `tie_word_embeddings` is absent; as the architecture's class in transformers has it. */
  readonly tied?: boolean;
  /** `configured`: by `attention_bias`, on all four projections; `configured-qkv`: by it, on three. */
  readonly bias?: 'configured' | 'configured-qkv' | 'qkv' | 'none';
  readonly qkNorm?: Attention['qkNorm'];
  readonly gated?: boolean;
  readonly norms?: number;
  readonly window?: WindowRule;
  readonly sinks?: boolean;
  readonly normalization?: ModelDraft['normalization'];
  readonly normalizationBias?: boolean;
  readonly headBias?: boolean;
  readonly experts?: MoeTraits;
}

const biases = (fields: Fields, bias: LlamaTraits['bias'] = 'configured'): readonly [boolean, boolean] => {
  const configured = fields.flag(['attention_bias', 'qkv_bias', 'bias'], false);
  switch (bias) {
    case 'configured':
      return [configured, configured];
    case 'configured-qkv':
      return [configured, false];
    case 'qkv':
      return [true, false];
    case 'none':
      return [false, false];
  }
};

/** Feed-forward block of each layer: dense, or experts where the config has some. */
const feedForwards = (
  fields: Fields,
  dimensions: Dimensions,
  traits: LlamaTraits,
): ((layer: number) => FeedForward) => {
  const bias = fields.flag('mlp_bias', false);
  const denseBlock = (): FeedForward => dense(readWidth(fields), traits.gated ?? true, bias);
  if (traits.experts === undefined || !hasExperts(fields)) {
    const block = denseBlock();
    return () => block;
  }
  const moe = readMoe(fields, traits.experts);
  const moeLayers = readMoeLayers(fields, dimensions.layers);
  const block = moeLayers.every(Boolean) ? moe : denseBlock();
  return (layer) => (moeLayers[layer] === true ? moe : block);
};

export const llamaLike = (fields: Fields, traits: LlamaTraits = {}): ModelDraft => {
  const dimensions = readDimensions(fields);
  const [qkvBias, outputBias] = biases(fields, traits.bias);
  const block = feedForwards(fields, dimensions, traits);
  const mixer = (span: AttentionSpan): Attention =>
    attention(dimensions, {
      qkvBias,
      outputBias,
      qkNorm: traits.qkNorm ?? 'none',
      sinks: traits.sinks ?? false,
      span,
    });
  const spans = readSpans(fields, dimensions.layers, traits.window);
  const layers = spans.map((span, index): Layer => ({
    mixer: mixer(span),
    feedForward: block(index),
    norms: traits.norms ?? 2,
  }));
  return {
    hidden: dimensions.hidden,
    vocabularySize: dimensions.vocabulary,
    tiedEmbeddings: fields.flag('tie_word_embeddings', traits.tied ?? false),
    positions: rope,
    normalization: traits.normalization ?? 'rmsnorm',
    ...(traits.normalizationBias === undefined ? {} : { normalizationBias: traits.normalizationBias }),
    ...(traits.headBias === undefined ? {} : { headBias: traits.headBias }),
    layers,
    multiTokenPrediction: readMtp(fields, layers),
    omitted: [],
  };
};
