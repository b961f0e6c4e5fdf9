/** Cost of one kind of decoder layer on one rank: operators, exposed communication, recomputation, host time. */
import type { Operator } from '../model/operator.ts';
import type { Dispatcher, ContextCommunication, Recompute, RecomputeModule } from '../strategy/strategy.ts';
import {
  contextCommunication,
  exchangeShare,
  expertCommunication,
  onPorts,
  sortingTime,
  tensorCommunication,
} from './layer-communication.ts';
import type { GroupSpans, PassPair } from './layer-communication.ts';
import { operatorSums } from './operator-sums.ts';
import type { LayerContext, OperatorTime } from './operator-time.ts';
import { hostTime, withHost } from './host.ts';
import { noParts, scaleParts, total } from './parts.ts';
import type { Parts } from './parts.ts';

export interface LayerCost {
  readonly forward: Parts;
  readonly backward: Parts;
  /** Their totals. */
  readonly forwardTime: number;
  readonly backwardTime: number;
  /** Seconds of each pass on network ports. */
  readonly forwardPorts: number;
  readonly backwardPorts: number;
  /** Part of backward that zero-bubble schedules may delay. */
  readonly weightGradient: number;
  /** Parameters on the rank: replicated over the data-parallel group, and over the expert-data group. */
  readonly denseParameters: number;
  readonly expertParameters: number;
}

export interface LayerOptions {
  readonly hidden: number;
  readonly dispatcher: Dispatcher;
  readonly contextMethod: ContextCommunication;
  readonly overlapTensor: boolean;
  readonly overlapExpert: boolean;
  readonly recompute: Recompute;
  /** Sublayers that communicate over tensor ranks, where the operators alone do not tell (embedding, head). */
  readonly tensorSublayers?: number;
  /** Launches in layers of a dense kind; 1 for a layer. */
  readonly hostLayers?: number;
}

/** Whether a recomputation module of the strategy covers an operator. */
const covers = (module: RecomputeModule, operator: Operator): boolean => {
  switch (module) {
    case 'layernorm':
      return operator.module === 'input_norm' || operator.module === 'post_norm';
    case 'moe_act':
      return operator.name === 'expert_activation';
    case 'moe':
      return (
        operator.module === 'moe' || operator.module === 'router' || operator.module === 'shared_experts'
      );
    case 'core_attn':
    case 'mlp':
    case 'mla_up_proj':
    case 'shared_experts':
      return operator.module === module;
  }
};

/** Share of matrix products that selective recomputation by operator repeats: every second one. Source: torchtitan's policy. */
const OPERATOR_POLICY_PRODUCTS = 0.5;

interface Communication {
  readonly tensor: PassPair;
  readonly context: PassPair;
  readonly expert: PassPair;
  /** Copies of received rows, each way. */
  readonly sorting: number;
}

const forwardOf = (
  times: readonly OperatorTime[],
  operators: readonly Operator[],
  chosen: (o: Operator, i: number) => boolean,
): number => {
  let sum = 0;
  for (const [i, operator] of operators.entries()) if (chosen(operator, i)) sum += times[i]?.forward ?? 0;
  return sum;
};

/** What backward repeats of the forward pass. */
const recomputed = (
  context: LayerContext,
  recompute: Recompute,
  operators: readonly Operator[],
  times: readonly OperatorTime[],
  communication: Communication,
): Parts => {
  const { behaviour } = context;
  if (behaviour.recomputeOperators) {
    const products = forwardOf(times, operators, (o) => o.kind === 'linear' || o.kind === 'grouped-linear');
    const rest = forwardOf(times, operators, (o) => o.kind === 'pointwise');
    return { ...noParts, compute: rest + OPERATOR_POLICY_PRODUCTS * products };
  }
  if (recompute.kind === 'none' && !behaviour.recomputeEveryOther) return noParts;
  if (recompute.kind === 'selective' && !behaviour.recomputeEveryOther) {
    const { modules } = recompute;
    const moe = modules.includes('moe');
    return {
      ...noParts,
      compute:
        forwardOf(times, operators, (o) => modules.some((module) => covers(module, o))) +
        (moe ? communication.sorting : 0),
      expert: moe ? communication.expert.forward : 0,
    };
  }
  const last = behaviour.checkpointStopsEarly
    ? operators.findLastIndex((o) => o.kind === 'linear' || o.kind === 'grouped-linear')
    : -1;
  const share = behaviour.recomputeEveryOther ? 0.5 : 1;
  const { tensor, context: ring, expert, sorting } = communication;
  return scaleParts(
    {
      ...noParts,
      compute: forwardOf(times, operators, (_, i) => i !== last) + sorting,
      tensor: tensor.forward,
      context: ring.forward,
      expert: expert.forward,
    },
    share,
  );
};

/** Combined communication and compute of a MoE layer whose exchange runs beside other micro-batches' work. */
export const overlapExpertPass = (compute: number, exchange: number, x: number): number =>
  Math.max(compute, exchange) + x * Math.min(compute, exchange) - compute;

/** One layer, both passes of one micro-batch. */
export const layerCost = (
  context: LayerContext,
  spans: GroupSpans,
  operators: readonly Operator[],
  options: LayerOptions,
): LayerCost => {
  const sums = operatorSums(context, operators);
  const { times, weightGradient, inputGemm, grouped, core } = sums;
  const sorting = grouped === null ? 0 : sortingTime(context, grouped, options.dispatcher);
  const forward = sums.forward + sorting;
  const backward = sums.backward + sorting;
  const ring: PassPair =
    core === null
      ? { forward: 0, backward: 0 }
      : contextCommunication(context, spans, core.operator, options.contextMethod, core.time);
  const sublayers = options.tensorSublayers ?? sums.sublayers;
  const tensor = tensorCommunication(
    context,
    spans,
    options.hidden,
    sublayers,
    options.overlapTensor,
    inputGemm,
  );
  let expert: PassPair =
    grouped === null
      ? { forward: 0, backward: 0 }
      : expertCommunication(context, spans, grouped, options.dispatcher);
  if (grouped !== null && options.overlapExpert) {
    const x = exchangeShare(context, options.dispatcher);
    expert = {
      forward: overlapExpertPass(forward, expert.forward, x),
      backward: overlapExpertPass(backward + weightGradient, expert.backward, x),
    };
  }
  const again = recomputed(context, options.recompute, operators, times, {
    tensor,
    context: ring,
    expert,
    sorting,
  });
  const recomputes = again.compute > 0.5 * forward;
  const host = hostTime(context, {
    experts: grouped === null ? 0 : grouped.experts / context.expert,
    dispatcher: options.dispatcher,
    overlapExpert: options.overlapExpert,
    recomputes,
  });
  const launches = host * (options.hostLayers ?? 1);
  const passes = withHost(
    context.runtime.hostNorm,
    launches,
    recomputes,
    { ...noParts, compute: forward, tensor: tensor.forward, context: ring.forward, expert: expert.forward },
    {
      ...noParts,
      compute: backward + weightGradient + again.compute,
      tensor: tensor.backward + again.tensor,
      context: ring.backward + again.context,
      expert: expert.backward + again.expert,
    },
  );
  return {
    ...passes,
    forwardTime: total(passes.forward),
    backwardTime: total(passes.backward),
    forwardPorts: onPorts(spans, passes.forward),
    backwardPorts: onPorts(spans, passes.backward),
    weightGradient,
    denseParameters: sums.denseParameters,
    expertParameters: sums.expertParameters,
  };
};
