import { describe, expect, it } from 'vitest';
import type { MeasuredLinks } from '../../src/cluster/cluster.ts';
import { createEstimator } from '../../src/cost/estimator.ts';
import { createOrderScore } from '../../src/cost/order-score.ts';
import { rankTable } from '../../src/strategy/rank-table.ts';
import type { Partition, Strategy } from '../../src/strategy/strategy.ts';
import { calibrationWith, clusterOf, model, problemOf, strategyOf } from '../cost/fixtures.ts';
import { seededRandom, shuffled } from '../strategies.ts';
import type { Random } from '../strategies.ts';
import { replay } from './measured-replay.ts';

/** bytes/s around 20 GB/s for a node, each direction of its own, some links sick. */
const randomLinks = (random: Random, nodes: number): MeasuredLinks => ({
  level: 'node',
  names: Array.from({ length: nodes }, (_, node) => `n${node}`),
  bandwidth: Array.from({ length: nodes }, (_, from) =>
    Array.from({ length: nodes }, (_, to) =>
      from === to ? NaN : 20e9 * Math.exp(random() - 0.5) * (random() < 0.1 ? 0.1 : 1),
    ),
  ),
  latency: null,
});

interface Case {
  readonly name: string;
  readonly nodes: number;
  readonly strategy: Partial<Strategy>;
  readonly partition: Partition;
}

const cases: readonly Case[] = [
  { name: 'data alone', nodes: 4, strategy: { tensor: 8, data: 4 }, partition: [[8]] },
  {
    name: 'pipeline alone',
    nodes: 4,
    strategy: { tensor: 8, data: 1, pipeline: 4 },
    partition: [[2], [2], [2], [2]],
  },
  { name: 'both', nodes: 8, strategy: { tensor: 8, data: 4, pipeline: 2 }, partition: [[4], [4]] },
  {
    name: 'uneven stages',
    nodes: 8,
    strategy: { tensor: 8, data: 2, pipeline: 4 },
    partition: [[1], [2], [3], [2]],
  },
  {
    name: 'two replicas on a node',
    nodes: 4,
    strategy: { tensor: 4, data: 4, pipeline: 2 },
    partition: [[3], [5]],
  },
  {
    name: 'pipelines inside data',
    nodes: 6,
    strategy: { tensor: 8, data: 3, pipeline: 2, rankOrder: 'tp-cp-ep-pp-dp' },
    partition: [[5], [3]],
  },
  {
    name: 'two stages on a node',
    nodes: 4,
    strategy: { tensor: 4, data: 4, pipeline: 2, rankOrder: 'tp-cp-ep-pp-dp' },
    partition: [[4], [4]],
  },
];

/** Elements of one rank, from the fixture's shapes: linears and tables divided by tensor, norms whole. */
const parametersOf = (layers: number, tensor: number, first: boolean, last: boolean): number => {
  const h = model.hidden;
  const table = (model.vocabularySize * h) / tensor;
  const layer = (4 * h * h + 3 * h * 4096) / tensor + 2 * h;
  return layers * layer + (first ? table : 0) + (last ? table + h : 0);
};

describe('a plan replayed from its rank table', () => {
  for (const [index, { name, nodes, strategy: change, partition }] of cases.entries())
    it(`takes the same iteration time: ${name}`, () => {
      const random = seededRandom(index + 1);
      const strategy = strategyOf({
        ...change,
        expertTensor: change.tensor ?? 1,
        sequenceParallel: true,
        sharding: 'none',
        overlapGradients: false,
        overlapParameters: false,
      });
      const calibration = calibrationWith();
      const { tensor, data, pipeline } = strategy;
      for (let round = 0; round < 6; round += 1) {
        const measured = randomLinks(random, nodes);
        const cluster = clusterOf(nodes, { measured });
        const problem = problemOf({ cluster }, { globalBatchSize: 8 * data });
        const hosts = round === 0 ? null : shuffled(random, nodes);
        const still = createEstimator({ ...problem, cluster: clusterOf(nodes) }, calibration);
        const costs = still.layerCosts(strategy);
        const [kind] = costs.kinds;
        const layers = partition.map(([count = 0]) => count);
        const pass = (way: 'forward' | 'backward'): number[] =>
          layers.map(
            (count, stage) =>
              count * (kind?.[way] ?? NaN) +
              (stage === 0 ? costs.embedding[way] : 0) +
              (stage === pipeline - 1 ? costs.head[way] : 0),
          );
        const parameters = layers.map((count, stage) =>
          parametersOf(count, tensor, stage === 0, stage === pipeline - 1),
        );
        const want = replay({
          rows: rankTable(cluster, { strategy, hosts, devices: null }),
          bandwidth: measured.bandwidth,
          near: 100e9,
          stages: pipeline,
          microBatches: 8,
          forward: pass('forward'),
          backward: pass('backward'),
          message: (2 * 4096 * model.hidden) / tensor,
          gradients: parameters.map((count) => 4 * count),
          // Fixture: 10 + 40 bytes for each parameter at 1 TB/s.
          step: parameters.map((count) => (50 * count) / 1e12),
        });
        const order = { hosts, devices: null };
        const found = createEstimator(problem, calibration).estimate(strategy, partition, order);
        expect(found.iterationTime / want).toBeCloseTo(1, 9);
        const sum = Object.values<number>({ ...found.time }).reduce((total, part) => total + part, 0);
        expect(sum / want).toBeCloseTo(1, 9);
        expect(createOrderScore(problem, calibration, strategy, partition)(order) / want).toBeCloseTo(1, 9);
      }
    });
});
