import { describe, expect, it } from 'vitest';
import { bestStride, offloadedUpdateTime } from '../../src/cost/optimizer-offload.ts';

describe('optimizer states on the host', () => {
  it('3e9 parameters at 1e9 a second on the host take 3 s', () => {
    expect(offloadedUpdateTime(3e9, 0, { host: 1e9, device: 2e9 })).toBeCloseTo(3, 12);
  });

  it('every second group on a GPU of twice the rate: half of 3 s and half of 1.5 s', () => {
    expect(offloadedUpdateTime(3e9, 2, { host: 1e9, device: 2e9 })).toBeCloseTo(2.25, 12);
  });

  it('published medians of 7B on four A100: a/b = 1543/1176 ms make 1360 ms at stride 2, measured 1338', () => {
    const rates = { host: 1 / 1.543, device: 1 / 1.176 };
    expect(offloadedUpdateTime(1, 2, rates)).toBeCloseTo(1.3595, 4);
  });

  it('moves more where the GPU is faster, less where it is not', () => {
    expect(bestStride([2, 3, 4, 8], { host: 1e9, device: 2e9 })).toBe(2);
    expect(bestStride([2, 3, 4, 8], { host: 2e9, device: 1e9 })).toBe(8);
    expect(bestStride([2, 3, 4, 8], { host: 1e9, device: 1e9 })).toBe(8);
  });
});
