/** GPT-2 and its kin: LayerNorm, biases, two feed-forward matrices, learned positions or none. */
import type { ModelDraft } from './model-draft.ts';
import { attention, dense, noPositions, readDimensions, readWidth, rope } from './model-common.ts';
import type { Dimensions } from './model-common.ts';
import { MOST_HIDDEN, MOST_TOKENS, MOST_WIDTH } from './model-fields.ts';
import type { Fields } from './model-fields.ts';
import { readSpans } from './model-spans.ts';

interface GptTraits {
  readonly positions: ModelDraft['positions'];
  readonly width: number;
  readonly tied: boolean;
  readonly qkvBias?: boolean;
  readonly bias?: boolean;
  readonly norms?: number;
}

const draft = (fields: Fields, dimensions: Dimensions, traits: GptTraits): ModelDraft => {
  const { bias = true, qkvBias = bias, norms = 2 } = traits;
  const feedForward = dense(traits.width, false, bias);
  const spans = readSpans(fields, dimensions.layers);
  return {
    hidden: dimensions.hidden,
    vocabularySize: dimensions.vocabulary,
    tiedEmbeddings: fields.flag('tie_word_embeddings', traits.tied),
    positions: traits.positions,
    normalization: 'layernorm',
    layers: spans.map((span) => ({
      mixer: attention(dimensions, { qkvBias, outputBias: bias, span }),
      feedForward,
      norms,
    })),
    multiTokenPrediction: null,
    omitted: [],
  };
};

const learned = (fields: Fields, names: readonly string[], extra = 0): ModelDraft['positions'] => ({
  kind: 'learned',
  count: fields.integer(names, { max: MOST_TOKENS }) + extra,
});

const fourfold = (fields: Fields, dimensions: Dimensions): number => readWidth(fields, 4 * dimensions.hidden);

/** GPT-2 and GPT-3. */
export const gpt2 = (fields: Fields): ModelDraft => {
  const dimensions = readDimensions(fields);
  const positions = learned(fields, ['n_positions', 'n_ctx', 'max_position_embeddings']);
  return draft(fields, dimensions, { positions, width: fourfold(fields, dimensions), tied: true });
};

/** StarCoder: GPT-2 with one key-value head. */
export const gptBigCode = (fields: Fields): ModelDraft => {
  const dimensions = readDimensions(fields, { kvHeads: fields.flag('multi_query', true) ? 1 : undefined });
  const positions = learned(fields, ['n_positions', 'max_position_embeddings']);
  return draft(fields, dimensions, { positions, width: fourfold(fields, dimensions), tied: true });
};

/** GPT-Neo: every second layer local, q, k, v without bias. */
export const gptNeo = (fields: Fields): ModelDraft => {
  const dimensions = readDimensions(fields);
  const positions = learned(fields, ['max_position_embeddings']);
  const width = fourfold(fields, dimensions);
  const base = draft(fields, dimensions, { positions, width, tied: true, qkvBias: false });
  if (fields.has('layer_attention')) return base;
  const window = fields.integer('window_size', { max: MOST_TOKENS, fallback: 256 });
  const layers = base.layers.map((layer, index) =>
    index % 2 === 0
      ? layer
      : {
          ...layer,
          mixer: attention(dimensions, { outputBias: true, span: { kind: 'window' as const, window } }),
        },
  );
  return { ...base, layers };
};

export const gptNeox = (fields: Fields): ModelDraft => {
  const dimensions = readDimensions(fields);
  const qkvBias = fields.flag('attention_bias', true);
  const base = draft(fields, dimensions, {
    positions: rope,
    width: fourfold(fields, dimensions),
    tied: false,
    qkvBias,
  });
  const mixerBias = { qkvBias, outputBias: qkvBias };
  return {
    ...base,
    layers: base.layers.map((layer) =>
      layer.mixer.kind === 'attention' ? { ...layer, mixer: { ...layer.mixer, ...mixerBias } } : layer,
    ),
  };
};

/** OPT keeps two more position rows than positions, for padding. */
export const opt = (fields: Fields): ModelDraft => {
  const dimensions = readDimensions(fields);
  const projected = fields.integer('word_embed_proj_dim', { max: MOST_HIDDEN, fallback: dimensions.hidden });
  const base = draft(fields, dimensions, {
    positions: learned(fields, ['max_position_embeddings'], 2),
    width: readWidth(fields),
    tied: true,
    bias: fields.flag('enable_bias', true),
  });
  return {
    ...base,
    finalNorm: fields.flag('do_layer_norm_before', true),
    omitted:
      projected === dimensions.hidden
        ? []
        : [
            `The embedding is ${projected} wide and projected to the hidden width; it is counted at the hidden width.`,
          ],
  };
};

/** BLOOM: ALiBi, a norm after the embedding. */
export const bloom = (fields: Fields): ModelDraft => {
  const dimensions = readDimensions(fields);
  const width = 4 * dimensions.hidden;
  return {
    ...draft(fields, dimensions, { positions: noPositions, width, tied: true }),
    embeddingNorm: true,
  };
};

/** Falcon: multi-query or grouped, no biases; the first generation shares one norm between attention and MLP. */
export const falcon = (fields: Fields): ModelDraft => {
  const grouped = fields.flag('new_decoder_architecture', false);
  const single = !grouped && fields.flag('multi_query', true);
  const dimensions = readDimensions(fields, { kvHeads: single ? 1 : undefined });
  // The first generation states num_kv_heads and ignores it where multi_query is on.
  const kvHeads = single ? 1 : dimensions.kvHeads;
  const bias = fields.flag('bias', false);
  const parallel = fields.flag('parallel_attn', true);
  const sharedNorm = parallel && !grouped;
  return draft(
    fields,
    { ...dimensions, kvHeads },
    {
      positions: fields.flag('alibi', false) ? noPositions : rope,
      width: fourfold(fields, dimensions),
      tied: true,
      bias,
      norms: sharedNorm ? 1 : 2,
    },
  );
};

/** MPT: ALiBi or learned positions, no biases (norms included) unless `no_bias` is off. */
export const mpt = (fields: Fields): ModelDraft => {
  const nested = fields.section('attn_config');
  const alibi = nested?.flag('alibi', false) ?? false;
  const bias = !fields.flag('no_bias', true);
  const base = readDimensions(fields);
  const kvHeads = nested?.integer('kv_n_heads', { max: base.heads, fallback: base.heads }) ?? base.heads;
  const ratio = fields.integer('expansion_ratio', { max: 100, fallback: 4 });
  const positions = alibi ? noPositions : learned(fields, ['max_seq_len', 'max_position_embeddings']);
  const width = Math.min(ratio * base.hidden, MOST_WIDTH);
  return {
    ...draft(fields, { ...base, kvHeads }, { positions, width, tied: true, bias }),
    normalizationBias: bias,
  };
};

/** Phi-1 and Phi-2: rotary, one norm for attention and MLP in parallel, a bias on the logits. */
export const phi = (fields: Fields): ModelDraft => {
  const dimensions = readDimensions(fields);
  const width = fourfold(fields, dimensions);
  return {
    ...draft(fields, dimensions, { positions: rope, width, tied: false, norms: 1 }),
    headBias: true,
  };
};

/** StarCoder2: GPT's block with rotary positions, grouped queries and a window. */
export const starcoder2 = (fields: Fields): ModelDraft => {
  const dimensions = readDimensions(fields);
  return draft(fields, dimensions, {
    positions: rope,
    width: readWidth(fields),
    tied: true,
    bias: fields.flag('use_bias', true),
  });
};

/** Nemotron-4: LayerNorm, squared ReLU, no biases outside the norms. */
export const nemotron = (fields: Fields): ModelDraft => {
  const dimensions = readDimensions(fields);
  const qkvBias = fields.flag('attention_bias', false);
  const bias = fields.flag('mlp_bias', false);
  return draft(fields, dimensions, {
    positions: rope,
    width: readWidth(fields),
    tied: false,
    qkvBias,
    bias,
  });
};
