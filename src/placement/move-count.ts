import type { LayerPlacement } from './layer-problem.ts';

/** Experts that GPUs must load: held by a GPU in `next`, not in `current`. */
export const countMoves = (current: LayerPlacement, next: LayerPlacement): number =>
  next.reduce((total, held, gpu) => {
    const before = new Set(current[gpu]);
    return total + held.filter((expert) => !before.has(expert)).length;
  }, 0);

/** Most experts that one GPU must load: what the transfer waits for. */
export const mostIncoming = (current: LayerPlacement, next: LayerPlacement): number =>
  Math.max(0, ...next.map((held, gpu) => countMoves([current[gpu] ?? []], [held])));
