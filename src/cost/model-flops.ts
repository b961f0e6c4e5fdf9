/** Model FLOPs by Megatron's convention. */
import type { Model } from '../model/model.ts';
import { forwardFlops } from '../model/operator-flops.ts';
import { headOperators, layerOperators, mtpOperators } from '../model/operators.ts';

/** Forward and backward: gradients of inputs and weights cost a forward each. */
const PASSES = 3;

/**
 * FLOPs of one token, forward and backward: 3 × 2 per multiply-add of every product, the causal half of attention, the
 * active experts, multi-token prediction included; no embedding lookup, no recomputation.
 * Source: NVIDIA/Megatron-LM @ d98e8a6 megatron/training/training.py, num_floating_point_operations.
 */
export const modelFlopsPerToken = (model: Model, sequenceLength: number): number => {
  const sum = (operators: readonly Parameters<typeof forwardFlops>[0][]): number =>
    operators.reduce((flops, operator) => flops + forwardFlops(operator, sequenceLength), 0);
  const kinds = model.kinds.map((kind) => sum(layerOperators(model, kind)));
  const layers = model.layers.reduce((flops, kind) => flops + (kinds[kind] ?? 0), 0);
  return PASSES * (layers + sum(headOperators(model)) + sum(mtpOperators(model)));
};
