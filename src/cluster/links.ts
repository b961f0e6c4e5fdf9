import { bytesPerSecond, seconds } from '../units.ts';
import type { BytesPerSecond, Seconds } from '../units.ts';
import type { Cluster, IntraNodeLink, NodeGroup } from './cluster.ts';
import type { MeasuredRates } from './measured-rates.ts';
import type { RankMap } from './rank-map.ts';

/** Links between ranks of a group that lie in one NVLink domain (one node where no domain is larger). */
export interface InsideLinks {
  /** Slowest link of the nodes that the family touches. */
  readonly link: IntraNodeLink;
  /** Per rank, one direction. In a mesh a rank reaches only those of its wires that lead to ranks of its group. */
  readonly bandwidth: BytesPerSecond;
  readonly latency: Seconds;
  /** What measured links leave, where there are such inside a domain: attained, no longer nominal. */
  readonly measured?: MeasuredRates;
}

/** Node groups that ranks 0 … world − 1 touch. */
export const groupsWithin = (cluster: Cluster, map: RankMap, world: number): readonly NodeGroup[] => {
  const last = map.groupOf[map.nodeOf[world - 1] ?? 0] ?? 0;
  return cluster.groups.slice(0, last + 1);
};

const maximum = (values: readonly number[]): number =>
  values.reduce((most, value) => Math.max(most, value), 0);

/**
 * In a full mesh each of the perNode − 1 peers has its own wires, so that `ranks` of them use (ranks−1)∕(perNode−1) of
 * a GPU's bandwidth; behind a switch or on PCIe a rank has all of it. An approximation for the cube mesh of V100 nodes.
 */
const insideBandwidth = (group: NodeGroup, ranks: number): number =>
  group.intraNode.kind === 'mesh' && ranks < group.perNode
    ? (group.intraNode.bandwidth * (ranks - 1)) / (group.perNode - 1)
    : group.intraNode.bandwidth;

/** The slowest links inside a domain for `ranks` of one group, 2 or more. */
export const insideLinks = (groups: readonly NodeGroup[], ranks: number): InsideLinks | null => {
  let slowest: { link: IntraNodeLink; bandwidth: number } | null = null;
  for (const group of groups) {
    const bandwidth = insideBandwidth(group, ranks);
    if (slowest === null || bandwidth < slowest.bandwidth) slowest = { link: group.intraNode, bandwidth };
  }
  if (slowest === null) return null;
  return {
    link: slowest.link,
    bandwidth: bytesPerSecond(slowest.bandwidth),
    latency: seconds(maximum(groups.map((group) => group.intraNode.latency))),
  };
};

/** Ports that one GPU drives by itself, bytes/s: at least one, and its share where a node has more ports than GPUs. */
const ownPorts = (group: NodeGroup): number =>
  Math.max(1, Math.floor(group.nics.count / group.perNode)) * group.nics.bandwidth;

/** The largest. */
export const networkLatency = (groups: readonly NodeGroup[]): Seconds =>
  seconds(maximum(groups.map((group) => group.nics.latency)));

/** The least bandwidth that a GPU drives by itself, bytes/s. */
export const slowestPorts = (groups: readonly NodeGroup[]): number =>
  groups.reduce((least, group) => Math.min(least, ownPorts(group)), Infinity);
