import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PairSplitter } from '../../src/placement/pair-split.ts';

const sumOf = (items: readonly number[], mask: number): number =>
  items.reduce((sum, item, index) => sum + ((mask >> index) & 1 ? item : 0), 0);
const sizeOf = (mask: number): number => mask.toString(2).replaceAll('0', '').length;

describe('splitting a pair of GPUs', () => {
  it('finds the subset of the asked size whose sum is nearest, as trying all subsets does', () => {
    const splitter = new PairSplitter();
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 2, maxLength: 11 }),
        fc.nat(10),
        fc.integer({ min: 0, max: 2000 }),
        (items, size, target) => {
          const take = 1 + (size % (items.length - 1));
          const mask = splitter.nearest(Float64Array.from(items), items.length, take, target);
          const masks = Array.from({ length: 1 << items.length }, (_, one) => one).filter(
            (one) => sizeOf(one) === take,
          );
          const least = Math.min(...masks.map((one) => Math.abs(sumOf(items, one) - target)));
          expect(sizeOf(mask)).toBe(take);
          expect(Math.abs(sumOf(items, mask) - target)).toBe(least);
        },
      ),
      { numRuns: 300, seed: 1 },
    );
  });

  it('handles 24 items', () => {
    const items = Float64Array.from({ length: 24 }, (_, index) => 2 ** (index % 12));
    const mask = new PairSplitter().nearest(items, 24, 12, 4095);
    expect(sizeOf(mask)).toBe(12);
    expect(sumOf(Array.from(items), mask)).toBe(4095);
  });
});
