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
      // Clamps stand inside the checkpointed activation (Megatron-LM core/transformer/moe/experts.py, bias_act_func).
      return operator.name === 'expert_activation' || operator.name === 'expert_clamp';
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

/** What backward repeats of the forward pass: seconds, and the share of its launches. */
interface Recomputed {
  readonly parts: Parts;
  readonly launches: number;
}

const nothingRepeated: Recomputed = { parts: noParts, launches: 0 };

const shareOf = (operators: readonly Operator[], chosen: (o: Operator, i: number) => boolean): number =>
  operators.length === 0 ? 0 : operators.filter(chosen).length / operators.length;

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
): Recomputed => {
  const { behaviour } = context;
  if (behaviour.recomputeOperators) {
    const isProduct = (o: Operator): boolean => o.kind === 'linear' || o.kind === 'grouped-linear';
    const isPointwise = (o: Operator): boolean => o.kind === 'pointwise';
    const of = (sum: (chosen: (o: Operator) => boolean) => number): number =>
      sum(isPointwise) + OPERATOR_POLICY_PRODUCTS * sum(isProduct);
    return {
      parts: { ...noParts, compute: of((chosen) => forwardOf(times, operators, chosen)) },
      launches: of((chosen) => shareOf(operators, chosen)),
    };
  }
  const activation = (o: Operator): boolean =>
    behaviour.recomputeActivation && o.kind === 'pointwise' && o.name.endsWith('_activation');
  if (recompute.kind === 'none' && !behaviour.recomputeEveryOther)
    return behaviour.recomputeActivation
      ? {
          parts: { ...noParts, compute: forwardOf(times, operators, activation) },
          launches: shareOf(operators, activation),
        }
      : nothingRepeated;
  if (recompute.kind === 'selective' && !behaviour.recomputeEveryOther) {
    const { modules } = recompute;
    const moe = modules.includes('moe');
    const chosen = (o: Operator): boolean => activation(o) || modules.some((module) => covers(module, o));
    return {
      parts: {
        ...noParts,
        compute: forwardOf(times, operators, chosen) + (moe ? communication.sorting : 0),
        expert: moe ? communication.expert.forward : 0,
      },
      launches: shareOf(operators, chosen),
    };
  }
  const last = behaviour.checkpointStopsEarly
    ? operators.findLastIndex((o) => o.kind === 'linear' || o.kind === 'grouped-linear')
    : -1;
  const share = behaviour.recomputeEveryOther ? 0.5 : 1;
  const { tensor, context: ring, expert, sorting } = communication;
  const parts = {
    ...noParts,
    compute: forwardOf(times, operators, (_, i) => i !== last) + sorting,
    tensor: tensor.forward,
    context: ring.forward,
    expert: expert.forward,
  };
  return { parts: scaleParts(parts, share), launches: share };
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
  const { times, weightGradient, products, grouped, core } = sums;
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
    products,
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
  const { parts: again, launches: repeated } = recomputed(context, options.recompute, operators, times, {
    tensor,
    context: ring,
    expert,
    sorting,
  });
  const host = hostTime(context, {
    experts: grouped === null ? 0 : grouped.experts / context.expert,
    biased: sums.biased,
    dispatcher: options.dispatcher,
    overlapExpert: options.overlapExpert,
    repeated,
  });
  const launches = host * (options.hostLayers ?? 1);
  const passes = withHost(
    context.runtime.hostNorm,
    launches,
    repeated,
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
