import type { Cluster } from '../cluster/cluster.ts';
import type { Plan } from '../plan/plan.ts';

/** One node as it is launched: node rank is its place in the list. */
export interface LaunchNode {
  /** Its index in the SPEC's order. */
  readonly index: number;
  readonly host: string | null;
  /** Ranks that run on it. */
  readonly gpus: number;
  /** Order of its GPUs, where it is not 0, 1, 2, …. */
  readonly devices: readonly number[] | null;
}

interface ClusterNode {
  readonly host: string | null;
  readonly perNode: number;
}

const nodesOf = (cluster: Cluster): readonly ClusterNode[] =>
  cluster.groups.flatMap((group) =>
    Array.from({ length: group.count }, (_, index) => ({
      host: group.hosts?.[index] ?? null,
      perNode: group.perNode,
    })),
  );

const ascending = (devices: readonly number[]): boolean => devices.every((device, index) => device === index);

/** Nodes that a plan's ranks fill, in launch order: `plan.hosts`, or the order of the SPEC. */
export const launchNodes = (plan: Plan, cluster: Cluster): readonly LaunchNode[] => {
  const nodes = nodesOf(cluster);
  const order = plan.hosts ?? nodes.map((_, index) => index);
  const launched: LaunchNode[] = [];
  let left = plan.gpusUsed;
  for (const index of order) {
    const node = nodes[index];
    if (left <= 0 || node === undefined) break;
    const gpus = Math.min(node.perNode, left);
    const devices = plan.devices?.[launched.length]?.slice(0, gpus) ?? null;
    launched.push({
      index,
      host: node.host,
      gpus,
      devices: devices === null || ascending(devices) ? null : devices,
    });
    left -= gpus;
  }
  return launched;
};

/** Every launched node has a name. */
export const hostsOf = (nodes: readonly LaunchNode[]): readonly string[] | null => {
  const hosts = nodes.flatMap(({ host }) => (host === null ? [] : [host]));
  return hosts.length === nodes.length ? hosts : null;
};

/** The number of ranks that every node runs, or null when they differ. */
export const uniformGpus = (nodes: readonly LaunchNode[]): number | null => {
  const first = nodes[0]?.gpus;
  return first !== undefined && nodes.every(({ gpus }) => gpus === first) ? first : null;
};
