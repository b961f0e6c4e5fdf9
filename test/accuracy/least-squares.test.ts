import { describe, expect, it } from 'vitest';
import { robustFit, solveSymmetric } from '../../src/accuracy/least-squares.ts';

describe('symmetric systems', () => {
  it('4x + 2y = 10, 2x + 3y = 11 has x = 1, y = 3', () => {
    const [x, y] = solveSymmetric(
      [
        [4, 2],
        [2, 3],
      ],
      [10, 11],
    );
    expect(x).toBeCloseTo(1, 12);
    expect(y).toBeCloseTo(3, 12);
  });
});

describe('robust fit', () => {
  const free = { low: [-10], high: [10], soft: 0.1, centre: [0], pull: [1e-9] };
  const row = (error: number): { error: number; slopes: readonly number[]; weight: number } => ({
    error,
    slopes: [1],
    weight: 1,
  });

  it('finds the shift that all rows agree on', () => {
    expect(robustFit({ ...free, rows: [row(-0.3), row(-0.3)] })[0]).toBeCloseTo(0.3, 4);
  });

  it('one wild row does not move it far: the soft loss grows linearly', () => {
    const [x] = robustFit({ ...free, rows: [row(0), row(0), row(0), row(0), row(-5)] });
    expect(x).toBeGreaterThan(0);
    expect(x).toBeLessThan(0.05);
  });

  it('holds the range, and falls back to the centre without rows', () => {
    expect(robustFit({ ...free, high: [0.1], rows: [row(-0.3)] })[0]).toBe(0.1);
    expect(robustFit({ ...free, centre: [0.7], rows: [] })[0]).toBeCloseTo(0.7, 6);
  });

  it('weighs rows: three to one puts the quadratic optimum at a quarter', () => {
    const rows = [{ ...row(0), weight: 3 }, row(-0.4)];
    expect(robustFit({ ...free, soft: 1e6, rows })[0]).toBeCloseTo(0.1, 6);
  });
});
