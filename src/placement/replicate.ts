/** How many replicas each expert gets. */

/**
 * Whether replicas can be dealt to slots with no GPU holding one expert twice: the k experts with most replicas find
 * room for k on each GPU (Gale 1957, Ryser 1957).
 */
export const countsFit = (counts: Int32Array, slots: readonly number[]): boolean => {
  const sorted = Array.from(counts).sort((a, b) => b - a);
  let needed = 0;
  return sorted.every((count, index) => {
    needed += count;
    return needed <= slots.reduce((room, slot) => room + Math.min(slot, index + 1), 0);
  });
};

/**
 * Replica counts that minimise the largest load of a replica: each next replica goes to the expert whose replicas are
 * heaviest (first one on ties), at most `most` of an expert. Exact, by an exchange argument: every count below the one
 * chosen would leave a replica heavier than the result. O(replicas · log experts). With `slots` that differ an expert
 * whose next replica would find no GPU gets none, and the result is the greedy's, no more than that.
 * Source: deepseek-ai/EPLB @ 5791971, eplb.py, replicate_experts (without its cap).
 */
export const replicaCounts = (
  loads: ArrayLike<number>,
  replicas: number,
  most: number,
  slots: readonly number[] = [],
): Int32Array => {
  const uneven = slots.some((count) => count !== slots[0]);
  const closed = new Uint8Array(loads.length);
  const experts = loads.length;
  const counts = new Int32Array(experts).fill(1);
  const share = (expert: number): number =>
    (counts[expert] ?? 0) >= most || closed[expert] === 1 ? -1 : (loads[expert] ?? 0) / (counts[expert] ?? 1);
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
  for (let placed = experts; placed < replicas;) {
    const top = heap[0] ?? 0;
    if ((keys[top] ?? 0) < 0) throw new RangeError('more replicas than GPUs for every expert');
    counts[top] = (counts[top] ?? 0) + 1;
    if (uneven && !countsFit(counts, slots)) {
      counts[top] = (counts[top] ?? 0) - 1;
      closed[top] = 1;
    } else placed += 1;
    keys[top] = share(top);
    sink(0);
  }
  return counts;
};
