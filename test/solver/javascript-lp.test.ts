import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { branchAndBound, type Relaxation } from '../../src/solver/branch-and-bound.ts';
import { javascriptLp } from '../../src/solver/javascript-lp.ts';
import { ModelBuilder, type LinearModel } from '../../src/solver/linear-model.ts';
import { roundIntegers, violations } from '../../src/solver/solution.ts';

const NODES = { nodes: 1000 };

describe('linear programs', () => {
  it('solves Dantzig’s kind of example (by hand: x = 2, y = 6, 36)', () => {
    // Hillier & Lieberman, Wyndor Glass: max 3x + 5y, x ≤ 4, 2y ≤ 12, 3x + 2y ≤ 18.
    const builder = new ModelBuilder();
    const x = builder.variable('x', { upper: 4 });
    const y = builder.variable('y');
    builder.constraint('plant 2', [{ variable: y, coefficient: 2 }], { upper: 12 });
    builder.constraint(
      'plant 3',
      [
        { variable: x, coefficient: 3 },
        { variable: y, coefficient: 2 },
      ],
      { upper: 18 },
    );
    const solution = javascriptLp.solve(
      builder.build('maximize', [
        { variable: x, coefficient: 3 },
        { variable: y, coefficient: 5 },
      ]),
      NODES,
    );
    expect(solution).toMatchObject({ kind: 'optimal', objective: 36, values: [2, 6] });
  });

  it('honours negative lower bounds, free variables, ranges and equalities', () => {
    const builder = new ModelBuilder();
    const x = builder.variable('x', { lower: -5, upper: -1 });
    const y = builder.variable('y', { lower: -Infinity });
    builder.constraint(
      'sum',
      [
        { variable: x, coefficient: 1 },
        { variable: y, coefficient: 1 },
      ],
      { lower: -9, upper: 3 },
    );
    builder.constraint(
      'tie',
      [
        { variable: x, coefficient: 2 },
        { variable: y, coefficient: -1 },
      ],
      { lower: -2, upper: -2 },
    );
    const solution = javascriptLp.solve(builder.build('minimize', [{ variable: y, coefficient: 1 }]), NODES);
    // y = 2x + 2 and x + y ≥ −9 give x ≥ −11/3, y ≥ −16/3.
    expect(solution.kind).toBe('optimal');
    if (solution.kind === 'optimal') expect(solution.objective).toBeCloseTo(-16 / 3, 6);
  });

  it('tells unbounded from infeasible, which the library reports as feasible with an infinite result', () => {
    const unbounded = new ModelBuilder();
    const x = unbounded.variable('x');
    unbounded.constraint('floor', [{ variable: x, coefficient: 1 }], { lower: 1 });
    expect(
      javascriptLp.solve(unbounded.build('maximize', [{ variable: x, coefficient: 1 }]), NODES).kind,
    ).toBe('unbounded');

    const infeasible = new ModelBuilder();
    const y = infeasible.variable('y', { upper: 1 });
    infeasible.constraint('floor', [{ variable: y, coefficient: 1 }], { lower: 2 });
    expect(
      javascriptLp.solve(infeasible.build('minimize', [{ variable: y, coefficient: 1 }]), NODES).kind,
    ).toBe('infeasible');
  });

  it('may name variables as the library names its own fields', () => {
    const builder = new ModelBuilder();
    const x = builder.variable('feasible', { upper: 3 });
    const y = builder.variable('result', { upper: 4 });
    const solution = javascriptLp.solve(
      builder.build('maximize', [
        { variable: x, coefficient: 1 },
        { variable: y, coefficient: 1 },
      ]),
      NODES,
    );
    expect(solution).toMatchObject({ kind: 'optimal', objective: 7 });
    expect(() => builder.variable('result')).toThrow('twice');
  });
});

const knapsack = (weights: readonly number[], values: readonly number[], capacity: number): LinearModel => {
  const builder = new ModelBuilder();
  weights.forEach((_, item) => builder.binary(`take ${item}`));
  builder.constraint(
    'capacity',
    weights.map((coefficient, variable) => ({ variable, coefficient })),
    { upper: capacity },
  );
  return builder.build(
    'maximize',
    values.map((coefficient, variable) => ({ variable, coefficient })),
  );
};

const bestSubset = (weights: readonly number[], values: readonly number[], capacity: number): number => {
  let best = 0;
  for (let subset = 0; subset < 2 ** weights.length; subset += 1) {
    const chosen = weights.map((_, item) => (subset >> item) & 1);
    const weight = chosen.reduce((sum, take, item) => sum + take * (weights[item] ?? 0), 0);
    const value = chosen.reduce((sum, take, item) => sum + take * (values[item] ?? 0), 0);
    if (weight <= capacity) best = Math.max(best, value);
  }
  return best;
};

describe('integer programs', () => {
  it('equals brute force on random knapsacks, with integral values', () => {
    const item = fc.record({
      weight: fc.integer({ min: 1, max: 30 }),
      value: fc.integer({ min: 1, max: 30 }),
    });
    fc.assert(
      fc.property(
        fc.array(item, { minLength: 1, maxLength: 9 }),
        fc.integer({ min: 0, max: 90 }),
        (items, capacity) => {
          const weights = items.map((i) => i.weight);
          const values = items.map((i) => i.value);
          const solution = javascriptLp.solve(knapsack(weights, values, capacity), NODES);
          expect(solution.kind).toBe('optimal');
          if (solution.kind !== 'optimal') return;
          expect(solution.objective).toBeCloseTo(bestSubset(weights, values, capacity), 6);
          expect(solution.values.every(Number.isInteger)).toBe(true);
        },
      ),
      { numRuns: 150, seed: 7 },
    );
  });

  it('finds no integer between the bounds (by hand: 0.2 ≤ x ≤ 0.8)', () => {
    const builder = new ModelBuilder();
    const x = builder.variable('x', { lower: 0.2, upper: 0.8, integer: true });
    expect(javascriptLp.solve(builder.build('minimize', [{ variable: x, coefficient: 1 }]), NODES).kind).toBe(
      'infeasible',
    );
  });

  it('stops at its node limit with what it has, and says how far from proof it is', () => {
    const weights = [7, 11, 13, 17, 19, 23, 29, 31];
    const solution = javascriptLp.solve(knapsack(weights, [8, 12, 13, 18, 19, 24, 29, 33], 75), { nodes: 6 });
    expect(['feasible', 'unknown']).toContain(solution.kind);
    if (solution.kind === 'feasible') expect(solution.bound).toBeGreaterThanOrEqual(solution.objective);
    expect(javascriptLp.solve(knapsack(weights, weights, 75), { nodes: 0 }).kind).toBe('unknown');
  });
});

describe('a backend that lies', () => {
  const model = knapsack([2, 3], [1, 1], 4);

  it('is not believed when its answer breaks a constraint', () => {
    const lie: Relaxation = () => ({ kind: 'solved', values: [1, 1], objective: 2 });
    expect(branchAndBound(model, lie, NODES)).toEqual({
      kind: 'unknown',
      reason: 'the answer breaks capacity',
    });
  });

  it('is named when it fails', () => {
    const failure: Relaxation = () => ({ kind: 'failed', reason: 'numbers overflow' });
    expect(branchAndBound(model, failure, NODES)).toEqual({ kind: 'unknown', reason: 'numbers overflow' });
  });

  it('passes with integers that are off by rounding alone', () => {
    expect(roundIntegers(model, [0.99999999, 1e-9])).toEqual([1, 0]);
    expect(violations(model, [0.99999999, 1e-9])).toEqual([]);
    expect(violations(model, [0.5, 0])).toEqual(['take 0 (not an integer)']);
    expect(violations(model, [2, 0])).toEqual(['take 0']);
    expect(violations(model, [Number.NaN, 0])).toContain('capacity');
  });
});
