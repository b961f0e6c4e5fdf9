/**
 * A model as a list of operators: what every kernel of a layer computes, moves and holds, before sharding.
 * The parameters of all operators sum exactly to the model's parameter count.
 */
import type { FeedForward, LayerKind, Mixer, Model } from './model.ts';
import type { Linear, Operator } from './operator.ts';
import { attentionOperators, latentAttentionOperators } from './operators-attention.ts';
import { denseOperators, moeOperators } from './operators-feed-forward.ts';
import { linear } from './operators-linear.ts';
import { hiddenNorm, pointwise, residual } from './operators-pointwise.ts';
import { gatedDeltaNetOperators, mamba2Operators } from './operators-recurrent.ts';

const mixerOperators = (model: Model, mixer: Mixer): readonly Operator[] => {
  switch (mixer.kind) {
    case 'attention':
      return attentionOperators(model, mixer);
    case 'latent-attention':
      return latentAttentionOperators(model, mixer);
    case 'gated-delta-net':
      return gatedDeltaNetOperators(model, mixer);
    case 'mamba2':
      return mamba2Operators(model, mixer);
    case 'none':
      return [];
  }
};

const feedForwardOperators = (model: Model, feedForward: FeedForward): readonly Operator[] => {
  switch (feedForward.kind) {
    case 'dense':
      return denseOperators(model, feedForward);
    case 'moe':
      return moeOperators(model, feedForward);
    case 'none':
      return [];
  }
};

/**
 * Operators of one decoder layer in the order of the forward pass. Norms stand before the mixer and, the second half
 * of them, before the feed-forward block; a layer with both and a single norm runs them in parallel (one residual).
 */
export const layerOperators = (model: Model, kind: LayerKind): readonly Operator[] => {
  const mixer = mixerOperators(model, kind.mixer);
  const feedForward = feedForwardOperators(model, kind.feedForward);
  const both = mixer.length > 0 && feedForward.length > 0;
  const before = mixer.length === 0 ? 0 : both ? Math.ceil(kind.norms / 2) : kind.norms;
  const norms = (count: number, name: 'input_norm' | 'post_norm'): readonly Operator[] =>
    Array.from({ length: count }, (_, i) => hiddenNorm(model, i === 0 ? name : `${name}_${i + 1}`, name));
  const parallel = both && kind.norms < 2;
  return [
    ...norms(before, 'input_norm'),
    ...mixer,
    ...(mixer.length > 0 && !parallel ? [residual(model, 'mixer_residual')] : []),
    ...norms(kind.norms - before, 'post_norm'),
    ...feedForward,
    ...(feedForward.length > 0 ? [residual(model, 'feed_forward_residual')] : []),
  ];
};

const lookup = (model: Model, name: string, rows: number, sharding: 'tensor' | 'sequence'): Operator =>
  pointwise({
    name,
    module: 'embedding',
    width: model.hidden,
    forwardBytes: 4 * model.hidden,
    backwardBytes: 6 * model.hidden,
    sharding,
    parameters: rows * model.hidden,
  });

/**
 * Token embedding (and learned positions, and BLOOM's norm). `vocabulary`: rows of the table, for runtimes that pad
 * it. Traffic: a row is read and written; backward reads the gradient and adds to the row.
 */
export const embeddingOperators = (model: Model, vocabulary = model.vocabularySize): readonly Operator[] => [
  lookup(model, 'embedding', vocabulary, 'tensor'),
  ...(model.positions.kind === 'learned'
    ? [lookup(model, 'position_embedding', model.positions.count, 'sequence')]
    : []),
  ...(model.embeddingNorm === true ? [hiddenNorm(model, 'embedding_norm', 'embedding')] : []),
];

/** Cross-entropy moves 14 bytes a logit in all, fitted on Hopper and Blackwell runs: 6 forward, 8 backward. */
const logitOperators = (model: Model, vocabulary: number, tied: boolean): readonly Operator[] => {
  const head = linear('logits', 'head', model.hidden, vocabulary, 'column', { lowPrecision: false });
  const parameters = (tied ? 0 : head.parameters) + (model.headBias === true ? vocabulary : 0);
  return [
    { ...head, parameters } satisfies Linear,
    pointwise({
      name: 'cross_entropy',
      module: 'head',
      width: vocabulary,
      forwardBytes: 6 * vocabulary,
      backwardBytes: 8 * vocabulary,
      sharding: 'tensor',
    }),
  ];
};

/**
 * Final norm, logits and loss. Tied embeddings: the logits hold no parameters of their own (a pipeline that puts
 * embedding and head on different stages keeps a second copy: the caller's business).
 */
export const headOperators = (model: Model, vocabulary = model.vocabularySize): readonly Operator[] => [
  ...(model.finalNorm === false ? [] : [hiddenNorm(model, 'final_norm', 'head')]),
  ...logitOperators(model, vocabulary, model.tiedEmbeddings),
];

/**
 * All multi-token prediction modules: two norms, a projection of embedding and hidden state [2h, h], a layer, a final
 * norm, and logits and loss once more. Embedding table and head are shared with the main model and hold nothing here.
 * Source: DeepSeek-V3, arXiv:2412.19437, section 2.2.
 */
export const mtpOperators = (model: Model, vocabulary = model.vocabularySize): readonly Operator[] => {
  const mtp = model.multiTokenPrediction;
  const kind = mtp === null ? undefined : model.kinds[mtp.kind];
  if (mtp === null || kind === undefined) return [];
  const one: readonly Operator[] = [
    lookup(model, 'mtp_embedding', 0, 'tensor'),
    hiddenNorm(model, 'mtp_embedding_norm', 'mtp'),
    hiddenNorm(model, 'mtp_hidden_norm', 'mtp'),
    linear('mtp_projection', 'mtp', 2 * model.hidden, model.hidden, 'column'),
    ...layerOperators(model, kind),
    hiddenNorm(model, 'mtp_final_norm', 'mtp'),
    ...logitOperators({ ...model, headBias: false }, vocabulary, true),
  ];
  return Array.from({ length: mtp.layers }, () => one).flat();
};
