/** Bytes that the backward pass of one layer holds for a moment, per token of the rank. */
import type { LayerKind, Mixer } from '../model/model.ts';
import type { ActivationShape } from './memory-shape.ts';

/** Elements of q and of k and v together per token on one rank. */
const projected = (mixer: Mixer, tensor: number): { queries: number; keysValues: number } => {
  if (mixer.kind === 'attention')
    return {
      queries: (mixer.heads * mixer.headDim) / tensor,
      keysValues: (2 * Math.max(mixer.kvHeads, tensor) * mixer.headDim) / tensor,
    };
  if (mixer.kind !== 'latent-attention') return { queries: 0, keysValues: 0 };
  const queryKey = mixer.heads * (mixer.nopeHeadDim + mixer.ropeHeadDim);
  return { queries: queryKey / tensor, keysValues: (queryKey + mixer.heads * mixer.valueHeadDim) / tensor };
};

/**
 * Buffers of context parallelism in the backward pass, bytes per token of the rank: the ring holds the next chunk of
 * K and V and of their gradients (sent and received); the gathered form K, V and their gradients of the other ranks;
 * the all-to-all copies of q, k, v and of the output's gradient. Source: MooreThreads/SimuMax @ 4dcaae5
 * dense_module.py:1479 for the gathered form, the algorithms for the others.
 */
const contextBuffers = (mixer: Mixer, shape: ActivationShape): number => {
  if (shape.context === 1) return 0;
  const { queries, keysValues } = projected(mixer, shape.tensor);
  switch (shape.contextCommunication) {
    case 'p2p':
      return 2 * 4 * keysValues;
    case 'all-gather':
      return 2 * 2 * keysValues * (shape.context - 1);
    case 'a2a':
      return 2 * (2 * queries + keysValues);
    case 'a2a+p2p':
      return 2 * (2 * queries + 5 * keysValues);
  }
};

/** Gradients that one block of the backward pass holds at once: of its widest intermediate and of the hidden state. */
export const backwardTemporaries = (hidden: number, kind: LayerKind, shape: ActivationShape): number => {
  const split = shape.sequenceParallel ? shape.tensor : 1;
  const { mixer, feedForward } = kind;
  let widest = 0;
  if (feedForward.kind === 'dense') widest = ((feedForward.gated ? 4 : 2) * feedForward.width) / shape.tensor;
  else if (feedForward.kind === 'moe')
    widest =
      (feedForward.topK *
        shape.capacity *
        ((feedForward.gated ? 4 : 2) * feedForward.expertWidth +
          4 * (feedForward.latent ?? hidden) * shape.expertTensor)) /
      split;
  const { queries, keysValues } = projected(mixer, shape.tensor);
  const scores =
    shape.unfused && mixer.kind === 'attention'
      ? (4 * mixer.heads * shape.sequenceLength) / (shape.tensor * shape.context)
      : 0;
  // Gradients of q, k, v and of the output.
  widest = Math.max(widest, 4 * queries + 2 * keysValues + scores + contextBuffers(mixer, shape));
  return widest + (4 * hidden) / split;
};
