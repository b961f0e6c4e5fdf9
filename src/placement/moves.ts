/** From the placement that runs now to a better one, within a budget of experts that GPUs must load. */
import { descend, PairImprover, swapFromHottest } from './improve.ts';
import { replicaFromHottest } from './improve-replicas.ts';
import type { LayerPlacement, LayerProblem } from './layer-problem.ts';
import { LayerState } from './layer-state.ts';
import { ScenarioImprover } from './robust-moves.ts';
import { countMoves } from './move-count.ts';
import { relabelled } from './relabel.ts';
import { placementFaults, placementValue } from './score.ts';
import { breaksGroups } from './solve-layer.ts';
import type { GroupRule } from './solve-layer.ts';

/** A placement on the way, with its price. */
export interface Step {
  readonly placement: LayerPlacement;
  readonly moves: number;
  readonly value: number;
}

const STEPS = 200;

/** Placements on the way from one state, each a single change better than the one before. */
const walk = (state: LayerState, keep: (placement: LayerPlacement) => void): void => {
  const improver = new ScenarioImprover(state);
  const change = (): boolean => {
    if (state.scenarios > 1) return improver.improve(state);
    const hottest = state.hottest(0);
    return swapFromHottest(state, hottest) || replicaFromHottest(state, hottest);
  };
  for (let step = 0; step < STEPS && change(); step += 1) keep(state.placement());
  if (state.scenarios > 1) return;
  descend(state, new PairImprover(), 0, STEPS);
  keep(state.placement());
};

/**
 * Placements between the current one and `target`, each better than those that cost less: single exchanges and replica
 * changes of the hottest GPU from the current placement, then a full descent from it, then the target under the names of GPUs that move least. What breaks a
 * rule is no step: where the current placement does, the first step is what must be moved at least.
 */
export const stepsTowards = (
  problem: LayerProblem,
  current: LayerPlacement,
  target: LayerPlacement,
  rule: GroupRule | null,
): readonly Step[] => {
  const legal = (placement: LayerPlacement): boolean =>
    placementFaults(problem, placement).length === 0 && !breaksGroups(problem, placement, rule);
  const seen: Step[] = [];
  const keep = (placement: LayerPlacement): void => {
    if (!legal(placement)) return;
    const moves = countMoves(current, placement);
    seen.push({ placement, moves, value: placementValue(problem, placement) });
  };
  keep(current);
  if (legal(current) && rule === null) {
    const state = new LayerState(problem);
    state.load(current);
    walk(state, keep);
  }
  keep(relabelled(problem, current, target, rule?.nodes ?? 1));
  const sorted = seen.toSorted((a, b) => a.moves - b.moves || a.value - b.value);
  return sorted.filter((step, index) => sorted.slice(0, index).every(({ value }) => step.value < value));
};

/** Relative difference of values that no move is worth. */
const ALIKE = 1e-4;

/** The step of fewest moves that is as good as the best one. */
export const bestStep = (steps: readonly Step[]): Step | undefined => {
  const least = Math.min(...steps.map(({ value }) => value));
  return steps.find(({ value }) => value <= least * (1 + ALIKE));
};

/** Moves that cannot be avoided: of layers whose current placement breaks a rule. */
export const unavoidableMoves = (layers: readonly (readonly Step[])[]): number =>
  layers.reduce((sum, steps) => sum + (steps[0]?.moves ?? 0), 0);

/**
 * One step of each layer such that the sum of values is least within the budget (at least unavoidableMoves), greedily by gain per move over the
 * lower convex hull of each layer's steps: within one step of a layer of the optimum (the relaxation of the
 * multiple-choice knapsack: Sinha & Zoltners 1979).
 */
export const withinBudget = (layers: readonly (readonly Step[])[], budget: number): readonly Step[] => {
  const chosen = layers.map(() => 0);
  let left = budget - unavoidableMoves(layers);
  for (;;) {
    let best: { layer: number; step: number; rate: number; moves: number } | null = null;
    layers.forEach((steps, layer) => {
      const from = steps[chosen[layer] ?? 0];
      if (from === undefined) return;
      for (let step = (chosen[layer] ?? 0) + 1; step < steps.length; step += 1) {
        const to = steps[step];
        if (to === undefined || to.moves - from.moves > left) break;
        const rate = (from.value - to.value) / (to.moves - from.moves);
        if (best === null || rate > best.rate + 1e-15)
          best = { layer, step, rate, moves: to.moves - from.moves };
      }
    });
    const taken = best as { layer: number; step: number; moves: number } | null;
    if (taken === null) break;
    chosen[taken.layer] = taken.step;
    left -= taken.moves;
  }
  return layers.map((steps, layer) => {
    const step = steps[chosen[layer] ?? 0];
    if (step === undefined) throw new RangeError('a layer has no step at all');
    return step;
  });
};
