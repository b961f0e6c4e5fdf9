/** GPUs of a placement renamed so that least must move: balance does not care which of two equal GPUs is which. */
import { assignRows } from './assignment.ts';
import type { LayerPlacement, LayerProblem } from './layer-problem.ts';
import { countMoves } from './move-count.ts';

/** More than any number of moves: GPUs that differ in slots or speed do not change places. */
const NEVER = 1e9;

interface Assigned {
  readonly cost: number;
  readonly columns: readonly number[];
}

const cheapest = (costs: readonly (readonly number[])[]): Assigned => {
  const columns = assignRows(costs);
  return { columns, cost: columns.reduce((sum, column, row) => sum + (costs[row]?.[column] ?? NEVER), 0) };
};

const indices = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

/**
 * `next` with its GPUs exchanged among those of equal slots and speed so that the fewest experts move from `current`:
 * an assignment, exact. With groups of experts on `nodes`, whole nodes are exchanged, and GPUs within them.
 */
export const relabelled = (
  problem: LayerProblem,
  current: LayerPlacement,
  next: LayerPlacement,
  nodes: number,
): LayerPlacement => {
  const perNode = next.length / nodes;
  const price = (from: number, to: number): number =>
    problem.slots[from] === problem.slots[to] && problem.speeds[from] === problem.speeds[to]
      ? countMoves([current[to] ?? []], [next[from] ?? []])
      : NEVER;
  const inside = indices(nodes).map((from) =>
    indices(nodes).map((to) =>
      cheapest(
        indices(perNode).map((gpu) =>
          indices(perNode).map((place) => price(from * perNode + gpu, to * perNode + place)),
        ),
      ),
    ),
  );
  const outside = cheapest(inside.map((row) => row.map(({ cost }) => cost)));
  if (outside.cost >= NEVER) return next;
  const placed: (readonly number[])[] = [...next];
  for (const [from, to] of outside.columns.entries())
    for (const [gpu, place] of inside[from]?.[to]?.columns.entries() ?? [])
      placed[to * perNode + place] = next[from * perNode + gpu] ?? [];
  return placed;
};
