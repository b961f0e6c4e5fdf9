/** Hybrids: Qwen3-Next (Gated DeltaNet and gated attention), Nemotron-H (Mamba-2, attention, experts, one a layer). */
import type { GatedDeltaNet, Mamba2, Mixer } from '../model/model.ts';
import type { Layer, ModelDraft } from './model-draft.ts';
import {
  attention,
  dense,
  noPositions,
  readDimensions,
  readLayers,
  readMtp,
  readWidth,
  rope,
} from './model-common.ts';
import { hasExperts, readMoe, readMoeLayers } from './model-experts.ts';
import { MOST_HEADS, MOST_HEAD_DIM, MOST_LAYERS, MOST_TOKENS } from './model-fields.ts';
import type { Fields } from './model-fields.ts';
import { readLayerTypes, readSpans } from './model-spans.ts';

const readDeltaNet = (fields: Fields): GatedDeltaNet => {
  const sound = fields.watch();
  const keyHeads = fields.integer('linear_num_key_heads', { max: MOST_HEADS });
  const valueHeads = fields.integer('linear_num_value_heads', { max: MOST_HEADS });
  if (sound() && valueHeads % keyHeads !== 0) {
    fields.report(
      'linear_num_value_heads',
      `${valueHeads} value heads cannot share ${keyHeads} key heads evenly`,
    );
  }
  return {
    kind: 'gated-delta-net',
    keyHeads,
    valueHeads,
    keyHeadDim: fields.integer('linear_key_head_dim', { max: MOST_HEAD_DIM }),
    valueHeadDim: fields.integer('linear_value_head_dim', { max: MOST_HEAD_DIM }),
    convolution: fields.integer('linear_conv_kernel_dim', { max: 1000, fallback: 4 }),
  };
};

/** Qwen3-Next and Qwen3.5: every `full_attention_interval`-th layer attends, the others are recurrent. */
export const qwenNext = (fields: Fields): ModelDraft => {
  const dimensions = readDimensions(fields);
  const bias = fields.flag('attention_bias', false);
  const traits = {
    outputGate: fields.flag('attn_output_gate', true),
    qkvBias: bias,
    outputBias: bias,
    qkNorm: 'head',
  } as const;
  const spans = readSpans(fields, dimensions.layers, { enabled: false });
  const interval = fields.integer('full_attention_interval', { max: MOST_LAYERS, fallback: 4 });
  const types = readLayerTypes(fields, dimensions.layers);
  const recurrent = readDeltaNet(fields);
  const moe = hasExperts(fields) ? readMoe(fields, { sharedGate: true }) : null;
  const moeLayers = readMoeLayers(fields, dimensions.layers);
  const block = moe !== null && moeLayers.every(Boolean) ? moe : dense(readWidth(fields), true, false);
  const layers = spans.map((span, index): Layer => {
    const linear = types === null ? (index + 1) % interval !== 0 : types[index] === 'linear_attention';
    const mixer: Mixer = linear ? recurrent : attention(dimensions, { ...traits, span });
    return { mixer, feedForward: moe !== null && moeLayers[index] === true ? moe : block, norms: 2 };
  });
  return {
    hidden: dimensions.hidden,
    vocabularySize: dimensions.vocabulary,
    tiedEmbeddings: fields.flag('tie_word_embeddings', false),
    positions: rope,
    normalization: 'rmsnorm',
    layers,
    // The prediction module of this family attends in full, whatever the last layer does.
    multiTokenPrediction: readMtp(
      fields,
      layers.filter((layer) => layer.mixer.kind === 'attention'),
    ),
    omitted: [],
  };
};

const readMamba = (fields: Fields): Mamba2 => ({
  kind: 'mamba2',
  heads: fields.integer(['mamba_num_heads', 'num_heads'], { max: MOST_HEADS }),
  headDim: fields.integer(['mamba_head_dim', 'head_dim'], { max: MOST_HEAD_DIM }),
  state: fields.integer(['ssm_state_size', 'state_size'], { max: MOST_HEAD_DIM }),
  groups: fields.integer(['n_groups', 'mamba_n_groups'], { max: MOST_HEADS, fallback: 1 }),
  convolution: fields.integer('conv_kernel', { max: 1000, fallback: 4 }),
  chunk: fields.integer('chunk_size', { max: MOST_TOKENS, fallback: 256 }),
  convolutionBias: fields.flag('use_conv_bias', true),
});

const LETTERS: Readonly<Record<string, string>> = { M: 'mamba', E: 'moe', '*': 'attention', '-': 'mlp' };
const BLOCKS = ['mamba', 'moe', 'attention', 'mlp'] as const;
type Block = (typeof BLOCKS)[number];

/** `hybrid_override_pattern` (M Mamba, E experts, * attention, - MLP) or `layers_block_type` (the words). */
const readBlocks = (fields: Fields): readonly Block[] => {
  const pattern = fields.text('hybrid_override_pattern');
  if (pattern === null) {
    const layers = readLayers(fields);
    const blocks = fields.layerWords('layers_block_type', layers, BLOCKS);
    if (blocks === null && !fields.has('layers_block_type')) {
      fields.report(null, 'hybrid_override_pattern is missing', {
        expected: 'hybrid_override_pattern or layers_block_type',
      });
    }
    return blocks ?? [];
  }
  if (pattern.length > MOST_LAYERS) {
    const expected = `at most ${MOST_LAYERS} letters`;
    fields.report('hybrid_override_pattern', `the pattern has ${pattern.length} letters`, { expected });
    return [];
  }
  const layers = readLayers(fields, pattern.length);
  if (layers !== pattern.length) {
    const message = `the pattern has ${pattern.length} letters for ${layers} layers`;
    fields.report('hybrid_override_pattern', message, { expected: `${layers} letters` });
    return [];
  }
  const words = Array.from(pattern, (letter) => LETTERS[letter]);
  const wrong = words.indexOf(undefined);
  if (wrong >= 0) {
    fields.report('hybrid_override_pattern', `letter ${wrong + 1} of the pattern names no layer`, {
      expected: 'M, E, * or -',
      found: JSON.stringify(pattern[wrong]),
    });
    return [];
  }
  return words as readonly Block[];
};

const NONE = { kind: 'none' } as const;

/** Nemotron-H and Nemotron 3: a layer is one block with one norm; no positions; squared ReLU; biases off. */
export const nemotronHybrid = (fields: Fields): ModelDraft => {
  const blocks = readBlocks(fields);
  const uses = (block: Block): boolean => blocks.includes(block);
  const dimensions = readDimensions(fields, { layers: blocks.length });
  const bias = fields.flag('attention_bias', false);
  const mixer = attention(dimensions, { qkvBias: bias, outputBias: bias });
  const layerOf: Record<Block, Layer> = {
    mamba: { mixer: uses('mamba') ? readMamba(fields) : NONE, feedForward: NONE, norms: 1 },
    attention: { mixer, feedForward: NONE, norms: 1 },
    moe: {
      mixer: NONE,
      feedForward: uses('moe') ? readMoe(fields, { gated: false, routerBias: true }) : NONE,
      norms: 1,
    },
    mlp: {
      mixer: NONE,
      feedForward: uses('mlp') ? dense(readWidth(fields), false, fields.flag('mlp_bias', false)) : NONE,
      norms: 1,
    },
  };
  const omitted = fields.flag('mamba_proj_bias', false)
    ? ['Biases of the Mamba projections are left out.']
    : [];
  return {
    hidden: dimensions.hidden,
    vocabularySize: dimensions.vocabulary,
    tiedEmbeddings: fields.flag('tie_word_embeddings', false),
    positions: noPositions,
    normalization: 'rmsnorm',
    layers: blocks.map((block) => layerOf[block]),
    // A prediction module is an attention block and an expert block (`mtp_hybrid_override_pattern: "*E"`).
    multiTokenPrediction: readMtp(fields, [{ mixer, feedForward: layerOf.moe.feedForward, norms: 2 }]),
    omitted,
  };
};
