import { describe, expect, it } from 'vitest';
import { eplbLayer } from '../../src/placement/eplb.ts';
import { splitSlots } from '../../src/placement/place.ts';
import { maxOverMean } from '../../src/placement/score.ts';

/** Example of the README of deepseek-ai/EPLB: two layers of 12 experts, 16 replicas, 4 groups, 2 nodes, 8 GPUs. */
const LOADS = [
  [90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86],
  [20, 107, 104, 64, 19, 197, 187, 157, 172, 86, 16, 27],
];
const PLACED = [
  [5, 6, 5, 7, 8, 4, 3, 4, 10, 9, 10, 2, 0, 1, 11, 1],
  [7, 10, 6, 8, 6, 11, 8, 9, 2, 4, 5, 1, 5, 0, 3, 1],
];
const SHAPE = { replicas: 16, groups: 4, nodes: 2, gpus: 8 };

describe('EPLB', () => {
  it('gives what its README prints, slot for slot', () => {
    expect(LOADS.map((loads) => eplbLayer(loads, SHAPE))).toEqual(PLACED);
  });

  it('has the imbalance that its own code has: 1.2081 and 1.2422, with the global policy 1.0726 and 1.1903', () => {
    const value = (loads: readonly number[], groups: number): number =>
      maxOverMean(
        loads,
        splitSlots(eplbLayer(loads, { ...SHAPE, groups }), new Array<number>(8).fill(2)),
        new Array<number>(8).fill(1),
      );
    expect(LOADS.map((loads) => value(loads, 4).toFixed(4))).toEqual(['1.2081', '1.2422']);
    // Groups that do not divide among the nodes select the global policy.
    expect(LOADS.map((loads) => value(loads, 1).toFixed(4))).toEqual(['1.0726', '1.1903']);
  });

  it('refuses sizes that do not divide', () => {
    expect(() => eplbLayer(LOADS[0] ?? [], { ...SHAPE, replicas: 17 })).toThrow(RangeError);
  });
});
