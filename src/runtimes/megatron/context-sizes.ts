/**
 * Sizes of the inner all-to-all and the outer p2p level for `--hierarchical-context-parallel-sizes`, or null when
 * `context` is not a product of two sizes of at least 2.
 *
 * Planner's strategy has one key for both, so the inner level is fixed: the largest divisor of at most 8 (a node's
 * GPUs on the machines that the mode is meant for) and at most context ∕ 2.
 */
export const hierarchicalSizes = (context: number): readonly [number, number] | null => {
  for (let inner = Math.min(8, Math.floor(context / 2)); inner >= 2; inner--)
    if (context % inner === 0) return [inner, context / inner];
  return null;
};
