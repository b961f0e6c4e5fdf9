/**
 * Memory traffic of fused element-wise kernels, in bytes per token with 2-byte activations.
 *
 * RMSNorm layers move 20h forward and 32h backward for two norms and two residual additions (fitted on
 * Hopper and Blackwell runs of Megatron and FSDP), LayerNorm layers with bias and dropout 22h and 42h
 * (fitted on A100 runs of GPT models): here split as norm 4h + 10h (12h), residual 6h + 6h (7h + 9h).
 */
import type { Model } from './model.ts';
import type { Module, Pointwise } from './operator.ts';

type Parts = Omit<Pointwise, 'kind' | 'parameters'> & { readonly parameters?: number };

export const pointwise = ({ parameters = 0, ...parts }: Parts): Pointwise => ({
  kind: 'pointwise',
  ...parts,
  parameters,
});

/** Elements of one norm over `width`: a scale, and a bias where the model's norms have one. */
export const normParameters = (model: Model, width: number): number =>
  (model.normalizationBias ?? model.normalization === 'layernorm') ? 2 * width : width;

/** A norm of the hidden width. */
export const hiddenNorm = (model: Model, name: string, module: Module): Pointwise =>
  pointwise({
    name,
    module,
    width: model.hidden,
    forwardBytes: 4 * model.hidden,
    backwardBytes: (model.normalization === 'layernorm' ? 12 : 10) * model.hidden,
    sharding: 'sequence',
    parameters: normParameters(model, model.hidden),
  });

/** Sigmoid gate on the output of attention: two reads and a write, 6 bytes an element forward and 10 backward. */
export const outputGate = (width: number): Pointwise =>
  pointwise({
    name: 'output_gate',
    module: 'attention',
    width,
    forwardBytes: 6 * width,
    backwardBytes: 10 * width,
    sharding: 'tensor',
  });

/** Addition of a sublayer's output to the residual stream, with bias and dropout in LayerNorm models. */
export const residual = (model: Model, name: string): Pointwise => {
  const [forward, backward] = model.normalization === 'layernorm' ? [7, 9] : [6, 6];
  return pointwise({
    name,
    module: 'residual',
    width: model.hidden,
    forwardBytes: forward * model.hidden,
    backwardBytes: backward * model.hidden,
    sharding: 'sequence',
  });
};

/**
 * Activation function on `width` elements: gated (SwiGLU, GeGLU) reads two and writes one: 6f + 10f; else 4f + 6f,
 * and 8f backward with a bias, whose gradient reads the result once more.
 */
export const activation = (
  name: string,
  module: Module,
  width: number,
  shape: { readonly gated: boolean; readonly bias: boolean },
  sharding: Pointwise['sharding'],
): Pointwise =>
  pointwise({
    name,
    module,
    width,
    forwardBytes: (shape.gated ? 6 : 4) * width,
    backwardBytes: (shape.gated ? 10 : shape.bias ? 8 : 6) * width,
    sharding,
  });
