import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LayerPlacement, LayerProblem } from '../../src/placement/layer-problem.ts';
import { countMoves, mostIncoming } from '../../src/placement/move-count.ts';
import { bestStep, stepsTowards, unavoidableMoves, withinBudget } from '../../src/placement/moves.ts';
import type { Step } from '../../src/placement/moves.ts';
import { relabelled } from '../../src/placement/relabel.ts';
import { effortLimits } from '../../src/placement/place.ts';
import { placementFaults, placementValue } from '../../src/placement/score.ts';
import { breaksGroups, solveLayer } from '../../src/placement/solve-layer.ts';

const problemOf = (loads: readonly (readonly number[])[]): LayerProblem => ({
  loads,
  slots: [3, 3, 3, 3],
  replicas: 12,
  speeds: [1, 1, 1, 1],
  objective: 'mean',
});
const CONTIGUOUS: LayerPlacement = [
  [0, 1, 2],
  [3, 4, 5],
  [6, 7, 8],
  [9, 10, 11],
];
const loads = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 12, maxLength: 12 });

describe('moves', () => {
  it('counts experts that a GPU does not hold yet: an exchange is two, whatever the order', () => {
    expect(
      countMoves(
        [
          [0, 1],
          [2, 3],
        ],
        [
          [1, 0],
          [3, 2],
        ],
      ),
    ).toBe(0);
    expect(
      countMoves(
        [
          [0, 1],
          [2, 3],
        ],
        [
          [0, 2],
          [1, 3],
        ],
      ),
    ).toBe(2);
    expect(
      mostIncoming(
        [
          [0, 1],
          [2, 3],
          [4, 5],
        ],
        [
          [2, 4],
          [0, 3],
          [1, 5],
        ],
      ),
    ).toBe(2);
  });

  it('each step is legal, dearer and better than the one before; the first one is free', () => {
    fc.assert(
      fc.property(fc.array(loads, { minLength: 1, maxLength: 2 }), (scenarios) => {
        const problem = problemOf(scenarios);
        const target = solveLayer(problem, effortLimits('normal', 1), null);
        const steps = stepsTowards(problem, CONTIGUOUS, target.placement, null);
        expect(steps[0]?.moves).toBe(0);
        steps.forEach((step, index) => {
          const before = steps[index - 1];
          expect(placementFaults(problem, step.placement)).toEqual([]);
          expect(step.moves).toBe(countMoves(CONTIGUOUS, step.placement));
          expect(step.value).toBeCloseTo(placementValue(problem, step.placement), 12);
          if (before === undefined) return;
          expect(step.moves).toBeGreaterThan(before.moves);
          expect(step.value).toBeLessThan(before.value);
        });
        expect(steps.at(-1)?.value).toBeLessThanOrEqual(target.value + 1e-12);
      }),
      { numRuns: 40, seed: 1 },
    );
  });

  it('keeps the budget, and with enough of it reaches the best', () => {
    fc.assert(
      fc.property(loads, loads, (first, second) => {
        const layers = [first, second].map((own) => {
          const problem = problemOf([own]);
          return stepsTowards(
            problem,
            CONTIGUOUS,
            solveLayer(problem, effortLimits('normal', 1), null).placement,
            null,
          );
        });
        let last = Infinity;
        for (const budget of [0, 2, 4, 8, 24]) {
          const chosen = withinBudget(layers, budget);
          expect(chosen.reduce((sum, { moves }) => sum + moves, 0)).toBeLessThanOrEqual(budget);
          const value = chosen.reduce((sum, step) => sum + step.value, 0);
          last = value;
        }
        expect(last).toBeCloseTo(
          layers.reduce((sum, steps) => sum + (steps.at(-1)?.value ?? 0), 0),
          12,
        );
      }),
      { numRuns: 20, seed: 2 },
    );
  });

  it('spends on the layer that gains most for a move', () => {
    const step = (moves: number, value: number): Step => ({ placement: [], moves, value });
    const chosen = withinBudget(
      [
        [step(0, 2), step(2, 1.9)],
        [step(0, 2), step(2, 1.2)],
      ],
      2,
    );
    expect(chosen.map(({ moves }) => moves)).toEqual([0, 2]);
  });

  it('a current placement with replicas side by side, or split groups, must be left', () => {
    const problem: LayerProblem = {
      loads: [[4, 3, 2, 1]],
      slots: [3, 3],
      replicas: 6,
      speeds: [1, 1],
      objective: 'mean',
    };
    const sideBySide: LayerPlacement = [
      [0, 0, 1],
      [1, 2, 3],
    ];
    const { placement } = solveLayer(problem, effortLimits('normal', 1), null);
    const steps = stepsTowards(problem, sideBySide, placement, null);
    expect(unavoidableMoves([steps])).toBeGreaterThan(0);
    expect(steps.every((step) => placementFaults(problem, step.placement).length === 0)).toBe(true);
    const rule = { groups: 2, nodes: 2 };
    expect(
      breaksGroups(
        problem,
        [
          [0, 2],
          [1, 3],
        ],
        rule,
      ),
    ).toBe(true);
    expect(
      breaksGroups(
        problem,
        [
          [2, 3],
          [0, 1],
        ],
        rule,
      ),
    ).toBe(false);
  });
});

describe('GPUs renamed so that least moves', () => {
  const problem = problemOf([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]]);

  it('finds the same placement under other names', () => {
    const shuffled = [3, 1, 0, 2].map((gpu) => CONTIGUOUS[gpu] ?? []);
    expect(countMoves(CONTIGUOUS, shuffled)).toBe(9);
    expect(relabelled(problem, CONTIGUOUS, shuffled, 1)).toEqual(CONTIGUOUS);
  });

  it('exchanges no GPUs that differ in speed or slots', () => {
    const shuffled = [1, 0, 3, 2].map((gpu) => CONTIGUOUS[gpu] ?? []);
    const uneven = { ...problem, speeds: [1, 2, 1, 1] };
    // GPU 1 keeps what it got; of the others the first two blocks cannot be told apart from where they are.
    expect(relabelled(uneven, CONTIGUOUS, shuffled, 1)[1]).toEqual([0, 1, 2]);
    expect(relabelled({ ...problem, slots: [3, 4, 3, 3] }, CONTIGUOUS, shuffled, 1)[1]).toEqual([0, 1, 2]);
  });

  it('keeps what a node holds together, where groups stand on nodes', () => {
    // By hand: nodes {0, 1} and {2, 3} exchanged as wholes give the first placement back; a single GPU may not cross.
    const crossed = [2, 3, 0, 1].map((gpu) => CONTIGUOUS[gpu] ?? []);
    expect(relabelled(problem, CONTIGUOUS, crossed, 2)).toEqual(CONTIGUOUS);
    const mixed = [0, 2, 1, 3].map((gpu) => CONTIGUOUS[gpu] ?? []);
    expect(countMoves(CONTIGUOUS, relabelled(problem, CONTIGUOUS, mixed, 2))).toBe(6);
    expect(countMoves(CONTIGUOUS, relabelled(problem, CONTIGUOUS, mixed, 1))).toBe(0);
  });

  it('takes the fewest moves of steps that are alike', () => {
    const step = (moves: number, value: number): Step => ({ placement: CONTIGUOUS, moves, value });
    expect(bestStep([step(0, 1.4), step(10, 1.000_05), step(90, 1)])?.moves).toBe(10);
    expect(bestStep([step(0, 1.4), step(10, 1.001), step(90, 1)])?.moves).toBe(90);
    expect(bestStep([])).toBeUndefined();
  });
});
