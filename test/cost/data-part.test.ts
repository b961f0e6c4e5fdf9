import { describe, expect, it } from 'vitest';
import { createDataParts } from '../../src/cost/data-part.ts';
import type { DataTable } from '../../src/cost/data-part.ts';
import { createLayerTables } from '../../src/cost/layer-set.ts';
import type { LayerSet } from '../../src/cost/layer-set.ts';
import type { Strategy } from '../../src/strategy/strategy.ts';
import { calibrationWith, clusterOf, moeModel, problemOf, strategyOf } from './fixtures.ts';

const problem = problemOf({ cluster: clusterOf(2), model: moeModel });
const tables = createLayerTables(problem, calibrationWith());

/** One-pass gradients of 4 bytes, all exposed: nothing is gathered, and no pass hides anything. */
const plain = { pipeline: 2, data: 8, sharding: 'none', overlapGradients: false } as const;

const setOf = (strategy: Strategy): LayerSet => {
  const [set] = tables.sets(strategy);
  if (set === undefined) throw new Error('no set');
  return set;
};

/** Billions of parameters of each stage. */
const tableOf = (
  sets: readonly LayerSet[],
  dense: readonly number[],
  expert: readonly number[],
  backward: readonly number[] = dense.map(() => 0),
): DataTable => ({
  sets: [...sets],
  dense: Float64Array.from(dense, (count) => count * 1e9),
  expert: Float64Array.from(expert, (count) => count * 1e9),
  backward: Float64Array.from(backward),
  backwardPorts: new Float64Array(dense.length),
});

describe('what follows the passes', () => {
  const strategy = strategyOf(plain);
  const set = setOf(strategy);
  /** All-reduce of 4 bytes a parameter among 8 GPUs at 100 GB/s: 70 ms for each billion. */
  const reduce = (2 * 0.875 * 4e9) / 100e9;

  it('is that of the stage with most parameters, wherever it stands', () => {
    const part = createDataParts();
    for (const dense of [
      [3, 1, 2],
      [1, 3, 2],
      [2, 1, 4],
      [5, 3, 3],
    ]) {
      const own = strategyOf({ ...plain, pipeline: 3 });
      const { exchange } = part(tableOf([set, set, set], dense, [0, 0, 0]), own, null);
      expect(exchange).toBeCloseTo(Math.max(...dense) * reduce, 12);
    }
  });

  it('tells stages apart that differ in experts alone', () => {
    const part = createDataParts();
    const of = (expert: readonly number[]): number =>
      part(tableOf([set, set], [1, 1], expert), strategy, null).exchange;
    expect(of([0, 0])).toBeCloseTo(reduce, 12);
    // Experts are reduced among the same eight ranks without expert parallelism.
    expect(of([0, 2])).toBeCloseTo(3 * reduce, 12);
    expect(of([1, 0])).toBeCloseTo(2 * reduce, 12);
    expect(of([0, 0])).toBeCloseTo(reduce, 12);
  });

  it('tells stages apart that differ in their groups alone', () => {
    const part = createDataParts();
    const half = setOf(strategyOf({ ...plain, data: 4 }));
    const of = (sets: readonly LayerSet[]): number =>
      part(tableOf(sets, [1, 1], [0, 0]), strategy, null).exchange;
    const less = (2 * 0.75 * 4e9) / 100e9;
    expect(of([half, half])).toBeCloseTo(less, 12);
    expect(of([half, set])).toBeCloseTo(reduce, 12);
    expect(of([half, half])).toBeCloseTo(less, 12);
  });

  it('over measured links counts each stage from when it is done, and waits for the longest step', () => {
    const part = createDataParts();
    const table = tableOf([set, set], [1, 2], [0, 0]);
    const together = part(table, strategy, [0, 0]);
    expect(together.exchange).toBeCloseTo(2 * reduce, 12);
    const ahead = part(table, strategy, [0, 1.5 * reduce]);
    expect(ahead.exchange).toBeCloseTo(reduce, 12);
    expect(ahead.step).toBe(together.step);
  });
});
