/** Time of one operator of a layer on one rank, both passes, without communication. */
import type {
  CoreAttention,
  GroupedLinear,
  Linear,
  Operator,
  Pointwise,
  Recurrence,
} from '../model/operator.ts';
import type { TimeBehaviour } from '../runtimes/time-behaviour.ts';
import { attentionTime, eightBitAttention } from './attention.ts';
import type { GemmFormat, RuntimeCalibration } from './calibration.ts';
import { castTime, linearTime } from './gemm.ts';
import type { Machine } from './machine.ts';

/** What one rank works on, and how. */
export interface LayerContext {
  readonly machine: Machine;
  readonly runtime: RuntimeCalibration;
  readonly behaviour: TimeBehaviour;
  /** Format of the linears that the precision recipe lowers. */
  readonly format: GemmFormat;
  /** Tokens of a micro-batch on a rank: sequences × length ∕ context. */
  readonly tokens: number;
  readonly sequenceLength: number;
  readonly context: number;
  readonly tensor: number;
  readonly sequenceParallel: boolean;
  readonly expert: number;
  readonly expertTensor: number;
  /** Load of the busiest rank of experts over the mean. */
  readonly imbalance: number;
  /** Times of operators that experts do not change, shared by contexts that differ in experts alone. */
  readonly shared?: Map<Operator, OperatorTime>;
}

export interface OperatorTime {
  readonly forward: number;
  /** Backward without weight gradients. */
  readonly backward: number;
  readonly weightGradient: number;
  /** The part of it that adds to the main gradient. */
  readonly accumulation?: number;
}

/** Tokens of work that every tensor-parallel rank repeats unless sequence parallelism cuts it. */
export const ownTokens = (context: LayerContext): number =>
  context.sequenceParallel ? context.tokens / context.tensor : context.tokens;

/** Copies of a token that are sent to experts: top-k, or the padded capacity. */
export const routedCopies = (context: LayerContext, topK: number): number =>
  topK * (context.behaviour.expertCapacity ?? 1);

/** Elements of a linear that one rank holds. */
export const localParameters = (
  operator: Operator,
  tensor: number,
  expert: number,
  expertTensor: number,
): number => {
  switch (operator.kind) {
    case 'linear':
      return operator.sharding === 'replicated' ? operator.parameters : operator.parameters / tensor;
    case 'grouped-linear':
      return operator.parameters / (expert * expertTensor);
    case 'core-attention':
    case 'recurrence':
      return operator.parameters / tensor;
    case 'pointwise':
      return operator.sharding === 'tensor' ? operator.parameters / tensor : operator.parameters;
  }
};

const elementwiseRate = (context: LayerContext): number =>
  context.machine.memoryBandwidth * context.machine.constants.elementwise;

/** Adding a micro-batch's weight gradient to the main gradient. */
const accumulation = (context: LayerContext, parameters: number): number =>
  (context.runtime.accumulationBytes * parameters) / elementwiseRate(context);

const linear = (context: LayerContext, operator: Linear): OperatorTime => {
  const { machine, behaviour, tensor, tokens } = context;
  const lowered = operator.lowPrecision || (behaviour.lowPrecisionHead && operator.name === 'logits');
  const format = lowered ? context.format : context.format === 'fp32' ? 'fp32' : 'bf16';
  const rows = operator.sharding === 'replicated' ? ownTokens(context) : tokens;
  const inputs = operator.sharding === 'row' ? operator.inputs / tensor : operator.inputs;
  const outputs = operator.sharding === 'column' ? operator.outputs / tensor : operator.outputs;
  const time = linearTime(machine, format, rows, inputs, outputs);
  const added = accumulation(context, inputs * outputs);
  return {
    forward: time.forward + castTime(machine, format, rows * inputs),
    backward: time.inputGradient + castTime(machine, format, rows * outputs),
    weightGradient: time.weightGradient + added,
    accumulation: added,
  };
};

/**
 * Bytes of an element of the experts' width that fused epilogues move. Forward: the product before it writes its two
 * halves for backward (2 × 2) and the quantised activation by rows and by columns (2). Backward: the gradient's product
 * reads the halves (4) and writes their quantised gradients twice (4). Source: NVIDIA/TransformerEngine
 * pytorch/ops/fused/forward_grouped_mlp.py and backward_grouped_mlp.py (cuDNN's grouped GEMM with SwiGLU and its gradient).
 */
const EPILOGUE = { forward: 6, backward: 8 } as const;

/** Element-wise work that the epilogues of fused experts do. */
const inEpilogue = (operator: Pointwise): boolean =>
  operator.name === 'expert_activation' ||
  operator.name === 'expert_clamp' ||
  operator.name === 'expert_bias';

/**
 * The same product for each local expert: √(GEMM² + weight traffic²) and a fixed cost per expert, each pass; experts that
 * run one after the other are as many products of their own, which nothing overlaps. Rows per expert are the busiest
 * rank's. The curve is that of the grouped products of MooreThreads/SimuMax @ 4dcaae5 (B200, both passes, 128 to 1232 rows
 * an expert): the sustained rate of other products and 4 µs an expert, median error 4 to 7 %. Fused experts quantise what
 * enters the first product and the gradient that enters the second; what lies between stays in the kernels.
 */
const grouped = (context: LayerContext, operator: GroupedLinear): OperatorTime => {
  const { machine, expertTensor, format } = context;
  const experts = operator.experts / context.expert;
  const rows = ownTokens(context) * routedCopies(context, operator.topK) * expertTensor * context.imbalance;
  const inputs = operator.sharding === 'row' ? operator.inputs / expertTensor : operator.inputs;
  const outputs = operator.sharding === 'column' ? operator.outputs / expertTensor : operator.outputs;
  const { efficiency, depth } = machine.constants.gemm[format];
  const product =
    (2 * rows * inputs * outputs) / (machine.peak[format] * efficiency * machine.constants.sustained);
  const weights = experts * inputs * outputs;
  const streaming = machine.memoryBandwidth * machine.constants.streaming;
  const load = (2 * weights) / streaming;
  const cast = format === 'fp8' || format === 'nvfp4' ? machine.constants.expertCast : 0;
  const { cudaGraphs, fusedExperts } = context.behaviour;
  // Captured iterations know no row counts on the host: one kernel serves all experts, as in fused ones.
  const launched = cudaGraphs === 'full' || fusedExperts ? 0 : experts;
  const fixed = launched * (machine.constants.expertOverhead + cast);
  const floor = context.behaviour.sequentialExperts ? experts * machine.constants.kernelFloor : 0;
  const pass = (k: number, epilogue = 0): number =>
    Math.hypot(product * (1 + depth / k), load + (rows * epilogue) / streaming) + fixed + floor;
  const first = operator.sharding === 'column';
  if (fusedExperts)
    return {
      forward: first
        ? pass(inputs, (EPILOGUE.forward * outputs) / 2) + castTime(machine, format, rows * inputs)
        : pass(inputs),
      backward: first
        ? pass(outputs)
        : pass(outputs, EPILOGUE.backward * inputs) + castTime(machine, format, rows * outputs),
      weightGradient: pass(Math.max(1, rows / experts)) + accumulation(context, weights),
    };
  return {
    forward: pass(inputs) + castTime(machine, format, rows * inputs),
    backward: pass(outputs) + castTime(machine, format, rows * outputs),
    weightGradient: pass(Math.max(1, rows / experts)) + accumulation(context, weights),
  };
};

/** Read and written in 2 bytes. */
const COPIED_ELEMENT = 4;

/** One copy of queries, keys, values and outputs: in forward on the way in and out, in backward of their gradients. */
const layoutCopies = (
  context: LayerContext,
  { heads, kvHeads, queryKeyDim, valueDim }: CoreAttention,
): number =>
  (COPIED_ELEMENT * context.tokens * (heads + kvHeads) * (queryKeyDim + valueDim)) /
  context.tensor /
  elementwiseRate(context);

const BACKWARD_OF_RECURRENCE = 2;

const recurrence = ({ machine, tokens, tensor }: LayerContext, operator: Recurrence): OperatorTime => {
  const { constants } = machine;
  const compute = operator.flopsPerToken / (machine.peak.bf16 * constants.recurrence);
  const traffic = operator.bytesPerToken / (machine.memoryBandwidth * constants.elementwise);
  const forward = (Math.max(compute, traffic) * tokens) / tensor;
  return { forward, backward: BACKWARD_OF_RECURRENCE * forward, weightGradient: 0 };
};

const isPermutation = (operator: Pointwise): boolean =>
  operator.name === 'permute' || operator.name === 'unpermute';
const isHiddenNorm = (operator: Pointwise): boolean =>
  operator.module === 'input_norm' || operator.module === 'post_norm';

const pointwiseRows = (context: LayerContext, operator: Pointwise, copies: number): number => {
  switch (operator.sharding) {
    case 'tensor':
      return context.tokens / context.tensor;
    case 'sequence':
      return ownTokens(context);
    case 'expert':
      return ownTokens(context) * copies * context.imbalance;
  }
};

/** Cross-entropy: the runtime's bytes per logit in place of the model's, on all logits where they are gathered first. */
const loss = (context: LayerContext, operator: Pointwise): OperatorTime => {
  const { machine, runtime, behaviour, tokens, tensor } = context;
  const scale = runtime.lossBytes / ((operator.forwardBytes + operator.backwardBytes) / operator.width);
  const rows = behaviour.gatheredLogits ? tokens : tokens / tensor;
  const rate = (rows * scale) / (machine.memoryBandwidth * machine.constants.streaming);
  return {
    forward: operator.forwardBytes * rate,
    backward: operator.backwardBytes * rate,
    weightGradient: 0,
  };
};

const pointwise = (context: LayerContext, operator: Pointwise, copies: number): OperatorTime => {
  const { machine, runtime, behaviour } = context;
  if (operator.name === 'cross_entropy') return loss(context, operator);
  if (behaviour.fusedExperts && inEpilogue(operator)) return { forward: 0, backward: 0, weightGradient: 0 };
  const fraction = isPermutation(operator) ? machine.constants.streaming : machine.constants.elementwise;
  const whole = isPermutation(operator) || operator.unfused === true;
  const factor = whole ? 1 : behaviour.compiled ? runtime.traffic : runtime.eagerTraffic;
  const extra = !behaviour.fusedNorm && isHiddenNorm(operator) ? runtime.unfusedNorm * operator.width : 0;
  const rate = pointwiseRows(context, operator, copies) / (machine.memoryBandwidth * fraction);
  return {
    forward: (operator.forwardBytes * factor + extra) * rate,
    backward: (operator.backwardBytes * factor + extra) * rate,
    weightGradient: 0,
  };
};

/** `copies`: routed copies of a token in the layer, for the work between dispatch and combine. */
export const operatorTime = (context: LayerContext, operator: Operator, copies: number): OperatorTime => {
  switch (operator.kind) {
    case 'linear':
      return linear(context, operator);
    case 'grouped-linear':
      return grouped(context, operator);
    case 'core-attention': {
      const { machine, runtime, behaviour } = context;
      const { attention: kernel, dropout } = behaviour;
      const plain = attentionTime(machine, runtime, operator, context, kernel, dropout);
      const time = behaviour.lowPrecisionAttention
        ? eightBitAttention(machine, operator, context, plain)
        : plain;
      const fused = kernel !== 'torch' && kernel !== 'fused-softmax';
      const copies = fused && behaviour.copiesAttention ? layoutCopies(context, operator) : 0;
      return { forward: time.forward + copies, backward: time.backward + copies, weightGradient: 0 };
    }
    case 'recurrence':
      return recurrence(context, operator);
    case 'pointwise':
      return pointwise(context, operator, copies);
  }
};
