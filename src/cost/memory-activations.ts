/** Bytes of activations that one layer keeps per token of the rank (micro-batch × sequence / context). */
import type {
  Attention,
  FeedForward,
  GatedDeltaNet,
  LatentAttention,
  LayerKind,
  Mamba2,
  Mixer,
  MoeFeedForward,
} from '../model/model.ts';
import type { ActivationShape } from './memory-shape.ts';
import { backwardTemporaries } from './memory-temporaries.ts';
import type { MemoryBehaviour } from '../runtimes/memory-behaviour.ts';
import type { RecomputeModule } from '../strategy/strategy.ts';

export interface LayerActivations {
  /** Kept from forward to backward. */
  readonly kept: number;
  /** All that the layer keeps without recomputation: alive while one layer is recomputed. */
  readonly live: number;
  /** The layer input: all that full recomputation keeps. */
  readonly input: number;
  /** Largest temporary of the backward pass beside what is kept, recomputed modules included. */
  readonly working: number;
}

/** Part of a layer's activations that recomputation can drop as a whole. */
type Part =
  'input' | 'norm-output' | 'core' | 'up-projection' | 'mlp' | 'moe' | 'moe-activation' | 'shared' | 'rest';
type Bill = Record<Part, number>;

const emptyBill = (): Bill => ({
  input: 0,
  'norm-output': 0,
  core: 0,
  'up-projection': 0,
  mlp: 0,
  moe: 0,
  'moe-activation': 0,
  shared: 0,
  rest: 0,
});

/** What each recomputed module frees (NVIDIA/Megatron-LM @ d98e8a6 megatron/core/transformer/transformer_config.py:560-582). */
const FREED: Readonly<Record<RecomputeModule, readonly Part[]>> = {
  core_attn: ['core'],
  mlp: ['mlp'],
  moe: ['moe', 'moe-activation', 'shared'],
  moe_act: ['moe-activation'],
  layernorm: ['norm-output'],
  mla_up_proj: ['up-projection'],
  shared_experts: ['shared'],
};

/** Scores of the softmax where they are written out, else its log-sum-exp in fp32. */
const softmaxBytes = (heads: number, shape: ActivationShape, behaviour: MemoryBehaviour): number =>
  shape.unfused
    ? (behaviour.softmax * heads * shape.sequenceLength) / (shape.tensor * shape.context)
    : (4 * heads) / shape.tensor;

/** q, k, v after the projection, the attention output; a norm on q and k keeps their values before it. */
const attentionBill = (
  bill: Bill,
  mixer: Attention,
  shape: ActivationShape,
  behaviour: MemoryBehaviour,
): void => {
  const queries = mixer.heads * mixer.headDim;
  const keys = mixer.kvHeads * mixer.headDim;
  const kvCopies = mixer.sharedKeyValue ? 1 : 2;
  const kv = (kvCopies * keys * Math.max(1, shape.tensor / mixer.kvHeads)) / shape.tensor;
  const own = queries / shape.tensor;
  bill.rest += behaviour.projection * (own + kv);
  if (mixer.qkNorm !== 'none') bill.rest += 2 * (own + kv / kvCopies);
  if (mixer.outputGate) bill.rest += 4 * own;
  bill.rest += (shape.fp8 ? 1 : behaviour.projection) * own;
  bill.core += softmaxBytes(mixer.heads, shape, behaviour);
};

const projections = (mixer: Mixer, shape: ActivationShape, behaviour: MemoryBehaviour): number =>
  mixer.kind === 'attention'
    ? (behaviour.projection * (mixer.heads + 2 * mixer.kvHeads) * mixer.headDim) / shape.tensor
    : 0;

/** Latents before and after their norms (cut by sequence parallelism only); q, k, v per head; the output. */
const latentBill = (
  bill: Bill,
  mixer: LatentAttention,
  shape: ActivationShape,
  behaviour: MemoryBehaviour,
): void => {
  const split = shape.sequenceParallel ? shape.tensor : 1;
  const queryKey = mixer.heads * (mixer.nopeHeadDim + mixer.ropeHeadDim);
  const value = mixer.heads * mixer.valueHeadDim;
  bill.rest +=
    (4 * (mixer.queryRank ?? 0) + 2 * (mixer.kvRank + mixer.ropeHeadDim) + 2 * mixer.kvRank) / split;
  bill['up-projection'] += (4 * queryKey + 2 * value) / shape.tensor;
  bill.rest += ((shape.fp8 ? 1 : 2) * value) / shape.tensor;
  bill.core += softmaxBytes(mixer.heads, shape, behaviour);
  if (mixer.indexer !== null) {
    const { heads, headDim, topK } = mixer.indexer;
    // Index queries and key, scores kept as chosen positions.
    bill.rest += (2 * (heads + 1) * headDim + 4 * heads + 4 * Math.min(topK, shape.sequenceLength)) / split;
  }
};

/** Convolution input and output, gate, the rule's output (norm input) and the gated product; chunk states in half precision. */
const deltaNetBill = (bill: Bill, mixer: GatedDeltaNet, shape: ActivationShape): void => {
  const keys = mixer.keyHeads * mixer.keyHeadDim;
  const values = mixer.valueHeads * mixer.valueHeadDim;
  const convolved = 2 * keys + values;
  const chunkMatrix = 2 * 64 * mixer.valueHeads;
  bill.rest += (4 * convolved + 6 * values + 8 * mixer.valueHeads + chunkMatrix) / shape.tensor;
};

/** Projection (z, x, B, C, dt), the scan's output, the gated norm's product; the fused kernel recomputes the rest. */
const mambaBill = (bill: Bill, mixer: Mamba2, shape: ActivationShape): void => {
  const inner = mixer.heads * mixer.headDim;
  const convolved = inner + 2 * mixer.groups * mixer.state;
  const states = (2 * inner * mixer.state) / mixer.chunk;
  bill.rest += (2 * (inner + convolved + mixer.heads) + 4 * inner + 4 * mixer.heads + states) / shape.tensor;
};

const mixerBill = (bill: Bill, mixer: Mixer, shape: ActivationShape, behaviour: MemoryBehaviour): void => {
  if (mixer.kind === 'attention') attentionBill(bill, mixer, shape, behaviour);
  else if (mixer.kind === 'latent-attention') latentBill(bill, mixer, shape, behaviour);
  else if (mixer.kind === 'gated-delta-net') deltaNetBill(bill, mixer, shape);
  else if (mixer.kind === 'mamba2') mambaBill(bill, mixer, shape);
};

/**
 * Per routed copy: the permuted input of the experts (2h) and their activation; without the fused permutation a
 * second copy of the input and the weighted product besides (2h + 2fe, measured on Megatron's tests). Expert tensor
 * parallelism gathers the copies and cuts the width; the all-gather dispatcher holds the tokens of the whole expert
 * group besides.
 */
const expertBill = (
  bill: Bill,
  hidden: number,
  moe: MoeFeedForward,
  shape: ActivationShape,
  behaviour: MemoryBehaviour,
): void => {
  const split = shape.sequenceParallel ? shape.tensor : 1;
  const width = moe.latent ?? hidden;
  const experts = moe.experts + moe.zeroComputationExperts;
  const copies = (moe.topK * (moe.experts / experts) * shape.capacity) / split;
  const activation = moe.gated ? behaviour.gated : behaviour.plain;
  bill.moe += copies * (2 * width * shape.expertTensor + (activation - 2) * moe.expertWidth);
  if (behaviour.keepsExpertOutput) bill.moe += copies * 2 * (width * shape.expertTensor + moe.expertWidth);
  bill['moe-activation'] += copies * 2 * moe.expertWidth;
  bill.rest += (8 * experts) / split;
  if (moe.latent !== null) bill.rest += (4 * moe.latent) / split;
  if (shape.dispatcher === 'all-gather') bill.moe += (2 * width * shape.expert) / split;
  bill.shared += ((moe.gated ? behaviour.gated : behaviour.plain) * moe.sharedWidth) / shape.tensor;
  bill.mlp += ((moe.gated ? behaviour.gated : behaviour.plain) * moe.parallelDenseWidth) / shape.tensor;
};

const feedForwardBill = (
  bill: Bill,
  hidden: number,
  block: FeedForward,
  shape: ActivationShape,
  behaviour: MemoryBehaviour,
): void => {
  if (block.kind === 'dense')
    bill.mlp +=
      ((block.gated ? behaviour.gated : behaviour.plain) * block.width) / shape.tensor -
      (shape.fp8 ? block.width / shape.tensor : 0);
  else if (block.kind === 'moe') expertBill(bill, hidden, block, shape, behaviour);
};

/**
 * Activations of one layer, bytes per token.
 *
 * Dense with SwiGLU, flash attention, no dropout: 8h + 2(q+2kv) + 2q + 4a + 6f, all divided by t with sequence
 * parallelism; without it the 8h stays whole. Sources: Korthikanti et al. (MLSys 2023) table 2, restated for grouped
 * queries, gated blocks and experts; within 2 % on Megatron's functional tests.
 */
export const layerActivations = (
  hidden: number,
  kind: LayerKind,
  shape: ActivationShape,
  behaviour: MemoryBehaviour,
): LayerActivations => {
  const split = shape.sequenceParallel ? shape.tensor : 1;
  const bill = emptyBill();
  const halves = (kind.mixer.kind === 'none' ? 0 : 1) + (kind.feedForward.kind === 'none' ? 0 : 1);
  // Each half of a layer keeps the input of its norm and the norm's output, the input of its first linear.
  bill.input += (0.25 * behaviour.norms * hidden * halves) / split;
  bill['norm-output'] += ((0.25 * behaviour.norms - (shape.fp8 ? 1 : 0)) * hidden * halves) / split;
  bill.rest += (0.5 * behaviour.residual * hidden * halves) / split;
  // Sandwich norms: beyond one norm a half, each keeps its input.
  bill.rest += (2 * hidden * Math.max(0, kind.norms - halves)) / split;
  mixerBill(bill, kind.mixer, shape, behaviour);
  feedForwardBill(bill, hidden, kind.feedForward, shape, behaviour);

  let live = 0;
  for (const part of Object.values(bill)) live += part;
  let kept = live;
  let recomputed = 0;
  if (shape.recompute.kind === 'selective' && behaviour.selective === 'projections') {
    // q, k, v as saved names; the rest is computed again, layer by layer.
    kept = bill.input / Math.max(1, halves) + projections(kind.mixer, shape, behaviour);
    recomputed = live;
  } else if (shape.recompute.kind === 'selective') {
    const freed = new Set(shape.recompute.modules.flatMap((module) => FREED[module]));
    for (const part of freed) kept -= bill[part];
    for (const module of shape.recompute.modules)
      recomputed = Math.max(
        recomputed,
        FREED[module].reduce((sum, part) => sum + bill[part], 0),
      );
  }
  return {
    kept,
    live,
    input: (2 * hidden) / split,
    working: backwardTemporaries(hidden, kind, shape) + recomputed,
  };
};
