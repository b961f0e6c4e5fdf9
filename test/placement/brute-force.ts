/** The least value of any placement of a layer, by trying them all: for a few experts and GPUs only. */
import type { LayerPlacement, LayerProblem } from '../../src/placement/layer-problem.ts';
import { placementValue } from '../../src/placement/score.ts';

const subsets = (experts: number): number[][] =>
  Array.from({ length: 1 << experts }, (_, mask) =>
    Array.from({ length: experts }, (__, expert) => expert).filter((expert) => (mask >> expert) & 1),
  );

/** Every GPU holds any set of experts that its slots allow; all experts are somewhere; replicas are as many as asked. */
export const leastValue = (problem: LayerProblem): number => {
  const experts = problem.loads[0]?.length ?? 0;
  const sets = subsets(experts);
  let least = Infinity;
  const visit = (placement: LayerPlacement, replicas: number): void => {
    const gpu = placement.length;
    if (replicas > problem.replicas) return;
    if (gpu === problem.slots.length) {
      if (replicas !== problem.replicas || new Set(placement.flat()).size !== experts) return;
      least = Math.min(least, placementValue(problem, placement));
      return;
    }
    for (const set of sets)
      if (set.length <= (problem.slots[gpu] ?? 0)) visit([...placement, set], replicas + set.length);
  };
  visit([], 0);
  return least;
};
