import { describe, expect, it } from 'vitest';
import { matrixOfRows } from '../../src/cluster/measured-links.ts';
import { dedicate } from '../../src/search/dedication.ts';
import { dedicationBounds } from '../../src/search/dedication-bounds.ts';
import { dedicationInstance } from '../../src/search/dedication-instance.ts';
import { communicationByModel } from './dedication-model.ts';
import { loadHighs } from '../../src/solver/highs.ts';
import { pipetteAnnealing } from '../../src/search/dedication-annealing.ts';
import { arrangements, byDefinition, gridShape, randomMatrix } from './dedication-fixtures.ts';

const bruteForce = (shape: ReturnType<typeof gridShape>, matrix: ReturnType<typeof randomMatrix>): number => {
  let best = Infinity;
  for (const order of arrangements(matrix.nodes, shape.nodes))
    best = Math.min(best, byDefinition(shape, matrix, order));
  return best;
};

/** [nodes, stages, ring, block]: all grids of up to 8 nodes, some with nodes to spare. */
const grids: readonly (readonly [number, number, number, number])[] = [
  [4, 1, 4, 1],
  [5, 1, 4, 1],
  [6, 1, 6, 1],
  [4, 2, 2, 1],
  [5, 2, 2, 1],
  [6, 2, 3, 1],
  [6, 3, 2, 1],
  [6, 6, 1, 1],
  [7, 3, 2, 1],
  [7, 7, 1, 1],
  [4, 2, 2, 2],
  [6, 3, 2, 2],
];

describe('dedicate', () => {
  it('equals brute force on 200 random instances of up to 8 nodes', () => {
    for (let seed = 0; seed < 200; seed += 1) {
      // Eight nodes are 40,320 orders each: a few of them are enough beside the many smaller ones.
      const [nodes, stages, size, block] =
        seed % 80 === 0 ? ([8, 4, 2, 1] as const) : (grids[seed % grids.length] ?? [4, 1, 4, 1]);
      const shape = gridShape(stages, size, [4e9, 3e9 + seed * 1e7], 2e8 * (1 + (seed % 7)), block);
      const matrix = randomMatrix(nodes, seed, seed % 3 === 0 ? 0.1 : 2);
      const answer = dedicate({ shape, matrix });
      const best = bruteForce(shape, matrix);
      expect(answer.communication, `seed ${seed}`).toBeCloseTo(best, 9);
      expect(answer.method === 'search', `seed ${seed}`).toBe(false);
      expect(byDefinition(shape, matrix, answer.order)).toBeCloseTo(answer.communication, 12);
    }
  }, 120_000);

  it('takes the bound below the optimum on every instance, whatever the incumbent', () => {
    for (let seed = 300; seed < 360; seed += 1) {
      const [nodes, stages, size, block] = grids[seed % grids.length] ?? [4, 1, 4, 1];
      const shape = gridShape(stages, size, [4e9, 2e9], 5e8, block);
      const matrix = randomMatrix(nodes, seed, 3);
      const instance = dedicationInstance(shape, matrix);
      const best = bruteForce(shape, matrix);
      for (const incumbent of [Infinity, best, 1.2 * best])
        expect(dedicationBounds(instance, incumbent).total).toBeLessThanOrEqual(best * (1 + 1e-9));
    }
  }, 60_000);

  it('leaves out the node with the slow links', () => {
    // Five equal nodes, but node 2 sends and receives at a tenth: the best ring of four is without it.
    const rows = Array.from({ length: 5 }, (_, from) =>
      Array.from({ length: 5 }, (__, to) => (from === 2 || to === 2 ? 1e9 : 10e9)),
    );
    const answer = dedicate({
      shape: gridShape(1, 4, [10e9], 1),
      matrix: matrixOfRows(['a', 'b', 'c', 'd', 'e'], rows),
    });
    expect([...answer.order].sort()).toEqual([0, 1, 3, 4]);
    // 2·3∕4 · 10 GB ∕ 10 GB/s, by hand.
    expect(answer.communication).toBeCloseTo(1.5, 12);
    expect(answer.hostOrder).toBeCloseTo(15, 12);
    expect(answer.method).toBe('exact');
  });

  it('keeps the host order and says why where links are equal', () => {
    const rows = Array.from({ length: 6 }, () => Array.from({ length: 6 }, () => 5e9));
    const answer = dedicate({
      shape: gridShape(2, 3, [1e9], 1e8),
      matrix: matrixOfRows(['a', 'b', 'c', 'd', 'e', 'f'], rows),
    });
    expect(answer).toMatchObject({ method: 'none', order: [0, 1, 2, 3, 4, 5], gap: 0 });
    expect(answer.reason).toContain('equal');
  });

  it('takes the direction from the earlier to the later rank, and closes a ring from its last node to its first', () => {
    // a→b→c→a is fast, the other way round slow: both rings have three arcs, only one order is fast.
    const fast = 10e9;
    const rows = [
      [0, 1e9, fast],
      [fast, 0, 1e9],
      [1e9, fast, 0],
    ];
    const answer = dedicate({
      shape: gridShape(1, 3, [3e9], 1),
      matrix: matrixOfRows(['a', 'b', 'c'], rows),
    });
    // a→c→b→a: a→c 10, c→b 10, b→a 10.
    expect(answer.communication).toBeCloseTo(((4 / 3) * 3e9) / fast, 12);
    expect(answer.hostOrder).toBeCloseTo(((4 / 3) * 3e9) / 1e9, 12);
  });

  it('is never worse than host order or Pipette’s annealing, and says the same twice', () => {
    for (const [seed, stages, size] of [
      [1, 4, 6],
      [2, 8, 3],
      [3, 2, 14],
    ] as const) {
      const shape = gridShape(stages, size, [4e9, 3e9], 3e8);
      const matrix = randomMatrix(stages * size + 1, seed, 0.3);
      const question = { shape, matrix, budget: { moves: 60_000, searchNodes: 100_000 } };
      const answer = dedicate(question);
      expect(dedicate(question)).toEqual(answer);
      expect(answer.communication).toBeLessThanOrEqual(answer.hostOrder);
      expect(answer.communication).toBeLessThanOrEqual(
        pipetteAnnealing(dedicationInstance(shape, matrix), seed, 20_000).value * (1 + 1e-12),
      );
      expect(answer.lowerBound).toBeLessThanOrEqual(answer.communication);
    }
  }, 60_000);

  it('agrees with a mixed-integer program of another formulation', async () => {
    const highs = await loadHighs();
    for (const [seed, nodes, stages, size, block] of [
      [1, 4, 2, 2, 1],
      [2, 5, 1, 4, 1],
      [3, 5, 4, 1, 1],
      [4, 4, 2, 2, 2],
      [5, 6, 3, 2, 1],
    ] as const) {
      const shape = gridShape(stages, size, [4e9, 3e9], 6e8, block);
      const matrix = randomMatrix(nodes, seed);
      const program = communicationByModel(dedicationInstance(shape, matrix), highs, 100_000);
      expect(program, `seed ${seed}`).not.toBeNull();
      expect((program ?? 0) / dedicate({ shape, matrix }).communication).toBeCloseTo(1, 5);
    }
  }, 60_000);
});
