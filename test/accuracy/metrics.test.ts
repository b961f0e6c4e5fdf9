/** Figures worked out by hand from the definitions: error = predicted ∕ measured − 1; Kendall τ over pairs more than 5 % apart. */
import { describe, expect, it } from 'vitest';
import { detection, errorStatistics, median, upperLimit } from '../../src/accuracy/metrics.ts';
import {
  kendallTau,
  scoreSweep,
  summarizeOrderings,
  summarizeSweeps,
  topRegret,
} from '../../src/accuracy/sweeps.ts';

const pair = (measured: number, predicted: number): { measured: number; predicted: number } => ({
  measured,
  predicted,
});

describe('error statistics', () => {
  it('median, mean and bias of −10 %, +20 %, +30 %', () => {
    const statistics = errorStatistics([pair(10, 9), pair(10, 12), pair(10, 13)]);
    expect(statistics.count).toBe(3);
    expect(statistics.median).toBeCloseTo(0.2, 12);
    expect(statistics.mean).toBeCloseTo(0.2, 12);
    expect(statistics.bias).toBeCloseTo(0.4 / 3, 12);
  });

  it('the median of an even number lies between the middle two', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNull();
  });

  it('no rows, no figures', () => {
    expect(errorStatistics([])).toEqual({ count: 0, median: null, mean: null, bias: null });
  });
});

describe('upper limit', () => {
  const counted = (n: number): readonly number[] => Array.from({ length: n }, (_, index) => n - index);

  it('is the order statistic that a further value passes so seldom', () => {
    // ⌈0.995 · 200⌉ = 199 of 199 values, ⌈0.995 · 401⌉ = 399 of 400.
    expect(upperLimit(counted(199), 0.995)).toBe(199);
    expect(upperLimit(counted(400), 0.995)).toBe(399);
    expect(upperLimit(counted(9), 0.5)).toBe(5);
  });

  it('is the largest of too few, and none of none', () => {
    expect(upperLimit(counted(12), 0.995)).toBe(12);
    expect(upperLimit([], 0.995)).toBeNull();
  });
});

describe('sweeps', () => {
  it('a right order is 1, a reversed one −1', () => {
    expect(kendallTau([pair(1, 10), pair(2, 20), pair(3, 30)])).toEqual({ pairs: 3, tau: 1 });
    expect(kendallTau([pair(1, 30), pair(2, 20), pair(3, 10)])).toEqual({ pairs: 3, tau: -1 });
  });

  it('pairs within 5 % do not count; a predicted tie counts as neither', () => {
    // 100 and 104 are no pair; 100 with 120 is right, 104 with 120 is tied.
    expect(kendallTau([pair(100, 1), pair(104, 2), pair(120, 2)])).toEqual({ pairs: 2, tau: 0.5 });
    expect(kendallTau([pair(100, 1), pair(101, 2)])).toEqual({ pairs: 0, tau: null });
  });

  it('regret is the measured time of the predicted best over the best; a tie counts its worst', () => {
    expect(topRegret([pair(10, 2), pair(12, 1), pair(15, 3)])).toBeCloseTo(0.2, 12);
    expect(topRegret([pair(10, 1), pair(15, 1)])).toBeCloseTo(0.5, 12);
    expect(scoreSweep({ key: 'k', rows: [pair(10, 1), pair(20, 2)] })).toEqual({
      key: 'k',
      rows: 2,
      pairs: 1,
      kendallTau: 1,
      regret: 0,
    });
  });

  it('four rows are no sweep, five are', () => {
    const rows = [1, 2, 3, 4, 5].map((value) => pair(value, value));
    const { summary } = summarizeSweeps([
      { key: 'a', rows },
      { key: 'b', rows: rows.slice(1) },
    ]);
    expect(summary).toMatchObject({ sweeps: 1, kendallTau: 1, regret: 0 });
  });
});

describe('detection of runs that do not fit', () => {
  it('recall 2 of 3, precision 2 of 4', () => {
    const cases = [
      { real: true, alarm: true },
      { real: true, alarm: true },
      { real: true, alarm: false },
      { real: false, alarm: true },
      { real: false, alarm: true },
      { real: false, alarm: false },
    ];
    expect(detection(cases)).toEqual({
      positives: 3,
      found: 2,
      falseAlarms: 2,
      recall: 2 / 3,
      precision: 0.5,
    });
    expect(detection([])).toMatchObject({ recall: null, precision: null });
  });
});

describe('orderings of a few methods', () => {
  it('counts pairs and best methods over groups of two and more; a tie is wrong', () => {
    const groups = [
      [pair(1, 1), pair(2, 2), pair(3, 1.5)],
      [pair(1, 2), pair(2, 2)],
      [pair(1, 1), pair(1.01, 5)],
    ];
    expect(summarizeOrderings(groups)).toEqual({ groups: 2, pairs: 4, right: 2, bestFound: 1 });
  });
});
