import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadHighs } from '../../src/solver/highs.ts';
import { javascriptLp } from '../../src/solver/javascript-lp.ts';
import { ModelBuilder, type LinearModel } from '../../src/solver/linear-model.ts';
import type { SolverBackend } from '../../src/solver/solution.ts';

let highs: SolverBackend;
beforeAll(async () => {
  highs = await loadHighs();
});

const knapsack = (weights: readonly number[], values: readonly number[], room: number): LinearModel => {
  const builder = new ModelBuilder();
  const items = weights.map((_, index) => builder.binary(`x${index}`));
  builder.constraint(
    'room',
    items.map((variable, index) => ({ variable, coefficient: weights[index] ?? 0 })),
    { upper: room },
  );
  return builder.build(
    'maximize',
    items.map((variable, index) => ({ variable, coefficient: values[index] ?? 0 })),
  );
};

describe('HiGHS', () => {
  it('solves the Wyndor Glass program: x = 2, y = 6, 36 (Hillier & Lieberman)', () => {
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
    const model = builder.build('maximize', [
      { variable: x, coefficient: 3 },
      { variable: y, coefficient: 5 },
    ]);
    const solution = highs.solve(model, { nodes: 10 });
    expect(solution).toMatchObject({ kind: 'optimal', values: [2, 6] });
    if (solution.kind === 'optimal') expect(solution.objective).toBeCloseTo(36, 9);
  });

  it('gives integers that are integers, and agrees with javascript-lp-solver on knapsacks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 30 })), {
          minLength: 2,
          maxLength: 8,
        }),
        fc.integer({ min: 5, max: 60 }),
        (items, room) => {
          const model = knapsack(
            items.map(([weight]) => weight),
            items.map(([, value]) => value),
            room,
          );
          const [ours, theirs] = [
            highs.solve(model, { nodes: 10_000 }),
            javascriptLp.solve(model, { nodes: 10_000 }),
          ];
          expect(ours.kind).toBe('optimal');
          if (ours.kind !== 'optimal' || theirs.kind !== 'optimal') return;
          expect(ours.values.every(Number.isInteger)).toBe(true);
          expect(ours.objective).toBeCloseTo(theirs.objective, 9);
        },
      ),
      { numRuns: 40, seed: 1 },
    );
  });

  it('tells infeasible, unbounded and empty models apart', () => {
    const infeasible = new ModelBuilder();
    const x = infeasible.variable('x', { upper: 1 });
    infeasible.constraint('two', [{ variable: x, coefficient: 1 }], { lower: 2 });
    expect(highs.solve(infeasible.build('minimize', []), { nodes: 1 }).kind).toBe('infeasible');
    const unbounded = new ModelBuilder();
    const y = unbounded.variable('y');
    expect(['unbounded', 'unknown']).toContain(
      highs.solve(unbounded.build('maximize', [{ variable: y, coefficient: 1 }]), { nodes: 1 }).kind,
    );
    expect(highs.solve(new ModelBuilder().build('minimize', []), { nodes: 1 })).toMatchObject({
      kind: 'optimal',
      objective: 0,
    });
    const impossible = new ModelBuilder();
    impossible.constraint('nothing', [], { lower: 1 });
    expect(highs.solve(impossible.build('minimize', []), { nodes: 1 }).kind).toBe('infeasible');
  });

  it('adds up terms that name a variable twice', () => {
    const builder = new ModelBuilder();
    const x = builder.variable('x');
    builder.constraint(
      'twice',
      [
        { variable: x, coefficient: 1 },
        { variable: x, coefficient: 1 },
      ],
      { lower: 6 },
    );
    expect(
      highs.solve(builder.build('minimize', [{ variable: x, coefficient: 1 }]), { nodes: 1 }),
    ).toMatchObject({ kind: 'optimal', values: [3] });
  });

  it('solves hundreds of small models in one instance', () => {
    for (let index = 0; index < 300; index += 1) {
      const solution = highs.solve(knapsack([2, 3, 4], [3, 4, 5 + (index % 3)], 5), { nodes: 100 });
      expect(solution).toMatchObject({ kind: 'optimal', values: [1, 1, 0] });
    }
  });
});
