/** What single nodes force upon the rings and pipelines that hold them. */
import type { DedicationInstance, Grid } from './dedication-instance.ts';

interface Links {
  /** Other nodes, nearest first, with their latency to or from the node. */
  readonly peers: Int32Array;
  readonly latency: Float64Array;
}

const linksOf = (node: number, nodes: number, table: Float64Array, senders: boolean): Links => {
  const arc = (other: number): number =>
    (senders ? table[other * nodes + node] : table[node * nodes + other]) ?? Infinity;
  const peers = Int32Array.from({ length: nodes }, (_, other) => other)
    .filter((other) => other !== node)
    .sort((a, b) => arc(a) - arc(b));
  return { peers, latency: Float64Array.from(peers, arc) };
};

/** Least slowest arc of two: one in, one out, from and to different nodes. */
const twoPartners = (into: Links, out: Links): number => {
  const least = (a: number, b: number): number =>
    Math.max(into.latency[a] ?? Infinity, out.latency[b] ?? Infinity);
  return into.peers[0] === out.peers[0] ? Math.min(least(0, 1), least(1, 0)) : least(0, 0);
};

/** Least and second-least slowest arc from a to b by one node between, and that node; `but` is never used. */
const between = (
  nodes: number,
  latency: Float64Array,
  a: number,
  b: number,
): { first: number; by: number; second: number } => {
  let [first, by, second] = [Infinity, -1, Infinity];
  for (let middle = 0; middle < nodes; middle += 1) {
    if (middle === a || middle === b) continue;
    const worst = Math.max(latency[a * nodes + middle] ?? Infinity, latency[middle * nodes + b] ?? Infinity);
    if (worst < first) [first, by, second] = [worst, middle, first];
    else if (worst < second) second = worst;
  }
  return { first, by, second };
};

/** Least slowest arc of a ring of `size` ≥ 3 through each node: exact for three and four nodes, below it for more. */
export const ringThrough = (nodes: number, latency: Float64Array, size: number): Float64Array => {
  const least = new Float64Array(nodes).fill(Infinity);
  for (let node = 0; node < nodes; node += 1) {
    if (size > 4) {
      const [into, out] = [linksOf(node, nodes, latency, true), linksOf(node, nodes, latency, false)];
      least[node] = twoPartners(into, out);
      continue;
    }
    for (let other = 0; other < nodes; other += 1) {
      if (other === node) continue;
      const forth = between(nodes, latency, node, other);
      const back =
        size === 3
          ? { first: latency[other * nodes + node] ?? Infinity, by: -2, second: Infinity }
          : between(nodes, latency, other, node);
      const worst =
        forth.by === back.by
          ? Math.min(Math.max(forth.first, back.second), Math.max(forth.second, back.first))
          : Math.max(forth.first, back.first);
      least[node] = Math.min(least[node] ?? Infinity, worst);
    }
  }
  return least;
};

/** Partners of a hop that can matter: three of the nearest may be taken by other links of the node. */
const NEAREST = 4;

/** Ring partners within the limit, two different ones that are neither of the hop's. */
const ringFits = (into: Links, out: Links, limit: number, from: number, to: number): boolean => {
  const within = ({ peers, latency }: Links): number[] => {
    const found: number[] = [];
    for (
      let index = 0;
      index < latency.length && (latency[index] ?? 0) <= limit && found.length < 2;
      index += 1
    ) {
      const peer = peers[index] ?? -1;
      if (peer !== from && peer !== to) found.push(peer);
    }
    return found;
  };
  const [a, b] = [within(into), within(out)];
  return a.length > 0 && b.length > 0 && (a.length > 1 || b.length > 1 || a[0] !== b[0]);
};

/** Latency of the pipeline that holds a node, by the seconds that rings may take. */
export type NodeBound = (data: number) => number;

/**
 * Least latency of the pipeline that holds the worst node: links of its hops to nodes of their own, which are not its ring
 * partners, and for the other hops the fastest links that there are, in the column where that is least and its ring arcs
 * are within the limit. Of as many nodes as are spare, the worst may be left out. Infinity where a node fits nowhere.
 */
export const createNodeBound = (
  { nodes, slots, latency }: DedicationInstance,
  { columns, positions, weights }: Grid,
  rings: Float64Array,
): NodeBound => {
  const hops = columns.length - 1;
  if (hops < 1) return () => 0;
  const all = Array.from({ length: nodes }, (_, node) => ({
    into: linksOf(node, nodes, latency, true),
    out: linksOf(node, nodes, latency, false),
    ring: positions < 2 ? 0 : positions === 2 ? (linksOf(node, nodes, rings, false).latency[0] ?? 0) : -1,
  }));
  const fastest = all.map(({ out }) => out.latency[0] ?? 0).sort((a, b) => a - b);
  const cheapest = Array.from({ length: hops + 1 }, (_, count) =>
    fastest.slice(0, count).reduce((sum, value) => sum + value, 0),
  );
  const kinds = [
    ...new Map(
      weights.map((weight, column) => [
        `${weight} ${column === 0 ? 'first' : column === hops ? 'last' : ''}`,
        { weight, column },
      ]),
    ).values(),
  ];
  return (data) => {
    const costs = all.map(({ into, out, ring }) => {
      let best = Infinity;
      for (const { weight, column } of kinds) {
        const limit = weight > 0 ? (data / weight) * (1 + 1e-9) : Infinity;
        if (ring >= 0 && ring > limit) continue;
        const [enters, leaves] = [column > 0, column < hops];
        const rest = cheapest[hops - Number(enters) - Number(leaves)] ?? 0;
        for (let a = 0; a < (enters ? NEAREST : 1); a += 1)
          for (let b = 0; b < (leaves ? NEAREST : 1); b += 1) {
            const from = enters ? (into.peers[a] ?? -1) : -1;
            const to = leaves ? (out.peers[b] ?? -2) : -2;
            const own =
              (enters ? (into.latency[a] ?? Infinity) : 0) + (leaves ? (out.latency[b] ?? Infinity) : 0);
            if (from === to || own + rest >= best) continue;
            if (ring < 0 && !ringFits(into, out, limit, from, to)) continue;
            best = own + rest;
          }
      }
      return best;
    });
    return costs.sort((a, b) => b - a)[nodes - slots] ?? 0;
  };
};
