/** FLOPs per token as sources count them: to turn a printed MFU or TFLOP/s into a time. */
import type { LayerKind, Model } from '../model/model.ts';

/** Weights of the matrix products that a token passes in one layer: routed experts count top-k times. */
const activeWeights = (model: Model, kind: LayerKind): number => {
  const h = model.hidden;
  const { mixer, feedForward } = kind;
  const mixing =
    mixer.kind === 'attention'
      ? h * mixer.headDim * (2 * mixer.heads + 2 * mixer.kvHeads)
      : mixer.kind === 'latent-attention'
        ? (mixer.queryRank === null
            ? h * mixer.heads * (mixer.nopeHeadDim + mixer.ropeHeadDim)
            : mixer.queryRank * (h + mixer.heads * (mixer.nopeHeadDim + mixer.ropeHeadDim))) +
          h * (mixer.kvRank + mixer.ropeHeadDim) +
          mixer.kvRank * mixer.heads * (mixer.nopeHeadDim + mixer.valueHeadDim) +
          mixer.heads * mixer.valueHeadDim * h
        : mixer.kind === 'mamba2'
          ? h * (3 * mixer.heads * mixer.headDim + 2 * mixer.groups * mixer.state + mixer.heads)
          : 0;
  const matrices = (gated: boolean): number => (gated ? 3 : 2);
  const feeding =
    feedForward.kind === 'dense'
      ? matrices(feedForward.gated) * h * feedForward.width
      : feedForward.kind === 'moe'
        ? matrices(feedForward.gated) * (feedForward.latent ?? h) * feedForward.expertWidth * feedForward.topK +
          matrices(feedForward.gated) * h * feedForward.sharedWidth +
          h * feedForward.experts
        : 0;
  return mixing + feeding;
};

/** Score and value products of one token over the whole sequence, per multiply-add pair: heads × (qk + v) dims. */
const attentionWidth = (kind: LayerKind): number =>
  kind.mixer.kind === 'attention'
    ? 2 * kind.mixer.heads * kind.mixer.headDim
    : kind.mixer.kind === 'latent-attention'
      ? kind.mixer.heads * (kind.mixer.nopeHeadDim + kind.mixer.ropeHeadDim + kind.mixer.valueHeadDim)
      : 0;

/**
 * 6N + 12Lsh with the output layer in N: full attention, no recomputation (arXiv 2204.02311, appendix B). With
 * `recomputed`, layers count four thirds, as Megatron of 2021 printed (arXiv 2104.04473, equation 3).
 */
export const printedFlopsPerToken = (model: Model, sequence: number, recomputed: boolean): number => {
  const layers = model.layers.reduce((sum, index) => {
    const kind = model.kinds[index];
    return kind === undefined ? sum : sum + 6 * activeWeights(model, kind) + 6 * sequence * attentionWidth(kind);
  }, 0);
  return layers * (recomputed ? 4 / 3 : 1) + 6 * model.vocabularySize * model.hidden;
};
