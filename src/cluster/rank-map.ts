import { gpuCount, nodeCount } from './cluster.ts';
import type { Cluster, NodeGroup } from './cluster.ts';

/** Bandwidth of a node onto the network, all ports together, one direction, bytes/s. */
export const nodeBandwidth = (group: NodeGroup): number => group.nics.count * group.nics.bandwidth;

/**
 * A boundary around parts of the cluster, from inside out: NVLink domains (nodes where no domain is larger), then the
 * groups of each tier. Ranks ascend, so a part is a run of ranks, or several where nodes change places.
 */
export interface Level {
  readonly name: string;
  /** Part that each rank lies in, from 0; ascending unless nodes are launched in an order of their own. */
  readonly partOf: Int32Array;
  readonly parts: number;
  readonly ascending: boolean;
  /** Bandwidth out of each part, one direction, bytes/s. */
  readonly uplink: Float64Array;
}

/** Where rank i runs when ranks fill the cluster's nodes in order. */
export interface RankMap {
  readonly ranks: number;
  /** Node and place on it, by rank. */
  readonly nodeOf: Int32Array;
  readonly gpuOf: Int32Array;
  /** Index into `cluster.groups`, by node. */
  readonly groupOf: Int32Array;
  /** Nodes as parts; the same as the first of `levels` where no domain is larger. */
  readonly node: Level;
  readonly levels: readonly Level[];
}

const level = (
  name: string,
  partOf: Int32Array,
  bandwidthOf: (rank: number) => number,
  share: number,
): Level => {
  let [parts, ascending] = [0, true];
  for (const part of partOf) {
    ascending &&= part >= parts - 1;
    parts = Math.max(parts, part + 1);
  }
  const uplink = new Float64Array(parts);
  for (const [rank, part] of partOf.entries()) uplink[part] = (uplink[part] ?? 0) + bandwidthOf(rank) * share;
  return { name, partOf, parts, ascending, uplink };
};

/** Part of each node when every node group starts a new domain of `domain` GPUs; a partial one ends a group. */
const domainsOf = (cluster: Cluster, domain: number): number[] => {
  let next = 0;
  return cluster.groups.flatMap((group) => {
    const nodesPerDomain = Math.max(1, Math.floor(domain / group.perNode));
    const first = next;
    next += Math.ceil(group.count / nodesPerDomain);
    return Array.from({ length: group.count }, (_, node) => first + Math.floor(node / nodesPerDomain));
  });
};

/**
 * Maps every rank of the cluster.
 *
 * A tier with `nodes` joins groups of so many nodes, and its oversubscription thins the links that leave a group; the
 * outermost tier (`nodes: null`) has nothing to leave to, and its oversubscription thins the links that enter it.
 * What passes several boundaries is thinned by all of them. Traffic inside a group of a tier is not thinned by it.
 */
export const createRankMap = (cluster: Cluster): RankMap => {
  const nodes = nodeCount(cluster);
  const ranks = gpuCount(cluster);
  const groupOf = new Int32Array(nodes);
  const nodeOf = new Int32Array(ranks);
  const gpuOf = new Int32Array(ranks);
  let node = 0;
  let rank = 0;
  for (const [index, group] of cluster.groups.entries()) {
    for (const last = node + group.count; node < last; node += 1) {
      groupOf[node] = index;
      for (let gpu = 0; gpu < group.perNode; gpu += 1, rank += 1) {
        nodeOf[rank] = node;
        gpuOf[rank] = gpu;
      }
    }
  }
  const perRank = cluster.groups.map((group) => nodeBandwidth(group) / group.perNode);
  const bandwidthOf = (at: number): number => perRank[groupOf[nodeOf[at] ?? 0] ?? 0] ?? 0;
  const entering = (tier: number): number => {
    const next = cluster.tiers[tier];
    return next?.nodes === null ? next.oversubscription : 1;
  };
  // Domains and tiers are where the SPEC puts a node, wherever it stands in the launch.
  const { origin = cluster, hosts = null } = cluster.launched ?? {};
  const home = hosts === null ? nodeOf : nodeOf.map((each) => hosts[each] ?? 0);
  const domains = cluster.domain === null ? null : domainsOf(origin, cluster.domain);
  const entry = 1 / entering(0);
  const nodeLevel = level('node', nodeOf, bandwidthOf, entry);
  const domainOf = (of: readonly number[]): Int32Array => home.map((each) => of[each] ?? 0);
  const levels = [domains === null ? nodeLevel : level('domain', domainOf(domains), bandwidthOf, entry)];
  let thinned = 1;
  for (const [index, tier] of cluster.tiers.entries()) {
    if (tier.nodes === null) break;
    const size = tier.nodes;
    thinned *= tier.oversubscription;
    const partOf = home.map((each) => Math.floor(each / size));
    levels.push(level(tier.name, partOf, bandwidthOf, 1 / (thinned * entering(index + 1))));
  }
  return { ranks, nodeOf, gpuOf, groupOf, node: nodeLevel, levels };
};
