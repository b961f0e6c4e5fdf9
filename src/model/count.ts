/** How many parameters a model has, and how many of them one token uses. */
import type { LayerKind, Model } from './model.ts';
import type { Operator } from './operator.ts';
import { embeddingOperators, headOperators, layerOperators, mtpOperators } from './operators.ts';

export interface KindCount {
  readonly kind: LayerKind;
  /** Decoder layers of this kind; multi-token prediction layers are not among them. */
  readonly layers: number;
  /** One layer. */
  readonly parameters: number;
  /** What one token uses of one layer: with experts, the routed ones at their mean number. */
  readonly activeParameters: number;
}

export interface ParameterCount {
  /** Embedding, decoder, final norm and head; without multi-token prediction. */
  readonly total: number;
  /** Of `total`, what one token uses: all but the experts it is not sent to. Embedding and head count in full. */
  readonly active: number;
  /** Token and position tables and the norm after them. */
  readonly embedding: number;
  /** Final norm and output projection; tied embeddings leave the norm. */
  readonly head: number;
  /** Per entry of `model.kinds`. */
  readonly perKind: readonly KindCount[];
  /** Modules after the decoder, apart from `total`; table and head are shared with the main model. */
  readonly multiTokenPrediction: number;
  readonly multiTokenPredictionActive: number;
}

export interface CountOptions {
  /** Rows of embedding and head, where a runtime pads the vocabulary. */
  readonly vocabulary?: number;
}

export const sumParameters = (operators: readonly Operator[]): number =>
  operators.reduce((total, operator) => total + operator.parameters, 0);

/** Parameters that one token uses: of a grouped linear, its routed copies out of all experts. */
export const sumActiveParameters = (operators: readonly Operator[]): number =>
  operators.reduce(
    (total, operator) =>
      total +
      (operator.kind === 'grouped-linear'
        ? (operator.parameters * operator.topK) / operator.experts
        : operator.parameters),
    0,
  );

/**
 * Megatron pads the vocabulary to a multiple of `divisor` × tensor-parallel size (--make-vocab-size-divisible-by,
 * 128 by default), so that every rank holds equally many rows.
 */
export const paddedVocabulary = (size: number, tensor: number, divisor = 128): number => {
  const multiple = divisor * tensor;
  return Math.ceil(size / multiple) * multiple;
};

/** Decoder layers of each kind, in the order of `model.kinds`. */
export const layersPerKind = (model: Model): readonly number[] => {
  const counts = model.kinds.map(() => 0);
  for (const kind of model.layers) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
};

export const parameterCount = (model: Model, options: CountOptions = {}): ParameterCount => {
  const vocabulary = options.vocabulary ?? model.vocabularySize;
  const layers = layersPerKind(model);
  const perKind = model.kinds.map((kind, index): KindCount => {
    const operators = layerOperators(model, kind);
    return {
      kind,
      layers: layers[index] ?? 0,
      parameters: sumParameters(operators),
      activeParameters: sumActiveParameters(operators),
    };
  });
  const embedding = sumParameters(embeddingOperators(model, vocabulary));
  const head = sumParameters(headOperators(model, vocabulary));
  const mtp = mtpOperators(model, vocabulary);
  const decoder = (of: (count: KindCount) => number): number =>
    perKind.reduce((total, count) => total + count.layers * of(count), 0);
  return {
    total: embedding + head + decoder((count) => count.parameters),
    active: embedding + head + decoder((count) => count.activeParameters),
    embedding,
    head,
    perKind,
    multiTokenPrediction: sumParameters(mtp),
    multiTokenPredictionActive: sumActiveParameters(mtp),
  };
};
