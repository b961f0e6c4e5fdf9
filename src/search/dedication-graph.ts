/** Graphs of the links that are no slower than a threshold: matchings and strongly connected parts. */
import { solveAssignment } from './dedication-assignment.ts';

export interface LinkGraph {
  readonly nodes: number;
  /** Receivers of each node, ascending latency. */
  readonly sorted: readonly Int32Array[];
  readonly latency: Float64Array;
}

export const linkGraph = (nodes: number, latency: Float64Array): LinkGraph => ({
  nodes,
  latency,
  sorted: Array.from({ length: nodes }, (_, from) =>
    Int32Array.from({ length: nodes }, (__, to) => to)
      .filter((to) => to !== from)
      .sort((a, b) => (latency[from * nodes + a] ?? 0) - (latency[from * nodes + b] ?? 0)),
  ),
});

const within = ({ latency, nodes }: LinkGraph, from: number, to: number, limit: number): boolean =>
  (latency[from * nodes + to] ?? 0) <= limit;

/** Nodes that can be given different receivers over links ≤ limit: a maximum bipartite matching (Hopcroft & Karp 1973). */
export const matchingSize = (graph: LinkGraph, limit: number): number => {
  const { nodes, sorted } = graph;
  const receiverOf = new Int32Array(nodes).fill(-1);
  const senderOf = new Int32Array(nodes).fill(-1);
  const layer = new Int32Array(nodes);
  const queue = new Int32Array(nodes);
  const augment = (from: number): boolean => {
    for (const to of sorted[from] ?? []) {
      if (!within(graph, from, to, limit)) break;
      const next = senderOf[to] ?? -1;
      if (next === -1 || (layer[next] === (layer[from] ?? 0) + 1 && augment(next))) {
        receiverOf[from] = to;
        senderOf[to] = from;
        return true;
      }
    }
    layer[from] = -1;
    return false;
  };
  let matched = 0;
  for (;;) {
    let [head, tail] = [0, 0];
    layer.fill(-1);
    for (let node = 0; node < nodes; node += 1)
      if (receiverOf[node] === -1) {
        layer[node] = 0;
        queue[tail++] = node;
      }
    let reached = false;
    while (head < tail) {
      const from = queue[head++] ?? 0;
      for (const to of sorted[from] ?? []) {
        if (!within(graph, from, to, limit)) break;
        const next = senderOf[to] ?? -1;
        if (next === -1) reached = true;
        else if (layer[next] === -1) {
          layer[next] = (layer[from] ?? 0) + 1;
          queue[tail++] = next;
        }
      }
    }
    if (!reached) return matched;
    for (let node = 0; node < nodes; node += 1)
      if (receiverOf[node] === -1 && layer[node] === 0 && augment(node)) matched += 1;
  }
};

/**
 * Most nodes that disjoint rings over links ≤ limit can hold: an assignment in which who is on no ring is given to itself.
 * Stronger than a matching, whose links may form paths. O(nodes³).
 */
export const mostOnRings = ({ nodes, latency }: LinkGraph, limit: number): number => {
  const forbidden = 2 * nodes;
  const cost = latency.map((value, index) =>
    Math.floor(index / nodes) === index % nodes ? 1 : value <= limit ? 0 : forbidden,
  );
  return nodes - Math.round(solveAssignment(nodes, cost).cost);
};

/** Strongly connected part of each node over links ≤ limit (Tarjan 1972, without recursion), numbered from 0. */
export const strongParts = (graph: LinkGraph, limit: number): { partOf: Int32Array; sizes: number[] } => {
  const { nodes, sorted } = graph;
  const index = new Int32Array(nodes).fill(-1);
  const low = new Int32Array(nodes);
  const partOf = new Int32Array(nodes).fill(-1);
  const cursor = new Int32Array(nodes);
  const open: number[] = [];
  const sizes: number[] = [];
  let counter = 0;
  for (let root = 0; root < nodes; root += 1) {
    if (index[root] !== -1) continue;
    const calls: number[] = [root];
    while (calls.length > 0) {
      const node = calls[calls.length - 1] ?? 0;
      if (index[node] === -1) {
        index[node] = low[node] = counter;
        counter += 1;
        open.push(node);
      }
      const list = sorted[node] ?? new Int32Array();
      let deeper = false;
      while ((cursor[node] ?? 0) < list.length) {
        const to = list[cursor[node] ?? 0] ?? 0;
        if (!within(graph, node, to, limit)) break;
        if (index[to] === -1) {
          calls.push(to);
          deeper = true;
          break;
        }
        if (partOf[to] === -1) low[node] = Math.min(low[node] ?? 0, low[to] ?? 0, index[to] ?? 0);
        cursor[node] = (cursor[node] ?? 0) + 1;
      }
      if (deeper) continue;
      calls.pop();
      if (low[node] !== index[node]) continue;
      let size = 0;
      for (let member = open.pop(); member !== undefined; member = open.pop()) {
        partOf[member] = sizes.length;
        size += 1;
        if (member === node) break;
      }
      sizes.push(size);
    }
  }
  return { partOf, sizes };
};

/** Every different latency of the matrix, ascending; the diagonal is left out. */
export const distinctLatencies = (nodes: number, latency: Float64Array): Float64Array => {
  const all = latency.filter((_, index) => Math.floor(index / nodes) !== index % nodes).sort();
  return all.filter((value, index) => index === 0 || value !== all[index - 1]);
};

/** First index in [low, high] where a monotone test holds; high + 1 where it nowhere does. */
export const firstTrue = (low: number, high: number, test: (index: number) => boolean): number => {
  let [left, right] = [low, high + 1];
  while (left < right) {
    const middle = (left + right) >> 1;
    if (test(middle)) right = middle;
    else left = middle + 1;
  }
  return left;
};
