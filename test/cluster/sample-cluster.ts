import type { Accelerator, Cluster, NodeGroup } from '../../src/cluster/cluster.ts';
import { bytes, bytesPerSecond, flopsPerSecond, seconds } from '../../src/units.ts';

const accelerator: Accelerator = {
  name: 'sample',
  architecture: 'hopper',
  memory: bytes(80e9),
  memoryBandwidth: bytesPerSecond(3e12),
  peak: { bf16: flopsPerSecond(1e15) },
  multiprocessors: 132,
  source: 'made up',
};

/** Nodes of eight GPUs, 450 GB/s inside, eight ports of 50 GB/s. */
export const nodes = (count: number, given: Partial<NodeGroup> = {}): NodeGroup => ({
  count,
  hosts: null,
  accelerator,
  perNode: 8,
  intraNode: { name: 'switch', kind: 'switch', bandwidth: bytesPerSecond(450e9), latency: seconds(2e-6) },
  nics: {
    name: 'port',
    kind: 'infiniband',
    count: 8,
    bandwidth: bytesPerSecond(50e9),
    latency: seconds(4e-6),
  },
  pricePerHour: null,
  ...given,
});

export const cluster = (groups: readonly NodeGroup[], given: Partial<Cluster> = {}): Cluster => ({
  name: 'sample',
  groups,
  domain: null,
  tiers: [],
  measured: null,
  ...given,
});
