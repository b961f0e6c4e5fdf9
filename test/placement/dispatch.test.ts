import { describe, expect, it } from 'vitest';
import { nearestMaxOverMean, rotatedMaxOverMean } from '../../src/placement/dispatch.ts';

/** Two nodes of two GPUs. */
const gpus = { slots: [2, 2, 2, 2], perNode: 2, speeds: [1, 1, 1, 1] };
const placement = [
  [0, 1],
  [0, 2],
  [3, 4],
  [0, 5],
];
const loads = [12, 4, 4, 4, 4, 0];

describe('how tokens really reach replicas', () => {
  // By hand: expert 0 is on GPUs 0, 1 and 3, 12 tokens, 3 from each GPU. Nearest: 0 → 0, 1 → 1, 2 → 3 (its node), 3 → 3:
  // 3, 3, 0, 6 tokens. With the others 7, 7, 8, 6 of a mean of 7.
  it('by the nearest replica', () => {
    expect(nearestMaxOverMean(loads, placement, gpus)).toBeCloseTo(8 / 7, 12);
  });

  // By rank modulo three replicas: 0 → 0, 1 → 1, 2 → 3, 3 → 0: 6, 3, 0, 3 tokens. With the others 10, 7, 8, 3.
  it('by rank modulo replicas', () => {
    expect(rotatedMaxOverMean(loads, placement, gpus)).toBeCloseTo(10 / 7, 12);
  });

  it('as an equal split where every GPU is far from all replicas', () => {
    // A single GPU a node: expert 0 on GPUs 0 and 1; GPU 2 sends half to each. 4 + 2, 4 + 2, 0, and 6, 6, 12 on their own.
    const apart = { slots: [2, 2, 1], perNode: 1, speeds: [1, 1, 1] };
    expect(nearestMaxOverMean([12, 6, 6, 12], [[0, 1], [0, 2], [3]], apart)).toBeCloseTo(1, 12);
  });
});
