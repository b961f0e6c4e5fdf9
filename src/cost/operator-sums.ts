/** What a list of operators takes on one rank, made once for every context that many strategies share. */
import type { CoreAttention, GroupedLinear, Operator } from '../model/operator.ts';
import { cutByTensor, isFeedForward, tensorSublayers } from './layer-communication.ts';
import type { TensorProducts } from './layer-communication.ts';
import { localParameters, operatorTime, routedCopies } from './operator-time.ts';
import type { LayerContext, OperatorTime } from './operator-time.ts';

const isGrouped = (operator: Operator): operator is GroupedLinear => operator.kind === 'grouped-linear';

/** What the operators of a list take together, and what communication looks at. */
export interface OperatorSums {
  readonly times: readonly OperatorTime[];
  readonly forward: number;
  readonly backward: number;
  readonly weightGradient: number;
  /** Products of the sublayers whose linears are cut over tensor ranks. */
  readonly products: readonly TensorProducts[];
  readonly denseParameters: number;
  readonly expertParameters: number;
  readonly grouped: GroupedLinear | null;
  /** Experts have biases. */
  readonly biased: boolean;
  /** Softmax attention, of which a layer has at most one, and its time. */
  readonly core: { readonly operator: CoreAttention; readonly time: OperatorTime } | null;
  readonly sublayers: number;
}

/** Whether the time of an operator depends on how experts are spread. */
const concernsExperts = (operator: Operator): boolean =>
  isGrouped(operator) || (operator.kind === 'pointwise' && operator.sharding === 'expert');

/** Mixer first, feed-forward second; a sublayer without linears that are cut has none. */
const tensorProducts = (
  operators: readonly Operator[],
  times: readonly OperatorTime[],
): readonly TensorProducts[] =>
  [false, true].flatMap((feedForward) => {
    const sum = { forward: 0, inputGradient: 0, weightGradient: 0, rowInputGradient: 0 };
    let found = false;
    for (const [i, operator] of operators.entries()) {
      const time = times[i];
      if (time === undefined || !cutByTensor(operator) || isFeedForward(operator) !== feedForward) continue;
      found = true;
      if (operator.kind === 'linear' && operator.sharding === 'column') {
        sum.forward += time.forward;
        sum.inputGradient += time.backward;
        sum.weightGradient += time.weightGradient - (time.accumulation ?? 0);
      } else sum.rowInputGradient += time.backward;
    }
    return found ? [sum] : [];
  });

const sumOperators = (context: LayerContext, operators: readonly Operator[]): OperatorSums => {
  const grouped = operators.find(isGrouped) ?? null;
  const copies = grouped === null ? 0 : routedCopies(context, grouped.topK);
  const { shared } = context;
  const times = operators.map((operator) => {
    if (shared === undefined || concernsExperts(operator)) return operatorTime(context, operator, copies);
    const known = shared.get(operator) ?? operatorTime(context, operator, copies);
    shared.set(operator, known);
    return known;
  });
  const sums = { forward: 0, backward: 0, weightGradient: 0 };
  let [denseParameters, expertParameters] = [0, 0];
  let core: OperatorSums['core'] = null;
  for (const [i, operator] of operators.entries()) {
    const time = times[i];
    if (time === undefined) continue;
    sums.forward += time.forward;
    sums.backward += time.backward;
    sums.weightGradient += time.weightGradient;
    const parameters = localParameters(operator, context.tensor, context.expert, context.expertTensor);
    if (isGrouped(operator)) expertParameters += parameters;
    else denseParameters += parameters;
    if (operator.kind === 'core-attention' && operator.valueDim > 0) core = { operator, time };
  }
  return {
    ...sums,
    times,
    denseParameters,
    expertParameters,
    grouped,
    biased: operators.some(({ name }) => name === 'expert_bias'),
    core,
    products: tensorProducts(operators, times),
    sublayers: tensorSublayers(operators),
  };
};

const sumsByContext = new WeakMap<LayerContext, Map<readonly Operator[], OperatorSums>>();

/** Times of operators depend on the context alone, which many strategies share: they are made once for each. */
export const operatorSums = (context: LayerContext, operators: readonly Operator[]): OperatorSums => {
  const lists = sumsByContext.get(context) ?? new Map<readonly Operator[], OperatorSums>();
  sumsByContext.set(context, lists);
  const known = lists.get(operators) ?? sumOperators(context, operators);
  lists.set(operators, known);
  return known;
};
