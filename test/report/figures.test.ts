import { describe, expect, it } from 'vitest';
import { time, timeRange } from '../../src/report/figures.ts';

describe('times in words', () => {
  it.each([
    [12.345, '12.35 s'],
    [1, '1 s'],
    [0.4561, '456.1 ms'],
    [0.000_332_2, '0.3322 ms'],
    [1.197e-9, '0 ms'],
    [-0.25, '-250 ms'],
    [0, '0 ms'],
  ])('%d s is %s', (value, words) => {
    expect(time(value)).toBe(words);
  });

  it('gives a range in the unit of its lower end', () => {
    expect(timeRange(11.23, 13.41)).toBe('11.2–13.4 s');
    expect(timeRange(0.9, 1.1)).toBe('900–1100 ms');
  });
});
