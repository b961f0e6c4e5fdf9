/** A cluster as it is launched: its nodes, and the GPUs on them, in an order that a launcher can realise. */
import type { Cluster, MeasuredLinks, NodeGroup } from './cluster.ts';
import { nodeCount } from './cluster.ts';

export interface LaunchOrder {
  /** Node launched as node i, by index in the SPEC's order; null: that order. Fewer than the cluster has leave the rest out. */
  readonly hosts: readonly number[] | null;
  /** Order of the GPUs on launched node i; null: 0, 1, 2, …. */
  readonly devices: readonly (readonly number[])[] | null;
}

/** The SPEC's own order. */
export const specOrder: LaunchOrder = { hosts: null, devices: null };

/** Whether `order` names numbers below `count`, each at most once. */
const distinctBelow = (order: readonly number[], count: number): boolean =>
  new Set(order).size === order.length &&
  order.every((index) => Number.isInteger(index) && index >= 0 && index < count);

const groupOfNode = (cluster: Cluster): readonly { group: NodeGroup; index: number }[] =>
  cluster.groups.flatMap((group) => Array.from({ length: group.count }, (_, index) => ({ group, index })));

/** Launched nodes as groups: neighbours of one group of the SPEC stay together. */
const launchedGroups = (cluster: Cluster, hosts: readonly number[]): readonly NodeGroup[] => {
  const nodes = groupOfNode(cluster);
  const groups: { of: NodeGroup; hosts: (string | null)[] }[] = [];
  for (const host of hosts) {
    const node = nodes[host];
    if (node === undefined) throw new RangeError(`the cluster has no node ${host}`);
    const name = node.group.hosts?.[node.index] ?? null;
    const last = groups.at(-1);
    if (last?.of === node.group) last.hosts.push(name);
    else groups.push({ of: node.group, hosts: [name] });
  }
  return groups.map(({ of, hosts: names }) => {
    const named = names.filter((name) => name !== null);
    return { ...of, count: names.length, hosts: named.length === names.length ? named : null };
  });
};

const picked = (rows: readonly (readonly number[])[], order: readonly number[]): number[][] =>
  order.map((from) => order.map((to) => rows[from]?.[to] ?? 0));

/** Measured links of the launched nodes (GPUs) alone, in their order. */
export const launchedLinks = (measured: MeasuredLinks, order: readonly number[]): MeasuredLinks => ({
  level: measured.level,
  names: order.map((index) => measured.names[index] ?? ''),
  bandwidth: picked(measured.bandwidth, order),
  latency: measured.latency === null ? null : picked(measured.latency, order),
  ...(measured.bySize === undefined
    ? {}
    : {
        bySize: measured.bySize.map(({ message, bandwidth }) => ({
          message,
          bandwidth: picked(bandwidth, order),
        })),
      }),
});

/** Index in the SPEC's order of every launched GPU. Throws RangeError on an order that is none. */
const launchedGpus = (cluster: Cluster, { hosts, devices }: LaunchOrder): readonly number[] => {
  const firstGpu: number[] = [];
  let next = 0;
  for (const { group } of groupOfNode(cluster)) {
    firstGpu.push(next);
    next += group.perNode;
  }
  const sizes = groupOfNode(cluster).map(({ group }) => group.perNode);
  const nodes = hosts ?? firstGpu.map((_, node) => node);
  return nodes.flatMap((node, position) => {
    const size = sizes[node] ?? 0;
    const own = devices?.[position] ?? Array.from({ length: size }, (_, gpu) => gpu);
    if (own.length !== size || !distinctBelow(own, size))
      throw new RangeError(`devices of node ${position}: expected an order of its ${size} GPUs`);
    return own.map((gpu) => (firstGpu[node] ?? 0) + gpu);
  });
};

/**
 * The cluster with its nodes in the order of the launch. Everything that reads clusters holds for it; tiers and domains
 * stay where the SPEC puts them. Throws RangeError where the order names a node twice or one that does not exist.
 */
export const launchedCluster = (cluster: Cluster, order: LaunchOrder): Cluster => {
  const { hosts, devices } = order;
  if (hosts === null && devices === null) return cluster;
  const nodes = nodeCount(cluster);
  const chosen = hosts ?? Array.from({ length: nodes }, (_, node) => node);
  if (chosen.length === 0 || !distinctBelow(chosen, nodes))
    throw new RangeError(`hosts: expected different numbers below ${nodes}`);
  if (devices !== null && devices.length !== chosen.length)
    throw new RangeError(`devices: expected one order for each of ${chosen.length} nodes`);
  const { measured, measurements } = cluster;
  const gpus = devices !== null || measured?.level === 'gpu' ? launchedGpus(cluster, order) : [];
  return {
    ...cluster,
    groups: launchedGroups(cluster, chosen),
    measured: measured === null ? null : launchedLinks(measured, measured.level === 'gpu' ? gpus : chosen),
    ...(measurements === undefined
      ? {}
      : {
          measurements: {
            ...measurements,
            links: measurements.links.map((links) =>
              launchedLinks(links, links.level === 'gpu' ? gpus : chosen),
            ),
          },
        }),
    launched: {
      origin: cluster.launched?.origin ?? cluster,
      hosts: chosen.map((host) => cluster.launched?.hosts[host] ?? host),
    },
  };
};
