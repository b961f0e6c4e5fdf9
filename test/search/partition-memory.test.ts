import { expect, it } from 'vitest';
import { reachOfStages } from '../../src/search/partition-memory.ts';
import type { PartitionProblem } from '../../src/search/partition-problem.ts';
import { partitionLayers } from '../../src/search/partition.ts';
import { strategyOf } from '../cost/fixtures.ts';
import { bytes } from '../../src/units.ts';

/** Bytes of the layers, and what each stage can hold. */
const weights = [2, 1, 2];
const problemOf = (): PartitionProblem => ({
  layers: [0, 1, 0],
  stages: 3,
  virtualStages: 1,
  vShaped: false,
  layerTime: [0, 1, 2].map(() => [1, 1]),
  stageTime: [0, 0, 0],
  layerMemory: [0, 1, 2].map(() => [1, 1]),
  memoryLimit: [Infinity, Infinity, Infinity],
  minimumLayers: { first: 0, middle: 1, last: 0 },
});

const reachWith = (room: readonly number[]) =>
  reachOfStages(problemOf(), strategyOf({ pipeline: 3 }), {
    stageExcess: (_strategy, partition, stage) => {
      const counts = partition.map((chunks) => chunks[0] ?? 0);
      const start = counts.slice(0, stage).reduce((sum, count) => sum + count, 0);
      const held = weights.slice(start, start + (counts[stage] ?? 0)).reduce((sum, each) => sum + each, 0);
      return bytes(held - (room[stage] ?? 0));
    },
  });

it('lets an early stage hold less than it could, where a later one can only hold a light layer', () => {
  // By hand: the first stage could hold two layers, the second then only a heavy one, for which it has no room.
  const reach = reachWith([3, 1, 2]);
  expect(reach).not.toBeNull();
  if (reach === null) return;
  expect(partitionLayers({ ...problemOf(), reach })?.partition).toEqual([[1], [1], [1]]);
});

it('says at once when stages that are filled in turn do not hold all layers', () => {
  expect(reachWith([2, 1, 1])).toBeNull();
});
