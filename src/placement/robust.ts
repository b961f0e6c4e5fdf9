import { greedyPlacement } from './balance.ts';
import type { BalanceLimits } from './balance.ts';
import { kick } from './kicks.ts';
import type { LayerPlacement, LayerProblem } from './layer-problem.ts';
import { LayerState } from './layer-state.ts';
import { seededRandom } from './random.ts';
import { ScenarioImprover } from './robust-moves.ts';

const DESCENT_STEPS = 5000;

/**
 * Minimises the mean over scenarios of the busiest GPU (or the worst scenario's): exchanges of each scenario's hottest
 * GPU from the greedy placement of the sum, then perturbations of the best one found; keeps what is no worse.
 */
export const balanceScenarios = (
  problem: LayerProblem,
  bound: number,
  limits: BalanceLimits,
  from?: LayerPlacement,
): LayerPlacement => {
  const state = new LayerState(problem);
  const improver = new ScenarioImprover(state);
  const random = seededRandom(limits.seed);
  const enough = bound * (1 + limits.tolerance);
  const descend = (): void => {
    for (let step = 0; step < DESCENT_STEPS && state.value() > enough && improver.improve(state); step += 1);
  };
  state.load(from ?? greedyPlacement(problem, state));
  descend();
  const best = new LayerState(problem);
  best.copy(state);
  let value = best.value();
  const redundant = problem.replicas > state.experts;
  for (let number = 0; number < limits.kicks && value > enough; number += 1) {
    kick(state, number, redundant, value, random);
    descend();
    if (state.value() <= value) {
      state.refresh();
      best.copy(state);
      value = best.value();
    } else state.copy(best);
  }
  return best.placement();
};
