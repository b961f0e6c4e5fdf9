import type { Cluster } from '../cluster/cluster.ts';
import { axisOf, coordinate, strategyGrids } from './rank-grid.ts';
import type { RankGrids } from './rank-grid.ts';
import type { Strategy } from './strategy.ts';

/** Where one rank runs, and its index on every axis of both grids. */
export interface RankRow {
  readonly rank: number;
  /** Index of the node in the order of the SPEC, and the GPU on it. */
  readonly node: number;
  readonly gpu: number;
  readonly tensor: number;
  readonly context: number;
  readonly data: number;
  readonly pipeline: number;
  readonly expertTensor: number;
  readonly expert: number;
  readonly expertData: number;
}

export interface RankPlacement {
  readonly strategy: Strategy;
  /** Node launched as node i, by index in the SPEC's order; null: the order of the SPEC. */
  readonly hosts: readonly number[] | null;
  /** Order of the GPUs on node i; null: 0, 1, 2, …. */
  readonly devices: readonly (readonly number[])[] | null;
}

const places = (
  cluster: Cluster,
  { hosts, devices }: RankPlacement,
): readonly { node: number; gpu: number }[] => {
  const perNode = cluster.groups.flatMap((group) => Array.from({ length: group.count }, () => group.perNode));
  const order = hosts ?? perNode.map((_, node) => node);
  return order.flatMap((node, position) => {
    const gpus = devices?.[position] ?? Array.from({ length: perNode[node] ?? 0 }, (_, gpu) => gpu);
    return gpus.map((gpu) => ({ node, gpu }));
  });
};

const row = (rank: number, place: { node: number; gpu: number }, { dense, expert }: RankGrids): RankRow => ({
  rank,
  ...place,
  tensor: coordinate(rank, axisOf(dense, 'tp')),
  context: coordinate(rank, axisOf(dense, 'cp')),
  data: coordinate(rank, axisOf(dense, 'dp')),
  pipeline: coordinate(rank, axisOf(dense, 'pp')),
  expertTensor: coordinate(rank, axisOf(expert, 'etp')),
  expert: coordinate(rank, axisOf(expert, 'ep')),
  expertData: coordinate(rank, axisOf(expert, 'edp')),
});

/**
 * Every rank that the strategy occupies, in order; ranks fill the nodes as they are launched.
 * Throws RangeError where the grids do not fit or the cluster has too few GPUs: rules come first.
 */
export const rankTable = (cluster: Cluster, placement: RankPlacement): readonly RankRow[] => {
  const result = strategyGrids(placement.strategy);
  if (!result.ok) throw new RangeError(result.reason);
  const { world } = result.grids.dense;
  const found = places(cluster, placement).slice(0, world);
  if (found.length < world) throw new RangeError(`${world} ranks on ${found.length} GPUs`);
  return found.map((place, rank) => row(rank, place, result.grids));
};
