import { axisOf, rankGrids } from '../../src/strategy/rank-grid.ts';
import type { Axis, GridSizes, RankGrid } from '../../src/strategy/rank-grid.ts';

/** Ranks that differ from each other in the given axes alone: Σ index · stride, fastest axis first. */
const offsets = (axes: readonly Axis<string>[]): readonly number[] =>
  axes.reduce<readonly number[]>(
    (found, axis) =>
      Array.from({ length: axis.size }, (_, index) => index).flatMap((index) =>
        found.map((offset) => offset + index * axis.stride),
      ),
    [0],
  );

/** All groups over the named axes: every group ascending, groups in the order of their first ranks. */
export const groupsOver = <Name extends string>(
  rankGrid: RankGrid<Name>,
  names: readonly Name[],
): readonly (readonly number[])[] => {
  const inside = offsets(rankGrid.axes.filter((axis) => names.includes(axis.name)));
  const outside = offsets(rankGrid.axes.filter((axis) => !names.includes(axis.name)));
  return outside.map((first) => inside.map((offset) => first + offset));
};

/** Communicators that Megatron creates; `hcp_l0`, `hcp_l1`, … and `intra_dp_cp` only where asked for. */
export type ProcessGroupName =
  | 'gtp_remat'
  | 'dp_cp'
  | 'intra_dp_cp'
  | 'dp'
  | 'cp'
  | 'mp'
  | 'tp'
  | 'pp'
  | 'embd'
  | 'pos_embd'
  | 'tp_dp_cp'
  | 'tp_dp'
  | 'tp_cp'
  | 'expt_gtp_remat'
  | 'ep'
  | 'ep_tp'
  | 'tp_ep'
  | 'tp_ep_pp'
  | 'ep_dp'
  | `hcp_l${number}`;

export interface GroupOptions extends GridSizes {
  /** Copies of the distributed optimizer; dp_cp is cut into so many runs of ranks. */
  readonly optimizerInstances?: number;
  /** Sizes of the levels of hierarchical context parallelism, innermost first; their product is `context`. */
  readonly contextHierarchy?: readonly number[] | null;
}

export type Groups = readonly (readonly number[])[];

export type ProcessGroupsResult =
  | { readonly ok: true; readonly groups: Readonly<Partial<Record<ProcessGroupName, Groups>>> }
  | { readonly ok: false; readonly reason: string };

const chunks = (group: readonly number[], count: number): Groups =>
  Array.from({ length: count }, (_, index) =>
    group.slice((index * group.length) / count, ((index + 1) * group.length) / count),
  );

/** First and last stage share the embedding; one rank where they are the same. */
const ends = (pipeline: readonly number[]): readonly number[] =>
  pipeline.length === 1 ? pipeline : [pipeline[0] ?? 0, pipeline[pipeline.length - 1] ?? 0];

const hierarchy = (
  dense: RankGrid<string>,
  levels: readonly number[],
): Readonly<Record<`hcp_l${number}`, Groups>> => {
  const names = levels.map((_, level) => `hcp_l${level}` as const);
  let stride = axisOf(dense, 'cp').stride;
  const split = levels.map((size, level) => {
    const axis = { name: names[level] ?? '', size, stride };
    stride *= size;
    return axis;
  });
  const axes = dense.axes.flatMap((axis) => (axis.name === 'cp' ? split : [axis]));
  return Object.fromEntries(names.map((name) => [name, groupsOver({ ...dense, axes }, [name])]));
};

/**
 * Every group of ranks that communicates, as Megatron would create it, or why it would refuse.
 * Groups and the ranks in them are ascending.
 *
 * Source: NVIDIA/Megatron-LM @ d98e8a64 megatron/core/parallel_state.py, initialize_model_parallel; :808, :922, :1447
 * (optimizer instances).
 */
export const processGroups = (options: GroupOptions): ProcessGroupsResult => {
  const result = rankGrids(options);
  if (!result.ok) return result;
  const { dense, expert } = result.grids;
  const instances = options.optimizerInstances ?? 1;
  const levels = options.contextHierarchy ?? null;
  if (levels !== null && levels.reduce((product, size) => product * size, 1) !== options.context) {
    return {
      ok: false,
      reason: `context levels ${levels.join(' × ')} do not multiply to context=${options.context}`,
    };
  }
  if (instances > 1 && ((options.weightShards ?? 1) > 1 || (options.expertWeightShards ?? 1) > 1)) {
    return { ok: false, reason: 'several optimizer instances do not go together with weight shards' };
  }
  const dataContext = groupsOver(dense, ['dp', 'cp']);
  const replicas = dataContext[0]?.length ?? 1;
  const expertReplicas = axisOf(expert, 'edp').size;
  if (replicas % instances !== 0 || expertReplicas % instances !== 0) {
    return {
      ok: false,
      reason: `${instances} optimizer instances do not divide both data × context (${replicas}) and expert_data (${expertReplicas})`,
    };
  }
  const pipelines = groupsOver(dense, ['pp']);
  return {
    ok: true,
    groups: {
      gtp_remat: groupsOver(dense, ['gtp']),
      dp_cp: dataContext,
      ...(instances > 1 ? { intra_dp_cp: dataContext.flatMap((group) => chunks(group, instances)) } : {}),
      dp: groupsOver(dense, ['dp']),
      cp: groupsOver(dense, ['cp']),
      mp: groupsOver(dense, ['tp', 'gtp', 'pp']),
      tp: groupsOver(dense, ['tp']),
      pp: pipelines,
      embd: pipelines.map(ends),
      pos_embd: pipelines.map((group) => group.slice(0, 1)),
      tp_dp_cp: groupsOver(dense, ['tp', 'gtp', 'cp', 'dp']),
      tp_dp: groupsOver(dense, ['tp', 'gtp', 'dp']),
      tp_cp: groupsOver(dense, ['tp', 'cp']),
      expt_gtp_remat: groupsOver(expert, ['egtp']),
      ep: groupsOver(expert, ['ep']),
      ep_tp: groupsOver(expert, ['etp']),
      tp_ep: groupsOver(expert, ['etp', 'ep']),
      tp_ep_pp: groupsOver(expert, ['etp', 'ep', 'pp']),
      ep_dp: groupsOver(expert, ['edp']),
      ...(levels === null ? {} : hierarchy(dense, levels)),
    },
  };
};
