import { describe, expect, it } from 'vitest';
import type { Cluster, MeasuredLinks } from '../../src/cluster/cluster.ts';
import { launchedCluster } from '../../src/cluster/launch-order.ts';
import { matrixOfRows, measuredAtMedian, nodeMatrix } from '../../src/cluster/measured-links.ts';
import { UNUSABLE_RATE, rateAt } from '../../src/cluster/measured-rates.ts';
import { surveyLinks } from '../../src/cluster/measured-tiers.ts';
import { createTopology } from '../../src/cluster/topology.ts';
import { createEstimator } from '../../src/cost/estimator.ts';
import { ampTime, criticalPathTime, periodOf, pipetteTime } from '../../src/cost/latency-forms.ts';
import { communicationShape, communicationTime } from '../../src/cost/link-objective.ts';
import { bytes } from '../../src/units.ts';
import { calibrationWith, clusterOf, moeModel, problemOf, strategyOf } from '../cost/fixtures.ts';
import { cluster as sampleCluster, nodes } from './sample-cluster.ts';

const links = (rows: readonly (readonly number[])[], level: 'node' | 'gpu' = 'node'): MeasuredLinks => ({
  level,
  names: rows.map((_, index) => `n${index}`),
  bandwidth: rows.map((row) => row.map((value) => value * 1e9)),
  latency: null,
});

const even = (count: number, rate: number): number[][] =>
  Array.from({ length: count }, (_, from) =>
    Array.from({ length: count }, (__, to) => (from === to ? NaN : rate)),
  );

const withLinks = (count: number, measured: MeasuredLinks): Cluster =>
  sampleCluster([nodes(count)], { measured });

describe('rings', () => {
  // Eight tensor ranks a node, each with a ring of its own over four nodes: an arc is divided by eight.
  const family = { world: 32, size: 4, stride: 8 };

  it('run at the slowest arc, divided among those that share it', () => {
    const rows = even(4, 40);
    (rows[2] as number[])[3] = 16;
    const span = createTopology(withLinks(4, links(rows))).groupSpan(family);
    expect(span.outside?.measured?.ring).toEqual([2e9]);
    expect(span.outside?.bottleneck).toBe('n2 → n3');
  });

  it('do not feel a link that they do not cross, nor the other direction of one that they do', () => {
    const rows = even(4, 40);
    (rows[3] as number[])[2] = 1;
    (rows[0] as number[])[2] = 1;
    expect(createTopology(withLinks(4, links(rows))).groupSpan(family).outside?.measured?.ring).toEqual([
      5e9,
    ]);
  });

  it('feel the order of hosts', () => {
    const rows = even(4, 40);
    (rows[1] as number[])[2] = 16;
    const cluster = withLinks(4, links(rows));
    const rate = (hosts: readonly number[]) =>
      createTopology(launchedCluster(cluster, { hosts, devices: null })).groupSpan(family).outside?.measured
        ?.ring[0];
    expect(rate([0, 1, 2, 3])).toBe(2e9);
    expect(rate([0, 2, 1, 3])).toBe(5e9);
    expect(rate([3, 2, 1, 0])).toBe(5e9);
  });

  it('take the rate of the size of the message', () => {
    const measured: MeasuredLinks = {
      ...links(even(2, 40)),
      bySize: [
        { message: bytes(1e6), bandwidth: links(even(2, 8)).bandwidth },
        { message: bytes(1e8), bandwidth: links(even(2, 16)).bandwidth },
      ],
    };
    const span = createTopology(withLinks(2, measured)).groupSpan({ world: 16, size: 2, stride: 8 });
    const { messages = [], ring = [] } = span.outside?.measured ?? {};
    expect(ring).toEqual([1e9, 2e9]);
    // Half-way between 10⁶ and 10⁸ on a logarithmic scale; the ends beyond.
    expect(rateAt(messages, ring, 1e7)).toBeCloseTo(1.5e9, 3);
    expect(rateAt(messages, ring, 1)).toBe(1e9);
    expect(rateAt(messages, ring, 1e12)).toBe(2e9);
  });
});

describe('all-to-all', () => {
  it('divides links and ports by all pairs of ranks over them', () => {
    // One group of 16 over two nodes: 64 flows each way over 64 GB/s; a rank sends to 8 others there: 8 GB/s.
    const span = createTopology(withLinks(2, links(even(2, 64)))).groupSpan({
      world: 16,
      size: 16,
      stride: 1,
    });
    expect(span.outside?.measured?.allToAll()).toEqual([8e9]);
  });

  it('waits for the slowest pair of nodes', () => {
    const rows = even(3, 64);
    (rows[0] as number[])[2] = 16;
    // 64 flows over 16 GB/s: 0.25 GB/s each, to 16 remote ranks.
    const span = createTopology(withLinks(3, links(rows))).groupSpan({ world: 24, size: 24, stride: 1 });
    expect(span.outside?.measured?.allToAll()).toEqual([4e9]);
  });
});

describe('between GPUs', () => {
  const rows = [
    [0, 275, 21, 21],
    [275, 0, 21, 21],
    [21, 21, 0, 275],
    [21, 21, 275, 0],
  ];
  const cluster = sampleCluster([nodes(1, { perNode: 4 })], { measured: links(rows, 'gpu') });
  const rate = (devices: readonly number[]) =>
    createTopology(launchedCluster(cluster, { hosts: null, devices: [devices] })).groupSpan({
      world: 4,
      size: 2,
      stride: 1,
    }).inside?.measured?.ring[0];

  it('the order of devices decides which pairs talk', () => {
    expect(rate([0, 1, 2, 3])).toBe(275e9);
    expect(rate([0, 2, 1, 3])).toBe(21e9);
  });

  it('the rails of two nodes add up, no higher than their ports', () => {
    const two = sampleCluster([nodes(2, { perNode: 2, nics: { ...nodes(1).nics, count: 2 } })], {
      measured: links(even(4, 30), 'gpu'),
    });
    expect(nodeMatrix(two)?.bandwidth(0, 1)).toBe(60e9);
    const thin = sampleCluster([nodes(2, { perNode: 2, nics: { ...nodes(1).nics, count: 1 } })], {
      measured: links(even(4, 30), 'gpu'),
    });
    expect(nodeMatrix(thin)?.bandwidth(0, 1)).toBe(50e9);
  });

  it('an order that is none is refused', () => {
    expect(() => rate([0, 0, 1, 2])).toThrow(RangeError);
    expect(() => launchedCluster(cluster, { hosts: [1], devices: null })).toThrow(RangeError);
  });
});

describe('unusable links', () => {
  const rows = even(4, 40);
  (rows[1] as number[])[2] = 0;
  const problem = problemOf({ cluster: clusterOf(4, { measured: links(rows) }) }, { globalBatchSize: 32 });
  const strategy = strategyOf({ tensor: 8, data: 4 });
  const estimator = createEstimator(problem, calibrationWith());

  it('make a plan that needs them infeasible, and are named', () => {
    const { feasible, reasons, iterationTime } = estimator.estimate(strategy, [[8]]);
    expect(feasible).toBe(false);
    expect(reasons).toEqual(['needs links that the measurement lacks or calls dead: n1 → n2']);
    expect(iterationTime).toBeLessThan(Infinity);
    expect(estimator.evaluate(strategy, [[8]]).feasible).toBe(false);
    expect(UNUSABLE_RATE).toBeLessThan(1e9);
  });

  it('do not matter to an order that avoids them', () => {
    expect(estimator.estimate(strategy, [[8]], { hosts: [0, 2, 1, 3], devices: null }).feasible).toBe(true);
  });
});

describe('stages on their own links', () => {
  it('evaluate says to the last bit what the breakdown says, for any partition and recomputation', () => {
    const rows = even(4, 40);
    (rows[0] as number[])[1] = 9;
    (rows[2] as number[])[3] = 5;
    const problem = problemOf({ cluster: clusterOf(4, { measured: links(rows) }) }, { globalBatchSize: 64 });
    const estimator = createEstimator(problem, calibrationWith());
    const strategies = [
      strategyOf({ tensor: 4, pipeline: 4, data: 2, microBatchGroup: 4 }),
      strategyOf({ tensor: 8, pipeline: 4, data: 1, recompute: { kind: 'full-block', layers: 1 } }),
      strategyOf({ tensor: 8, pipeline: 4, data: 1, schedule: 'gpipe', recompute: { kind: 'full' } }),
    ];
    for (const strategy of strategies)
      for (const partition of [
        [[2], [2], [2], [2]],
        [[1], [3], [2], [2]],
        [[0], [3], [3], [2]],
      ])
        expect(estimator.evaluate(strategy, partition).iterationTime).toBe(
          estimator.estimate(strategy, partition).iterationTime,
        );
  });

  it('layers cost more where the experts of a stage are exchanged over a slow link', () => {
    const rows = even(4, 40);
    for (const [a, b] of [[2, 3] as const, [3, 2] as const]) (rows[a] as number[])[b] = 4;
    const problem = problemOf(
      { model: moeModel, cluster: clusterOf(4, { measured: links(rows) }) },
      { globalBatchSize: 64 },
    );
    const strategy = strategyOf({ data: 16, pipeline: 2, expert: 16 });
    const [first, second] = createEstimator(problem, calibrationWith()).stageCosts(strategy);
    expect((second?.kinds[0]?.forward ?? 0) / (first?.kinds[0]?.forward ?? 0)).toBeGreaterThan(2);
  });

  it('changes nothing where nothing is measured', () => {
    const problem = problemOf({ cluster: clusterOf(4) }, { globalBatchSize: 64 });
    const strategy = strategyOf({ tensor: 8, data: 2, pipeline: 2 });
    const estimator = createEstimator(problem, calibrationWith());
    const moved = estimator.estimate(strategy, [[4], [4]], { hosts: [3, 1, 0, 2], devices: null });
    expect(moved.iterationTime).toBe(estimator.iterationTime(strategy, [[4], [4]]));
  });
});

describe('the communication of an order', () => {
  const rows = even(4, 10);
  (rows[0] as number[])[1] = 5;
  (rows[1] as number[])[3] = 4;
  const cluster = clusterOf(4, { measured: links(rows) });
  const problem = problemOf({ cluster });
  const matrix = nodeMatrix(cluster) ?? matrixOfRows([], []);

  it('is the largest ring and the largest pipeline, by hand', () => {
    const strategy = strategyOf({ tensor: 8, data: 2, pipeline: 2 });
    const time = communicationTime(communicationShape(problem, cluster, strategy, [[4], [4]]), matrix);
    // Stage 0 on nodes 0 and 1, stage 1 on 2 and 3; replica r goes from r to r + 2.
    const layer = 4 * 1024 ** 2 + 3 * 1024 * 4096 + 2 * 1024;
    const table = 32768 * 1024;
    const gradients = [4 * (4 * layer + table), 4 * (4 * layer + table + 1024)];
    expect(time.data).toBeCloseTo(Math.max((gradients[0] ?? 0) / 5e9, (gradients[1] ?? 0) / 10e9), 12);
    // 4096 tokens of 1024 elements of 2 bytes, both ways over the 4 GB/s of 1 → 3.
    expect(time.pipeline).toBeCloseTo((2 * 4096 * 1024 * 2) / 4e9, 12);
    expect(time.total).toBe(time.data + time.pipeline);
  });

  it('counts an order as the matrix in that order counts its own', () => {
    const shape = communicationShape(problem, cluster, strategyOf({ tensor: 8, data: 4 }), [[8]]);
    const order = [2, 0, 3, 1];
    const inOrder = matrixOfRows(
      order.map((node) => `n${node}`),
      order.map((from) => order.map((to) => (from === to ? NaN : matrix.bandwidth(from, to)))),
    );
    expect(communicationTime(shape, matrix, order).total).toBe(communicationTime(shape, inOrder).total);
  });

  it('is nothing inside one node', () => {
    const strategy = strategyOf({ tensor: 4, data: 2 });
    expect(communicationTime(communicationShape(problem, cluster, strategy, [[8]]), matrix).total).toBe(0);
  });
});

describe('forms of the literature', () => {
  const terms = (hops: readonly number[]) => ({
    microBatches: 256,
    stages: Array.from({ length: 8 }, () => 3),
    hops,
    data: [0],
  });
  const even8 = Array.from({ length: 7 }, () => 0.2);

  it('period: one slow link costs its time wherever it is', () => {
    for (let slow = 0; slow < 7; slow += 1)
      expect(periodOf(terms(even8.map((_, hop) => (hop === slow ? 1.5 : 0.1))))).toBeCloseTo(4.5, 12);
    expect(periodOf(terms(even8))).toBeCloseTo(3.35, 12);
    expect(criticalPathTime(terms(even8))).toBeCloseTo(881, 9);
  });

  it('by hand: Pipette (m∕p)(p·C + T) + (p−1)C, AMP (m−1)C + ΣC + T', () => {
    expect(pipetteTime(terms(even8))).toBeCloseTo(32 * (24 + 2.8) + 21, 9);
    expect(ampTime(terms(even8))).toBeCloseTo(255 * 3 + 24 + 2.8, 9);
  });
});

describe('what a matrix shows', () => {
  const racks = Array.from({ length: 8 }, (_, from) =>
    Array.from({ length: 8 }, (__, to) =>
      from === to ? NaN : Math.floor(from / 4) === Math.floor(to / 4) ? 40 : 20,
    ),
  );

  it('tiers, by the fall of the merging rate', () => {
    const { tiers, slowLinks, slowEnds } = surveyLinks(links(racks));
    expect(tiers).toEqual([
      {
        groups: [
          [0, 1, 2, 3],
          [4, 5, 6, 7],
        ],
        inside: 40e9,
        between: 20e9,
      },
    ]);
    expect(slowLinks).toEqual([]);
    expect(slowEnds).toEqual([]);
  });

  it('none in an even matrix, nor because of one sick node', () => {
    expect(surveyLinks(links(even(6, 30))).tiers).toEqual([]);
    const rows = even(6, 30).map((row, from) =>
      row.map((value, to) => (from === 2 || to === 2 ? value / 3 : value)),
    );
    const survey = surveyLinks(links(rows));
    expect(survey.tiers).toEqual([]);
    expect(survey.slowEnds).toEqual([{ index: 2, share: 1 / 3 }]);
  });

  it('a slow link of its kind, not the links between racks', () => {
    const rows = racks.map((row) => [...row]);
    (rows[0] as number[])[5] = 10;
    const survey = surveyLinks(links(rows));
    expect(survey.slowLinks).toEqual([{ from: 0, to: 5, bandwidth: 10e9, share: 0.5 }]);
    expect(survey.asymmetry).toBe(2);
  });

  it('the same cluster at the median keeps what is unusable', () => {
    const rows = even(3, 10);
    (rows[0] as number[])[1] = 0;
    (rows[1] as number[])[2] = 30;
    const { measured } = measuredAtMedian(withLinks(3, links(rows)));
    expect(measured?.bandwidth[0]?.[1]).toBe(0);
    expect(measured?.bandwidth[1]?.[2]).toBe(10e9);
  });
});
