import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/placement/random.ts';
import { disjointRings, heaviestRings } from '../../src/search/dedication-disjoint-rings.ts';
import { distinctLatencies, linkGraph } from '../../src/search/dedication-graph.ts';
import { dedicationBounds } from '../../src/search/dedication-bounds.ts';
import { dedicationInstance } from '../../src/search/dedication-instance.ts';
import { dedicate } from '../../src/search/dedication.ts';
import { matrixOfRows } from '../../src/cluster/measured-links.ts';
import { gridShape } from './dedication-fixtures.ts';

const ENOUGH = 10_000_000;

/** Graph whose listed links take 1, all others 9. */
const graphOf = (
  nodes: number,
  links: readonly (readonly [number, number])[],
): ReturnType<typeof linkGraph> => {
  const latency = new Float64Array(nodes * nodes).fill(9);
  for (const [from, to] of links) latency[from * nodes + to] = 1;
  return linkGraph(nodes, latency);
};

/** Ways to close rings of `size` one after another, by trying every sequence of nodes. */
const existByDefinition = (
  nodes: number,
  fast: (from: number, to: number) => boolean,
  size: number,
  count: number,
): boolean => {
  const place = (used: ReadonlySet<number>, ring: readonly number[], left: number): boolean => {
    if (left === 0) return true;
    const last = ring.at(-1);
    if (ring.length === size)
      return fast(last ?? 0, ring[0] ?? 0) && place(new Set([...used, ...ring]), [], left - 1);
    for (let node = 0; node < nodes; node += 1)
      if (!used.has(node) && !ring.includes(node) && (last === undefined || fast(last, node)))
        if (place(used, [...ring, node], left)) return true;
    return false;
  };
  return place(new Set(), [], count);
};

const isRing = (ring: Int32Array, fast: (from: number, to: number) => boolean): boolean =>
  ring.every((node, index) => fast(node, ring[(index + 1) % ring.length] ?? -1));

describe('disjointRings', () => {
  it('finds a triangle, and no second one that shares a node with it', () => {
    const bowTie = graphOf(5, [
      [0, 1],
      [1, 2],
      [2, 0],
      [2, 3],
      [3, 4],
      [4, 2],
    ]);
    expect(disjointRings(bowTie, 1, 3, 1, ENOUGH).found).toBe('rings');
    expect(disjointRings(bowTie, 1, 3, 2, ENOUGH).found).toBe('none');
    // A strongly connected part of five nodes, but no ring of four or five passes the node in the middle once.
    expect(disjointRings(bowTie, 1, 4, 1, ENOUGH).found).toBe('none');
    expect(disjointRings(bowTie, 1, 5, 1, ENOUGH).found).toBe('none');
  });

  it('equals the definition on 300 random graphs, sparse and dense', () => {
    const random = seededRandom(4);
    let found = 0;
    for (let trial = 0; trial < 300; trial += 1) {
      const nodes = 5 + (trial % 4);
      const density = 0.15 + 0.05 * (trial % 7);
      const links: (readonly [number, number])[] = [];
      for (let from = 0; from < nodes; from += 1)
        for (let to = 0; to < nodes; to += 1) if (from !== to && random() < density) links.push([from, to]);
      const graph = graphOf(nodes, links);
      const fast = (from: number, to: number): boolean =>
        (graph.latency[from * nodes + to] ?? 9) === 1 && from !== to;
      const [size, count] = [2 + (trial % 3), 1 + (trial % 2)];
      const answer = disjointRings(graph, 1, size, count, ENOUGH);
      expect(answer.found, `trial ${trial}`).toBe(
        existByDefinition(nodes, fast, size, count) ? 'rings' : 'none',
      );
      if (answer.found !== 'rings') continue;
      found += 1;
      expect(answer.rings).toHaveLength(count);
      expect(new Set(answer.rings.flatMap((ring) => [...ring])).size).toBe(size * count);
      for (const ring of answer.rings) expect(isRing(ring, fast)).toBe(true);
    }
    // Both answers occur.
    expect(found).toBeGreaterThan(50);
    expect(found).toBeLessThan(250);
  });

  it('says unknown, not none, where the work ends before', () => {
    // Two dense halves joined by one node: no ring of twelve, which is tedious to see.
    const links: (readonly [number, number])[] = [];
    for (const half of [
      [0, 1, 2, 3, 4, 5, 6, 7],
      [7, 8, 9, 10, 11, 12, 13, 14],
    ])
      for (const from of half) for (const to of half) if (from !== to) links.push([from, to]);
    expect(disjointRings(graphOf(15, links), 1, 12, 1, 500).found).toBe('unknown');
  });
});

describe('heaviestRings', () => {
  it('gives the least latency at which the rings exist', () => {
    const random = seededRandom(11);
    for (let trial = 0; trial < 20; trial += 1) {
      const nodes = 8;
      const latency = Float64Array.from({ length: nodes * nodes }, () => 1 + random());
      const graph = linkGraph(nodes, latency);
      const values = distinctLatencies(nodes, latency);
      const { least, rings } = heaviestRings(graph, values, {
        size: 3,
        count: 2,
        first: 0,
        last: values.length - 1,
      });
      const exists = (index: number): boolean =>
        existByDefinition(
          nodes,
          (from, to) => from !== to && (latency[from * nodes + to] ?? 9) <= (values[index] ?? 0),
          3,
          2,
        );
      expect(exists(least)).toBe(true);
      expect(exists(least - 1)).toBe(false);
      expect(rings).toHaveLength(2);
    }
  });
});

describe('the heaviest stages', () => {
  /** 48 nodes whose links run at 10 GB/s; those of a hidden ring of 12 and its closing one at 12 GB/s, in no order of names. */
  const hidden = [31, 4, 17, 40, 9, 22, 45, 2, 36, 13, 28, 6];
  const rows = Array.from({ length: 48 }, () => new Array<number>(48).fill(10e9));
  for (const [index, node] of hidden.entries()) {
    const row = rows[node];
    if (row !== undefined) row[hidden[(index + 1) % hidden.length] ?? 0] = 12e9;
  }
  const matrix = matrixOfRows(
    rows.map((_, node) => `n${node}`),
    rows,
  );

  it('stand on the only ring that is fast enough for them, proven', () => {
    // 2 · 11/12 · 12 GB at 12 GB/s is 1.8333 s for the heavy stage; 2 · 11/12 · 6 GB at 10 GB/s is 1.1 s for the others.
    const shape = gridShape(4, 12, [12e9, 6e9, 6e9, 6e9], 0);
    const answer = dedicate({ shape, matrix });
    expect(answer.communication).toBeCloseTo((2 * 11) / 12, 9);
    expect(answer.gap).toBeLessThan(1e-9);
    expect([...answer.order.slice(0, 12)].sort((a, b) => a - b)).toEqual([...hidden].sort((a, b) => a - b));
    const bounds = dedicationBounds(dedicationInstance(shape, matrix), answer.hostOrder);
    expect(bounds.heaviest).toHaveLength(1);
  });

  it('leave a slow node to a lighter stage, whose ring then decides', () => {
    // 24 nodes at 10 GB/s, the first at 5: 2 · 5/6 · 6 GB at 5 GB/s is 2 s on a light stage, 3 s on the heavy one.
    const slow = Array.from({ length: 24 }, (_, from) =>
      Array.from({ length: 24 }, (__, to) => (from === 0 || to === 0 ? 5e9 : 10e9)),
    );
    const other = matrixOfRows(
      slow.map((_, node) => `n${node}`),
      slow,
    );
    const shape = gridShape(4, 6, [9e9, 6e9, 6e9, 6e9], 0);
    const instance = dedicationInstance(shape, other);
    expect(dedicationBounds(instance, 3).data).toBeCloseTo(2, 9);
    const answer = dedicate({ shape, matrix: other });
    expect(answer.hostOrder).toBeCloseTo(3, 9);
    expect(answer.communication).toBeCloseTo(2, 9);
  });
});
