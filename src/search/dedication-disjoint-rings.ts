/** Do so many disjoint rings exist over links that are fast enough? Answered by trying all, where few links are. */
import { strongParts, type LinkGraph } from './dedication-graph.ts';
import { RingSearch, type Arcs } from './dedication-ring-search.ts';

/** `unknown`: the work ended before the answer. */
export interface RingAnswer {
  readonly found: 'rings' | 'none' | 'unknown';
  /** Nodes of each ring; empty where none were found. */
  readonly rings: readonly Int32Array[];
  readonly work: number;
}

/** Links within the limit among the members of a part. */
const arcsOf = ({ nodes, sorted, latency }: LinkGraph, members: readonly number[], limit: number): Arcs => {
  const local = new Map(members.map((node, index) => [node, index]));
  return members.map((from) => {
    const own: number[] = [];
    for (const to of sorted[from] ?? []) {
      if ((latency[from * nodes + to] ?? Infinity) > limit) break;
      const index = local.get(to);
      if (index !== undefined) own.push(index);
    }
    return own;
  });
};

/** Beginnings from which a search that ended early is made again. */
const BEGINNINGS = 3;

/** In one strongly connected part. A search that finds no end from one node may be short from another. */
const ringsOfPart = (
  graph: LinkGraph,
  members: readonly number[],
  limit: number,
  size: number,
  count: number,
  work: number,
): RingAnswer => {
  let spent = 0;
  for (let beginning = 0; beginning < BEGINNINGS; beginning += 1) {
    const first = Math.floor((beginning * members.length) / BEGINNINGS);
    const own = [...members.slice(first), ...members.slice(0, first)];
    const search = new RingSearch(arcsOf(graph, own, limit), size, Math.floor(work / BEGINNINGS));
    const found = search.find(count);
    spent += search.spent;
    if (found !== null) {
      const rings = found.map((ring) => Int32Array.from(ring, (index) => own[index] ?? 0));
      return { found: 'rings', rings, work: spent };
    }
    if (search.complete) return { found: 'none', rings: [], work: spent };
  }
  return { found: 'unknown', rings: [], work: spent };
};

/**
 * `count` disjoint rings of `size` ≥ 2 nodes over links ≤ limit. A ring lies in one strongly connected part; each part, the
 * smallest first, gives as many as it can, depth first as long as enough nodes lie between a path's end and its beginning.
 * Near the least such limit links are few and the search is short; `work` bounds what a part may take.
 */
export const disjointRings = (
  graph: LinkGraph,
  limit: number,
  size: number,
  count: number,
  work: number,
): RingAnswer => {
  const { partOf, sizes } = strongParts(graph, limit);
  const parts = [...sizes.keys()]
    .filter((part) => (sizes[part] ?? 0) >= size)
    .sort((a, b) => (sizes[a] ?? 0) - (sizes[b] ?? 0) || a - b);
  const rings: Int32Array[] = [];
  let complete = true;
  let spent = 0;
  for (const part of parts) {
    const members = Array.from({ length: graph.nodes }, (_, node) => node).filter(
      (node) => partOf[node] === part,
    );
    for (
      let wanted = Math.min(count - rings.length, Math.floor(members.length / size));
      wanted > 0;
      wanted -= 1
    ) {
      const answer = ringsOfPart(graph, members, limit, size, wanted, work);
      spent += answer.work;
      complete &&= answer.found !== 'unknown';
      if (answer.found !== 'rings') continue;
      rings.push(...answer.rings);
      break;
    }
    if (rings.length >= count) return { found: 'rings', rings, work: spent };
  }
  return { found: complete ? 'none' : 'unknown', rings: [], work: spent };
};

export interface HeaviestRings {
  /** Index of a latency: none below it admits the rings. */
  readonly least: number;
  /** Rings found at as small a latency as the work allowed. */
  readonly rings: readonly Int32Array[] | null;
}

/** Work of a question on one part, and of all questions so far: first little, at ever larger latencies, then more. */
const PASSES = [
  { work: 3_000_000, all: 40_000_000 },
  { work: 12_000_000, all: 140_000_000 },
];
const HALVING = { work: 12_000_000, all: 200_000_000 };

/**
 * The least of ascending `latencies` from index `first` to `last` at which `count` disjoint rings of `size` exist: growing
 * strides until some are found, the same with more work below what was found, then halving. What is not decided counts as possible for the bound and as not found.
 */
export const heaviestRings = (
  graph: LinkGraph,
  latencies: Float64Array,
  { size, count, first, last }: Readonly<Record<'size' | 'count' | 'first' | 'last', number>>,
): HeaviestRings => {
  let least = first;
  let [below, above] = [first - 1, last + 1];
  let spent = 0;
  const known: { rings: readonly Int32Array[] | null } = { rings: null };
  const ask = (index: number, work: number): boolean => {
    const answer = disjointRings(graph, latencies[index] ?? Infinity, size, count, work);
    spent += answer.work + graph.nodes;
    // Fewer links admit no more: `least` is only moved past what is proven.
    if (answer.found === 'none') least = Math.max(least, index + 1);
    if (answer.found !== 'rings') return false;
    known.rings = answer.rings;
    return true;
  };
  for (const { work, all } of PASSES) {
    below = least - 1;
    let found = false;
    for (let stride = 1; !found && spent < all && below < above - 1;) {
      const index = Math.min(above - 1, below + stride);
      found = ask(index, work);
      if (found) above = index;
      else below = index;
      stride *= 2;
    }
  }
  below = Math.max(below, least - 1);
  while (known.rings !== null && spent < HALVING.all && above - below > 1) {
    const middle = (below + above) >> 1;
    if (ask(middle, HALVING.work)) above = middle;
    else below = middle;
  }
  return { least, rings: known.rings };
};
