/** Layers that gather their parameters, and the owned share of an optimizer, by hand. */
import { describe, expect, it } from 'vitest';
import { createTopology } from '../../src/cluster/topology.ts';
import { dataTime, dataTypeBytes, optimizerTime, withShardedLayer } from '../../src/cost/data-parallel.ts';
import type { DataContext } from '../../src/cost/data-parallel.ts';
import type { LayerCost } from '../../src/cost/layer.ts';
import { machineOf } from '../../src/cost/machine.ts';
import { noParts } from '../../src/cost/parts.ts';
import { timeBehaviour } from '../../src/runtimes/time-behaviour.ts';
import { measuredRouting } from '../../src/placement/training-load.ts';
import { expertLoad } from '../../src/plan/expert-load.ts';
import type { SoftwareProfile } from '../../src/plan/conditions.ts';
import type { Routing } from '../../src/plan/problem.ts';
import type { Strategy } from '../../src/strategy/strategy.ts';
import { calibrationWith, clusterOf, problemOf, runtimeConstants, strategyOf } from './fixtures.ts';

const cluster = clusterOf(4);
const topology = createTopology(cluster);
const span = (size: number, stride = 1) => topology.groupSpan({ world: 32, size, stride });

const contextWith = (
  strategy: Partial<Strategy>,
  change: Partial<DataContext> = {},
  conditions: Parameters<typeof problemOf>[1] = {},
): DataContext => {
  const [group] = cluster.groups;
  if (group === undefined) throw new Error('no group');
  return {
    machine: machineOf(group, calibrationWith({ accelerator: { streaming: 0.5 } })),
    runtime: { ...runtimeConstants, fsdpNode: 0.3, fsdpNetwork: 0.7 },
    behaviour: timeBehaviour(problemOf({}, conditions).training, 'ampere'),
    strategy: strategyOf(strategy),
    layers: 8,
    gradientBytes: 4,
    dense: span(8),
    expert: span(4),
    shard: span(8),
    replicas: span(1),
    ...change,
  };
};

/** 1 s forward (a quarter of it of another cause) and 3 s backward; 8 GB of dense, 2 GB of expert parameters in bf16. */
const layer: LayerCost = {
  forward: { ...noParts, compute: 0.75, tensor: 0.25 },
  backward: { ...noParts, compute: 3 },
  forwardTime: 1,
  backwardTime: 3,
  forwardPorts: 0,
  backwardPorts: 0,
  weightGradient: 1,
  denseParameters: 4e9,
  expertParameters: 1e9,
};
// In a node, 100 GB/s: dense over 8 ranks, experts over 4.
const GATHER = (2 * 4 * 0.875 + 2 * 0.75) / 100;
const SCATTER = (4 * 4 * 0.875 + 4 * 0.75) / 100;

describe('a layer that gathers its parameters', () => {
  it('takes the longer of compute and exchange, and a share x of the shorter', () => {
    const sharded = withShardedLayer(contextWith({ sharding: 'parameters' }), layer);
    // Both exchanges are shorter than compute: within a node x = 0.3 of them shows.
    expect(sharded.forward.data).toBeCloseTo(0.3 * GATHER, 12);
    expect(sharded.backward.data).toBeCloseTo(0.3 * (GATHER + SCATTER), 12);
    expect(sharded.forwardTime).toBeCloseTo(1 + 0.3 * GATHER, 12);
    expect(sharded.backwardTime).toBeCloseTo(3 + 0.3 * (GATHER + SCATTER), 12);
    expect([sharded.forward.compute, sharded.forward.tensor, sharded.weightGradient]).toEqual([
      0.75, 0.25, 1,
    ]);
  });

  it('scatters once an iteration where micro-batches add up whole gradients', () => {
    const conditions = { profile: 'torchtitan' as const, accumulatesWhole: true };
    const context = contextWith({ sharding: 'parameters' }, {}, { conditions });
    const sharded = withShardedLayer(context, layer, 4);
    expect(sharded.forward.data).toBeCloseTo(0.3 * GATHER, 12);
    expect(sharded.backward.data).toBeCloseTo(0.3 * (GATHER + SCATTER / 4), 12);
  });

  it('gathers once, too, on stages of torchtitan, which keep parameters until the last micro-batch', () => {
    const conditions = { profile: 'torchtitan' as const };
    const stages = contextWith({ sharding: 'parameters', pipeline: 2 }, {}, { conditions });
    const sharded = withShardedLayer(stages, layer, 4);
    expect(sharded.forward.data).toBeCloseTo((0.3 * GATHER) / 4, 12);
    expect(sharded.backward.data).toBeCloseTo((0.3 * SCATTER) / 4, 12);
    const alone = contextWith({ sharding: 'parameters' }, {}, { conditions });
    expect(withShardedLayer(alone, layer, 4).backward.data).toBeCloseTo(0.3 * (GATHER + SCATTER), 12);
  });

  it('adds to what the layer exchanges already', () => {
    const before = { ...layer, forward: { ...layer.forward, tensor: 0, data: 0.25 } };
    const sharded = withShardedLayer(contextWith({ sharding: 'parameters' }), before);
    expect(sharded.forward.data).toBeCloseTo(0.25 + 0.3 * GATHER, 12);
  });

  it('shows the exchange where it is longer, and x of the compute', () => {
    const short = { ...layer, forward: { ...noParts, compute: GATHER / 2 } };
    const sharded = withShardedLayer(contextWith({ sharding: 'parameters' }), short);
    expect(sharded.forward.data).toBeCloseTo(GATHER + 0.3 * (GATHER / 2) - GATHER / 2, 12);
  });

  it('keeps parameters until backward where gradients alone are sharded', () => {
    const sharded = withShardedLayer(contextWith({ sharding: 'gradients' }), layer);
    expect(sharded.forward.data).toBeCloseTo(0.3 * GATHER, 12);
    expect(sharded.backward.data).toBeCloseTo(0.3 * SCATTER, 12);
  });

  it('shows another share across nodes', () => {
    // 16 ranks, 8 on each of two nodes: 15∕16 of 8 GB over 8 ports of 10 GB/s.
    const sharded = withShardedLayer(contextWith({ sharding: 'parameters' }, { shard: span(16) }), {
      ...layer,
      expertParameters: 0,
    });
    expect(sharded.forward.data).toBeCloseTo((0.7 * (8 * 15)) / 16 / 80, 12);
  });

  it('hides no exchange behind another that needs the same ports', () => {
    // 7.5 GB over 8 ports of 10 GB/s; of the second forward, half exchanges tokens.
    const exchange = (8 * 15) / 16 / 80;
    const half = { ...noParts, compute: exchange / 2, expert: exchange / 2 };
    const tokens = { ...layer, forward: half, expertParameters: 0 };
    const gathered = (crosses: boolean, shard = span(16)): number =>
      withShardedLayer(contextWith({ sharding: 'parameters' }, { shard }), {
        ...tokens,
        forwardPorts: crosses ? half.expert : 0,
      }).forward.data;
    // Tokens stay in their node: as long as the exchange, of which 0.7 shows. They cross: the exchange in full and
    // 0.7 of the compute, less the compute.
    expect(gathered(false)).toBeCloseTo(0.7 * exchange, 12);
    expect(gathered(true)).toBeCloseTo(exchange + 0.7 * (exchange / 2) - exchange / 2, 12);
    // Within a node parameters take other wires than tokens that leave it.
    expect(gathered(true, span(8))).toBeCloseTo(gathered(false, span(8)), 12);
  });

  it('dense and expert groups: the transfers of one fill the ring steps of the other, where they start together', () => {
    const [group] = cluster.groups;
    if (group === undefined) throw new Error('no group');
    const machine = machineOf(group, calibrationWith({ link: { base: 0, step: 0.01 } }));
    const groups = { machine, shard: span(32), expert: span(4, 8), gradientBytes: 4 };
    const forward = { ...noParts, compute: 0 };
    const exchanged = (profile: SoftwareProfile, change: Partial<DataContext> = {}, of = layer) => {
      const conditions = { conditions: { profile } };
      const context = contextWith({ sharding: 'parameters' }, { ...groups, ...change }, conditions);
      const { forward: first, backward } = withShardedLayer(context, { ...of, forward, backward: forward });
      return { forward: first.data, backward: backward.data };
    };
    // 8 GB over 32 ranks and the 8 ports of a node, 2 GB over 4 ranks with a port each; steps of 10 ms.
    const dense = { wires: (8 * 31) / 32 / 80, steps: 31 * 0.01 };
    const experts = { wires: (2 * 0.75) / 10, steps: 3 * 0.01 };
    const [denseTime, expertTime] = [dense.wires + dense.steps, experts.wires + experts.steps];
    const apart = exchanged('torchtitan');
    expect(apart.forward).toBeCloseTo(denseTime + expertTime, 12);
    expect(apart.backward).toBeCloseTo(
      3 * (dense.wires + experts.wires) + 2 * (dense.steps + experts.steps),
      12,
    );
    // Together the ring of 32 lasts longest, then all bytes.
    const together = exchanged('megatron-fsdp');
    expect(together.forward).toBeCloseTo(denseTime, 12);
    expect(together.backward).toBeCloseTo(3 * dense.wires + 2 * dense.steps, 12);
    expect(exchanged('megatron-core')).toEqual(together);
    // Half of the dense bytes and eight times the experts': the bytes of both.
    const many = exchanged('megatron-fsdp', {}, { ...layer, denseParameters: 2e9, expertParameters: 8e9 });
    expect(many.forward).toBeCloseTo(0.5 * dense.wires + 8 * experts.wires, 12);
    expect(many.backward).toBeCloseTo(3 * (0.5 * dense.wires + 8 * experts.wires), 12);
    // Reductions follow each other on one stream: nothing but them where weights stay until backward.
    const gradients = exchanged('megatron-fsdp', { strategy: strategyOf({ sharding: 'gradients' }) });
    expect(gradients.backward).toBeCloseTo(
      2 * (dense.wires + experts.wires) + dense.steps + experts.steps,
      12,
    );
    // Experts within a node take other wires than what leaves it: the longer of both.
    const inside = exchanged('megatron-fsdp', { expert: span(4) });
    expect(inside.forward).toBeCloseTo(Math.max(denseTime, (2 * 0.75) / 100 + 0.03), 12);
  });

  it('all-reduces its shard over copies', () => {
    const copies = withShardedLayer(contextWith({ sharding: 'gradients' }, { replicas: span(4, 8) }), layer);
    // An eighth of 16 GB of gradients on one rank of each of 4 nodes, 10 GB/s: 2 · 3∕4 of 2 GB.
    const reduce = (2 * 0.75 * 2) / 10;
    expect(copies.backward.data).toBeCloseTo(0.3 * (SCATTER + reduce), 12);
  });
});

describe('once an iteration', () => {
  it('exchanges nothing of what a rank does not hold', () => {
    const [group] = cluster.groups;
    if (group === undefined) throw new Error('no group');
    const latent = machineOf(group, calibrationWith({ link: { base: 1, step: 1 } }));
    const context = contextWith({}, { machine: latent, dense: span(1) });
    expect(dataTime(context, 1e9, 0)).toBe(0);
    expect(dataTime({ ...context, dense: span(8) }, 0, 0)).toBe(0);
  });

  it('bytes of the types that travel', () => {
    expect(dataTypeBytes).toEqual({ fp32: 4, bf16: 2, fp16: 2, fp8: 1 });
  });
});

describe('the step of an optimizer', () => {
  // 10 bytes a parameter and 40 an owned one, at half of 1e12 B/s; 4e9 dense over 8 ranks, 1e9 of experts over 4.
  const device = (owners: { dense: number; expert: number }, copies = { dense: 1, expert: 1 }): number =>
    (4e9 * (10 / copies.dense + 40 / owners.dense) + 1e9 * (10 / copies.expert + 40 / owners.expert)) / 5e11;

  it('streams its bytes', () => {
    expect(optimizerTime(contextWith({}), 4e9, 1e9)).toBeCloseTo(device({ dense: 8, expert: 4 }), 12);
    expect(optimizerTime(contextWith({ sharding: 'none' }), 4e9, 1e9)).toBeCloseTo(
      device({ dense: 1, expert: 1 }),
      12,
    );
    expect(optimizerTime(contextWith({ sharding: 'parameters' }), 4e9, 1e9)).toBeCloseTo(
      device({ dense: 8, expert: 4 }, { dense: 8, expert: 4 }),
      12,
    );
  });

  it('on the host costs a nanosecond an owned parameter', () => {
    const all = contextWith({ offload: 'optimizer' });
    expect(optimizerTime(all, 4e9, 1e9)).toBeCloseTo(4 / 8 + 1 / 4, 12);
    const whole = contextWith({ offload: 'optimizer', sharding: 'none' });
    expect(optimizerTime(whole, 4e9, 1e9)).toBeCloseTo(4 + 1, 12);
    // A stated share wins over the whole that the strategy's key would mean.
    const share = contextWith({ offload: 'optimizer' }, {}, { conditions: { optimizerOffload: 0.25 } });
    expect(optimizerTime(share, 4e9, 1e9)).toBeCloseTo(
      0.75 * device({ dense: 8, expert: 4 }) + 0.25 * 0.75,
      12,
    );
  });
});

describe('load of the busiest rank of experts', () => {
  const routing = (...counts: number[][]): Routing => measuredRouting('counts.json', counts);

  it.each<[string, Routing, number, number]>([
    ['balanced', { kind: 'balanced' }, 8, 1],
    ['one rank has all', routing([1, 2, 3, 4]), 1, 1],
    // Two ranks of two experts: 3 and 7 of 10.
    ['blocks of neighbours', routing([1, 2, 3, 4]), 2, 1.4],
    ['the first block', routing([4, 4, 1, 1]), 2, 1.6],
    ['the mean over layers', routing([1, 2, 3, 4], [5, 5, 5, 5]), 2, 1.2],
    ['rows of zeros are dense layers', routing([0, 0, 0, 0], [1, 2, 3, 4], [0, 0, 0, 0]), 2, 1.4],
    ['nothing but dense layers', routing([0, 0]), 2, 1],
    ['a rank without tokens', routing([6, 0, 0, 0]), 4, 4],
  ])('%s', (_, of, ranks, want) => {
    expect(expertLoad(of, ranks).mean).toBeCloseTo(want, 12);
  });
});
