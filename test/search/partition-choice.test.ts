import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultCalibration } from '../../src/ingest/calibration.ts';
import type { Problem } from '../../src/plan/problem.ts';
import { combinations } from '../../src/search/combinations.ts';
import { createSearchCosts } from '../../src/search/costs.ts';
import { createPartitioner } from '../../src/search/partition-choice.ts';
import type { SearchCosts } from '../../src/search/search-types.ts';
import { createSpace } from '../../src/search/space.ts';
import type { Partition, Strategy } from '../../src/strategy/strategy.ts';
import { bytes } from '../../src/units.ts';
import { presetCluster, presetModel, problemOf, unit } from './problems.ts';

/** Every way to cut `layers` into `chunks` runs of which only the first and the last may be empty. */
const allSizes = (layers: number, chunks: number): number[][] => {
  const found: number[][] = [];
  const walk = (sizes: number[], left: number): void => {
    const chunk = sizes.length;
    if (chunk === chunks - 1) {
      if (left > 0 || chunks > 1) found.push([...sizes, left]);
      return;
    }
    for (let size = chunk === 0 ? 0 : 1; size <= left; size += 1) walk([...sizes, size], left - size);
  };
  walk([], layers);
  return found;
};

/** Stage of each chunk in the order of the layers: round after round, in a V every second one back up. */
const places = ({ pipeline, virtualStages, schedule }: Strategy): number[] => {
  const down = Array.from({ length: pipeline }, (_, stage) => stage);
  const isV = schedule === 'zb-v' || schedule === 'v-half' || schedule === 'dualpipe-v';
  return Array.from({ length: virtualStages }, (_, round) =>
    isV && round % 2 === 1 ? [...down].reverse() : down,
  ).flat();
};

const partitionsOf = (layers: number, strategy: Strategy): Partition[] => {
  const stageOf = places(strategy);
  return allSizes(layers, stageOf.length).map((sizes) =>
    Array.from({ length: strategy.pipeline }, (_, stage) =>
      sizes.filter((_size, chunk) => stageOf[chunk] === stage),
    ),
  );
};

/**
 * As equal as the chunks of a stage can be, larger ones later (earlier where the model ends): what planner considers for
 * models of one kind of layer.
 */
const isSpread = (strategy: Strategy, partition: Partition): boolean =>
  partition.every((chunks, stage) => {
    const ordered = [...chunks].sort((a, b) => (stage === places(strategy).at(-1) ? b - a : a - b));
    return (
      Math.max(...chunks) - Math.min(...chunks) <= 1 && ordered.every((size, chunk) => size === chunks[chunk])
    );
  });

/** The same costs on devices with so many more bytes. */
const withMore = (costs: SearchCosts, more: number): SearchCosts => ({
  ...costs,
  memory: (strategy, partition) =>
    costs.memory(strategy, partition).map((stage) => ({ ...stage, capacity: bytes(stage.capacity + more) })),
  excess: (strategy, partition) => bytes(costs.excess(strategy, partition) - more),
  stageExcess: (strategy, partition, stage) => bytes(costs.stageExcess(strategy, partition, stage) - more),
  leastExcess: (strategy, counts, stage) => bytes(costs.leastExcess(strategy, counts, stage) - more),
});

const torchtitan = { runtime: { name: 'torchtitan', version: '2026' } } as const;

const cases: readonly { readonly name: string; readonly problem: Problem }[] = [
  {
    name: 'one kind of layers',
    problem: problemOf(presetModel('llama3-8b', 7), presetCluster('h100-sxm-80gb', 1), {
      globalBatchSize: 16,
    }),
  },
  {
    name: 'one kind of layers, V-shaped schedules among others',
    problem: problemOf(presetModel('llama3-8b', 7), presetCluster('h100-sxm-80gb', 1), {
      globalBatchSize: 16,
      ...torchtitan,
    }),
  },
  {
    name: 'dense layers before expert layers',
    problem: problemOf(presetModel('deepseek-v3', 7), presetCluster('h800-sxm-80gb', 4), {
      globalBatchSize: 64,
    }),
  },
  {
    name: 'two kinds in turn',
    problem: problemOf(presetModel('gpt-oss-20b', 8), presetCluster('h100-sxm-80gb', 1), {
      globalBatchSize: 16,
    }),
  },
];

describe('the partition that is chosen, against all partitions', () => {
  for (const { name, problem } of cases)
    it(name, { timeout: 120_000 }, () => {
      const costs = createSearchCosts(problem, defaultCalibration());
      const space = createSpace(problem);
      const frames = space.families
        .flatMap((family) => family.frames)
        .filter(({ strategy }) => strategy.pipeline > 1)
        .filter(({ strategy }) => strategy.pipeline * strategy.virtualStages <= problem.model.layers.length);
      expect(frames.length).toBeGreaterThan(0);
      const oneKind = new Set(problem.model.layers).size === 1;
      const seen = { fits: 0, moved: 0, impossible: 0, open: 0 };
      fc.assert(
        fc.property(unit, unit, unit, unit, (a, b, c, d) => {
          const frame = frames[Math.floor(a * frames.length)];
          const recompute = frame?.recomputes[Math.floor(b * frame.recomputes.length)];
          if (frame === undefined || recompute === undefined) return;
          const layout: Strategy = { ...frame.strategy, recompute };
          const flags = combinations(space.flagChoices(layout));
          const strategy: Strategy = { ...layout, ...flags[Math.floor(c * flags.length)] };
          const all = partitionsOf(problem.model.layers.length, strategy)
            .map((partition) => ({ partition, excess: costs.excess(strategy, partition) }))
            .filter(({ partition }) => !oneKind || isSpread(strategy, partition))
            .sort((left, right) => left.excess - right.excess);
          // Devices that hold a share of the partitions, from none to all.
          const least = all[Math.floor(d * 1.2 * all.length - 0.1 * all.length)]?.excess;
          const more = (least ?? (d < 0.5 ? (all[0]?.excess ?? 0) - 4096 : (all.at(-1)?.excess ?? 0))) + 1024;
          const choice = createPartitioner(problem, withMore(costs, more)).choose(strategy);
          if (choice === null) return;
          const fitting = all.filter(({ excess }) => excess <= more).map(({ partition }) => partition);
          if (choice.impossible) {
            seen.impossible += 1;
            expect(fitting).toEqual([]);
            return;
          }
          const slowest = (partition: Partition): number => busiest(problem, costs, strategy, partition);
          const best = Math.min(...fitting.map(slowest));
          expect(choice.bottleneck).toBeLessThanOrEqual(best * (1 + 1e-9));
          if (!choice.proven) {
            // What is left open is said to be open; one chunk per stage and one kind of layers never are.
            expect(oneKind || strategy.virtualStages === 1).toBe(false);
            seen.open += 1;
            return;
          }
          expect(choice.shortage).toBeLessThanOrEqual(0);
          expect(costs.excess(strategy, choice.partition)).toBeLessThanOrEqual(more);
          expect(slowest(choice.partition)).toBeLessThanOrEqual(best * (1 + 1e-9));
          seen.fits += 1;
          if (best > createPartitioner(problem, costs).bottleneck(strategy) * (1 + 1e-9)) seen.moved += 1;
        }),
        { numRuns: 200, seed: 1811 },
      );
      // Of 200: each outcome is met, and few are left open.
      expect(seen.fits).toBeGreaterThan(140);
      expect(seen.moved).toBeGreaterThan(20);
      expect(seen.impossible).toBeGreaterThan(10);
    });
});

/** Seconds of one micro-batch on the slowest stage, from the costs of layers. */
const busiest = (problem: Problem, costs: SearchCosts, strategy: Strategy, partition: Partition): number => {
  const [layers] = costs.stageCosts(strategy);
  if (layers === undefined) throw new Error('no costs');
  const both = (pass: { forward: number; backward: number }): number => pass.forward + pass.backward;
  const block = strategy.recompute.kind === 'full-block' ? strategy.recompute.layers : 0;
  const loads = Array.from({ length: strategy.pipeline }, () => 0);
  const stageOf = places(strategy);
  let layer = 0;
  for (const [chunk, stage] of stageOf.entries()) {
    const size = partition[stage]?.[Math.floor(chunk / strategy.pipeline)] ?? 0;
    for (let index = 0; index < size; index += 1) {
      const kind = problem.model.layers[layer] ?? NaN;
      const pass = index < block ? layers.kinds[kind] : layers.plain[kind];
      loads[stage] = (loads[stage] ?? 0) + (pass === undefined ? NaN : both(pass));
      layer += 1;
    }
  }
  const end = stageOf.at(-1) ?? 0;
  loads[0] = (loads[0] ?? 0) + both(layers.embedding);
  loads[end] = (loads[end] ?? 0) + both(layers.head) + both(layers.mtp);
  return Math.max(...loads);
};
