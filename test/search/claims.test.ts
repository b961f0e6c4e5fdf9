import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultCalibration } from '../../src/ingest/calibration.ts';
import type { Problem } from '../../src/plan/problem.ts';
import { checkStrategy } from '../../src/runtimes/registry.ts';
import { combinations } from '../../src/search/combinations.ts';
import { createSearchCosts } from '../../src/search/costs.ts';
import {
  fasterFirst,
  neverWorse,
  smallerFirst,
  undominated,
  type Preference,
} from '../../src/search/dominance.ts';
import { flagKeys, layoutId, spell } from '../../src/search/keys.ts';
import { ruleContexts } from '../../src/search/legality.ts';
import { mostFrugal } from '../../src/search/memory-floor.ts';
import { createPartitioner } from '../../src/search/partition-choice.ts';
import { stageOfChunk } from '../../src/search/partition-problem.ts';
import { createSpace, type Space } from '../../src/search/space.ts';
import { isVShaped, modelEnds } from '../../src/strategy/partition.ts';
import type { Partition, Recompute, Strategy } from '../../src/strategy/strategy.ts';
import { presetCluster, presetModel, problemOf, unit } from './problems.ts';

/** What the bounds of the search take for granted, held against the real cost model on random legal strategies. */
const problems: readonly { readonly name: string; readonly problem: Problem }[] = [
  {
    name: 'dense',
    problem: problemOf(presetModel('llama3-8b'), presetCluster('h100-sxm-80gb', 4), { globalBatchSize: 256 }),
  },
  {
    name: 'experts',
    problem: problemOf(presetModel('mixtral-8x7b'), presetCluster('a100-sxm-80gb', 4), {
      globalBatchSize: 128,
    }),
  },
  {
    name: 'latent attention, uneven layers',
    problem: problemOf(presetModel('deepseek-v3', 13), presetCluster('h800-sxm-80gb', 8), {
      globalBatchSize: 256,
    }),
  },
  {
    name: 'no NVLink',
    problem: problemOf(presetModel('llama2-13b', 11), presetCluster('a100-pcie-80gb', 2)),
  },
  {
    name: 'parameters sharded, V-shaped schedules',
    problem: problemOf(presetModel('llama3-8b', 10), presetCluster('h100-sxm-80gb', 2), {
      runtime: { name: 'torchtitan', version: '2026' },
    }),
  },
  {
    name: 'long sequences, windows',
    problem: problemOf(presetModel('gpt-oss-20b', 10), presetCluster('b200-sxm-180gb', 4), {
      globalBatchSize: 128,
      sequenceLength: 32768,
    }),
  },
  {
    name: 'linear attention, one large domain',
    problem: problemOf(presetModel('qwen3-next-80b-a3b', 12), presetCluster('gb200-186gb', 8), {
      globalBatchSize: 128,
    }),
  },
];

/** A legal strategy of the space, picked by four numbers from 0 to 1. */
const pick = (space: Space, [a, b, c, d]: readonly number[]): Strategy => {
  const at = <T>(list: readonly T[], where: number | undefined): T => {
    const value = list[Math.min(list.length - 1, Math.floor((where ?? 0) * list.length))];
    if (value === undefined) throw new Error('nothing to pick from');
    return value;
  };
  const { strategy, recomputes } = at(at(space.families, a).frames, b);
  const layout: Strategy = { ...strategy, recompute: at(recomputes, c) };
  return { ...layout, ...at(combinations(space.flagChoices(layout)), d) };
};

const picks = fc.tuple(unit, unit, unit, unit);

/** Pairs of legal strategies of one layout that differ in one switch, the better value first. */
const pairs = (space: Space, strategy: Strategy, preference: Preference): [Strategy, Strategy][] => {
  const legal = new Set(
    combinations(space.flagChoices(strategy)).map((flags) =>
      flagKeys.map((key) => String(flags[key])).join(' '),
    ),
  );
  const isLegal = (candidate: Strategy): boolean =>
    legal.has(flagKeys.map((key) => spell(candidate[key])).join(' '));
  return Object.entries(preference).flatMap(([key, values]) =>
    values.flatMap(([better, other]): [Strategy, Strategy][] => {
      const read = (text: string): string | boolean =>
        text === 'true' ? true : text === 'false' ? false : text;
      const first = { ...strategy, [key]: read(better) };
      const second = { ...strategy, [key]: read(other) };
      return isLegal(first) && isLegal(second) ? [[first, second]] : [];
    }),
  );
};

const slack = 1 + 1e-9;

for (const { name, problem } of problems)
  describe(`${name}: ${problem.model.name}`, () => {
    const space = createSpace(problem);
    const costs = createSearchCosts(problem, defaultCalibration());
    const partitioner = createPartitioner(problem, costs);
    const recomputesOf = (strategy: Strategy): readonly Recompute[] => {
      const frames = space.families.flatMap((family) => family.frames);
      const own = frames.find(
        (frame) => layoutId({ ...frame.strategy, recompute: strategy.recompute }) === layoutId(strategy),
      );
      return own?.recomputes ?? [];
    };
    const partitionOf = (strategy: Strategy): Partition => partitioner.choose(strategy)?.partition ?? [];
    const check = (property: (strategy: Strategy) => void): void => {
      fc.assert(
        fc.property(picks, (where) => {
          property(pick(space, where));
        }),
        { numRuns: 120, seed: 2104 },
      );
    };

    it(
      'every strategy of the space is legal with the partition that is chosen for it',
      { timeout: 60_000 },
      () => {
        check((strategy) => {
          const partition = partitionOf(strategy);
          expect(partition.flat().reduce((sum, count) => sum + count, 0)).toBe(problem.model.layers.length);
          for (const context of ruleContexts(problem, strategy, partition))
            expect(checkStrategy(context).filter(({ rule }) => rule.severity === 'error')).toEqual([]);
        });
      },
    );

    it('bounds lie below the time of the chosen partition', { timeout: 60_000 }, () => {
      check((strategy) => {
        const time = costs.iterationTime(strategy, partitionOf(strategy)) * slack;
        expect(costs.lowerBound(strategy)).toBeLessThanOrEqual(time);
        expect(costs.exchangeBound(strategy)).toBeLessThanOrEqual(time);
        expect(costs.lowerBound(strategy)).toBeLessThanOrEqual(costs.exchangeBound(strategy) * slack);
      });
    });

    it('operators alone bound a micro-batch, and recomputation only adds', { timeout: 60_000 }, () => {
      check((strategy) => {
        const plain: Strategy = { ...strategy, recompute: { kind: 'none' } };
        expect(costs.lowerBound(plain)).toBeLessThanOrEqual(costs.lowerBound(strategy) * slack);
        const work = Math.min(
          costs.operatorWork({ ...plain, sequenceParallel: strategy.tensor > 1 }),
          costs.operatorWork({ ...plain, sequenceParallel: false }),
        );
        const passes = problem.training.globalBatchSize / (strategy.data * strategy.microBatchSize);
        expect((work * passes) / strategy.pipeline).toBeLessThanOrEqual(costs.lowerBound(strategy) * slack);
      });
    });

    it('a switch that is said to be faster is', { timeout: 60_000 }, () => {
      check((strategy) => {
        for (const [better, other] of pairs(space, strategy, fasterFirst))
          expect(costs.lowerBound(better)).toBeLessThanOrEqual(costs.lowerBound(other) * slack);
      });
    });

    it(
      'a switch that is said to be smaller is, and one of the most frugal recomputations keeps no more than any other',
      { timeout: 60_000 },
      () => {
        check((strategy) => {
          const partition = partitionOf(strategy);
          const excess = (of: Strategy): number => costs.excess(of, partition);
          for (const [better, other] of pairs(space, strategy, smallerFirst))
            expect(excess(better)).toBeLessThanOrEqual(excess(other) + 1);
          const recomputes = recomputesOf(strategy);
          const least = Math.min(
            ...mostFrugal(recomputes).map((recompute) => excess({ ...strategy, recompute })),
          );
          expect(least).toBeLessThanOrEqual(excess(strategy) + 1);
        });
      },
    );

    it(
      'the slowest stage of every partition bounds the time, as does what no switch avoids',
      { timeout: 60_000 },
      () => {
        check((strategy) => {
          const time = costs.iterationTime(strategy, partitionOf(strategy)) * slack;
          const bottleneck = partitioner.bottleneck(strategy);
          expect(costs.exchangeBound(strategy, bottleneck)).toBeLessThanOrEqual(time);
          expect(costs.lowerBound(strategy, bottleneck)).toBeLessThanOrEqual(
            costs.exchangeBound(strategy, bottleneck) * slack,
          );
          const { dispatcher, contextCommunication, overlapTensor, overlapExpert } = strategy;
          const own = {
            dispatchers: [dispatcher],
            contextMethods: [contextCommunication],
            overlapTensor: [overlapTensor],
            overlapExpert: [overlapExpert],
          };
          const work = costs.leastOfSwitches(strategy, own);
          expect(costs.operatorWork(strategy)).toBeLessThanOrEqual(work * slack);
          const passes = problem.training.globalBatchSize / (strategy.data * strategy.microBatchSize);
          expect((work * passes) / strategy.pipeline).toBeLessThanOrEqual(costs.lowerBound(strategy) * slack);
          const more = {
            dispatchers: [dispatcher, 'all-gather', 'all-to-all'] as const,
            contextMethods: [contextCommunication, 'p2p', 'a2a'] as const,
            overlapTensor: [true, false],
            overlapExpert: [true, false],
          };
          expect(costs.leastOfSwitches(strategy, more)).toBeLessThanOrEqual(work * slack);
        });
      },
    );

    it('memory by counts of layers is no more than in any place', { timeout: 60_000 }, () => {
      check((strategy) => {
        const { layers, kinds } = problem.model;
        const partition = partitionOf(strategy);
        const chunks = strategy.pipeline * strategy.virtualStages;
        // The same counts on each stage in other chunks, too: the first and the last may be empty.
        const { first, last } = modelEnds(strategy.pipeline, strategy.virtualStages, strategy.schedule);
        const moved = partition.map((sizes, stage) => {
          if (sizes.length < 2) return sizes;
          const spare = sizes.map((size, chunk) =>
            size === 0 || (chunk === 0 && stage === first) || (chunk === sizes.length - 1 && stage === last)
              ? size
              : size - 1,
          );
          const kept = sizes.map((size, chunk) => size - (spare[chunk] ?? 0));
          return kept.map(
            (size, chunk) => size + (chunk === sizes.length - 1 ? spare.reduce((a, b) => a + b, 0) : 0),
          );
        });
        for (const each of [partition, moved])
          for (let stage = 0; stage < strategy.pipeline; stage += 1) {
            const counts = kinds.map(() => 0);
            let layer = 0;
            for (let chunk = 0; chunk < chunks; chunk += 1) {
              const at = stageOfChunk(
                { stages: strategy.pipeline, vShaped: isVShaped(strategy.schedule) },
                chunk,
              );
              const size = each[at]?.[Math.floor(chunk / strategy.pipeline)] ?? 0;
              for (const kind of layers.slice(layer, layer + size))
                if (at === stage) counts[kind] = (counts[kind] ?? 0) + 1;
              layer += size;
            }
            expect(costs.leastExcess(strategy, counts, stage)).toBeLessThanOrEqual(
              costs.stageExcess(strategy, each, stage) + 1,
            );
          }
      });
    });

    it('who repeats more layers or modules is slower and keeps no more', { timeout: 60_000 }, () => {
      check((strategy) => {
        const partition = partitionOf(strategy);
        const chain = [1, 2, 3, 5, 8].map((layers): Strategy => {
          return { ...strategy, recompute: { kind: 'full-block', layers } };
        });
        chain.push({ ...strategy, recompute: { kind: 'full' } });
        for (const [index, more] of chain.slice(1).entries()) {
          const fewer = chain[index] ?? more;
          expect(costs.excess(more, partition)).toBeLessThanOrEqual(costs.excess(fewer, partition) + 1);
          expect(costs.iterationTime(fewer, partition)).toBeLessThanOrEqual(
            costs.iterationTime(more, partition) * slack,
          );
        }
        const sets = space.families
          .flatMap(({ frames }) => frames.slice(0, 1))[0]
          ?.recomputes.flatMap((recompute) => (recompute.kind === 'selective' ? [recompute.modules] : []));
        for (const larger of sets ?? [])
          for (const part of [[], ...(sets ?? [])]) {
            if (!part.every((module) => larger.includes(module))) continue;
            const all: Strategy = { ...strategy, recompute: { kind: 'selective', modules: larger } };
            const some: Strategy = {
              ...strategy,
              recompute: part.length === 0 ? { kind: 'none' } : { kind: 'selective', modules: part },
            };
            expect(costs.excess(all, partition)).toBeLessThanOrEqual(costs.excess(some, partition) + 1);
          }
      });
    });

    it('a switch that is said never to be worse is neither slower nor larger', { timeout: 60_000 }, () => {
      check((strategy) => {
        const partition = partitionOf(strategy);
        for (const [better, other] of pairs(space, strategy, neverWorse)) {
          expect(costs.iterationTime(better, partition)).toBeLessThanOrEqual(
            costs.iterationTime(other, partition) * slack,
          );
          expect(costs.excess(better, partition)).toBeLessThanOrEqual(costs.excess(other, partition) + 1);
        }
      });
    });
  });

describe('undominated choices', () => {
  it('keep one of equals and drop what another one beats', () => {
    const choices = [
      { sharding: 'optimizer', offload: 'none' },
      { sharding: 'optimizer', offload: 'optimizer' },
      { sharding: 'none', offload: 'none' },
    ] as const;
    expect(undominated(fasterFirst, choices)).toEqual([choices[0]]);
    expect(undominated(smallerFirst, choices)).toEqual([choices[1]]);
    expect(undominated(neverWorse, choices)).toEqual(choices);
    const alike = [{ overlapGradients: true }, { overlapGradients: false }];
    expect(undominated(smallerFirst, alike)).toEqual([alike[0]]);
  });
});
