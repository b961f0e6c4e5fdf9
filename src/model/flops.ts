/**
 * Model FLOPs per trained token under the conventions that frameworks print. They differ by up to twofold in the
 * attention term, so figures of two frameworks compare only after conversion. None counts recomputation, except the
 * one that says so.
 */
import { layersPerKind } from './count.ts';
import type { CountOptions } from './count.ts';
import type { Model } from './model.ts';
import { forwardFlops } from './operator-flops.ts';
import type { CoreAttention, Operator } from './operator.ts';
import { embeddingOperators, headOperators, layerOperators, mtpOperators } from './operators.ts';

/** Every operator of one forward pass with how often it runs. */
const forEachOperator = (
  model: Model,
  vocabulary: number,
  visit: (operator: Operator, times: number) => void,
): void => {
  const layers = layersPerKind(model);
  model.kinds.forEach((kind, index) => {
    layerOperators(model, kind).forEach((operator) => visit(operator, layers[index] ?? 0));
  });
  const ends = [embeddingOperators, headOperators, mtpOperators];
  ends.flatMap((of) => of(model, vocabulary)).forEach((operator) => visit(operator, 1));
};

const sum = (model: Model, options: CountOptions, of: (operator: Operator) => number): number => {
  let total = 0;
  forEachOperator(model, options.vocabulary ?? model.vocabularySize, (operator, times) => {
    total += times * of(operator);
  });
  return total;
};

/** 2·heads·(qk + v)·keys, whatever the span. Indexers are left out: no framework counts them as model FLOPs. */
const attentionForward = (operator: CoreAttention, keys: number): number =>
  operator.replicated === true ? 0 : 2 * operator.heads * (operator.queryKeyDim + operator.valueDim) * keys;

/** What Megatron's count leaves out of a linear: the router, and the projections of a sparse-attention indexer. */
const uncounted = (operator: Operator): boolean =>
  operator.kind === 'linear' && (operator.module === 'router' || operator.name.startsWith('indexer_'));

const megatronForward = (operator: Operator, sequenceLength: number): number => {
  if (operator.kind === 'core-attention') return attentionForward(operator, sequenceLength / 2);
  return uncounted(operator) ? 0 : forwardFlops(operator, sequenceLength);
};

/**
 * Megatron-LM's count: three times the forward GEMMs; every attention layer as a full causal one (half the mask),
 * windows or not; active experts; logits once more for each multi-token prediction module; routers left out.
 * Norms, which it adds for latents and prediction modules (under 1e-5 of the whole), are left out here.
 * Source: NVIDIA/Megatron-LM @ 001b00c, megatron/training/training.py, num_floating_point_operations.
 */
export const megatronFlopsPerToken = (
  model: Model,
  sequenceLength: number,
  options: CountOptions = {},
): number => 3 * sum(model, options, (operator) => megatronForward(operator, sequenceLength));

/** As `megatronFlopsPerToken` with the whole mask: Megatron before it halved attention, and nanotron's own count. */
export const fullAttentionFlopsPerToken = (
  model: Model,
  sequenceLength: number,
  options: CountOptions = {},
): number =>
  3 *
  sum(model, options, (operator) =>
    operator.kind === 'core-attention'
      ? attentionForward(operator, sequenceLength)
      : megatronForward(operator, sequenceLength),
  );

/**
 * Narayanan et al. (arXiv:2104.04473, equation 3), hardware FLOPs with full recomputation: decoder GEMMs and full
 * attention four times, logits three times.
 */
export const narayananFlopsPerToken = (
  model: Model,
  sequenceLength: number,
  options: CountOptions = {},
): number => {
  const vocabulary = options.vocabulary ?? model.vocabularySize;
  const logits = 6 * model.hidden * vocabulary;
  return (4 / 3) * (fullAttentionFlopsPerToken(model, sequenceLength, options) - logits) + logits;
};
