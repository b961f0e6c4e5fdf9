import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTopology } from '../../src/cluster/topology.ts';
import { bytesPerSecond, seconds } from '../../src/units.ts';
import { cluster, nodes } from './sample-cluster.ts';

const GB = 1e9;
const leaves = (oversubscription: number, spine: number) => [
  { name: 'leaf', nodes: 2, oversubscription },
  { name: 'spine', nodes: null, oversubscription: spine },
];

// Expected values: by hand from the sample node of eight GPUs and eight ports of 50 GB/s, 400 GB/s together.
describe('group span', () => {
  it('stays inside a node', () => {
    const span = createTopology(cluster([nodes(2)])).groupSpan({ world: 16, size: 8, stride: 1 });
    expect(span).toMatchObject({
      perNode: 8,
      nodes: 1,
      perDomain: 8,
      fewestPerDomain: 8,
      domains: 1,
      outside: null,
    });
    expect(span.inside).toMatchObject({ bandwidth: 450 * GB, latency: 2e-6, link: { name: 'switch' } });
  });

  it('gives each of eight groups an eighth of the node', () => {
    const span = createTopology(cluster([nodes(2)])).groupSpan({ world: 16, size: 2, stride: 8 });
    expect(span).toMatchObject({ perNode: 1, nodes: 2, domains: 2, inside: null });
    expect(span.outside).toMatchObject({
      ringBandwidth: 50 * GB,
      rankBandwidth: 50 * GB,
      bottleneck: 'node',
      tier: 0,
    });
  });

  it('lets the ranks of a group on one node carry its ring together', () => {
    const span = createTopology(cluster([nodes(2)])).groupSpan({ world: 16, size: 4, stride: 4 });
    // Ranks 0, 4 | 8, 12: four groups per node share 400 GB/s; eight ranks do in an all-to-all.
    expect(span).toMatchObject({ perNode: 2, nodes: 2, domains: 2 });
    expect(span.outside).toMatchObject({ ringBandwidth: 100 * GB, rankBandwidth: 50 * GB, latency: 4e-6 });
    expect(span.inside?.bandwidth).toBe(450 * GB);
  });

  it('divides few ports among many GPUs, and lets no GPU drive more than its own', () => {
    const few = nodes(2, { nics: { ...nodes(1).nics, count: 4 } });
    const shared = createTopology(cluster([few])).groupSpan({ world: 16, size: 2, stride: 8 });
    expect(shared.outside?.ringBandwidth).toBe(25 * GB);
    const single = createTopology(cluster([nodes(2, { perNode: 1 })])).groupSpan({
      world: 2,
      size: 2,
      stride: 1,
    });
    expect(single.outside?.ringBandwidth).toBe(400 * GB);
    const pairs = createTopology(cluster([nodes(2, { perNode: 2, nics: { ...nodes(1).nics, count: 3 } })]));
    // 150 GB/s a node for two groups would be 75; each GPU drives one port alone.
    expect(pairs.groupSpan({ world: 4, size: 2, stride: 2 }).outside?.ringBandwidth).toBe(50 * GB);
  });

  it('counts oversubscription where a boundary is crossed, by what crosses it', () => {
    const topology = createTopology(cluster([nodes(4)], { tiers: leaves(1, 2) }));
    const within = topology.groupSpan({ world: 32, size: 2, stride: 8 });
    expect(within.outside).toMatchObject({ ringBandwidth: 50 * GB, rankBandwidth: 50 * GB, tier: 0 });
    // A leaf's uplink: 2 nodes · 400 / 2 = 400 GB/s. Eight rings cross it once each; 16 ranks of an all-to-all do.
    const across = topology.groupSpan({ world: 32, size: 4, stride: 8 });
    expect(across.outside).toMatchObject({ ringBandwidth: 50 * GB, rankBandwidth: 25 * GB, tier: 1 });
    const thin = createTopology(cluster([nodes(4)], { tiers: leaves(8, 1) }));
    const bound = thin.groupSpan({ world: 32, size: 4, stride: 8 }).outside;
    expect(bound).toMatchObject({ ringBandwidth: 12.5 * GB, rankBandwidth: 6.25 * GB, bottleneck: 'leaf' });
    // Inside a leaf its own oversubscription does not count.
    expect(thin.groupSpan({ world: 32, size: 2, stride: 8 }).outside?.ringBandwidth).toBe(50 * GB);
  });

  it('thins traffic through a single tier that joins all nodes', () => {
    const tiers = [{ name: 'core', nodes: null, oversubscription: 4 }];
    const span = createTopology(cluster([nodes(2)], { tiers })).groupSpan({ world: 16, size: 2, stride: 8 });
    expect(span.outside).toMatchObject({ ringBandwidth: 12.5 * GB, tier: 0 });
  });

  it('sees a group that straddles two racks of an NVLink domain', () => {
    const trays = nodes(36, { perNode: 4, nics: { ...nodes(1).nics, count: 4 } });
    const topology = createTopology(cluster([trays], { domain: 72 }));
    // Of the blocks of 64, the second has ranks 64-71 in the first rack and 72-127 in the other: 8 ports in common.
    const straddling = topology.groupSpan({ world: 128, size: 64, stride: 1 });
    expect(straddling).toMatchObject({
      perNode: 4,
      nodes: 16,
      perDomain: 64,
      fewestPerDomain: 8,
      domains: 2,
    });
    expect(straddling.outside?.ringBandwidth).toBe(8 * 50 * GB);
    const aligned = topology.groupSpan({ world: 144, size: 8, stride: 1 });
    expect(aligned).toMatchObject({ nodes: 2, domains: 1, perDomain: 8, outside: null });
    // One ring over both racks has all 72 ports of each.
    expect(topology.groupSpan({ world: 144, size: 144, stride: 1 }).outside?.ringBandwidth).toBe(
      72 * 50 * GB,
    );
  });

  it('lets the last domain be partial and starts a new one with each node group', () => {
    const trays = nodes(3, { perNode: 4 });
    const { map } = createTopology(cluster([trays, trays], { domain: 8 }));
    expect([...(map.levels[0]?.partOf ?? [])].filter((_, rank) => rank % 4 === 0)).toEqual([
      0, 0, 1, 2, 2, 3,
    ]);
  });

  it('takes the slowest of unequal nodes', () => {
    const old = nodes(1, {
      intraNode: { name: 'old', kind: 'switch', bandwidth: bytesPerSecond(150 * GB), latency: seconds(3e-6) },
      nics: { ...nodes(1).nics, count: 4, bandwidth: bytesPerSecond(12.5 * GB), latency: seconds(9e-6) },
    });
    const topology = createTopology(cluster([nodes(1), old]));
    expect(topology.groupSpan({ world: 16, size: 8, stride: 1 }).inside).toMatchObject({
      bandwidth: 150 * GB,
      latency: 3e-6,
      link: { name: 'old' },
    });
    expect(topology.groupSpan({ world: 8, size: 8, stride: 1 }).inside?.bandwidth).toBe(450 * GB);
    const slowFirst = createTopology(cluster([old, nodes(1)]));
    expect(slowFirst.groupSpan({ world: 16, size: 8, stride: 1 }).inside?.bandwidth).toBe(150 * GB);
    const across = topology.groupSpan({ world: 16, size: 2, stride: 8 }).outside;
    expect(across).toMatchObject({ ringBandwidth: 6.25 * GB, latency: 9e-6 });
  });

  it('gives a pair in a full mesh of eight one link of seven', () => {
    const mesh = nodes(1, {
      intraNode: { ...nodes(1).intraNode, kind: 'mesh', bandwidth: bytesPerSecond(448 * GB) },
    });
    const topology = createTopology(cluster([mesh]));
    expect(topology.groupSpan({ world: 8, size: 2, stride: 4 }).inside?.bandwidth).toBe(64 * GB);
    expect(topology.groupSpan({ world: 8, size: 4, stride: 2 }).inside?.bandwidth).toBe(192 * GB);
    expect(topology.groupSpan({ world: 8, size: 8, stride: 1 }).inside?.bandwidth).toBe(448 * GB);
  });

  it('handles groups that do not align with nodes', () => {
    // Six GPUs a node, groups of four: ranks 4-7 straddle; ranks 0-3 and 8-11 do not.
    const span = createTopology(cluster([nodes(2, { perNode: 6 })])).groupSpan({
      world: 12,
      size: 4,
      stride: 1,
    });
    expect(span).toMatchObject({ perDomain: 4, fewestPerDomain: 2, domains: 2 });
    // The only group that crosses: two ports of 50 GB/s, although the node has 400.
    expect(span.outside?.ringBandwidth).toBe(100 * GB);
    // With one port a node, only the two ranks of that group on each node share it; the others stay inside.
    const single = nodes(2, { perNode: 6, nics: { ...nodes(1).nics, count: 1 } });
    const outside = createTopology(cluster([single])).groupSpan({ world: 12, size: 4, stride: 1 }).outside;
    expect(outside).toMatchObject({ ringBandwidth: 50 * GB, rankBandwidth: 25 * GB });
  });

  it('refuses families that do not fit', () => {
    const topology = createTopology(cluster([nodes(2)]));
    expect(() => topology.groupSpan({ world: 32, size: 2, stride: 8 })).toThrow(RangeError);
    expect(() => topology.pipelineHops({ world: 24, size: 2, stride: 8 })).toThrow(RangeError);
    expect(() => topology.groupSpan({ world: 16, size: 3, stride: 1 })).toThrow(/groups of 3 ranks 1 apart/);
  });

  it('answers from memory', () => {
    const topology = createTopology(cluster([nodes(2)]));
    const family = { world: 16, size: 4, stride: 2 };
    expect(topology.groupSpan(family)).toBe(topology.groupSpan({ ...family }));
  });

  it('is consistent for any regular grid', () => {
    const factor = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(factor, factor, factor, factor, (size, stride, blocks, perNode) => {
        const world = size * stride * blocks;
        const topology = createTopology(cluster([nodes(Math.ceil(world / perNode), { perNode })]));
        const span = topology.groupSpan({ world, size, stride });
        expect(span.fewestPerDomain).toBeLessThanOrEqual(span.perDomain);
        expect(span.domains * span.perDomain).toBeGreaterThanOrEqual(size);
        expect(span.outside === null).toBe(span.domains === 1);
        expect(span.inside === null).toBe(span.perDomain === 1);
        if (span.outside !== null) {
          expect(span.outside.rankBandwidth).toBeLessThanOrEqual(span.outside.ringBandwidth);
          expect(span.outside.ringBandwidth).toBeLessThanOrEqual(400 * GB);
        }
      }),
      { seed: 1 },
    );
  });
});

describe('pipeline hops', () => {
  it('say which stages are neighbours on a node', () => {
    const hops = createTopology(cluster([nodes(2)])).pipelineHops({ world: 16, size: 4, stride: 4 });
    expect(hops.map((hop) => hop.remote)).toEqual([false, true, false, true]);
    expect(hops[0]).toMatchObject({ bandwidth: 450 * GB, latency: 2e-6 });
    expect(hops[1]).toMatchObject({ bandwidth: 50 * GB, latency: 4e-6 });
  });

  it('share the ports of the sending node and the uplink of its leaf', () => {
    const few = nodes(4, { nics: { ...nodes(1).nics, count: 2 } });
    const topology = createTopology(cluster([few], { tiers: leaves(2, 1) }));
    const hops = topology.pipelineHops({ world: 32, size: 4, stride: 8 });
    // Node: 100 GB/s for eight senders. Leaf: 200 / 2 = 100 GB/s, of which only the hop from node 1 to 2 and the way back use any.
    expect(hops.map((hop) => hop.bandwidth / GB)).toEqual([12.5, 12.5, 12.5, 12.5]);
    const thin = createTopology(cluster([few], { tiers: leaves(4, 1) })).pipelineHops({
      world: 32,
      size: 4,
      stride: 8,
    });
    expect(thin.map((hop) => hop.bandwidth / GB)).toEqual([12.5, 6.25, 12.5, 6.25]);
  });

  it('follow the inner order too', () => {
    // rank = tp + 4·pp + 8·dp: both stages on one node.
    const hops = createTopology(cluster([nodes(2)])).pipelineHops({ world: 16, size: 2, stride: 4 });
    expect(hops.map((hop) => hop.remote)).toEqual([false, false]);
  });
});
