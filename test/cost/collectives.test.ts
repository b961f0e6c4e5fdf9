import { describe, expect, it } from 'vitest';
import { createTopology } from '../../src/cluster/topology.ts';
import type { Cluster } from '../../src/cluster/cluster.ts';
import type { GroupSpan } from '../../src/cluster/topology.ts';
import { allReduceTime, allToAllTime, gatherTime, transferTimes } from '../../src/cost/collectives.ts';
import { distinctShare } from '../../src/cost/layer-communication.ts';
import { defaultCalibration } from '../../src/ingest/calibration.ts';
import { readAccelerator } from '../../src/ingest/presets.ts';
import { machineOf } from '../../src/cost/machine.ts';
import type { Machine } from '../../src/cost/machine.ts';
import { calibrationWith, clusterOf } from './fixtures.ts';

const machineWith = (link: Parameters<typeof calibrationWith>[0] = {}): Machine => {
  const [group] = clusterOf(4).groups;
  if (group === undefined) throw new Error('no group');
  return machineOf(group, calibrationWith(link));
};

const span = (cluster: Cluster, size: number, stride: number): GroupSpan =>
  createTopology(cluster).groupSpan({ world: 32, size, stride });

const GB = 1e9;

describe('collectives', () => {
  const cluster = clusterOf(4);
  const machine = machineWith();

  it('one rank talks to nobody', () => {
    const alone = span(cluster, 1, 1);
    expect(allReduceTime(machine, alone, GB)).toBe(0);
    expect(gatherTime(machine, alone, GB)).toBe(0);
    expect(allToAllTime(machine, alone, GB)).toBe(0);
  });

  it('gather of 1 GB on 8 GPUs of a node at 100 GB/s: 7∕8 of it', () => {
    expect(gatherTime(machine, span(cluster, 8, 1), GB)).toBeCloseTo(0.00875, 9);
  });

  it('all-reduce moves twice that', () => {
    expect(allReduceTime(machine, span(cluster, 8, 1), GB)).toBeCloseTo(0.0175, 9);
  });

  it('one rank of each of 4 nodes has one 10 GB/s port: 3∕4 of 1 GB', () => {
    expect(gatherTime(machine, span(cluster, 4, 8), GB)).toBeCloseTo(0.075, 9);
  });

  it('two ranks of each node make two rings over two ports: 7∕8 of 1 GB at 20 GB/s', () => {
    expect(gatherTime(machine, span(cluster, 8, 4), GB)).toBeCloseTo(0.875 / 20, 9);
  });

  it('oversubscribed tiers divide the network', () => {
    const slow = clusterOf(4, { tiers: [{ name: 'leaf', nodes: 1, oversubscription: 2 }] });
    expect(gatherTime(machine, span(slow, 4, 8), GB)).toBeCloseTo(0.15, 9);
  });

  it('a ring pays a step for every rank but one, each pass, and the base once', () => {
    const latent = machineWith({ link: { step: 1e-3, base: 1e-2 } });
    expect(gatherTime(latent, span(cluster, 8, 1), GB)).toBeCloseTo(0.00875 + 7e-3 + 1e-2, 9);
    expect(allReduceTime(latent, span(cluster, 8, 1), GB)).toBeCloseTo(0.0175 + 14e-3 + 1e-2, 9);
  });

  it('takes the quicker of two protocols: half the rate, or 1 ms of set-up and the whole', () => {
    const two = machineWith({ link: { quick: 0.5, setup: 1e-3 } });
    // 1 GB takes 8.75 ms at the full rate: set-up pays; 10 MB takes 87.5 us: it does not.
    expect(gatherTime(two, span(cluster, 8, 1), GB)).toBeCloseTo(0.00875 + 1e-3, 9);
    expect(gatherTime(two, span(cluster, 8, 1), GB / 100)).toBeCloseTo(2 * 8.75e-5, 9);
    expect(allToAllTime(two, span(cluster, 8, 1), GB / 100)).toBeCloseTo(2 * 8.75e-5, 9);
  });

  it('an all-reduce over many nodes takes a tree where the ring would wait for latency', () => {
    const latent = machineWith({ link: { step: 1e-3 } });
    const wide = span(cluster, 32, 1);
    // Ring: 62 steps. Tree over 4 nodes of 8: 2·(2 + 7) steps.
    expect(allReduceTime(latent, wide, 8)).toBeCloseTo(18e-3, 5);
  });

  it('all-to-all in a node sends 7∕8 of the buffer; over nodes the network part decides', () => {
    expect(allToAllTime(machine, span(cluster, 8, 1), GB)).toBeCloseTo(0.00875, 9);
    // 24 of 32 parts leave the node at 10 GB/s per GPU; 7 of 32 stay at 100 GB/s, at the same time.
    expect(allToAllTime(machine, span(cluster, 32, 1), GB)).toBeCloseTo(0.075, 9);
    expect(
      allToAllTime(machine, span(cluster, 32, 1), GB, { kind: 'tokenExchange', remote: 0.5, local: 1 }),
    ).toBeCloseTo(0.0375, 9);
  });

  it('copies for one node travel once: N(1 − (1 − 1∕N)^k) ∕ k', () => {
    expect(distinctShare(4, 8)).toBeCloseTo((4 * (1 - 0.75 ** 8)) / 8, 12);
    expect(distinctShare(1, 8)).toBeCloseTo(1 / 8, 12);
    expect(distinctShare(64, 1)).toBeCloseTo(1, 12);
  });

  it('a stage sends over its own port where the next one is on another node', () => {
    const [first] = createTopology(cluster).pipelineHops({ world: 32, size: 4, stride: 8 });
    const [near] = createTopology(cluster).pipelineHops({ world: 32, size: 8, stride: 4 });
    if (first === undefined || near === undefined) throw new Error('no hop');
    for (const [hop, time] of [
      [first, 0.1],
      [near, 0.01],
    ] as const) {
      const { down, up } = transferTimes(machine, hop, GB);
      expect(down).toBeCloseTo(time, 9);
      expect(up).toBeCloseTo(time, 9);
    }
  });
});

// 2 MiB, 32 MiB and 512 MiB over 8 GPUs, bus bandwidth in GB/s as NCCL tests count it.
// Source: ai-dynamo/aiconfigurator @ 095f58a nccl tables (A100 and H100 SXM), one protocol change in between.
describe('published NCCL tables', () => {
  const shipped = (preset: string): { machine: Machine; group: GroupSpan } => {
    const { accelerator, intraNode, nics } = readAccelerator(preset);
    const group = { count: 1, hosts: null, accelerator, perNode: 8, intraNode, nics, pricePerHour: null };
    const single: Cluster = { ...clusterOf(1), groups: [group] };
    return {
      machine: machineOf(group, defaultCalibration()),
      group: createTopology(single).groupSpan({ world: 8, size: 8, stride: 1 }),
    };
  };

  it.each([
    ['a100-sxm-80gb', 'all-gather', [55, 135, 205]],
    ['h100-sxm-80gb', 'all-gather', [83, 234, 335]],
    ['b200-sxm-180gb', 'all-gather', [75, 258, 617]],
    ['a100-sxm-80gb', 'all-reduce', [68, 160, 222]],
    ['b200-sxm-180gb', 'all-reduce', [114, 350, 704]],
    ['h100-sxm-80gb', 'all-to-all', [99, 235, 315]],
  ] as const)('%s %s within 35 % at each size, 20 % in the mean', (preset, kind, wants) => {
    const { machine, group } = shipped(preset);
    const errors = wants.map((want, index) => {
      const size = 2 * 2 ** 20 * 16 ** index;
      const time =
        kind === 'all-gather'
          ? gatherTime(machine, group, size)
          : kind === 'all-reduce'
            ? allReduceTime(machine, group, size)
            : allToAllTime(machine, group, size);
      const moved = (size * 7 * (kind === 'all-reduce' ? 2 : 1)) / 8;
      return Math.abs(moved / time / (want * GB) - 1);
    });
    expect(Math.max(...errors)).toBeLessThan(0.35);
    expect(errors.reduce((sum, error) => sum + error, 0) / errors.length).toBeLessThan(0.2);
  });
});
