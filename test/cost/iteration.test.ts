/** One iteration put together: which groups it spans, which links it crosses, what of them shows. By hand. */
import { describe, expect, it } from 'vitest';
import type { Cluster, MeasuredLinks } from '../../src/cluster/cluster.ts';
import type { GroupSpan } from '../../src/cluster/topology.ts';
import { createEstimator } from '../../src/cost/estimator.ts';
import type { Estimator } from '../../src/cost/estimator.ts';
import { dataSpans, groupSpans, sameSpans, stageAxis } from '../../src/cost/group-spans.ts';
import { createOrderScore } from '../../src/cost/order-score.ts';
import { kindPrefixes, stageMachines } from '../../src/cost/stages.ts';
import type { Problem } from '../../src/plan/problem.ts';
import type { Partition, Strategy } from '../../src/strategy/strategy.ts';
import { bytes } from '../../src/units.ts';
import { calibrationWith, clusterOf, model, moeModel, problemOf, strategyOf } from './fixtures.ts';

describe('process groups in the rank grid', () => {
  // Two tensor, two context, four data ranks on three stages; two experts' ranks a replica.
  const keys: Partial<Strategy> = {
    tensor: 2,
    context: 2,
    data: 4,
    pipeline: 3,
    expert: 2,
    shardingGroup: 8,
  };
  const inner = strategyOf({ ...keys, rankOrder: 'tp-cp-ep-pp-dp' });
  const outer = strategyOf(keys);
  /** Size and stride in place of what they span. */
  const spans = (of: Strategy) =>
    dataSpans((size, stride) => [size, stride] as unknown as GroupSpan, of) as unknown as Record<
      string,
      number[]
    >;

  it('inside a layer: tensor innermost, then context; experts beside them', () => {
    const found = groupSpans(
      (size, stride) => [size, stride] as unknown as GroupSpan,
      strategyOf({ ...keys, expertTensor: 2 }),
    );
    expect(found).toEqual({ tensor: [2, 1], context: [2, 2], expert: [2, 2], expertTensor: [2, 1] });
  });

  it('replicas: data and context together, experts by what remains', () => {
    expect(spans(outer)).toEqual({ dense: [8, 2], expert: [8, 2], shard: [8, 2], replicas: [1, 16] });
    expect(spans({ ...outer, shardingGroup: 4 })).toMatchObject({ shard: [4, 2], replicas: [2, 8] });
    expect(spans({ ...outer, shardingGroup: 99 })).toMatchObject({ shard: [8, 2] });
    expect(spans({ ...outer, expert: 4 })).toMatchObject({ expert: [4, 4] });
  });

  it('with stages between replicas those stand further apart', () => {
    expect(spans(inner)).toMatchObject({ dense: [4, 12], expert: [4, 12], shard: [4, 12] });
    expect(spans({ ...inner, shardingGroup: 2 })).toMatchObject({ shard: [2, 12] });
    // A single replica: its context ranks are neighbours.
    expect(spans({ ...inner, data: 1, shardingGroup: 2 })).toMatchObject({
      dense: [2, 2],
      shard: [2, 2],
      replicas: [1, 4],
    });
  });

  it('stages follow each other after all replicas, or after one', () => {
    expect(stageAxis(outer)).toEqual({ size: 3, stride: 16 });
    expect(stageAxis(inner)).toEqual({ size: 3, stride: 4 });
  });

  it('spans are the same when all four are', () => {
    const [one, two] = [{}, {}] as GroupSpan[];
    if (one === undefined || two === undefined) throw new Error('no span');
    const all = { tensor: one, context: one, expert: one, expertTensor: one };
    expect(sameSpans(all, { ...all })).toBe(true);
    for (const key of ['tensor', 'context', 'expert', 'expertTensor'] as const)
      expect(sameSpans(all, { ...all, [key]: two })).toBe(false);
  });
});

const estimatorOf = (
  change: Partial<Problem> = {},
  training: Partial<Problem['training']> = {},
  runtime: NonNullable<Parameters<typeof calibrationWith>[0]>['runtime'] = {},
): Estimator => createEstimator(problemOf(change, training), calibrationWith({ runtime }));

describe('transfers between stages', () => {
  // Two stages on two nodes, so unequal that only the way there and back shows. 2 · 4096 · 1024 bytes, 10 GB/s a port.
  const cluster = clusterOf(2);
  const uneven: Partition = [[7], [1]];
  const WHOLE = 2 * 4096 * 1024;
  const transfer = (
    keys: Partial<Strategy>,
    conditions: NonNullable<Problem['training']['conditions']> = {},
  ): number =>
    estimatorOf({ cluster, model: { ...model, vocabularySize: 8 } }, { conditions }).estimate(
      strategyOf({ tensor: 8, pipeline: 2, data: 1, ...keys }),
      uneven,
    ).time.pipelineCommunication;
  const near = (value: number, want: number): void => {
    expect(value / want).toBeCloseTo(1, 6);
  };

  it('an eighth each and a gather on arrival, where the stack scatters', () => {
    near(transfer({}), 2 * (WHOLE / 8 / 10e9 + (0.875 * WHOLE) / 100e9));
  });

  it('an eighth and no gather with sequence parallelism', () => {
    near(transfer({ sequenceParallel: true }), 2 * (WHOLE / 8 / 10e9));
  });

  it('all of it over each port where the stack does not scatter', () => {
    near(transfer({}, { profile: 'torchtitan' }), (2 * WHOLE) / 10e9);
  });

  it('one tensor rank has nothing to gather; more sequences and fewer context ranks send more', () => {
    near(transfer({ tensor: 1, data: 8 }), (2 * WHOLE) / 10e9);
    near(transfer({ tensor: 1, data: 8, microBatchSize: 2 }), (4 * WHOLE) / 10e9);
    near(transfer({ tensor: 1, data: 4, context: 2 }), WHOLE / 10e9);
  });

  it('none without a pipeline', () => {
    expect(
      estimatorOf({ cluster }).estimate(strategyOf({ data: 16 }), [[8]]).time.pipelineCommunication,
    ).toBe(0);
  });
});

describe('where time goes', () => {
  const cluster = clusterOf(2);

  it('overhead is the host’s of every micro-batch, and the fixed part once', () => {
    const { time } = estimatorOf({ cluster }, {}, { iterationOverhead: 0.25 }).estimate(
      strategyOf({ data: 16 }),
      [[8]],
    );
    expect(time.overhead).toBeCloseTo(0.25, 12);
  });

  it('the busiest stage is the one that is told, by cause and micro-batch', () => {
    const estimator = estimatorOf({ cluster, model: moeModel });
    const strategy = strategyOf({ tensor: 2, sequenceParallel: true, pipeline: 2, data: 4, expert: 4 });
    const { time, iterationTime } = estimator.estimate(strategy, [[6], [2]]);
    const layer = createEstimator(problemOf({ cluster, model: moeModel }), calibrationWith()).layerCosts(
      strategy,
    ).kinds[0];
    if (layer === undefined) throw new Error('no layer');
    // 64 sequences over 4 replicas: 16 micro-batches of six layers and the embedding, whose lookup has half a sublayer.
    const all =
      time.compute + time.tensorCommunication + time.contextCommunication + time.expertCommunication;
    const { embedding } = estimator.layerCosts(strategy);
    expect(all).toBeCloseTo(
      16 * (6 * (layer.forward + layer.backward) + embedding.forward + embedding.backward),
      9,
    );
    expect(time.expertCommunication).toBeGreaterThan(0);
    expect(time.bubble).toBeGreaterThan(0);
    expect(iterationTime).toBeGreaterThan(all);
  });

  it('the vocabulary on the last stage, or an equal share of it on each', () => {
    const quiet = calibrationWith({ link: { pointToPoint: 1e9 } });
    const estimator = createEstimator(problemOf({ cluster }), quiet);
    const strategy = strategyOf({ pipeline: 4, data: 4 });
    const even: Partition = [[2], [2], [2], [2]];
    const { kinds, embedding, head } = estimator.layerCosts(strategy);
    const [layer] = kinds;
    if (layer === undefined) throw new Error('no layer');
    const both = ({ forward, backward }: { forward: number; backward: number }): number => forward + backward;
    const [work, first, last] = [2 * both(layer), both(embedding), both(head)];
    const makespan = (vocabulary: Strategy['vocabulary']): number => {
      const { iterationTime, time } = estimator.estimate({ ...strategy, vocabulary }, even);
      return iterationTime - time.dataCommunication - time.optimizer;
    };
    // 16 micro-batches. Last: the last stage 15 times more; shared: the first stage, with a quarter of the head on each.
    expect(makespan('last')).toBeCloseTo(4 * work + first + last + 15 * (work + last), 9);
    expect(makespan('redistributed')).toBeCloseTo(makespan('last'), 12);
    expect(makespan('vocab-1')).toBeCloseTo(4 * work + first + last + 15 * (work + first + last / 4), 9);
  });

  it('the bound: mean work of a stage, its fill, transfers, the step on a mean shard, and, in the tighter one, its exchange', () => {
    const estimator = estimatorOf({ cluster }, {}, { iterationOverhead: 0.125 });
    const strategy = strategyOf({ pipeline: 2, data: 8 });
    const { kinds, embedding, head } = estimator.layerCosts(strategy);
    const both = (pass: { forward: number; backward: number } | undefined): number =>
      (pass?.forward ?? 0) + (pass?.backward ?? 0);
    const work = 8 * both(kinds[0]) + both(embedding) + both(head);
    const parameters = (8 * (16 * 1024 ** 2 + 2048) + 2 * 32_768 * 1024 + 1024) / 2;
    const step = (parameters * (10 + 40 / 8)) / 1e12;
    // One micro-batch of 4,096 tokens and 1,024 values of two bytes goes down and up once, at 10 GB/s.
    const way = (2 * 2 * 4096 * 1024) / 10e9;
    const bound = (8 * work) / 2 + work / 2 + way + step + 0.125;
    expect(estimator.lowerBound(strategy)).toBeCloseTo(bound, 9);
    const exchange = (0.5 * 0.875 * 6 * parameters) / 100e9;
    expect(estimator.exchangeBound(strategy)).toBeCloseTo(bound + exchange, 9);
    // Zero-bubble schedules have no fill, two chunks half of it; sharded layers gather in their passes.
    expect(estimator.lowerBound({ ...strategy, schedule: 'zb-h2' })).toBeCloseTo(bound - work / 2 - way, 9);
    expect(estimator.lowerBound({ ...strategy, schedule: 'interleaved', virtualStages: 2 })).toBeCloseTo(
      bound - work / 4,
      9,
    );
    const sharded = { ...strategy, sharding: 'parameters' } as const;
    expect(estimator.exchangeBound(sharded)).toBe(estimator.lowerBound(sharded));
    expect(estimator.operatorWork(strategy)).toBeCloseTo(work, 9);
  });

  it('throughput and what does not fit', () => {
    const estimator = estimatorOf({ cluster });
    const of = estimator.estimate(strategyOf({ data: 16 }), [[8]]);
    expect(of.tokensPerSecondPerGpu * of.iterationTime * 16).toBeCloseTo(64 * 4096, 3);
    expect([of.feasible, of.reasons]).toEqual([true, []]);
    const [group] = cluster.groups;
    if (group === undefined) throw new Error('no group');
    const tiny = {
      ...cluster,
      groups: [{ ...group, accelerator: { ...group.accelerator, memory: bytes(2 ** 30) } }],
    };
    const poor = estimatorOf({ cluster: tiny });
    const lacking = poor.estimate(strategyOf({ data: 16 }), [[8]]);
    expect(lacking.feasible).toBe(false);
    expect(lacking.reasons).toEqual([expect.stringMatching(/^stage 0 may need \d+\.\d GiB of 1\.0 GiB$/u)]);
    expect(poor.evaluate(strategyOf({ data: 16 }), [[8]]).feasible).toBe(false);
    expect(lacking.peakMemory).toBe(lacking.memory[0]?.total);
  });
});

describe('machines of stages', () => {
  const [group] = clusterOf(1).groups;
  if (group === undefined) throw new Error('no group');
  const three: Cluster = { ...clusterOf(1), groups: [group, group, group] };
  const of = (keys: Partial<Strategy>) => stageMachines(problemOf({ cluster: three }), strategyOf(keys));

  it('those whose GPUs hold ranks of the stage', () => {
    expect(of({ pipeline: 3, data: 8 })).toEqual([[0], [1], [2]]);
    expect(of({ pipeline: 2, data: 12 })).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(of({ tensor: 2, context: 2, data: 2, pipeline: 2 })).toEqual([[0], [1]]);
    expect(of({ pipeline: 2, data: 8, rankOrder: 'tp-cp-ep-pp-dp' })).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  it('one kind of node holds every stage', () => {
    expect(stageMachines(problemOf(), strategyOf({ pipeline: 3 }))).toEqual([[0], [0], [0]]);
  });

  it('layers of each kind before a layer', () => {
    expect(kindPrefixes(2, [0, 1, 1]).map((prefix) => [...prefix])).toEqual([
      [0, 1, 1, 1],
      [0, 0, 1, 2],
    ]);
  });
});

describe('orders of hosts', () => {
  // Four nodes in a circle: neighbours at 80 GB/s, the others at 10.
  const measured: MeasuredLinks = {
    level: 'node',
    names: ['a', 'b', 'c', 'd'],
    bandwidth: [0, 1, 2, 3].map((from) =>
      [0, 1, 2, 3].map((to) => (from === to ? NaN : (from - to) % 2 === 0 ? 10e9 : 80e9)),
    ),
    latency: null,
  };
  const cluster = clusterOf(4, { measured });
  const score = (keys: Partial<Strategy>, partition: Partition) => {
    const strategy = strategyOf(keys);
    const problem = problemOf({ cluster });
    const of = createOrderScore(problem, calibrationWith(), strategy, partition);
    const estimator = createEstimator(problem, calibrationWith());
    return [
      [0, 1, 2, 3],
      [0, 2, 1, 3],
      [3, 1, 0, 2],
    ].map((hosts) => {
      const order = { hosts, devices: null };
      return [of(order), estimator.ordered(order).iterationTime(strategy, partition)] as const;
    });
  };

  it.each<[string, Partial<Strategy>, Partition]>([
    ['layers within nodes', { tensor: 8, pipeline: 2, data: 2 }, [[4], [4]]],
    ['tensor groups over two nodes', { tensor: 16, pipeline: 1, data: 2 }, [[8]]],
    ['sharded layers', { tensor: 8, pipeline: 1, data: 4, sharding: 'parameters' }, [[8]]],
  ])('%s: as the estimator says of each order', (_, keys, partition) => {
    const scores = score(keys, partition);
    for (const [own, estimated] of scores) expect(own / estimated).toBeCloseTo(1, 10);
    // The SPEC's order goes round the circle; the second one crosses it.
    expect(scores[0]?.[0]).toBeLessThan((scores[1]?.[0] ?? 0) * 0.999);
  });

  it('links that the measurement calls dead are named, at most three of them', () => {
    const dead = (pairs: readonly (readonly [number, number])[]): readonly string[] => {
      const bandwidth = measured.bandwidth.map((row, from) =>
        row.map((rate, to) => (pairs.some(([a, b]) => a === from && b === to) ? 0 : rate)),
      );
      const problem = problemOf({ cluster: clusterOf(4, { measured: { ...measured, bandwidth } }) });
      return createEstimator(problem, calibrationWith()).estimate(
        strategyOf({ tensor: 8, pipeline: 1, data: 4 }),
        [[8]],
      ).reasons;
    };
    expect(dead([])).toEqual([]);
    // The ring of all replicas goes a → b → c → d → a.
    const [one] = dead([[1, 2]]);
    expect(one).toMatch(/^needs links that the measurement lacks or calls dead: /u);
    expect(one).toContain('b');
    expect(one).not.toMatch(/ and \d+ more$/u);
    expect(dead([[2, 0]])).toEqual([]);
  });
});
