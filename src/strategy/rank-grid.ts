import type { RankOrder, Strategy } from './strategy.ts';

/** Axis of the dense grid, or of the expert grid that lies over the same ranks. */
export type DenseAxisName = 'tp' | 'gtp' | 'cp' | 'dp' | 'pp';
export type ExpertAxisName = 'etp' | 'ep' | 'egtp' | 'edp' | 'pp';

/** `size` ranks, `stride` apart. */
export interface Axis<Name extends string> {
  readonly name: Name;
  readonly size: number;
  readonly stride: number;
}

/** Rank = Σ index · stride over the axes, from the fastest one (stride 1) to the slowest. */
export interface RankGrid<Name extends string> {
  readonly world: number;
  readonly axes: readonly Axis<Name>[];
}

/** What decides the ranks' places: sizes of both grids and their order. */
export interface GridSizes {
  readonly world: number;
  readonly tensor: number;
  readonly context: number;
  readonly pipeline: number;
  readonly expert: number;
  readonly expertTensor: number;
  /** Weight shards rebuilt inside data parallelism (generalised tensor parallelism): dense and expert; 1 without. */
  readonly weightShards?: number;
  readonly expertWeightShards?: number;
  readonly rankOrder: RankOrder;
}

export interface RankGrids {
  readonly dense: RankGrid<DenseAxisName>;
  readonly expert: RankGrid<ExpertAxisName>;
}

/** Grids, or the one reason why the sizes span none. */
export type GridResult =
  { readonly ok: true; readonly grids: RankGrids } | { readonly ok: false; readonly reason: string };

const grid = <Name extends string>(
  world: number,
  sizes: readonly (readonly [Name, number])[],
): RankGrid<Name> => {
  let stride = 1;
  const axes = sizes.map(([name, size]) => {
    const axis = { name, size, stride };
    stride *= size;
    return axis;
  });
  return { world, axes };
};

/**
 * Lays both grids over ranks 0 … world − 1: dense `tp-gtp-cp-dp-pp`, expert `etp-ep-egtp-edp-pp`, leftmost fastest;
 * with `tp-cp-ep-pp-dp` the last two axes of both swap. The data-parallel sizes follow from the world.
 *
 * Source: NVIDIA/Megatron-LM @ d98e8a64 megatron/core/parallel_state.py:582 (axes), :880-907 (conditions).
 */
export const rankGrids = (sizes: GridSizes): GridResult => {
  const { world, tensor, context, pipeline, expert, expertTensor, rankOrder } = sizes;
  const weightShards = sizes.weightShards ?? 1;
  const expertWeightShards = sizes.expertWeightShards ?? 1;
  const replica = tensor * weightShards * context * pipeline;
  if (world % replica !== 0)
    return { ok: false, reason: `${world} ranks do not divide into replicas of ${replica}` };
  const expertReplica = expertTensor * expert * expertWeightShards * pipeline;
  if (world % expertReplica !== 0) {
    return { ok: false, reason: `${world} ranks do not divide into expert replicas of ${expertReplica}` };
  }
  const data = world / replica;
  const expertData = world / expertReplica;
  const pipelineInside = rankOrder === 'tp-cp-ep-pp-dp';
  if (pipelineInside && pipeline > 1 && data !== expertData) {
    return {
      ok: false,
      reason: `with rank order ${rankOrder} pipelines of dense and expert layers coincide only where data (${data}) equals expert_data (${expertData})`,
    };
  }
  const outer = <D extends string>(name: D, size: number): (readonly [D | 'pp', number])[] =>
    pipelineInside
      ? [
          ['pp', pipeline],
          [name, size],
        ]
      : [
          [name, size],
          ['pp', pipeline],
        ];
  return {
    ok: true,
    grids: {
      dense: grid<DenseAxisName>(world, [
        ['tp', tensor],
        ['gtp', weightShards],
        ['cp', context],
        ...outer('dp', data),
      ]),
      expert: grid<ExpertAxisName>(world, [
        ['etp', expertTensor],
        ['ep', expert],
        ['egtp', expertWeightShards],
        ...outer('edp', expertData),
      ]),
    },
  };
};

/**
 * The grids of a strategy over the ranks that it occupies. A strategy that says nothing of experts has them like its
 * dense layers where Megatron's own default (expert tensor = tensor) is what makes pipelines coincide.
 */
export const strategyGrids = (strategy: Strategy): GridResult => {
  const { tensor, context, data, pipeline, expert, expertTensor, rankOrder } = strategy;
  const sizes = { world: tensor * context * data * pipeline, tensor, context, pipeline, rankOrder };
  const stated = rankGrids({ ...sizes, expert, expertTensor });
  return stated.ok || expert * expertTensor > 1
    ? stated
    : rankGrids({ ...sizes, expert: 1, expertTensor: tensor * context });
};

/** The axis of that name; every grid has all of its axes, of size 1 where unused. */
export const axisOf = <Name extends string>(rankGrid: RankGrid<Name>, name: Name): Axis<Name> => {
  const axis = rankGrid.axes.find((each) => each.name === name);
  if (axis === undefined) throw new RangeError(`no axis ${name} in the grid`);
  return axis;
};

/** Index of `rank` on one axis. */
export const coordinate = (rank: number, axis: Axis<string>): number =>
  Math.floor(rank / axis.stride) % axis.size;
