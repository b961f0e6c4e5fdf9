import { describe, expect, it } from 'vitest';
import { expertData, gpusUsed, microBatches } from '../../src/strategy/strategy.ts';
import { strategy } from './sample-strategy.ts';

// By hand: 2 · 3 · 5 · 7 = 210 ranks; 210 / (2 · 5 · 7) = 3; 120 / (5 · 4) = 6.
const layout = strategy({
  tensor: 2,
  context: 3,
  data: 5,
  pipeline: 7,
  expert: 5,
  expertTensor: 2,
  microBatchSize: 4,
});

describe('strategy', () => {
  it('occupies tensor × context × data × pipeline ranks', () => {
    expect(gpusUsed(layout)).toBe(210);
  });

  it('leaves to expert data parallelism what the expert axes do not take', () => {
    expect(expertData(layout)).toBe(3);
    expect(expertData({ ...layout, expert: 4 })).toBe(3.75);
  });

  it('divides the batch over replicas and micro-batches', () => {
    expect(microBatches(layout, 120)).toBe(6);
    expect(microBatches(layout, 130)).toBe(6.5);
  });
});
