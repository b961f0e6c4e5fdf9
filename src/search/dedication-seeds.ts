/** Orders to start from: near nodes next to one another. */
import type { DedicationInstance } from './dedication-instance.ts';

/** Latency of the slower direction. */
const mutual = ({ latency, nodes }: DedicationInstance, a: number, b: number): number =>
  Math.max(latency[a * nodes + b] ?? 0, latency[b * nodes + a] ?? 0);

/** Median latency of each node's links: what is its own, not its place's. */
const ownLatency = (instance: DedicationInstance): Float64Array => {
  const { nodes } = instance;
  return Float64Array.from({ length: nodes }, (_, node) => {
    const links = new Float64Array(nodes - 1);
    for (let other = 0, index = 0; other < nodes; other += 1)
      if (other !== node) links[index++] = mutual(instance, node, other);
    return links.sort()[nodes >> 1] ?? links[0] ?? 1;
  });
};

/**
 * Leaves of an average-link hierarchical clustering, the larger of two clusters first: nodes of a rack stay together, and
 * nodes that are far from all come last, where spare nodes stand. `byPlace`: latencies are taken relative to what is usual
 * for both nodes, so that a slow node stays in its rack. O(nodes²) by chains of nearest neighbours.
 * Source: Lance & Williams 1967; Murtagh 1983.
 */
export const clusteredOrder = (instance: DedicationInstance, byPlace: boolean): Int32Array => {
  const { nodes } = instance;
  const own = byPlace ? ownLatency(instance) : null;
  const relative = (a: number, b: number): number =>
    own === null ? 1 : Math.sqrt((own[a] ?? 1) * (own[b] ?? 1));
  const distance = new Float64Array(nodes * nodes);
  for (let a = 0; a < nodes; a += 1)
    for (let b = 0; b < nodes; b += 1)
      distance[a * nodes + b] = a === b ? Infinity : mutual(instance, a, b) / relative(a, b);
  const leaves: (number[] | null)[] = Array.from({ length: nodes }, (_, node) => [node]);
  const chain: number[] = [];
  for (let merges = 0; merges < nodes - 1;) {
    if (chain.length === 0) chain.push(leaves.findIndex((members) => members !== null));
    const top = chain[chain.length - 1] ?? 0;
    const before = chain[chain.length - 2] ?? -1;
    let nearest = before;
    let least = before < 0 ? Infinity : (distance[top * nodes + before] ?? Infinity);
    for (let other = 0; other < nodes; other += 1) {
      if (other === top || leaves[other] === null) continue;
      const value = distance[top * nodes + other] ?? Infinity;
      if (value < least) [nearest, least] = [other, value];
    }
    if (nearest !== before) {
      chain.push(nearest);
      continue;
    }
    chain.length -= 2;
    const [left, right] = [leaves[top] ?? [], leaves[before] ?? []];
    for (let other = 0; other < nodes; other += 1) {
      if (leaves[other] === null || other === top || other === before) continue;
      const mean =
        ((distance[top * nodes + other] ?? 0) * left.length +
          (distance[before * nodes + other] ?? 0) * right.length) /
        (left.length + right.length);
      distance[top * nodes + other] = mean;
      distance[other * nodes + top] = mean;
    }
    leaves[top] = left.length >= right.length ? [...left, ...right] : [...right, ...left];
    leaves[before] = null;
    merges += 1;
  }
  return Int32Array.from(leaves.find((members) => members !== null) ?? []);
};

/** The nodes that are slowest to all others come last, the rest in the order of `from`: who must be left out is. */
export const sickLast = (instance: DedicationInstance, from: Int32Array): Int32Array => {
  const { nodes, slots } = instance;
  if (slots >= nodes) return from;
  const worth = Float64Array.from({ length: nodes }, (_, node) => {
    let sum = 0;
    for (let other = 0; other < nodes; other += 1) if (other !== node) sum += mutual(instance, node, other);
    return sum;
  });
  const dropped = new Set(
    [...from].sort((a, b) => (worth[b] ?? 0) - (worth[a] ?? 0)).slice(0, nodes - slots),
  );
  return Int32Array.from([...from.filter((node) => !dropped.has(node)), ...dropped]);
};

/** The heaviest columns get the rings given, the others the remaining nodes in the order of `from`; and which slots those are. */
export const aroundRings = (
  { grid, nodes, slots }: DedicationInstance,
  from: Int32Array,
  rings: readonly Int32Array[],
): { readonly order: Int32Array; readonly pinned: Uint8Array } => {
  const order = new Int32Array(nodes).fill(-1);
  const pinned = new Uint8Array(nodes);
  const heaviest = Math.max(...(grid?.weights ?? []));
  const columns = (grid?.columns ?? []).filter((_, column) => grid?.weights[column] === heaviest);
  for (const [index, ring] of rings.entries())
    for (const [position, node] of ring.entries()) {
      const slot = columns[index]?.[position] ?? slots;
      order[slot] = node;
      pinned[slot] = 1;
    }
  const taken = new Set(rings.flatMap((ring) => [...ring]));
  const rest = [...from.filter((node) => !taken.has(node))];
  for (let slot = 0, next = 0; slot < nodes; slot += 1)
    if (order[slot] === -1) order[slot] = rest[next++] ?? 0;
  return { order, pinned };
};
