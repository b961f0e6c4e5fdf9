import { describe, expect, it } from 'vitest';
import type { Problem } from '../../src/plan/problem.ts';
import { combinations } from '../../src/search/combinations.ts';
import { divisors } from '../../src/search/domain.ts';
import { ruleContexts } from '../../src/search/legality.ts';
import { createSpace } from '../../src/search/space.ts';
import { strategyToText } from '../../src/strategy/format.ts';
import { worldsOf } from '../../src/search/worlds.ts';
import { nearEvenPartition } from '../../src/strategy/layer-split.ts';
import type { Sharding, Strategy } from '../../src/strategy/strategy.ts';
import { isLegal } from '../strategies.ts';
import { strategy } from '../strategy/sample-strategy.ts';
import { presetCluster, presetModel, problemOf } from './problems.ts';

const everyStrategy = (problem: Problem): Strategy[] => {
  const space = createSpace(problem);
  return space.families.flatMap(({ frames }) =>
    frames.flatMap((frame) =>
      frame.recomputes.flatMap((recompute) => {
        const layout = { ...frame.strategy, recompute };
        return combinations(space.flagChoices(layout)).map((flags) => ({ ...layout, ...flags }));
      }),
    ),
  );
};

const small = problemOf(
  presetModel('llama3-8b', 4),
  presetCluster('h100-sxm-80gb', 1),
  { globalBatchSize: 4, sequenceLength: 2048 },
  {
    limits: {
      recompute: ['none', 'full'],
      rankOrder: ['tp-cp-ep-dp-pp'],
      contextCommunication: ['p2p'],
      offload: ['none'],
      sharding: ['none', 'optimizer'],
      virtualStages: [1, 2],
      microBatchSize: [1, 2],
    },
  },
);

describe('the space of legal strategies', () => {
  it('holds each strategy once and as many as it says', () => {
    const strategies = everyStrategy(small);
    expect(strategies.length).toBe(createSpace(small).count);
    expect(new Set(strategies.map(strategyToText)).size).toBe(strategies.length);
  });

  it('offloads the optimizer of a single replica, sharded over itself as Megatron asks, and lists nothing twice', () => {
    const alone = problemOf(
      presetModel('llama3-8b', 4),
      presetCluster('h100-sxm-80gb', 1),
      { globalBatchSize: 4, sequenceLength: 2048 },
      { limits: { recompute: ['none'], data: [1], context: [1], virtualStages: [1], microBatchSize: [1] } },
    );
    const spelled = (problem: Problem): readonly string[] => [
      ...new Set(everyStrategy(problem).map(({ sharding, offload }) => `${sharding} ${offload}`)),
    ];
    expect(spelled(alone)).toEqual(['none none', 'optimizer optimizer']);
    const asked = { ...alone.search.limits, sharding: ['optimizer' as const] };
    expect(spelled({ ...alone, search: { ...alone.search, limits: asked } })).toEqual([
      'optimizer none',
      'optimizer optimizer',
    ]);
    const kept = { ...alone.search.limits, offload: ['none' as const] };
    expect(spelled({ ...alone, search: { ...alone.search, limits: kept } })).toEqual(['none none']);
  });

  it('equals every combination of values that the rules accept, tried one by one', () => {
    const expected = new Set<string>();
    const booleans = [true, false];
    for (const tensor of [1, 2, 4, 8])
      // More stages than layers, embedding and head would leave some without any work.
      for (const pipeline of divisors(8 / tensor).filter((stages) => stages <= 6))
        for (const context of divisors(8 / (tensor * pipeline)).filter((size) => size <= 2))
          for (const virtualStages of pipeline > 1 ? [1, 2] : [1])
            for (const microBatchSize of [1, 2])
              for (const kind of ['none', 'full'] as const)
                for (const sharding of ['none', 'optimizer'] satisfies Sharding[])
                  for (const sequenceParallel of booleans)
                    for (const overlapTensor of booleans)
                      for (const overlapGradients of booleans)
                        for (const overlapParameters of booleans) {
                          const data = 8 / (tensor * pipeline * context);
                          const candidate = strategy({
                            tensor,
                            pipeline,
                            context,
                            data,
                            virtualStages,
                            microBatchSize,
                            schedule: virtualStages > 1 ? 'interleaved' : '1f1b',
                            recompute: { kind },
                            sharding,
                            sequenceParallel,
                            overlapTensor,
                            overlapGradients,
                            overlapParameters,
                          });
                          // Switches without effect are spelled in one way.
                          if (tensor === 1 && (sequenceParallel || overlapTensor)) continue;
                          if (data * context === 1 && (overlapGradients || overlapParameters)) continue;
                          const partition = nearEvenPartition(4, pipeline, virtualStages, candidate.schedule);
                          if (ruleContexts(small, candidate, partition).every(isLegal))
                            expected.add(strategyToText(candidate));
                        }
    expect(new Set(everyStrategy(small).map(strategyToText))).toEqual(expected);
    expect(expected.size).toBeGreaterThan(100);
  });

  it('counts what each rule rejected', () => {
    const { rejected } = createSpace(
      problemOf(
        presetModel('llama3-8b', 4),
        presetCluster('h100-sxm-80gb', 1),
        {},
        { limits: { tensor: [8], sequenceParallel: [false], overlapTensor: [true] } },
      ),
    );
    expect(rejected['megatron/overlap-tensor-sequence']).toBeGreaterThan(0);
  });

  it('offers zero-bubble schedules where the runtime has them, and not in Megatron', () => {
    const schedules = (name: 'megatron' | 'torchtitan', version: string): Set<string> => {
      const problem = problemOf(presetModel('llama3-8b', 8), presetCluster('h100-sxm-80gb', 1), {
        runtime: { name, version },
        globalBatchSize: 32,
      });
      return new Set(
        createSpace(problem).families.flatMap(({ frames }) => frames.map((frame) => frame.strategy.schedule)),
      );
    };
    expect(schedules('megatron', '0.20')).toEqual(new Set(['1f1b', 'interleaved']));
    expect(schedules('torchtitan', '2026')).toContain('zb-v');
  });

  it('reaches pipelines that the layers do not divide, with an empty first and last chunk (126 layers on 16 × 8)', () => {
    const { families } = createSpace(
      problemOf(
        presetModel('llama3-405b'),
        presetCluster('h100-sxm-80gb', 64),
        { globalBatchSize: 256 },
        { limits: { pipeline: [16] } },
      ),
    );
    const stages = families.flatMap(({ frames }) => frames.map((frame) => frame.strategy.virtualStages));
    expect(stages).toContain(8);
    expect(Math.max(...stages)).toBe(8);
  });
});

describe('GPU counts', () => {
  const problem = problemOf(presetModel('llama3-8b', 4), presetCluster('h100-sxm-80gb', 3));
  it('are all of them by default, prefixes of the nodes for cost, parts of a node where data is limited', () => {
    expect(worldsOf(problem)).toEqual([24]);
    expect(worldsOf({ ...problem, search: { ...problem.search, objective: 'cost' } })).toEqual([24, 16, 8]);
    expect(worldsOf({ ...problem, search: { ...problem.search, limits: { data: [1] } } })).toEqual([
      24, 16, 8, 4, 2, 1,
    ]);
  });
  it('find divisors (by hand: 12)', () => {
    expect(divisors(12)).toEqual([1, 2, 3, 4, 6, 12]);
    expect(divisors(16)).toEqual([1, 2, 4, 8, 16]);
  });
});

describe('virtual stages', () => {
  const most = (limits: Problem['search']['limits']): number => {
    // 40 layers on two stages: chunks of one layer would make 20 virtual stages.
    const problem = problemOf(presetModel('llama2-13b'), presetCluster('a100-sxm-80gb', 1), {}, { limits });
    const frames = createSpace(problem).families.flatMap((family) => family.frames);
    return Math.max(...frames.map(({ strategy }) => strategy.virtualStages));
  };

  it('are tried as far as runs were measured, and beyond where a SPEC asks for it', () => {
    expect(most({ pipeline: [2] })).toBe(10);
    expect(most({ pipeline: [2], virtualStages: [20] })).toBe(20);
  });
});
