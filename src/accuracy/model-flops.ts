/** FLOPs per token as sources count them: to turn a printed MFU or TFLOP/s into a time. */
import type { Model } from '../model/model.ts';
import { forwardFlops } from '../model/operator-flops.ts';
import type { Operator } from '../model/operator.ts';
import { headOperators, layerOperators } from '../model/operators.ts';

/** Forward, and a forward's work for each of the two gradients. */
const PASSES = 3;

/** Products over the whole sequence: the mask is not taken into account. */
const fullForward = (operator: Operator, sequence: number): number =>
  forwardFlops(operator, sequence) *
  (operator.kind === 'core-attention' && operator.span.kind === 'full' ? 2 : 1);

/**
 * 6N + 12Lsh with the output layer in N: full attention, no recomputation (arXiv 2204.02311, appendix B). With
 * `recomputed`, layers count four thirds, as Megatron of 2021 printed (arXiv 2104.04473, equation 3).
 */
export const printedFlopsPerToken = (model: Model, sequence: number, recomputed: boolean): number => {
  const sum = (operators: readonly Operator[]): number =>
    operators.reduce((flops, operator) => flops + fullForward(operator, sequence), 0);
  const kinds = model.kinds.map((kind) => sum(layerOperators(model, kind)));
  const layers = model.layers.reduce((flops, kind) => flops + (kinds[kind] ?? 0), 0);
  return PASSES * (layers * (recomputed ? 4 / 3 : 1) + sum(headOperators(model)));
};
