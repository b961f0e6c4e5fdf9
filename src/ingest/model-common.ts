/** Keys that most architectures share, under all the names they go by. */
import type { Attention, AttentionSpan, DenseFeedForward } from '../model/model.ts';
import type { Layer, ModelDraft } from './model-draft.ts';
import {
  MOST_HEADS,
  MOST_HEAD_DIM,
  MOST_HIDDEN,
  MOST_LAYERS,
  MOST_VOCABULARY,
  MOST_WIDTH,
} from './model-fields.ts';
import type { Fields } from './model-fields.ts';

export interface Dimensions {
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabulary: number;
}

const KV_HEADS = ['num_key_value_heads', 'num_kv_heads', 'n_head_kv', 'kv_n_heads'];
const HEAD_DIM = ['head_dim', 'attention_head_dim', 'kv_channels'];

export const readHidden = (fields: Fields): number =>
  fields.integer(['hidden_size', 'n_embd', 'n_embed', 'd_model'], { max: MOST_HIDDEN });

export const readLayers = (fields: Fields, fallback?: number): number =>
  fields.integer(['num_hidden_layers', 'n_layer', 'n_layers', 'num_layers'], {
    max: MOST_LAYERS,
    ...(fallback === undefined ? {} : { fallback }),
  });

export const readHeads = (fields: Fields): number =>
  fields.integer(['num_attention_heads', 'n_head', 'n_heads', 'num_heads'], { max: MOST_HEADS });

export const readVocabulary = (fields: Fields): number =>
  fields.integer('vocab_size', { max: MOST_VOCABULARY });

/** Width of a head: stated, or hidden ∕ heads, which must then divide. */
const readHeadDim = (fields: Fields, hidden: number, heads: number, sound: boolean): number => {
  if (sound && !fields.has(...HEAD_DIM) && hidden % heads !== 0) {
    const message = `hidden size ${hidden} does not divide by ${heads} attention heads, and there is no head_dim`;
    fields.report(null, message, { expected: 'head_dim, or a hidden size that heads divide' });
    return 1;
  }
  return fields.integer(HEAD_DIM, { max: MOST_HEAD_DIM, fallback: Math.max(1, Math.trunc(hidden / heads)) });
};

export const checkGroups = (fields: Fields, heads: number, kvHeads: number): void => {
  if (heads % kvHeads === 0) return;
  const message = `${heads} attention heads cannot share ${kvHeads} key-value heads evenly`;
  fields.report(null, message, { expected: 'num_key_value_heads that divides num_attention_heads' });
};

/** Fallbacks for keys that an architecture may leave out. */
export interface DimensionFallbacks {
  /** Default: as many as attention heads. */
  readonly kvHeads?: number | undefined;
  readonly layers?: number | undefined;
}

export const readDimensions = (fields: Fields, fallbacks: DimensionFallbacks = {}): Dimensions => {
  const sound = fields.watch();
  const hidden = readHidden(fields);
  const heads = readHeads(fields);
  const soundHeads = sound();
  const kvHeads = fields.integer(KV_HEADS, { max: MOST_HEADS, fallback: fallbacks.kvHeads ?? heads });
  if (sound()) checkGroups(fields, heads, kvHeads);
  return {
    hidden,
    layers: readLayers(fields, fallbacks.layers),
    heads,
    kvHeads,
    headDim: readHeadDim(fields, hidden, heads, soundHeads),
    vocabulary: readVocabulary(fields),
  };
};

/** Width of the dense feed-forward block; `fallback` for architectures that take four times the hidden size. */
export const readWidth = (fields: Fields, fallback?: number): number =>
  fields.integer(['intermediate_size', 'ffn_dim', 'n_inner', 'ffn_hidden_size'], {
    max: MOST_WIDTH,
    ...(fallback === undefined ? {} : { fallback }),
  });

export const dense = (width: number, gated: boolean, bias: boolean): DenseFeedForward => ({
  kind: 'dense',
  width,
  gated,
  bias,
});

const FULL: AttentionSpan = { kind: 'full' };

export const attention = (
  { heads, kvHeads, headDim }: Pick<Dimensions, 'heads' | 'kvHeads' | 'headDim'>,
  traits: Partial<Omit<Attention, 'kind' | 'heads' | 'kvHeads' | 'headDim'>> = {},
): Attention => ({
  kind: 'attention',
  heads,
  kvHeads,
  headDim,
  qkvBias: false,
  outputBias: false,
  qkNorm: 'none',
  outputGate: false,
  sinks: false,
  sharedKeyValue: false,
  span: FULL,
  ...traits,
});

export const rope = { kind: 'rope' } as const;
export const noPositions = { kind: 'none' } as const;

/** Multi-token prediction: modules of the last layer's kind, under the names that configs give their number. */
export const readMtp = (fields: Fields, layers: readonly Layer[]): ModelDraft['multiTokenPrediction'] => {
  const modules = fields.integer(['num_nextn_predict_layers', 'mtp_num_hidden_layers', 'num_mtp_modules'], {
    min: 0,
    max: MOST_LAYERS,
    fallback: 0,
  });
  const depth = fields.integer('mtp_transformer_layers', { min: 0, max: MOST_LAYERS, fallback: 1 });
  const layer = layers.at(-1);
  return modules * depth === 0 || layer === undefined ? null : { layers: modules * depth, layer };
};
