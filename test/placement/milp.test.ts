import { beforeAll, describe, expect, it } from 'vitest';
import { proveLayer, proveLayers } from '../../src/placement/balance-milp.ts';
import { provePairs } from '../../src/placement/pair-milp.ts';
import { placementValue } from '../../src/placement/score.ts';
import type { LayerProblem } from '../../src/placement/layer-problem.ts';
import { seededRandom } from '../../src/placement/random.ts';
import { solveLayer } from '../../src/placement/solve-layer.ts';
import { loadHighs } from '../../src/solver/highs.ts';
import { javascriptLp } from '../../src/solver/javascript-lp.ts';
import type { SolverBackend } from '../../src/solver/solution.ts';
import { leastValue } from './brute-force.ts';

let highs: SolverBackend;
beforeAll(async () => {
  highs = await loadHighs();
});

const LIMITS = { kicks: 0, tolerance: 1e-6, seed: 1 };

const problemOf = (seed: number): LayerProblem => {
  const random = seededRandom(seed);
  const loads = (): number[] => Array.from({ length: 5 }, () => 1 + Math.floor(random() * 60));
  return {
    loads: seed % 3 === 0 ? [loads(), loads()] : [loads()],
    slots: [2, 2, 2],
    replicas: seed % 2 === 0 ? 6 : 5,
    speeds: seed % 5 === 0 ? [1, 2, 1] : [1, 1, 1],
    objective: seed % 4 === 0 ? 'worst' : 'mean',
  };
};

describe('balance by MILP', () => {
  it('proves the optimum of small layers, from a poor placement: value and bound meet what trying everything finds', () => {
    for (let seed = 0; seed < 12; seed += 1) {
      const problem = problemOf(seed);
      const { placement, value, bound } = solveLayer(problem, LIMITS, null);
      const proven = proveLayer(problem, { placement, value, bound: bound.value }, highs, 10_000);
      const best = leastValue(problem);
      expect(proven.value, `seed ${seed}`).toBeCloseTo(best, 9);
      expect(proven.bound, `seed ${seed}`).toBeLessThanOrEqual(best * (1 + 1e-9));
      expect(proven.bound, `seed ${seed}`).toBeGreaterThanOrEqual(best * (1 - 1e-5));
    }
  });

  it('proves GPUs of two slots by their replica counts alone', () => {
    for (let seed = 20; seed < 28; seed += 1) {
      const random = seededRandom(seed);
      const problem: LayerProblem = {
        loads: [Array.from({ length: 4 }, () => 1 + Math.floor(random() * 60))],
        slots: [2, 2, 2],
        replicas: 6,
        speeds: [1, 1, 1],
        objective: 'mean',
      };
      const best = leastValue(problem);
      // From a placement that is worse than the best: experts in order, the first two twice.
      const placement = [
        [0, 1],
        [0, 1],
        [2, 3],
      ];
      const value = placementValue(problem, placement);
      const proven = provePairs(problem, { placement, value, bound: 1 }, highs, 1000);
      expect(proven.value, `seed ${seed}`).toBeLessThanOrEqual(best * (1 + 2e-5));
      expect(proven.value, `seed ${seed}`).toBeGreaterThanOrEqual(best * (1 - 1e-12));
      expect(proven.bound, `seed ${seed}`).toBeLessThanOrEqual(best * (1 + 1e-12));
      expect(placementValue(problem, proven.placement), `seed ${seed}`).toBeCloseTo(proven.value, 12);
    }
  });

  it('both solvers agree', () => {
    for (const seed of [1, 7]) {
      const problem = problemOf(seed);
      const { placement, value, bound } = solveLayer(problem, LIMITS, null);
      const from = { placement, value, bound: bound.value };
      expect(proveLayer(problem, from, javascriptLp, 5000).value).toBeCloseTo(
        proveLayer(problem, from, highs, 5000).value,
        9,
      );
    }
  });

  it('leaves alone what is proven, and says what is too large', () => {
    const problem = problemOf(1);
    const { placement, value } = solveLayer(problem, LIMITS, null);
    const layer = { layer: 0, placement, maxOverMean: value, bound: { value, method: 'mean' as const } };
    expect(proveLayers([layer], [problem], highs, 10).count).toEqual({ asked: 0, tooLarge: 0 });
    const experts = 64;
    const large: LayerProblem = {
      ...problem,
      loads: [Array.from({ length: experts }, (_, expert) => expert + 1)],
      slots: new Array<number>(8).fill(8),
      replicas: experts,
      speeds: new Array<number>(8).fill(1),
    };
    const open = { ...layer, bound: { value: value / 2, method: 'mean' as const } };
    expect(proveLayers([open], [large], javascriptLp, 10).count).toEqual({ asked: 0, tooLarge: 1 });
  });
});
