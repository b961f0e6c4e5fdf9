/** DeepSeek V2 and later, Kimi K2, GLM-5: latent attention, leading dense layers, shared experts, prediction modules. */
import type { FeedForward, LatentAttention } from '../model/model.ts';
import type { Layer, ModelDraft } from './model-draft.ts';
import {
  dense,
  readHeads,
  readHidden,
  readLayers,
  readMtp,
  readVocabulary,
  readWidth,
  rope,
} from './model-common.ts';
import { hasExperts, readMoe, readMoeLayers } from './model-experts.ts';
import { MOST_HEADS, MOST_HEAD_DIM, MOST_HIDDEN, MOST_TOKENS } from './model-fields.ts';
import type { Fields } from './model-fields.ts';

const readIndexer = (fields: Fields): LatentAttention['indexer'] =>
  fields.has('index_topk')
    ? {
        heads: fields.integer('index_n_heads', { max: MOST_HEADS }),
        headDim: fields.integer('index_head_dim', { max: MOST_HEAD_DIM }),
        topK: fields.integer('index_topk', { max: MOST_TOKENS }),
      }
    : null;

/** `q_lora_rank` null, absent or 0: q comes from one full projection. `head_dim` is the rope part in GLM-5: not read. */
export const readLatentAttention = (fields: Fields): LatentAttention => {
  const rank = fields.integer('q_lora_rank', { min: 0, max: MOST_HIDDEN, fallback: 0 });
  return {
    kind: 'latent-attention',
    heads: readHeads(fields),
    queryRank: rank === 0 ? null : rank,
    kvRank: fields.integer('kv_lora_rank', { max: MOST_HIDDEN }),
    nopeHeadDim: fields.integer('qk_nope_head_dim', { max: MOST_HEAD_DIM }),
    ropeHeadDim: fields.integer('qk_rope_head_dim', { min: 0, max: MOST_HEAD_DIM }),
    valueHeadDim: fields.integer('v_head_dim', { max: MOST_HEAD_DIM }),
    indexer: readIndexer(fields),
    ...(fields.flag('mla_use_output_gate', false) ? { outputGate: true as const } : {}),
  };
};

/** The router's correction term exists with the auxiliary-loss-free balancing of V3 (`topk_method: noaux_tc`). */
const corrected = (fields: Fields, fallback: boolean): boolean => {
  const method = fields.text('topk_method');
  return method === null ? fallback : method === 'noaux_tc';
};

const refuseSpans = (fields: Fields): void => {
  if (!fields.has('layer_attention')) return;
  fields.report('layer_attention', 'layer_attention does not apply to latent attention');
};

export const deepseek = (fields: Fields, routerBias: boolean): ModelDraft => {
  const layerCount = readLayers(fields);
  const mixer = readLatentAttention(fields);
  refuseSpans(fields);
  const moe = hasExperts(fields) ? readMoe(fields, { routerBias: corrected(fields, routerBias) }) : null;
  const moeLayers = readMoeLayers(fields, layerCount);
  const allExperts = moe !== null && moeLayers.every(Boolean);
  const block: FeedForward = allExperts ? moe : dense(readWidth(fields), true, false);
  const layers = moeLayers.map((expert): Layer => ({
    mixer,
    feedForward: expert && moe !== null ? moe : block,
    norms: 2,
  }));
  return {
    hidden: readHidden(fields),
    vocabularySize: readVocabulary(fields),
    tiedEmbeddings: fields.flag('tie_word_embeddings', false),
    positions: rope,
    normalization: 'rmsnorm',
    layers,
    multiTokenPrediction: readMtp(fields, layers),
    omitted: fields.flag('attention_bias', false)
      ? ['Biases of the latent projections are left out (under 0.01 % of the parameters).']
      : [],
  };
};
