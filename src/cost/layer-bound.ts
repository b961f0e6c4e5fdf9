/** What no switches of a layer undercut. */
import type { Operator } from '../model/operator.ts';
import type { ContextCommunication, Dispatcher } from '../strategy/strategy.ts';
import { hostTime, withHost } from './host.ts';
import {
  contextCommunication,
  exchangeShare,
  expertCommunication,
  tensorCommunication,
} from './layer-communication.ts';
import type { GroupSpans, PassPair } from './layer-communication.ts';
import { overlapExpertPass } from './layer.ts';
import type { LayerOptions } from './layer.ts';
import { operatorSums } from './operator-sums.ts';
import type { LayerContext } from './operator-time.ts';
import { noParts, total } from './parts.ts';

/** Values that the switches of a layer may take. */
export interface LayerChoices {
  readonly dispatchers: readonly Dispatcher[];
  readonly contextMethods: readonly ContextCommunication[];
  readonly overlapTensor: readonly boolean[];
  readonly overlapExpert: readonly boolean[];
}

const least = (pairs: readonly PassPair[]): PassPair => {
  let [forward, backward] = [Infinity, Infinity];
  for (const each of pairs) {
    forward = Math.min(forward, each.forward);
    backward = Math.min(backward, each.backward);
  }
  return pairs.length === 0 ? { forward: 0, backward: 0 } : { forward, backward };
};

/**
 * Seconds of both passes that no choice of switches undercuts: each kind of communication as the switches that suit it
 * best have it, nothing recomputed. Cheaper than the costs of all choices.
 */
export const leastLayerTime = (
  context: LayerContext,
  spans: GroupSpans,
  operators: readonly Operator[],
  choices: LayerChoices,
  options: Pick<LayerOptions, 'hidden' | 'tensorSublayers' | 'hostLayers'>,
): number => {
  const { forward, backward, weightGradient, products, grouped, biased, core, sublayers } = operatorSums(
    context,
    operators,
  );
  const cut = options.tensorSublayers ?? sublayers;
  const tensor = least(
    choices.overlapTensor.map((overlapped) =>
      tensorCommunication(context, spans, options.hidden, cut, overlapped, products),
    ),
  );
  const ring =
    core === null
      ? least([])
      : least(
          choices.contextMethods.map((method) =>
            contextCommunication(context, spans, core.operator, method, core.time),
          ),
        );
  const exchange =
    grouped === null
      ? least([])
      : least(choices.dispatchers.map((each) => expertCommunication(context, spans, grouped, each)));
  const x = Math.min(...choices.dispatchers.map((each) => exchangeShare(context, each)));
  const expert =
    grouped === null
      ? exchange
      : least(
          choices.overlapExpert.map((overlapped) =>
            overlapped
              ? {
                  forward: overlapExpertPass(forward, exchange.forward, x),
                  backward: overlapExpertPass(backward + weightGradient, exchange.backward, x),
                }
              : exchange,
          ),
        );
  let host = Infinity;
  for (const dispatcher of choices.dispatchers)
    for (const overlapExpert of choices.overlapExpert)
      host = Math.min(
        host,
        hostTime(context, {
          experts: grouped === null ? 0 : grouped.experts / context.expert,
          biased,
          dispatcher,
          overlapExpert,
          repeated: 0,
        }),
      );
  const passes = withHost(
    context.runtime.hostNorm,
    host * (options.hostLayers ?? 1),
    0,
    { ...noParts, compute: forward, tensor: tensor.forward, context: ring.forward, expert: expert.forward },
    {
      ...noParts,
      compute: backward + weightGradient,
      tensor: tensor.backward,
      context: ring.backward,
      expert: expert.backward,
    },
  );
  return total(passes.forward) + total(passes.backward);
};
