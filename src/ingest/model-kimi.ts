/** Kimi Linear and Kimi K3: Kimi Delta Attention in most layers, latent attention without positions in the others. */
import type { FeedForward, GatedDeltaNet, Mixer } from '../model/model.ts';
import type { Layer, ModelDraft } from './model-draft.ts';
import {
  dense,
  noPositions,
  readHidden,
  readLayers,
  readMtp,
  readVocabulary,
  readWidth,
  rope,
} from './model-common.ts';
import { readLatentAttention } from './model-deepseek.ts';
import { hasExperts, readMoe, readMoeLayers } from './model-experts.ts';
import { MOST_HEADS, MOST_HEAD_DIM, MOST_LAYERS } from './model-fields.ts';
import type { Fields } from './model-fields.ts';

interface Linear {
  readonly mixer: GatedDeltaNet;
  readonly isLinear: (layer: number) => boolean;
}

/** `linear_attn_config`: sizes, and the layers, which it counts from 1. */
const readLinear = (fields: Fields): Linear => {
  const section = fields.section('linear_attn_config');
  if (section === null) {
    if (!fields.has('linear_attn_config')) {
      fields.report(null, 'linear_attn_config is missing', { expected: 'linear_attn_config' });
    }
    return { mixer: deltaAttention(1, 1, 1, false), isLinear: () => true };
  }
  const mixer = deltaAttention(
    section.integer('num_heads', { max: MOST_HEADS }),
    section.integer('head_dim', { max: MOST_HEAD_DIM }),
    section.integer('short_conv_kernel_size', { max: 1000, fallback: 4 }),
    section.flag('use_full_rank_gate', false),
  );
  const named = section.integers('kda_layers', MOST_LAYERS, { min: 1, max: MOST_LAYERS });
  if (named === null && !section.has('kda_layers')) {
    section.report(null, 'kda_layers is missing', { expected: 'kda_layers, counted from 1' });
  }
  const layers = new Set(named);
  return { mixer, isLinear: (layer) => layers.has(layer + 1) };
};

/** Decay, and unless it is full the output gate, come through a bottleneck of one head's width. */
const deltaAttention = (
  heads: number,
  headDim: number,
  convolution: number,
  fullGate: boolean,
): GatedDeltaNet => ({
  kind: 'gated-delta-net',
  keyHeads: heads,
  valueHeads: heads,
  keyHeadDim: headDim,
  valueHeadDim: headDim,
  convolution,
  channelDecay: { rank: headDim, gateRank: fullGate ? null : headDim },
});

/**
 * With attention residuals (K3: `attn_res_block_size`) each block has a norm and a projection to one score more, which
 * are counted as norms: 6 vectors of the hidden width a layer in place of 2, and two before the head, left out.
 */
export const kimiLinear = (fields: Fields): ModelDraft => {
  const layerCount = readLayers(fields);
  const linear = readLinear(fields);
  const latent = readLatentAttention(fields);
  const moe = hasExperts(fields) ? readMoe(fields, { routerBias: true }) : null;
  const moeLayers = readMoeLayers(fields, layerCount);
  const block: FeedForward =
    moe !== null && moeLayers.every(Boolean) ? moe : dense(readWidth(fields), true, false);
  const norms = fields.has('attn_res_block_size') ? 6 : 2;
  const layers = moeLayers.map((expert, index): Layer => {
    const mixer: Mixer = linear.isLinear(index) ? linear.mixer : latent;
    return { mixer, feedForward: expert && moe !== null ? moe : block, norms };
  });
  return {
    hidden: readHidden(fields),
    vocabularySize: readVocabulary(fields),
    tiedEmbeddings: fields.flag('tie_word_embeddings', false),
    positions: fields.flag('mla_use_nope', false) ? noPositions : rope,
    normalization: 'rmsnorm',
    layers,
    multiTokenPrediction: readMtp(fields, layers),
    omitted: [],
  };
};
