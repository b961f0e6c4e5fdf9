/** Operators of softmax attention: grouped-query and multi-head latent, with DeepSeek's sparse-attention indexer. */
import type { Attention, LatentAttention, Model } from './model.ts';
import type { CoreAttention, Operator } from './operator.ts';
import { linear } from './operators-linear.ts';
import { outputGate, pointwise } from './operators-pointwise.ts';

/** Rotary embedding reads and writes the projections once each way: 4 bytes an element. */
const rope = (module: 'attention' | 'mla_up_proj', width: number): Operator =>
  pointwise({
    name: 'rope',
    module,
    width,
    forwardBytes: 4 * width,
    backwardBytes: 4 * width,
    sharding: 'tensor',
  });

/**
 * Rotation with scaled sines, which Megatron leaves to PyTorch (the fused kernel has no attention factor): of each element of
 * queries and keys forward negates half (2 bytes), joins (4), multiplies twice (4 and 4), adds (6) and joins again (4);
 * backward multiplies twice (4 and 4), negates (2), joins (4) and adds (6). Source: NVIDIA/Megatron-LM
 * core/models/common/embeddings/rope_utils.py, _apply_rotary_pos_emb_bshd; apply_rotary_pos_emb where mscale is not 1.
 */
const scaledRope = (width: number): Operator =>
  pointwise({
    name: 'rope',
    module: 'attention',
    width,
    forwardBytes: 24 * width,
    backwardBytes: 20 * width,
    sharding: 'tensor',
    unfused: true,
  });

/**
 * What positions and biases cost on the projections: rotary embedding on all of them, or, without it, the kernel
 * that adds the biases (4 bytes forward and 8 backward an element of q in GPT models on A100).
 */
const positionWork = (
  model: Model,
  mixer: Attention,
  queries: number,
  projected: number,
): readonly Operator[] => {
  if (model.positions.kind === 'rope')
    return [
      model.positions.scaled === true ? scaledRope((queries + projected) / 2) : rope('attention', projected),
    ];
  if (!mixer.qkvBias) return [];
  const bias = { width: queries, forwardBytes: 4 * queries, backwardBytes: 8 * queries } as const;
  return [pointwise({ name: 'qkv_bias', module: 'attention', ...bias, sharding: 'tensor' })];
};

/** Grouped-query attention: [h, q + 2kv], core, [q, h]; the gate widens q twofold, shared keys drop one kv. */
export const attentionOperators = (model: Model, mixer: Attention): readonly Operator[] => {
  const queries = mixer.heads * mixer.headDim;
  const keys = mixer.kvHeads * mixer.headDim;
  const projected = queries + 2 * keys;
  const outputs = queries * (mixer.outputGate ? 2 : 1) + keys * (mixer.sharedKeyValue ? 1 : 2);
  const normWidth = queries + keys;
  const normParameters = { none: 0, head: 2 * mixer.headDim, projection: normWidth }[mixer.qkNorm];
  const core: CoreAttention = {
    kind: 'core-attention',
    name: 'core_attention',
    module: 'core_attn',
    heads: mixer.heads,
    kvHeads: mixer.kvHeads,
    queryKeyDim: mixer.headDim,
    valueDim: mixer.headDim,
    span: mixer.span,
    topK: null,
    sinks: mixer.sinks,
    parameters: mixer.sinks ? mixer.heads : 0,
  };
  const norm = pointwise({
    name: 'qk_norm',
    module: 'attention',
    width: normWidth,
    forwardBytes: 4 * normWidth,
    backwardBytes: 10 * normWidth,
    sharding: 'tensor',
    parameters: normParameters,
  });
  return [
    linear('qkv', 'attention', model.hidden, outputs, 'column', { bias: mixer.qkvBias }),
    ...(mixer.qkNorm === 'none' ? [] : [norm]),
    ...positionWork(model, mixer, queries, projected),
    core,
    ...(mixer.outputGate ? [outputGate(queries)] : []),
    linear('attention_output', 'attention', queries, model.hidden, 'row', { bias: mixer.outputBias }),
  ];
};

/** Norm of a latent vector, computed before the up-projection on the rank's own tokens. */
const latentNorm = (name: string, width: number, parameters = width): Operator =>
  pointwise({
    name,
    module: 'mla_up_proj',
    width,
    forwardBytes: 4 * width,
    backwardBytes: 10 * width,
    sharding: 'sequence',
    parameters,
  });

/**
 * Lightning indexer: index queries from q's latent, one shared index key with a LayerNorm, a weight per head, and
 * scores against all earlier tokens. Source: DeepSeek-V3.2-Exp, inference/model.py, class Indexer.
 */
const indexerOperators = (model: Model, mixer: LatentAttention): readonly Operator[] => {
  if (mixer.indexer === null) return [];
  const { heads, headDim } = mixer.indexer;
  return [
    linear('indexer_query', 'attention', mixer.queryRank ?? model.hidden, heads * headDim, 'replicated'),
    linear('indexer_key', 'attention', model.hidden, headDim, 'replicated'),
    latentNorm('indexer_key_norm', headDim, 2 * headDim),
    linear('indexer_weights', 'attention', model.hidden, heads, 'replicated', { lowPrecision: false }),
    {
      kind: 'core-attention',
      name: 'indexer_scores',
      module: 'core_attn',
      heads,
      kvHeads: 1,
      queryKeyDim: headDim,
      valueDim: 0,
      span: { kind: 'full' },
      topK: null,
      sinks: false,
      replicated: true,
      parameters: 0,
    },
  ];
};

/**
 * Multi-head latent attention, keys and values expanded (the training form, not the absorbed one of inference).
 * Source: DeepSeek-V2, arXiv:2405.04434, section 2.1.
 */
export const latentAttentionOperators = (model: Model, mixer: LatentAttention): readonly Operator[] => {
  const queryKeyDim = mixer.nopeHeadDim + mixer.ropeHeadDim;
  const queries = mixer.heads * queryKeyDim;
  const rank = mixer.queryRank;
  const query =
    rank === null
      ? [linear('query', 'mla_up_proj', model.hidden, queries, 'column')]
      : [
          linear('query_down', 'attention', model.hidden, rank, 'replicated'),
          latentNorm('query_norm', rank),
          linear('query_up', 'mla_up_proj', rank, queries, 'column'),
        ];
  const expanded = mixer.heads * (mixer.nopeHeadDim + mixer.valueHeadDim);
  const values = mixer.heads * mixer.valueHeadDim;
  const gated = mixer.outputGate === true;
  return [
    ...query,
    linear('kv_down', 'attention', model.hidden, mixer.kvRank + mixer.ropeHeadDim, 'replicated'),
    latentNorm('kv_norm', mixer.kvRank),
    linear('kv_up', 'mla_up_proj', mixer.kvRank, expanded, 'column'),
    ...(gated ? [linear('gate', 'attention', model.hidden, values, 'column')] : []),
    // Rotation of the rope part, then q and k are written as one tensor each.
    rope('mla_up_proj', 2 * queries),
    ...indexerOperators(model, mixer),
    {
      kind: 'core-attention',
      name: 'core_attention',
      module: 'core_attn',
      heads: mixer.heads,
      kvHeads: mixer.heads,
      queryKeyDim,
      valueDim: mixer.valueHeadDim,
      span: { kind: 'full' },
      topK: mixer.indexer?.topK ?? null,
      sinks: false,
      parameters: 0,
    },
    ...(gated ? [outputGate(values)] : []),
    linear('attention_output', 'attention', values, model.hidden, 'row'),
  ];
};
