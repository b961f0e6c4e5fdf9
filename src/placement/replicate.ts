/** How many replicas each expert gets. */

/**
 * Replica counts that minimise the largest load of a replica: each next replica goes to the expert whose replicas are
 * heaviest (first one on ties), at most `most` of an expert. Exact, by an exchange argument: every count below the one
 * chosen would leave a replica heavier than the result. O(replicas · log experts).
 * Source: deepseek-ai/EPLB @ 5791971, eplb.py, replicate_experts (without its cap).
 */
export const replicaCounts = (loads: ArrayLike<number>, replicas: number, most: number): Int32Array => {
  const experts = loads.length;
  const counts = new Int32Array(experts).fill(1);
  const share = (expert: number): number =>
    (counts[expert] ?? 0) >= most ? -1 : (loads[expert] ?? 0) / (counts[expert] ?? 1);
  const heap = Array.from({ length: experts }, (_, expert) => expert);
  const keys = Float64Array.from(heap, share);
  const before = (a: number, b: number): boolean => {
    const difference = (keys[a] ?? 0) - (keys[b] ?? 0);
    return difference > 0 || (difference === 0 && a < b);
  };
  const sink = (start: number): void => {
    const moving = heap[start] ?? 0;
    let hole = start;
    for (let child = 2 * hole + 1; child < experts; child = 2 * hole + 1) {
      if (child + 1 < experts && before(heap[child + 1] ?? 0, heap[child] ?? 0)) child += 1;
      if (!before(heap[child] ?? 0, moving)) break;
      heap[hole] = heap[child] ?? 0;
      hole = child;
    }
    heap[hole] = moving;
  };
  for (let index = (experts >> 1) - 1; index >= 0; index -= 1) sink(index);
  for (let placed = experts; placed < replicas; placed += 1) {
    const top = heap[0] ?? 0;
    if ((counts[top] ?? 0) >= most) throw new RangeError('more replicas than GPUs for every expert');
    counts[top] = (counts[top] ?? 0) + 1;
    keys[top] = share(top);
    sink(0);
  }
  return counts;
};
