import { describe, expect, it } from 'vitest';
import type { MeasuredLinks } from '../../src/cluster/cluster.ts';
import { launchedCluster } from '../../src/cluster/launch-order.ts';
import { simulatePipeline } from '../../src/cost/schedule-simulation.ts';
import { defaultCalibration } from '../../src/ingest/calibration.ts';
import type { Problem, SearchOptions } from '../../src/plan/problem.ts';
import { createSearchCosts } from '../../src/search/costs.ts';
import { searchPlans } from '../../src/search/search.ts';
import type { SearchOutcome } from '../../src/search/search-types.ts';
import { seededRandom } from '../../src/placement/random.ts';
import { loadSpec } from '../../src/spec/load.ts';
import { nearEvenPartition } from '../../src/strategy/layer-split.ts';
import type { Partition, Strategy } from '../../src/strategy/strategy.ts';
import { seconds } from '../../src/units.ts';
import { repositoryPath } from '../shared-data.ts';
import { presetCluster, presetModel, problemOf } from './problems.ts';

const calibration = defaultCalibration();

const search = (problem: Problem): SearchOutcome =>
  searchPlans(problem, createSearchCosts(problem, calibration));

const links = (nodes: number, rate: (from: number, to: number) => number): MeasuredLinks => ({
  level: 'node',
  names: Array.from({ length: nodes }, (_, node) => `n${node}`),
  bandwidth: Array.from({ length: nodes }, (_, from) =>
    Array.from({ length: nodes }, (__, to) => (from === to ? Number.NaN : rate(from, to))),
  ),
  latency: null,
});

/** Few strategies, so that a search is quick: recomputation and switches fixed. */
const narrow: Partial<SearchOptions> = {
  top: 3,
  limits: {
    tensor: [8],
    recompute: ['full'],
    virtualStages: [1],
    schedule: ['1f1b'],
    context: [1],
    sharding: ['optimizer'],
    offload: ['none'],
  },
};

const problemOn = (measured: MeasuredLinks, options: Partial<SearchOptions> = {}, changes = {}): Problem =>
  problemOf(
    presetModel('llama2-7b', 16),
    presetCluster('h100-sxm-80gb', measured.names.length, { measured, ...changes }),
    { globalBatchSize: 64 },
    { ...narrow, dedication: 'nodes', ...options },
  );

describe('strategy and order of hosts together', () => {
  it('changes nothing on equal links, and says the same as without dedication', () => {
    const measured = links(4, () => 40e9);
    expect(search(problemOn(measured))).toEqual(search(problemOn(measured, { dedication: 'none' })));
  });

  it('routes around a slow pair, and ranks by the time after dedication', () => {
    // Hosts 0 and 1 must not be neighbours.
    const measured = links(4, (from, to) => (from + to === 1 ? 1e9 : 40e9));
    const before = search(problemOn(measured, { dedication: 'none' }));
    const problem = problemOn(measured);
    const after = search(problem);
    const [first] = after.plans;
    expect(first?.estimate.iterationTime).toBeLessThan(before.plans[0]?.estimate.iterationTime ?? 0);
    expect(first?.dedication.communication).toBeLessThanOrEqual(first?.dedication.hostOrder ?? 0);
    expect(first?.dedication.lowerBound).toBeLessThanOrEqual(first?.dedication.communication ?? 0);
    const times = after.plans.map(({ estimate }) => estimate.iterationTime);
    expect([...times].sort((a, b) => a - b)).toEqual(times);
    for (const { strategy, partition, hosts, devices, estimate } of after.plans) {
      const cluster = launchedCluster(problem.cluster, { hosts, devices });
      const again = createSearchCosts({ ...problem, cluster }, calibration);
      expect(again.iterationTime(strategy, partition)).toBeCloseTo(estimate.iterationTime, 12);
    }
  });

  it('minimises the communication where that is the objective', () => {
    const random = seededRandom(5);
    const rates = Array.from({ length: 16 }, () => 10e9 * (1 + random()));
    const measured = links(4, (from, to) => rates[4 * from + to] ?? 0);
    const byCommunication = search(problemOn(measured, { dedicationObjective: 'communication' }));
    for (const plan of byCommunication.plans) {
      expect(plan.dedication.gap).toBeLessThan(1e-9);
      expect(plan.dedication.communication).toBeCloseTo(plan.dedication.lowerBound, 12);
    }
  });

  it('leaves out a node whose links are all bad, and says so', () => {
    // Five nodes, of which number 3 reaches the others at a twentieth.
    const measured = links(5, (from, to) => (from === 3 || to === 3 ? 1e9 : 20e9));
    const outcome = search(problemOn(measured));
    expect(outcome.plans[0]?.gpusUsed).toBe(32);
    expect(outcome.plans[0]?.hosts).not.toContain(3);
    expect(outcome.notes?.join()).toContain('left out');
  });

  it('takes the worst or the mean of several measurements', () => {
    // On Monday the link 0–1 is slow, on Tuesday 2–3: an order that is good on both has neither as neighbours.
    const monday = links(4, (from, to) => (from + to === 1 ? 1e9 : 40e9));
    const tuesday = links(4, (from, to) => (from + to === 5 && from * to === 6 ? 1e9 : 40e9));
    const problem = problemOn(
      monday,
      { limits: { ...narrow.limits, pipeline: [1] } },
      {
        measurements: { links: [monday, tuesday], combine: 'worst' },
      },
    );
    const [plan] = search(problem).plans;
    const order = plan?.hosts ?? [0, 1, 2, 3];
    for (const measured of [monday, tuesday])
      for (const [index, host] of order.entries())
        expect(measured.bandwidth[host]?.[order[(index + 1) % 4] ?? 0]).toBe(40e9);
  });

  it('pairs the GPUs of a node as their links are', () => {
    // A100 PCIe with bridges between 0–2 and 1–3: 275 against 21.6 GB/s (published p2p matrix, its pairs renamed).
    const measured: MeasuredLinks = {
      ...links(4, (from, to) => (Math.abs(from - to) === 2 ? 275e9 : 21.6e9)),
      level: 'gpu',
    };
    const cluster = presetCluster('a100-sxm-80gb', 1);
    const [group] = cluster.groups;
    if (group === undefined) throw new Error('no group');
    const problem = problemOf(
      presetModel('llama2-7b', 8),
      {
        ...cluster,
        groups: [{ ...group, perNode: 4, intraNode: { ...group.intraNode, kind: 'pcie' } }],
        measured,
      },
      { globalBatchSize: 16 },
      { ...narrow, limits: { ...narrow.limits, tensor: [2], pipeline: [1] }, dedication: 'gpus' },
    );
    const [plan] = search(problem).plans;
    const [order = []] = plan?.devices ?? [];
    expect(Math.abs((order[0] ?? 0) - (order[1] ?? 0))).toBe(2);
    expect(Math.abs((order[2] ?? 0) - (order[3] ?? 0))).toBe(2);
    const host = search({ ...problem, search: { ...problem.search, dedication: 'nodes' } }).plans[0];
    expect(plan?.estimate.iterationTime).toBeLessThan(host?.estimate.iterationTime ?? 0);
  });

  it('says that GPUs keep their order where links between nodes alone were measured', () => {
    const problem = problemOn(
      links(4, (from, to) => (from + to === 1 ? 4e9 : 40e9)),
      { ...narrow, limits: { ...narrow.limits, tensor: [8], pipeline: [1] }, dedication: 'gpus', top: 1 },
    );
    const { notes, plans } = search(problem);
    expect(plans[0]?.devices ?? null).toBeNull();
    expect(notes?.join('; ')).toMatch(/needs links between GPUs/u);
    const nodes = search({ ...problem, search: { ...problem.search, dedication: 'nodes' } });
    expect(nodes.notes?.join('; ') ?? '').not.toMatch(/links between GPUs/u);
  });
});

const example = (name: string): Problem => {
  const loaded = loadSpec(repositoryPath('configs', 'unequal', `${name}.yaml`));
  if (!loaded.ok) throw new Error(`${name} does not load`);
  const { problem } = loaded.value;
  const limits = { ...narrow.limits, tensor: [8], recompute: ['none', 'full'] };
  return { ...problem, search: { ...problem.search, top: 1, limits } };
};

/** One iteration's pipeline by event simulation, from the times of a layer on each stage's machines. */
const simulated = (problem: Problem, strategy: Strategy, partition: Partition): number => {
  const stages = createSearchCosts(problem, calibration).stageCosts(strategy);
  const chunk = (stage: number) => {
    const { kinds, embedding, head, mtp } = stages[Math.min(stage, stages.length - 1)] ??
      stages[0] ?? { kinds: [] };
    const count = (partition[stage] ?? []).reduce((sum, layers) => sum + layers, 0);
    const [layer] = kinds;
    const [first, last] = [stage === 0, stage === strategy.pipeline - 1];
    const pass = (key: 'forward' | 'backward'): number =>
      count * (layer?.[key] ?? 0) +
      (first ? (embedding?.[key] ?? 0) : 0) +
      (last ? (head?.[key] ?? 0) + (mtp?.[key] ?? 0) : 0);
    return {
      forward: seconds(pass('forward')),
      backward: seconds(pass('backward')),
      weightGradient: seconds(0),
    };
  };
  return simulatePipeline({
    schedule: '1f1b',
    stages: strategy.pipeline,
    virtualStages: 1,
    microBatches: problem.training.globalBatchSize / strategy.data / strategy.microBatchSize,
    microBatchGroup: strategy.pipeline,
    chunks: Array.from({ length: strategy.pipeline }, (_, stage) => [chunk(stage)]),
    links: Array.from({ length: strategy.pipeline }, () => seconds(0)),
    blocking: false,
  }).makespan;
};

describe('unequal nodes', () => {
  it('gives A100s more layers than the V100s beside them, which beats an even split in the event simulation', () => {
    const problem = example('a100-beside-v100');
    const [plan] = search(problem).plans;
    if (plan === undefined) throw new Error('no plan');
    const { strategy, partition, hosts } = plan;
    expect(strategy.pipeline).toBeGreaterThan(1);
    const launched = { ...problem, cluster: launchedCluster(problem.cluster, { hosts, devices: null }) };
    const even = nearEvenPartition(problem.model.layers.length, strategy.pipeline, 1, '1f1b');
    const speeds = launched.cluster.groups.map(({ accelerator }) => accelerator.architecture);
    const layers = partition.map((chunks) => chunks.reduce((sum, count) => sum + count, 0));
    const half = strategy.pipeline / 2;
    const [front, back] = [layers.slice(0, half), layers.slice(half)].map((part) =>
      part.reduce((sum, count) => sum + count, 0),
    );
    if (speeds[0] === 'ampere') expect(front).toBeGreaterThan(back ?? 0);
    else expect(back).toBeGreaterThan(front ?? 0);
    const ours = simulated(launched, strategy, partition);
    const theirs = simulated(launched, strategy, even);
    expect(ours).toBeLessThan(0.8 * theirs);
    // The estimator's own gain is of the same size: it sees transfers and gradients beside the passes.
    const costs = createSearchCosts(launched, calibration);
    expect(costs.iterationTime(strategy, partition) / costs.iterationTime(strategy, even)).toBeCloseTo(
      ours / theirs,
      1,
    );
  }, 60_000);

  it('keeps data parallelism inside an island, the pipeline across, layers by speed (Holmes)', () => {
    const problem = example('two-islands');
    const [plan] = search({
      ...problem,
      search: { ...problem.search, limits: { ...problem.search.limits, tensor: [2, 4, 8] } },
    }).plans;
    if (plan === undefined) throw new Error('no plan');
    const { strategy, partition, hosts } = plan;
    // 32 GPUs to an island: the stages of one island are a block of ranks, so that no replica group leaves it.
    expect(strategy.rankOrder).toBe('tp-cp-ep-dp-pp');
    expect(strategy.pipeline % 2).toBe(0);
    expect((strategy.tensor * strategy.context * strategy.data * strategy.pipeline) / 2).toBe(32);
    const launched = { ...problem, cluster: launchedCluster(problem.cluster, { hosts, devices: null }) };
    const even = nearEvenPartition(problem.model.layers.length, strategy.pipeline, 1, '1f1b');
    expect(simulated(launched, strategy, partition)).toBeLessThan(0.9 * simulated(launched, strategy, even));
  }, 60_000);

  it('leaves a V100 node out where it only makes the others wait', () => {
    const outcome = search(example('a-v100-node-too-many'));
    expect(outcome.plans[0]?.hosts).toEqual([0, 1]);
    expect(outcome.notes?.[0]).toMatch(/v100.* left out/u);
    const all = search({
      ...example('a-v100-node-too-many'),
      search: { ...example('a-v100-node-too-many').search, dedication: 'none' },
    });
    const [best] = all.plans;
    if (best !== undefined)
      expect(outcome.plans[0]?.estimate.iterationTime).toBeLessThan(best.estimate.iterationTime);
  }, 60_000);
});
