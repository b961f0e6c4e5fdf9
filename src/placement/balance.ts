/* eslint-disable @typescript-eslint/no-non-null-assertion -- inner loops over typed arrays; indices are in range by construction */
import { descend, PairImprover } from './improve.ts';
import { kick } from './kicks.ts';
import { isPairing } from './layer-problem.ts';
import type { LayerPlacement, LayerProblem } from './layer-problem.ts';
import { LayerState } from './layer-state.ts';
import { packReplicas } from './pack.ts';
import { pairCounts } from './pair-search.ts';
import { seededRandom } from './random.ts';
import { replicaCounts } from './replicate.ts';

export interface BalanceLimits {
  /** Perturbations tried after the first descent. */
  readonly kicks: number;
  /** Relative distance to the lower bound that is as good as reaching it. */
  readonly tolerance: number;
  readonly seed: number;
}

const DESCENT_STEPS = 2000;
/** Trials of the replica counts of pairs that cost about as much as one kick. */
const TRIES_PER_KICK = 300;

/** Greedy replica counts, then longest processing time first, by the sum over scenarios of relative loads. */
export const greedyPlacement = (problem: LayerProblem, state: LayerState): LayerPlacement => {
  const { experts, scenarios, weights, slowness } = state;
  const total = new Float64Array(experts);
  for (let scenario = 0; scenario < scenarios; scenario += 1)
    for (let expert = 0; expert < experts; expert += 1)
      total[expert]! += weights[scenario * experts + expert]!;
  const counts = replicaCounts(
    total,
    problem.replicas,
    problem.slots.filter((count) => count > 0).length,
    problem.slots,
  );
  const share = total.map((weight, expert) => weight / counts[expert]!);
  return packReplicas(counts, share, problem.slots, slowness);
};

const firstPlacement = (
  problem: LayerProblem,
  state: LayerState,
  bound: number,
  enough: number,
  limits: BalanceLimits,
  random: () => number,
): LayerPlacement => {
  if (!isPairing(problem)) return greedyPlacement(problem, state);
  const counts = pairCounts(state.weights, state.gpus, bound, enough, limits.kicks * TRIES_PER_KICK, random);
  const share = state.weights.map((weight, expert) => weight / counts[expert]!);
  return packReplicas(counts, share, problem.slots, state.slowness);
};

/** Descends from a placement, then from perturbations of the best one found; keeps what is no worse. One scenario. */
export const balance = (
  problem: LayerProblem,
  bound: number,
  limits: BalanceLimits,
  from?: LayerPlacement,
): LayerPlacement => {
  const state = new LayerState(problem);
  const random = seededRandom(limits.seed);
  const enough = bound * (1 + limits.tolerance);
  state.load(from ?? firstPlacement(problem, state, bound, enough, limits, random));
  const pairs = new PairImprover();
  descend(state, pairs, enough, DESCENT_STEPS);
  const best = new LayerState(problem);
  best.copy(state);
  let value = best.value();
  const redundant = problem.replicas > state.experts;
  for (let number = 0; number < limits.kicks && value > enough; number += 1) {
    kick(state, number, redundant, value, random);
    descend(state, pairs, enough, DESCENT_STEPS);
    const reached = state.value();
    if (reached <= value) {
      state.refresh();
      best.copy(state);
      value = best.value();
    } else state.copy(best);
  }
  return best.placement();
};
