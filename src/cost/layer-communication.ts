/** Communication inside one layer: tensor, context and expert parallelism, as both passes of one micro-batch. */
import type { GroupSpan } from '../cluster/topology.ts';
import type { CoreAttention, GroupedLinear, Operator } from '../model/operator.ts';
import type { ContextCommunication, Dispatcher } from '../strategy/strategy.ts';
import { allReduceTime, allToAllTime, gatherTime } from './collectives.ts';
import type { LayerContext } from './operator-time.ts';
import { ownTokens, routedCopies } from './operator-time.ts';
import type { Parts } from './parts.ts';

export interface GroupSpans {
  readonly tensor: GroupSpan;
  readonly context: GroupSpan;
  readonly expert: GroupSpan;
  readonly expertTensor: GroupSpan;
}

export interface PassPair {
  readonly forward: number;
  readonly backward: number;
}

/** Seconds of a pass in which its own exchanges hold network ports: those whose groups leave their domain. */
export const onPorts = ({ tensor, context, expert, expertTensor }: GroupSpans, parts: Parts): number =>
  (tensor.outside === null ? 0 : parts.tensor) +
  (context.outside === null ? 0 : parts.context) +
  (expert.outside === null && expertTensor.outside === null ? 0 : parts.expert);

const ELEMENT = 2;
const nothing: PassPair = { forward: 0, backward: 0 };

export const cutByTensor = (operator: Operator): boolean =>
  operator.kind === 'linear' && operator.sharding !== 'replicated';
export const isFeedForward = (operator: Operator): boolean =>
  operator.module === 'mlp' ||
  operator.module === 'shared_experts' ||
  operator.module === 'moe' ||
  operator.module === 'router';

/** Sublayers (mixer, feed-forward) whose linears are cut over tensor ranks: 0, 1 or 2. */
export const tensorSublayers = (operators: readonly Operator[]): number =>
  Number(operators.some((o) => cutByTensor(o) && !isFeedForward(o))) +
  Number(operators.some((o) => cutByTensor(o) && isFeedForward(o)));

/** One pass over the hidden state: gather or scatter of [tokens, hidden]; two of them are one all-reduce. */
const tensorPass = (context: LayerContext, spans: GroupSpans, hidden: number): number => {
  const bytes = ELEMENT * context.tokens * hidden;
  return context.sequenceParallel
    ? gatherTime(context.machine, spans.tensor, bytes)
    : allReduceTime(context.machine, spans.tensor, bytes) / 2;
};

/** Seconds of the products of one sublayer that its exchanges may run beside. */
export interface TensorProducts {
  /** Of linears cut by columns. */
  readonly forward: number;
  readonly inputGradient: number;
  readonly weightGradient: number;
  /** Of linears cut by rows. */
  readonly rowInputGradient: number;
}

const noProducts: readonly TensorProducts[] = [
  { forward: 0, inputGradient: 0, weightGradient: 0, rowInputGradient: 0 },
];

/**
 * Passes of `seconds` each with sequence parallelism, less what runs beside them. A gather before a product runs beside the
 * rank's own part of it (1∕t); in backward the inputs of column linears are gathered again beside the input gradient, and
 * that is scattered beside the weight gradient. Source: huggingface/nanotron @ 0e0a27ea, tensor_parallel/functional.py.
 */
const passesBesideProducts = (
  seconds: number,
  tensor: number,
  sublayers: number,
  products: readonly TensorProducts[],
): PassPair => {
  const list = products.length === 0 ? noProducts : products;
  const beyond = (product: number): number => Math.max(0, seconds - product);
  let [forward, backward] = [0, 0];
  for (const product of list) {
    forward += seconds + beyond(product.forward / tensor);
    backward +=
      beyond(product.rowInputGradient / tensor) +
      beyond(product.inputGradient) +
      beyond(product.weightGradient);
  }
  const share = sublayers / list.length;
  return { forward: share * forward, backward: share * backward };
};

/**
 * Exposed tensor-parallel communication. Without sequence parallelism a sublayer costs one all-reduce each way, with
 * it a gather and a scatter each way and, in backward, another gather of the linears' inputs.
 * `products`: of each sublayer, where the runtime runs exchanges beside them.
 */
export const tensorCommunication = (
  context: LayerContext,
  spans: GroupSpans,
  hidden: number,
  sublayers: number,
  overlapped: boolean,
  products: readonly TensorProducts[],
): PassPair => {
  if (context.tensor === 1 || sublayers === 0) return nothing;
  const { runtime, behaviour, sequenceParallel } = context;
  const { tensorPasses, hiddenBackward, besideProducts } = behaviour;
  const pass = tensorPass(context, spans, hidden);
  const exposed = overlapped ? runtime.tensorOverlapExposed : runtime.tensorExposed;
  if (sequenceParallel && besideProducts) {
    const { forward, backward } = passesBesideProducts(pass, context.tensor, sublayers, products);
    return { forward: exposed * forward, backward: exposed * backward };
  }
  const share = (sublayers / 2) * exposed;
  const hidden_ = hiddenBackward === 'all' || (hiddenBackward === 'all-reduce' && !sequenceParallel);
  const backward = sequenceParallel ? tensorPasses.backwardSequence : tensorPasses.backward;
  return {
    forward: share * tensorPasses.forward * pass,
    backward: hidden_ ? 0 : share * (backward * pass),
  };
};

/** Bytes of keys and values of the rank's tokens. */
const keyValueBytes = (context: LayerContext, core: CoreAttention): number =>
  ELEMENT *
  context.tokens *
  (core.kvHeads / Math.min(context.tensor, core.kvHeads)) *
  (core.queryKeyDim + core.valueDim);

const queryOutputBytes = (context: LayerContext, core: CoreAttention): number =>
  ELEMENT * context.tokens * (core.heads / context.tensor) * (core.queryKeyDim + core.valueDim);

/**
 * Exposed context-parallel communication of one attention. Ring: c−1 exchanges of a chunk's keys and values, and of
 * their gradients too in backward, hidden behind the attention of the chunk before. All-to-all: queries, keys,
 * values and outputs change from sequence to head sharding and back. All-gather: keys and values of all chunks.
 */
export const contextCommunication = (
  context: LayerContext,
  spans: GroupSpans,
  core: CoreAttention,
  method: ContextCommunication,
  attention: PassPair,
): PassPair => {
  const c = context.context;
  if (c === 1) return nothing;
  const { machine } = context;
  const kv = keyValueBytes(context, core);
  switch (method) {
    case 'p2p': {
      const ring = gatherTime(machine, spans.context, kv * c);
      return {
        forward: Math.max(0, ring - (attention.forward * (c - 1)) / c),
        backward: Math.max(0, 2 * ring - (attention.backward * (c - 1)) / c),
      };
    }
    case 'all-gather': {
      const gather = gatherTime(machine, spans.context, kv * c);
      return { forward: gather, backward: 2 * gather };
    }
    case 'a2a':
    case 'a2a+p2p': {
      const exchange = allToAllTime(machine, spans.context, kv + queryOutputBytes(context, core));
      return { forward: exchange, backward: exchange };
    }
  }
};

/** Distinct ones of N places (domains, ranks) that k uniformly routed copies reach, over the copies: N(1 − (1 − 1∕N)^k) ∕ k. */
export const distinctShare = (places: number, copies: number): number =>
  Math.min(1, (places * (1 - (1 - 1 / places) ** copies)) / copies);

/**
 * Of N places that hold experts in blocks, those that a token may reach when its experts lie in `limit` of `count` groups:
 * the share of them where a group covers several places, else the expected number of places that hold a chosen group.
 */
export const reachable = (places: number, groups: GroupedLinear['groups']): number => {
  if (groups === undefined || groups.limit >= groups.count) return places;
  const { count, limit } = groups;
  if (places >= count) return (places * limit) / count;
  const held = count / places;
  let missed = 1;
  for (let chosen = 0; chosen < limit; chosen += 1)
    missed *= Math.max(0, count - held - chosen) / (count - chosen);
  return places * (1 - missed);
};

/**
 * Token exchange of a MoE layer: dispatch and combine each way. All-to-all sends one row per copy; DeepEP and HybridEP
 * send one row per domain, forward it there, one row per rank, and copy it on arrival (deepseek-ai/DeepEP @ dd758ca,
 * README: normal kernels; its combine of 7168 elements, top 8 on 8 H100 attains 320 GB/s by this count, as NCCL's
 * all-to-all does); the all-gather dispatcher gathers all tokens and scatters the sums.
 * Expert tensor parallelism gathers rows over its group and scatters their results.
 */
export const expertCommunication = (
  context: LayerContext,
  spans: GroupSpans,
  layer: GroupedLinear,
  dispatcher: Dispatcher,
): PassPair => {
  const { machine } = context;
  const tokens = ownTokens(context);
  const copies = routedCopies(context, layer.topK);
  const rows = ELEMENT * tokens * layer.inputs * copies;
  let exchange: number;
  if (dispatcher === 'all-gather') {
    const all = ELEMENT * tokens * layer.inputs * context.expert;
    exchange = 2 * gatherTime(machine, spans.expert, all);
  } else {
    const fused = dispatcher === 'deepep' || dispatcher === 'hybridep';
    const bytes = rows * context.imbalance;
    exchange = fused
      ? 2 *
        allToAllTime(machine, spans.expert, bytes, {
          kind: 'tokenExchange',
          remote: distinctShare(reachable(spans.expert.domains, layer.groups), copies),
          local: distinctShare(reachable(spans.expert.size, layer.groups), copies),
        })
      : 2 * allToAllTime(machine, spans.expert, bytes);
  }
  const gathered = 2 * gatherTime(machine, spans.expertTensor, rows * context.expertTensor);
  return { forward: exchange + gathered, backward: exchange + gathered };
};

/**
 * Share of a GPU's multiprocessors that HybridEP's kernels hold while they run: 32 of 148 in NVIDIA's recipes on Blackwell
 * (NVIDIA-NeMo/Megatron-Bridge perf_recipes/_common.py, moe_hybridep_num_sms). DeepEP's 20 of 132 on Hopper (0.15) are
 * what runs show as `expert_overlap`.
 */
const HYBRID_SHARE = 32 / 148;

/** x of max + x min of a pass and the token exchange beside it: no less than the multiprocessors that the exchange takes away. */
export const exchangeShare = ({ machine, runtime }: LayerContext, dispatcher: Dispatcher): number =>
  dispatcher === 'hybridep' && machine.accelerator.architecture === 'blackwell'
    ? Math.max(runtime.expertOverlap, HYBRID_SHARE)
    : runtime.expertOverlap;

/** Bytes that a copy of rows moves per element: read and written in 2 bytes. */
const COPIED_ELEMENT = 4;

/**
 * Received rows arrive by rank and are wanted by expert: with several local experts the all-to-all dispatcher copies
 * them once more before the experts and once after, each way; fused dispatchers write them in place. Expert tensor
 * parallelism sorts the gathered rows. Source: NVIDIA/Megatron-LM core/transformer/moe/token_dispatcher.py,
 * sort_chunks_by_idxs in dispatch_postprocess and combine_preprocess.
 */
export const sortingTime = (context: LayerContext, layer: GroupedLinear, dispatcher: Dispatcher): number => {
  if (dispatcher !== 'all-to-all' || context.expert === 1 || layer.experts / context.expert <= 1) return 0;
  const { machine, expertTensor, imbalance } = context;
  const rows = ownTokens(context) * routedCopies(context, layer.topK) * expertTensor * imbalance;
  return (2 * COPIED_ELEMENT * rows * layer.inputs) / (machine.memoryBandwidth * machine.constants.streaming);
};
