import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignRows } from '../../src/placement/assignment.ts';
import { assignChain, chainCost } from '../../src/placement/chain-assignment.ts';
import type { ChainObjective, ChainPrices, Flows } from '../../src/placement/chain-assignment.ts';
import {
  applyAssignment,
  clusterFlows,
  imbalanceObjective,
  optimalClusters,
} from '../../src/placement/moetuner.ts';

const permutations = (size: number): number[][] =>
  size === 0
    ? [[]]
    : permutations(size - 1).flatMap((rest) =>
        Array.from({ length: size }, (_, at) => [...rest.slice(0, at), size - 1, ...rest.slice(at)]),
      );

const square = (size: number) =>
  fc.array(fc.array(fc.integer({ min: 0, max: 99 }), { minLength: size, maxLength: size }), {
    minLength: size,
    maxLength: size,
  });

describe('assignment', () => {
  it('is the cheapest of all permutations', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }).chain(square), (costs) => {
        const cost = (columns: readonly number[]): number =>
          columns.reduce((sum, column, row) => sum + (costs[row]?.[column] ?? 0), 0);
        expect(cost(assignRows(costs))).toBe(Math.min(...permutations(costs.length).map(cost)));
      }),
      { numRuns: 200, seed: 1 },
    );
  });
});

/** Least cost over all assignments of two steps. */
const bruteForce = (flows: Flows, prices: ChainPrices, objective: ChainObjective): number => {
  const all = permutations(flows[0]?.length ?? 0);
  // Every layer is tried with every permutation; the chain is short enough.
  const cheapest = (step: number): number[] =>
    step === flows.length
      ? all.map(() => 0)
      : all.map((from) => {
          const rest = cheapest(step + 1);
          return Math.min(
            ...all.map(
              (to, index) =>
                chainCost([flows[step] ?? []], [from, to], prices, objective) + (rest[index] ?? 0),
            ),
          );
        });
  return Math.min(...cheapest(0));
};

describe('chain of clusters', () => {
  const cases: readonly { readonly name: string; readonly size: number; readonly perNode: number }[] = [
    { name: 'one node', size: 4, perNode: 4 },
    { name: 'two nodes', size: 4, perNode: 2 },
  ];
  for (const { name, size, perNode } of cases)
    for (const objective of ['sum', 'max'] as const)
      it(`is exact on ${name} for the ${objective}, against all permutations`, () => {
        const prices = { perNode, insideNode: 1, betweenNodes: 9 };
        fc.assert(
          fc.property(square(size), (first) => {
            const found = assignChain([first], prices, objective);
            expect(found.exact).toBe(true);
            expect(found.cost).toBeCloseTo(bruteForce([first], prices, objective), 9);
            expect(chainCost([first], found.gpus, prices, objective)).toBeCloseTo(found.cost, 9);
          }),
          { numRuns: 25, seed: 2 },
        );
      });

  it('is exact for several steps, by nodes as by permutations', () => {
    const prices = { perNode: 2, insideNode: 1, betweenNodes: 9 };
    fc.assert(
      fc.property(square(4), square(4), (first, second) => {
        const found = assignChain([first, second], prices, 'sum');
        expect(found.cost).toBeCloseTo(bruteForce([first, second], prices, 'sum'), 9);
      }),
      { numRuns: 3, seed: 3 },
    );
  });

  it('deals six clusters to two nodes exactly', () => {
    const prices = { perNode: 3, insideNode: 1, betweenNodes: 9 };
    fc.assert(
      fc.property(square(6), (flow) => {
        const found = assignChain([flow], prices, 'sum');
        const identity = [0, 1, 2, 3, 4, 5];
        const least = Math.min(
          ...permutations(6).flatMap((to) =>
            [identity, [0, 1, 3, 2, 4, 5], [0, 2, 3, 1, 4, 5]].map((from) =>
              chainCost([flow], [from, to], prices, 'sum'),
            ),
          ),
        );
        expect(found.exact).toBe(true);
        expect(found.cost).toBeLessThanOrEqual(least + 1e-9);
        expect(chainCost([flow], found.gpus, prices, 'sum')).toBeCloseTo(found.cost, 9);
      }),
      { numRuns: 3, seed: 4 },
    );
  });

  it('says that nothing is proven where it only exchanges', () => {
    const flow = Array.from({ length: 12 }, (_, a) =>
      Array.from({ length: 12 }, (__, b) => ((a * 7 + b * 5) % 11) + 1),
    );
    expect(assignChain([flow], { perNode: 4, insideNode: 1, betweenNodes: 9 }, 'sum').exact).toBe(false);
  });
});

describe('MoETuner', () => {
  it('first stage: loads 8, 7, 1, 2 on two GPUs split 9 and 9 in pairs; of any size as well', () => {
    expect(imbalanceObjective([8, 7, 1, 2], optimalClusters([8, 7, 1, 2], 2, 'mended'))).toBe(0);
    // 9, 3, 3, 3: the heavy one alone is even, which equal sizes do not allow: 12 and 6 are 3 from the mean each.
    expect(imbalanceObjective([9, 3, 3, 3], optimalClusters([9, 3, 3, 3], 2, 'printed'))).toBe(0);
    expect(imbalanceObjective([9, 3, 3, 3], optimalClusters([9, 3, 3, 3], 2, 'mended'))).toBe(6);
  });

  it('second stage: clusters follow the tokens', () => {
    const clusters = [
      [[0], [1]],
      [[0], [1]],
    ];
    // All tokens of expert 0 go to expert 1 and the other way round.
    const flows = clusterFlows([{ experts: 2, counts: [0, 5, 7, 0] }], clusters);
    expect(flows).toEqual([
      [
        [0, 5],
        [7, 0],
      ],
    ]);
    const { gpus, cost } = assignChain(flows, { perNode: 2, insideNode: 1, betweenNodes: 9 }, 'sum');
    expect(cost).toBe(0);
    expect(applyAssignment(clusters, gpus)).toEqual([
      [[0], [1]],
      [[1], [0]],
    ]);
  });
});
