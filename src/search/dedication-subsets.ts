/** Exact bottlenecks of small clusters by dynamic programming over sets of nodes. */
import { distinctLatencies } from './dedication-graph.ts';

/** Beyond this many nodes the tables of sets are too large: 20 · 2^20 entries of two bytes. */
export const MOST_SUBSET_NODES = 20;
/** Sums need eight bytes an entry. */
export const MOST_PATH_NODES = 17;

const bitCounts = (nodes: number): Uint8Array => {
  const counts = new Uint8Array(1 << nodes);
  for (let set = 1; set < counts.length; set += 1) counts[set] = (counts[set >> 1] ?? 0) + (set & 1);
  return counts;
};

const lowest = (set: number): number => 31 - Math.clz32(set & -set);

/**
 * Least slowest arc of a closed ring through exactly the nodes of each set of `size`; Infinity for other sets.
 * Held & Karp's recursion with the maximum in place of the sum, from each set's lowest node.
 */
export const ringBottlenecks = (nodes: number, size: number, latency: Float64Array): Float64Array => {
  const values = distinctLatencies(nodes, latency);
  const rankOf = new Map([...values].map((value, rank) => [value, rank]));
  const rank = Uint16Array.from(latency, (value) => rankOf.get(value) ?? 0);
  const none = 0xffff;
  const counts = bitCounts(nodes);
  const best = new Uint16Array((1 << nodes) * nodes).fill(none);
  const rings = new Float64Array(1 << nodes).fill(Infinity);
  for (let node = 0; node < nodes; node += 1) best[(1 << node) * nodes + node] = 0;
  for (let set = 1; set < 1 << nodes; set += 1) {
    const count = counts[set] ?? 0;
    if (count > size) continue;
    const first = lowest(set);
    let closed = none;
    for (let last = first; last < nodes; last += 1) {
      const value = best[set * nodes + last] ?? none;
      if (value === none) continue;
      if (count === size) {
        if (count > 1) closed = Math.min(closed, Math.max(value, rank[last * nodes + first] ?? none));
        continue;
      }
      for (let next = first + 1; next < nodes; next += 1) {
        if ((set & (1 << next)) !== 0) continue;
        const index = (set | (1 << next)) * nodes + next;
        const through = Math.max(value, rank[last * nodes + next] ?? none);
        if (through < (best[index] ?? none)) best[index] = through;
      }
    }
    if (closed !== none) rings[set] = values[closed] ?? Infinity;
  }
  return rings;
};

/** Least sum of latencies of a path through exactly the nodes of each set of `size`. */
export const pathSums = (nodes: number, size: number, latency: Float64Array): Float64Array => {
  const counts = bitCounts(nodes);
  const best = new Float64Array((1 << nodes) * nodes).fill(Infinity);
  const paths = new Float64Array(1 << nodes).fill(Infinity);
  for (let node = 0; node < nodes; node += 1) best[(1 << node) * nodes + node] = 0;
  for (let set = 1; set < 1 << nodes; set += 1) {
    const count = counts[set] ?? 0;
    if (count > size) continue;
    for (let last = 0; last < nodes; last += 1) {
      const value = best[set * nodes + last] ?? Infinity;
      if (value === Infinity) continue;
      if (count === size) {
        if (value < (paths[set] ?? 0)) paths[set] = value;
        continue;
      }
      for (let next = 0; next < nodes; next += 1) {
        if ((set & (1 << next)) !== 0) continue;
        const index = (set | (1 << next)) * nodes + next;
        const through = value + (latency[last * nodes + next] ?? Infinity);
        if (through < (best[index] ?? Infinity)) best[index] = through;
      }
    }
  }
  return paths;
};

/**
 * Least largest weight · cost over disjoint sets of `size` nodes, one for each weight. Sets are taken out of ever larger
 * unions; where weights are equal and no node is spare, the set taken holds the union's lowest node.
 */
export const bottleneckPartition = (
  nodes: number,
  size: number,
  costs: Float64Array,
  weights: readonly number[],
): number => {
  const counts = bitCounts(nodes);
  const ordered = [...weights].sort((a, b) => b - a);
  const anchored = ordered[0] === ordered.at(-1) && ordered.length * size === nodes;
  let before = new Float64Array(1 << nodes).fill(Infinity);
  before[0] = 0;
  let answer = 0;
  for (const [index, weight] of ordered.entries()) {
    const current = new Float64Array(1 << nodes).fill(Infinity);
    const held = (index + 1) * size;
    answer = Infinity;
    for (let union = 1; union < 1 << nodes; union += 1) {
      if (counts[union] !== held) continue;
      let best = Infinity;
      const choose = (rest: number, chosen: number, left: number): void => {
        if (left === 0) {
          const value = Math.max(weight * (costs[chosen] ?? Infinity), before[union ^ chosen] ?? Infinity);
          if (value < best) best = value;
          return;
        }
        for (let open = rest; (counts[open] ?? 0) >= left; open &= open - 1) {
          const bit = open & -open;
          choose(open ^ bit, chosen | bit, left - 1);
        }
      };
      const anchor = union & -union;
      if (anchored) choose(union ^ anchor, anchor, size - 1);
      else choose(union, 0, size);
      current[union] = best;
      if (best < answer) answer = best;
    }
    before = current;
  }
  return answer;
};
