/** Links inside nodes: pairs of A100-PCIe cards, and Galvatron's groups over two nodes, by the cost model's own spans. */
import { readFileSync } from 'node:fs';
import type { Cluster, MeasuredLinks } from '../../src/cluster/cluster.ts';
import { launchedCluster } from '../../src/cluster/launch-order.ts';
import { createTopology } from '../../src/cluster/topology.ts';
import { importLinks } from '../../src/ingest/links-import.ts';
import { defaultReadOptions } from '../../src/ingest/links-reading.ts';
import { readAccelerator } from '../../src/ingest/presets.ts';
import { dataPath } from '../../test/shared-data.ts';

const clusterWith = (nodes: number, perNode: number, measured: MeasuredLinks): Cluster => {
  const { accelerator, intraNode, nics } = readAccelerator('a100-sxm-80gb');
  const group = { count: nodes, hosts: null, accelerator, perNode, intraNode, nics, pricePerHour: null };
  return { name: 'report', groups: [group], domain: null, tiers: [], measured };
};

/** GB/s of the slowest ring of tensor groups of two, for an order of the four GPUs. */
export const pairRate = (order: readonly number[]): number => {
  const name = dataPath('clusters', 'p2p', 'intra_node_matrices.json');
  const source = { name, text: readFileSync(name, 'utf8') };
  const read = importLinks([source], null, { ...defaultReadOptions, test: 'A100 80GB PCIe x4' });
  if (!read.ok || read.value.links === null) throw new Error('no matrix of A100 PCIe');
  const cluster = launchedCluster(clusterWith(1, 4, read.value.links), { hosts: null, devices: [order] });
  const span = createTopology(cluster).groupSpan({ world: 4, size: 2, stride: 1 });
  return (span.inside?.measured?.ring[0] ?? NaN) / 1e9;
};

/**
 * Bus bandwidth of strided all-reduces over two nodes of eight, from one measured figure: groups of two get 8.13 GB/s
 * while eight of them share the link between the nodes, so that it carries 65 GB/s.
 */
export const stridedRate = (size: number): number => {
  const link = 8 * 8.13007e9;
  const measured: MeasuredLinks = {
    level: 'node',
    names: ['a', 'b'],
    bandwidth: [
      [NaN, link],
      [link, NaN],
    ],
    latency: null,
  };
  const topology = createTopology(clusterWith(2, 8, measured));
  const span = topology.groupSpan({ world: 16, size, stride: 16 / size });
  return (span.outside?.measured?.ring[0] ?? NaN) / 1e9;
};
