import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { axisOf, coordinate, rankGrids, strategyGrids } from '../../src/strategy/rank-grid.ts';
import { dataPath, hasData } from '../shared-data.ts';
import { groupsOver, processGroups } from './process-groups.ts';
import type { GroupOptions } from './process-groups.ts';
import { strategy } from './sample-strategy.ts';

const options = (given: Partial<GroupOptions>): GroupOptions => ({
  world: 16,
  tensor: 1,
  context: 1,
  pipeline: 1,
  expert: 1,
  expertTensor: given.tensor ?? 1,
  rankOrder: 'tp-cp-ep-dp-pp',
  ...given,
});

const groupsOf = (given: Partial<GroupOptions>) => {
  const result = processGroups(options(given));
  if (!result.ok) throw new Error(result.reason);
  return result.groups;
};

describe('process groups', () => {
  it('follow the example in the documentation of initialize_model_parallel: 16 GPUs, tp 2, pp 4', () => {
    const groups = groupsOf({ tensor: 2, pipeline: 4 });
    // prettier-ignore
    expect(groups.dp).toEqual([[0, 2], [1, 3], [4, 6], [5, 7], [8, 10], [9, 11], [12, 14], [13, 15]]);
    // prettier-ignore
    expect(groups.tp).toEqual([[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10, 11], [12, 13], [14, 15]]);
    // prettier-ignore
    expect(groups.pp).toEqual([[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15]]);
    // prettier-ignore
    expect(groups.embd).toEqual([[0, 12], [1, 13], [2, 14], [3, 15]]);
    expect(groups.pos_embd).toEqual([[0], [1], [2], [3]]);
    // prettier-ignore
    expect(groups.mp).toEqual([[0, 1, 4, 5, 8, 9, 12, 13], [2, 3, 6, 7, 10, 11, 14, 15]]);
  });

  it('with pipelines inside data parallelism put neighbouring stages side by side', () => {
    const groups = groupsOf({ world: 8, tensor: 2, pipeline: 2, rankOrder: 'tp-cp-ep-pp-dp' });
    // By hand: rank = tp + 2·pp + 4·dp.
    // prettier-ignore
    expect(groups.pp).toEqual([[0, 2], [1, 3], [4, 6], [5, 7]]);
    // prettier-ignore
    expect(groups.dp).toEqual([[0, 4], [1, 5], [2, 6], [3, 7]]);
  });

  it('fold experts over dense ranks: 8 GPUs, tp 2, cp 2, etp 1, ep 4', () => {
    const groups = groupsOf({ world: 8, tensor: 2, context: 2, expertTensor: 1, expert: 4 });
    // prettier-ignore
    expect(groups.ep).toEqual([[0, 1, 2, 3], [4, 5, 6, 7]]);
    // prettier-ignore
    expect(groups.ep_dp).toEqual([[0, 4], [1, 5], [2, 6], [3, 7]]);
    // prettier-ignore
    expect(groups.tp_cp).toEqual([[0, 1, 2, 3], [4, 5, 6, 7]]);
    // prettier-ignore
    expect(groups.dp_cp).toEqual([[0, 2, 4, 6], [1, 3, 5, 7]]);
  });

  it.each([
    ['world 12, tp 8', { world: 12, tensor: 8 }, '12 ranks do not divide into replicas of 8'],
    [
      'expert grid too large',
      { world: 24, tensor: 2, pipeline: 2, expert: 8, expertTensor: 1 },
      '24 ranks do not divide into expert replicas of 16',
    ],
    [
      'pipelines inside, data ≠ expert data',
      { world: 32, tensor: 2, pipeline: 2, expert: 4, expertTensor: 1, rankOrder: 'tp-cp-ep-pp-dp' as const },
      'data (8) equals expert_data (4)',
    ],
    [
      'context levels',
      { context: 8, contextHierarchy: [2, 2] },
      'context levels 2 × 2 do not multiply to context=8',
    ],
    ['optimizer instances', { tensor: 2, optimizerInstances: 3 }, '3 optimizer instances do not divide'],
    [
      'optimizer instances of experts',
      { tensor: 1, expert: 8, optimizerInstances: 4 },
      'data × context (16) and expert_data (2)',
    ],
    ['instances and weight shards', { weightShards: 2, optimizerInstances: 2 }, 'weight shards'],
  ])('are refused with a reason: %s', (_name, given, reason) => {
    const result = processGroups(options(given));
    expect(result.ok ? 'accepted' : result.reason).toContain(reason);
  });

  it('of one kind cover every rank exactly once', () => {
    const size = fc.constantFrom(1, 2, 3, 4);
    fc.assert(
      fc.property(
        size,
        size,
        size,
        size,
        size,
        fc.boolean(),
        (tensor, context, pipeline, expert, data, inside) => {
          const world = tensor * context * pipeline * data * expert;
          const result = processGroups(
            options({
              world,
              tensor,
              context,
              pipeline,
              expert,
              expertTensor: 1,
              rankOrder: inside ? 'tp-cp-ep-pp-dp' : 'tp-cp-ep-dp-pp',
            }),
          );
          if (!result.ok) return;
          for (const [name, groups] of Object.entries(result.groups)) {
            if (name === 'embd' || name === 'pos_embd') continue;
            expect(
              (groups ?? []).flat().sort((a, b) => a - b),
              name,
            ).toEqual(Array.from({ length: world }, (_, rank) => rank));
          }
        },
      ),
      { seed: 1 },
    );
  });

  it('agree with coordinates: ranks of a group differ in its axes alone', () => {
    const result = rankGrids(
      options({ world: 48, tensor: 2, context: 2, pipeline: 3, expert: 4, expertTensor: 2 }),
    );
    if (!result.ok) throw new Error(result.reason);
    const { dense } = result.grids;
    for (const group of groupsOver(dense, ['cp', 'dp'])) {
      for (const name of ['tp', 'pp'] as const) {
        expect(new Set(group.map((rank) => coordinate(rank, axisOf(dense, name)))).size).toBe(1);
      }
    }
  });

  it('lie over pipelines inside data parallelism where nothing is said of experts', () => {
    // tensor 8, pipeline 2, data 2: by Megatron's default the expert tensor is 8 too, so that its replicas are the dense ones.
    const result = strategyGrids(
      strategy({ tensor: 8, pipeline: 2, data: 2, expert: 1, expertTensor: 1, rankOrder: 'tp-cp-ep-pp-dp' }),
    );
    expect(result.ok && axisOf(result.grids.dense, 'dp')).toEqual({ name: 'dp', size: 2, stride: 16 });
    expect(result.ok && axisOf(result.grids.expert, 'edp')).toEqual({ name: 'edp', size: 2, stride: 16 });
  });

  it('take the ranks of a strategy, not of the cluster', () => {
    const result = strategyGrids(
      strategy({ tensor: 4, context: 2, data: 3, pipeline: 2, expert: 6, expertTensor: 1 }),
    );
    expect(result.ok && result.grids.dense.world).toBe(48);
    expect(result.ok && axisOf(result.grids.expert, 'edp')).toEqual({ name: 'edp', size: 4, stride: 6 });
    expect(result.ok && axisOf(result.grids.dense, 'pp')).toEqual({ name: 'pp', size: 2, stride: 24 });
  });
});

interface Vector {
  readonly name: string;
  readonly valid: boolean;
  readonly hierarchical_cp: readonly number[] | null;
  readonly input: {
    readonly world: number;
    readonly tp: number;
    readonly pp: number;
    readonly cp: number;
    readonly ep: number;
    readonly etp: number | null;
    readonly gtp: number;
    readonly egtp: number;
    readonly use_tp_pp_dp_mapping: boolean;
    readonly num_distributed_optimizer_instances: number;
  };
  readonly groups?: Readonly<Record<string, readonly (readonly number[])[]>>;
}

const vectorFile = ['launch', 'megatron_groups_vectors.json'] as const;
const vectors = hasData(...vectorFile)
  ? (JSON.parse(readFileSync(dataPath(...vectorFile), 'utf8')) as { vectors: readonly Vector[] }).vectors
  : [];

describe.skipIf(vectors.length === 0)(
  'process groups as Megatron itself creates them (needs PLANNER_DATA)',
  () => {
    it('covers 13 layouts, 3 of them refused', () => {
      expect([vectors.length, vectors.filter((vector) => !vector.valid).length]).toEqual([13, 3]);
    });

    it.each(vectors.map((vector) => [vector.name, vector] as const))('%s', (_name, { input, ...vector }) => {
      const result = processGroups({
        world: input.world,
        tensor: input.tp,
        context: input.cp,
        pipeline: input.pp,
        expert: input.ep,
        expertTensor: input.etp ?? input.tp,
        weightShards: input.gtp,
        expertWeightShards: input.egtp,
        rankOrder: input.use_tp_pp_dp_mapping ? 'tp-cp-ep-pp-dp' : 'tp-cp-ep-dp-pp',
        optimizerInstances: input.num_distributed_optimizer_instances,
        contextHierarchy: vector.hierarchical_cp,
      });
      expect(result.ok).toBe(vector.valid);
      expect(result.ok ? result.groups : undefined).toEqual(vector.groups);
    });
  },
);
