/** Operators of dense and mixture-of-experts feed-forward blocks. */
import type { DenseFeedForward, Model, MoeFeedForward } from './model.ts';
import type { Module, Operator, Pointwise } from './operator.ts';
import { groupedLinear, linear } from './operators-linear.ts';
import { activation, pointwise } from './operators-pointwise.ts';

interface Block {
  readonly width: number;
  readonly gated: boolean;
  readonly bias: boolean;
}

const block = (hidden: number, prefix: string, module: Module, shape: Block): readonly Operator[] => [
  linear(`${prefix}_up`, module, hidden, shape.width * (shape.gated ? 2 : 1), 'column', { bias: shape.bias }),
  activation(`${prefix}_activation`, module, shape.width, shape, 'tensor'),
  linear(`${prefix}_down`, module, shape.width, hidden, 'row', { bias: shape.bias }),
];

export const denseOperators = (model: Model, feedForward: DenseFeedForward): readonly Operator[] =>
  block(model.hidden, 'mlp', 'mlp', feedForward);

/**
 * Mean copies of a token that reach an expert with weights. Zero-computation experts (MoE++, arXiv:2410.07348) take
 * their share of the top-k; balanced routing over all experts is assumed.
 */
export const routedCopies = (moe: MoeFeedForward): number =>
  (moe.topK * moe.experts) / (moe.experts + moe.zeroComputationExperts);

/** Softmax, top-k and the routing map read and write about three fp32 values an expert. */
const ROUTING_BYTES = 12;

/** Scores of all experts, computed in the router's own precision on every tensor-parallel rank's tokens. */
const routerOperators = (model: Model, moe: MoeFeedForward): readonly Operator[] => {
  const experts = moe.experts + moe.zeroComputationExperts;
  const options = { bias: moe.routerBias, lowPrecision: false };
  return [
    linear('router', 'router', model.hidden, experts, 'replicated', options),
    pointwise({
      name: 'routing',
      module: 'router',
      width: experts,
      forwardBytes: ROUTING_BYTES * experts,
      backwardBytes: ROUTING_BYTES * experts,
      sharding: 'sequence',
    }),
  ];
};

/** Permutation reads and writes a copy (4 bytes an element) each way; its gradient with the probabilities reads one more. */
const permutation = (name: string, width: number, backward: number): Operator =>
  expertWork(name, width, 4, backward);

/** Element-wise work on routed copies, bytes per element. */
const expertWork = (name: string, width: number, forward: number, backward: number): Pointwise =>
  pointwise({
    name,
    module: 'moe',
    width,
    forwardBytes: forward * width,
    backwardBytes: backward * width,
    sharding: 'expert',
  });

/**
 * Biases of the second product, which no kernel fuses: for each expert a scaled bias is spread over its rows (4 bytes an
 * element written), added in fp32 (10), joined (8) and narrowed (6); backward widens and narrows (12) and reduces the
 * gradients of bias and of probability (12 each). Source: NVIDIA/Megatron-LM core/transformer/moe/experts.py, _apply_bias.
 */
const biasOperators = (width: number, bias: boolean): readonly Operator[] =>
  bias ? [{ ...expertWork('expert_bias', width, 28, 36), unfused: true }] : [];

/**
 * Clamps of the gated halves before a fused activation: each half is copied clamped (4 bytes an element) and both are
 * joined (4); backward masks the gradient by the input (6) and joins the halves (4). Source: NVIDIA/Megatron-LM
 * core/fusions/fused_bias_geglu.py, weighted_bias_quick_geglu_impl.
 */
const clampOperators = (width: number, clamped: boolean): readonly Operator[] =>
  clamped ? [{ ...expertWork('expert_clamp', width, 8, 10), unfused: true }] : [];

const expertOperators = (model: Model, moe: MoeFeedForward): readonly Operator[] => {
  const width = moe.latent ?? model.hidden;
  const routing = { experts: moe.experts, copies: routedCopies(moe), groups: moe.groups };
  const up = moe.expertWidth * (moe.gated ? 2 : 1);
  return [
    permutation('permute', width, 4),
    groupedLinear('expert_up', routing, width, up, 'column', moe.bias),
    ...clampOperators(up, moe.clamped === true),
    activation('expert_activation', 'moe', moe.expertWidth, moe, 'expert'),
    groupedLinear('expert_down', routing, moe.expertWidth, width, 'row', moe.bias),
    ...biasOperators(width, moe.bias),
    permutation('unpermute', width, 8),
  ];
};

const latentNorm = (width: number): Operator =>
  pointwise({
    name: 'latent_norm',
    module: 'moe',
    width,
    forwardBytes: 4 * width,
    backwardBytes: 10 * width,
    sharding: 'sequence',
    parameters: width,
  });

/** Router, routed experts (on a latent width where there is one), shared experts, a dense block beside them. */
export const moeOperators = (model: Model, moe: MoeFeedForward): readonly Operator[] => {
  const { hidden } = model;
  const { latent, gated, sharedWidth, parallelDenseWidth } = moe;
  const down = latent === null ? [] : [linear('latent_down', 'moe', hidden, latent, 'replicated')];
  const up = latent === null ? [] : [linear('latent_up', 'moe', latent, hidden, 'replicated')];
  const beside = (width: number): Block => ({ width, gated, bias: false });
  const norm = latent === null || moe.latentNorm !== true ? [] : [latentNorm(latent)];
  const shared =
    sharedWidth === 0 ? [] : block(hidden, 'shared_expert', 'shared_experts', beside(sharedWidth));
  const dense = parallelDenseWidth === 0 ? [] : block(hidden, 'mlp', 'mlp', beside(parallelDenseWidth));
  const gate = linear('shared_expert_gate', 'shared_experts', hidden, 1, 'replicated', {
    lowPrecision: false,
  });
  return [
    ...routerOperators(model, moe),
    ...down,
    ...expertOperators(model, moe),
    ...norm,
    ...up,
    ...shared,
    ...(moe.sharedGate ? [gate] : []),
    ...dense,
  ];
};
