/** Time of softmax(QK)V by kernel generation. */
import { attendedKeys } from '../model/operator-flops.ts';
import type { CoreAttention } from '../model/operator.ts';
import type { AttentionKernelKind } from '../runtimes/time-behaviour.ts';
import type { RuntimeCalibration } from './calibration.ts';
import type { Machine } from './machine.ts';

export interface AttentionShape {
  /** Tokens of the rank's micro-batch: sequences × length ∕ context. */
  readonly tokens: number;
  readonly sequenceLength: number;
  readonly context: number;
  readonly tensor: number;
}

export interface AttentionTime {
  readonly forward: number;
  readonly backward: number;
}

/** Gradients of q, k, v take five products to the two of the forward pass. */
const BACKWARD_FLOPS = 2.5;
/** Head dimension at which the rates were measured; narrower heads leave tensor cores idle, as dim^0.4. */
const REFERENCE_HEAD = 128;
const HEAD_EXPONENT = 0.4;

/** Bytes per score of a fused softmax: read and written in forward, three passes in backward. */
const FUSED_SCORE = { forward: 8, backward: 14 } as const;
/** PyTorch's chain of scale, mask, softmax. Source: A100 runs of Hagemann et al. 2023 with that kernel. */
const TORCH_SCORE = { forward: 33, backward: 37 } as const;

const unfused = (
  machine: Machine,
  operator: CoreAttention,
  shape: AttentionShape,
  kernel: 'torch' | 'fused-softmax',
  dropoutBytes: number,
): AttentionTime => {
  const heads = operator.heads / shape.tensor;
  const scores = shape.tokens * heads * shape.sequenceLength;
  const flops = 2 * scores * (operator.queryKeyDim + operator.valueDim);
  const { constants } = machine;
  const aligned = operator.queryKeyDim % 8 === 0;
  const rate = machine.peak.bf16 * (aligned ? constants.batchedGemm : constants.batchedGemmMisaligned);
  const bytes = kernel === 'torch' ? TORCH_SCORE : FUSED_SCORE;
  const bandwidth = machine.memoryBandwidth * constants.elementwise;
  return {
    forward: flops / rate + (scores * (bytes.forward + dropoutBytes)) / bandwidth,
    backward: (2 * flops) / rate + (scores * (bytes.backward + dropoutBytes)) / bandwidth,
  };
};

/**
 * Fused kernels: causal FLOPs over a·x∕(x + x½) of the bf16 peak, x the tokens of a context-parallel chunk (or of
 * the window, where that is shorter); backward 2.5 times the FLOPs at its own share of that rate.
 * Unfused: two batched products over all scores and the softmax's traffic.
 */
export const attentionTime = (
  machine: Machine,
  runtime: RuntimeCalibration,
  operator: CoreAttention,
  shape: AttentionShape,
  kernel: AttentionKernelKind,
  dropout: boolean,
): AttentionTime => {
  if (kernel === 'torch' || kernel === 'fused-softmax')
    return unfused(machine, operator, shape, kernel, dropout ? runtime.dropoutScore : 0);
  const curve = machine.constants.attention[kernel];
  const keys = attendedKeys(operator, shape.sequenceLength);
  const length = Math.min(shape.sequenceLength / shape.context, 2 * keys);
  const width = Math.min(1, operator.queryKeyDim / REFERENCE_HEAD) ** HEAD_EXPONENT;
  const rate = machine.peak.bf16 * curve.rate * width * (length / (length + curve.halfLength));
  const heads = operator.replicated === true ? operator.heads : operator.heads / shape.tensor;
  const flops = 2 * shape.tokens * heads * (operator.queryKeyDim + operator.valueDim) * keys;
  return { forward: flops / rate, backward: (BACKWARD_FLOPS * flops) / (rate * curve.backward) };
};

/**
 * Rate of fused kernels that multiply in 8 bits over those in bf16, at head dimension 128 and above: the exponentials of
 * softmax stay. Prefill tables of ai-dynamo/aiconfigurator @ 095f58a, 4,096 to 16,384 tokens, medians: 1.20 to 1.30 on
 * B200 and GB200, 1.24 to 1.34 on GB300, 1.26 to 1.38 on Hopper; 1.13 to 1.20 at head dimension 64. Backward as forward: no table.
 */
const EIGHT_BIT_GAIN = 0.27;

/** Quantising an element: read in 2 bytes, written in 1. */
const QUANTISED_BYTES = 3;

/** The same attention in 8 bits: queries, keys and values are quantised before it, the output's gradient before its backward pass. */
export const eightBitAttention = (
  machine: Machine,
  { heads, kvHeads, queryKeyDim, valueDim }: CoreAttention,
  shape: AttentionShape,
  time: AttentionTime,
): AttentionTime => {
  const gain = 1 + EIGHT_BIT_GAIN * Math.min(1, queryKeyDim / REFERENCE_HEAD);
  const bandwidth = machine.memoryBandwidth * machine.constants.elementwise;
  const cast = (width: number): number => (QUANTISED_BYTES * shape.tokens * width) / shape.tensor / bandwidth;
  return {
    forward: time.forward / gain + cast(heads * queryKeyDim + kvHeads * (queryKeyDim + valueDim)),
    backward: time.backward / gain + cast(heads * valueDim),
  };
};
