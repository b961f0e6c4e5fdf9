import { expertCount, relativeSpeeds, relativeWeights } from './layer-problem.ts';
import type { LayerProblem } from './layer-problem.ts';
import { pairBound } from './pair-bound.ts';
import { busiestPairOf } from './pair-search.ts';
import { replicaCounts } from './replicate.ts';

export type BoundMethod = 'mean' | 'replication' | 'pigeonhole' | 'pairs' | 'groups' | 'milp';

/** No placement's value is lower than this. */
export interface LowerBound {
  /** Relative to the mean load, as LayerState.value. */
  readonly value: number;
  /** What gives it; with several scenarios, what gives the largest share. */
  readonly method: BoundMethod;
}

/** Experts that every GPU holds at least, where all slots are filled; else 1 for the one GPU in question. */
const fewestPerGpu = (problem: LayerProblem): number => {
  const slots = problem.slots.reduce((total, count) => total + count, 0);
  return slots === problem.replicas ? Math.max(1, Math.min(...problem.slots)) : 1;
};

/**
 * Without replication: (a) of the j·G + 1 heaviest experts some GPU holds j + 1, beside the lightest of all in its
 * other slots; (b) the n heaviest are on n GPUs, which hold (K − 1)·n others, or two of them share one.
 */
export const pigeonholeBound = (weights: ArrayLike<number>, gpus: number, perGpu: number): number => {
  const heaviest = Array.from(weights).sort((a, b) => b - a);
  const experts = heaviest.length;
  const prefix = [0];
  for (const weight of heaviest) prefix.push((prefix.at(-1) ?? 0) + weight);
  const between = (from: number, to: number): number => (prefix[to] ?? 0) - (prefix[from] ?? 0);
  const lightest = (count: number): number =>
    between(experts - Math.max(0, Math.min(count, experts)), experts);
  let bound = (heaviest[0] ?? 0) + lightest(Math.min(perGpu, experts) - 1);
  for (let together = 1; together * gpus + 1 <= experts; together += 1) {
    const end = together * gpus + 1;
    bound = Math.max(
      bound,
      between(end - together - 1, end) + lightest(Math.min(perGpu - together - 1, experts - end)),
    );
  }
  for (let apart = 2; apart <= Math.min(gpus, experts); apart += 1) {
    const spread = (between(0, apart) + lightest(Math.min((perGpu - 1) * apart, experts - apart))) / apart;
    const shared = between(apart - 2, apart) + lightest(Math.min(perGpu - 2, experts - apart));
    bound = Math.max(bound, Math.min(spread, shared));
  }
  return bound;
};

const scenarioBound = (problem: LayerProblem, weights: Float64Array): LowerBound => {
  const gpus = problem.slots.filter((count) => count > 0).length;
  const experts = weights.length;
  const fastest = relativeSpeeds(problem).reduce((most, speed) => Math.max(most, speed), 0);
  const perGpu = fewestPerGpu(problem);
  const counts = replicaCounts(weights, problem.replicas, gpus);
  const candidates: LowerBound[] = [
    { value: 1, method: 'mean' },
    {
      value:
        weights.reduce((most, weight, expert) => Math.max(most, weight / (counts[expert] ?? 1)), 0) / fastest,
      method: 'replication',
    },
  ];
  if (problem.replicas === experts) {
    candidates.push({ value: pigeonholeBound(weights, gpus, perGpu) / fastest, method: 'pigeonhole' });
    // Two experts each: heaviest with lightest is the best pairing, by exchange.
    if (perGpu === 2 && problem.slots.every((count) => count === 2))
      candidates.push({
        value: busiestPairOf(weights, new Int32Array(experts).fill(1)) / fastest,
        method: 'pairs',
      });
  } else if (perGpu === 2 && problem.slots.every((count) => count === 2))
    candidates.push({
      value:
        pairBound(
          weights,
          gpus,
          candidates.reduce((most, { value }) => Math.max(most, value * fastest), 0),
        ) / fastest,
      method: 'pairs',
    });
  return candidates.reduce((best, candidate) => (candidate.value > best.value ? candidate : best));
};

/** The best of the bounds that take no search, for each scenario; their mean, or the worst. */
export const lowerBound = (problem: LayerProblem): LowerBound => {
  const experts = expertCount(problem);
  const weights = relativeWeights(problem);
  const each = problem.loads.map((_, scenario) =>
    scenarioBound(problem, weights.subarray(scenario * experts, (scenario + 1) * experts)),
  );
  const worst = each.reduce((most, bound) => (bound.value > most.value ? bound : most));
  if (problem.objective === 'worst') return worst;
  return { value: each.reduce((total, { value }) => total + value, 0) / each.length, method: worst.method };
};
