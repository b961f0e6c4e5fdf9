import type { Cluster } from '../cluster/cluster.ts';
import type { RoutingTrace } from '../plan/routing-trace.ts';
import type { BalanceLimits } from './balance.ts';
import { coherentPlacements } from './coherent.ts';
import { placementLevels } from './levels.ts';
import { localPlacement } from './locality.ts';
import type { LocalitySettings } from './locality.ts';
import { layerProblem, placeLayers } from './place.ts';
import type { PlacedLayer, PlacementTask } from './placement.ts';
import { placementFaults, placementValue } from './score.ts';
import { gpuOfExperts, layerTraffic, transitionCounts, transitionShares } from './traffic.ts';
import type { Traffic } from './traffic.ts';

export interface LocalityQuestion {
  readonly trace: RoutingTrace;
  readonly communication: 'per_layer' | 'coherent';
  /** How much busier than the balanced placement the busiest GPU may be. */
  readonly slack: number;
  /** Its links set the prices of GPUs, nodes and tiers; null: the usual ones. */
  readonly cluster: Cluster | null;
}

/** Balanced placements exchanged for ones of less traffic; every answer is re-checked. */
const localise = (
  task: PlacementTask,
  balanced: readonly PlacedLayer[],
  question: LocalityQuestion,
  limits: BalanceLimits,
): readonly PlacedLayer[] => {
  const { slots, perNode } = task.gpus;
  const settings: LocalitySettings = {
    slack: task.objective === 'locality' ? Infinity : question.slack,
    levels: placementLevels(slots.length, perNode, question.cluster),
    perNode,
    limits,
  };
  const layers = balanced.map(({ placement, maxOverMean }, index) => {
    const loads = task.layers[index];
    if (loads === undefined) throw new RangeError('a placed layer has no loads');
    return { problem: layerProblem(loads, task), placement, value: maxOverMean };
  });
  const placements =
    question.communication === 'coherent'
      ? coherentPlacements(layers, transitionCounts(question.trace), settings)
      : layers.map((layer, column) => localPlacement(layer.problem, question.trace, column, layer, settings));
  return balanced.map((layer, index) => {
    const { problem } = layers[index] ?? {};
    const placement = (placements[index] ?? layer.placement).map((held) => held.toSorted((a, b) => a - b));
    if (problem === undefined) return layer;
    const faults = placementFaults(problem, placement);
    if (faults.length > 0) throw new Error(`a placement broke its rules: ${faults.slice(0, 3).join('; ')}`);
    return { ...layer, placement, maxOverMean: placementValue(problem, placement) };
  });
};

/** Places all layers by the task's objective: balance or robustness alone, or with traffic counted on a trace. */
export const planPlacement = (
  task: PlacementTask,
  limits: BalanceLimits,
  question: LocalityQuestion | null,
): readonly PlacedLayer[] => {
  const balanced = placeLayers(task, limits);
  const local = task.objective === 'locality' || task.objective === 'joint';
  if (!local) return balanced;
  if (question === null) throw new RangeError('locality needs a trace');
  return localise(task, balanced, question, limits);
};

export interface TrafficOfPlan {
  readonly layers: readonly Traffic[];
  readonly transitions: { readonly sameGpu: number; readonly sameNode: number } | null;
}

/** Traffic of placed layers on a trace; null where replicas leave open which GPU a token goes to, or layers differ. */
export const planTraffic = (
  placed: readonly PlacedLayer[],
  trace: RoutingTrace,
  perNode: number,
): TrafficOfPlan | null => {
  const columns = placed.map(({ layer }) => trace.layers.indexOf(layer));
  const gpuOf = placed.map(({ placement }) => gpuOfExperts(placement, trace.experts));
  const known = gpuOf.filter((gpus) => gpus !== null);
  if (columns.includes(-1) || known.length !== placed.length) return null;
  const whole = columns.length === trace.layers.length && columns.every((column, index) => column === index);
  return {
    layers: known.map((gpus, index) => layerTraffic(trace, columns[index] ?? 0, gpus, perNode)),
    transitions:
      whole && columns.length > 1 ? transitionShares(transitionCounts(trace), known, perNode) : null,
  };
};
