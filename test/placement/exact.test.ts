import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lowerBound } from '../../src/placement/bounds.ts';
import { impossibility } from '../../src/placement/layer-problem.ts';
import type { LayerProblem } from '../../src/placement/layer-problem.ts';
import { effortLimits } from '../../src/placement/place.ts';
import { seededRandom } from '../../src/placement/random.ts';
import { placementFaults, placementValue } from '../../src/placement/score.ts';
import { solveLayer } from '../../src/placement/solve-layer.ts';
import { leastValue } from './brute-force.ts';

const LIMITS = { ...effortLimits('normal', 1), kicks: 300 };

/** Small layers of every kind: with and without redundancy, equal and unequal slots and speeds, free slots, scenarios. */
const randomProblem = (seed: number): LayerProblem => {
  const random = seededRandom(seed);
  const integer = (from: number, to: number): number => from + Math.floor(random() * (to - from + 1));
  for (;;) {
    const experts = integer(2, 5);
    const gpus = integer(2, 3);
    const slots = Array.from({ length: gpus }, () => integer(1, 3));
    const room = slots.reduce((sum, count) => sum + count, 0);
    const problem: LayerProblem = {
      loads: Array.from({ length: integer(1, 4) === 1 ? 2 : 1 }, () =>
        Array.from({ length: experts }, () => integer(1, 100)),
      ),
      slots: integer(0, 2) > 0 ? slots : slots.map(() => 2),
      replicas: integer(0, 3) === 0 ? Math.max(experts, room - 1) : room,
      speeds: Array.from({ length: gpus }, () => (integer(0, 2) === 0 ? integer(1, 3) : 1)),
      objective: integer(0, 1) === 0 ? 'mean' : 'worst',
    };
    if (impossibility(problem) === null) return problem;
  }
};

describe('placement of one layer', () => {
  it('is the optimum of 300 random small instances, found by trying every placement', () => {
    const missed: string[] = [];
    for (let seed = 0; seed < 300; seed += 1) {
      const problem = randomProblem(seed);
      const solved = solveLayer(problem, LIMITS, null);
      const best = leastValue(problem);
      if (Math.abs(solved.value - best) > 1e-9 * best)
        missed.push(`seed ${seed}: ${solved.value} in place of ${best} ${JSON.stringify(problem)}`);
    }
    expect(missed).toEqual([]);
  });

  it('has a lower bound that no placement of those instances is below', () => {
    for (let seed = 300; seed < 600; seed += 1) {
      const problem = randomProblem(seed);
      expect(lowerBound(problem).value, `seed ${seed}`).toBeLessThanOrEqual(
        leastValue(problem) * (1 + 1e-12),
      );
    }
  });
});

const loads = (experts: number) =>
  fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: experts, maxLength: experts });

describe('properties', () => {
  const problemOf = (counts: readonly number[], gpus: number, perGpu: number): LayerProblem => ({
    loads: [counts],
    slots: new Array<number>(gpus).fill(perGpu),
    replicas: gpus * perGpu,
    speeds: new Array<number>(gpus).fill(1),
    objective: 'mean',
  });

  it('never breaks a rule, and stays between its bound and the greedy', () => {
    fc.assert(
      fc.property(
        loads(12),
        fc.constantFrom([4, 3], [4, 4], [6, 3], [3, 5], [8, 2]),
        (counts, [gpus = 4, perGpu = 3]) => {
          const problem = problemOf(counts, gpus, perGpu);
          const { placement, value, bound } = solveLayer(problem, effortLimits('normal', 1), null);
          expect(placementFaults(problem, placement)).toEqual([]);
          expect(value).toBeCloseTo(placementValue(problem, placement), 12);
          expect(bound.value).toBeLessThanOrEqual(value);
          expect(value).toBeGreaterThanOrEqual(1 - 1e-12);
        },
      ),
      { numRuns: 60, seed: 5 },
    );
  });

  it('a scale of the loads changes nothing', () => {
    fc.assert(
      fc.property(loads(8), fc.integer({ min: 2, max: 1000 }), (counts, factor) => {
        const plain = solveLayer(problemOf(counts, 4, 2), effortLimits('normal', 1), null);
        const scaled = solveLayer(
          problemOf(
            counts.map((count) => count * factor),
            4,
            2,
          ),
          effortLimits('normal', 1),
          null,
        );
        expect(scaled.value).toBeCloseTo(plain.value, 9);
      }),
      { numRuns: 40, seed: 6 },
    );
  });

  it('another order of the experts or of the GPUs changes the value not at all, where it is the optimum', () => {
    fc.assert(
      fc.property(
        loads(4),
        fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
        fc.shuffledSubarray([0, 1, 2], { minLength: 3 }),
        (counts, experts, gpus) => {
          const slots = [2, 2, 1];
          const speeds = [1, 2, 1];
          const problem: LayerProblem = { loads: [counts], slots, replicas: 5, speeds, objective: 'mean' };
          const permuted: LayerProblem = {
            ...problem,
            loads: [experts.map((expert) => counts[expert] ?? 0)],
            slots: gpus.map((gpu) => slots[gpu] ?? 0),
            speeds: gpus.map((gpu) => speeds[gpu] ?? 1),
          };
          expect(solveLayer(permuted, LIMITS, null).value).toBeCloseTo(
            solveLayer(problem, LIMITS, null).value,
            12,
          );
        },
      ),
      { numRuns: 60, seed: 7 },
    );
  });

  it('the same input gives the same placement', () => {
    fc.assert(
      fc.property(loads(16), (counts) => {
        const problem = problemOf(counts, 4, 5);
        expect(solveLayer(problem, effortLimits('normal', 3), null)).toEqual(
          solveLayer(problem, effortLimits('normal', 3), null),
        );
      }),
      { numRuns: 20, seed: 8 },
    );
  });
});

describe('hand-made layers', () => {
  it('replicates the heavy expert: 8 on both GPUs beside 4 and 2 makes 8 and 6', () => {
    const problem: LayerProblem = {
      loads: [[8, 4, 2]],
      slots: [2, 2],
      replicas: 4,
      speeds: [1, 1],
      objective: 'mean',
    };
    // Mean 7. A second replica of the 4 gives 10 and 4, one of the 2 gives 9 and 5.
    const { placement, value } = solveLayer(problem, LIMITS, null);
    expect(placement.flat().filter((expert) => expert === 0)).toHaveLength(2);
    expect(value).toBeCloseTo(8 / 7, 12);
  });

  it('gives a GPU of twice the speed twice the load', () => {
    const problem: LayerProblem = {
      loads: [[4, 2]],
      slots: [1, 1],
      replicas: 2,
      speeds: [1, 2],
      objective: 'mean',
    };
    const { placement, value } = solveLayer(problem, LIMITS, null);
    expect(placement).toEqual([[1], [0]]);
    expect(value).toBeCloseTo(1, 12);
  });

  it('says why there is no placement', () => {
    const base: LayerProblem = {
      loads: [[1, 2]],
      slots: [2, 2],
      replicas: 4,
      speeds: [1, 1],
      objective: 'mean',
    };
    expect(impossibility(base)).toBeNull();
    expect(impossibility({ ...base, slots: [3, 2], replicas: 5 })).toMatch(/two replicas of one expert/);
    expect(impossibility({ ...base, replicas: 1 })).toMatch(/fewer than 2 experts/);
    expect(impossibility({ ...base, replicas: 5 })).toMatch(/more than the 4 slots/);
    expect(impossibility({ ...base, loads: [[0, 0]] })).toMatch(/no load/);
    expect(impossibility({ ...base, speeds: [1, 0] })).toMatch(/positive speed/);
  });

  it('keeps groups on their node', () => {
    const problem: LayerProblem = {
      loads: [[10, 1, 1, 1, 9, 1, 1, 1]],
      slots: [2, 2, 2, 2],
      replicas: 8,
      speeds: [1, 1, 1, 1],
      objective: 'mean',
    };
    const { placement, value, bound } = solveLayer(problem, LIMITS, { groups: 4, nodes: 2 });
    const groupsOf = (gpus: readonly number[]): Set<number> =>
      new Set(gpus.flatMap((gpu) => (placement[gpu] ?? []).map((expert) => Math.floor(expert / 2))));
    const [first, second] = [groupsOf([0, 1]), groupsOf([2, 3])];
    expect([...first].filter((group) => second.has(group))).toEqual([]);
    expect(first.size + second.size).toBe(4);
    // Groups weigh 11, 2, 10, 2: nodes 13 and 12; the GPU with the 10 cannot have less than 11 of a mean of 6.25.
    expect(value).toBeCloseTo(11 / 6.25, 12);
    expect(bound.value).toBeCloseTo(11 / 6.25, 12);
  });
});
