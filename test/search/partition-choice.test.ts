import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultCalibration } from '../../src/ingest/calibration.ts';
import type { Problem } from '../../src/plan/problem.ts';
import { combinations } from '../../src/search/combinations.ts';
import { createSearchCosts } from '../../src/search/costs.ts';
import { createPartitioner } from '../../src/search/partition-choice.ts';
import { createSpace } from '../../src/search/space.ts';
import type { Partition, Strategy } from '../../src/strategy/strategy.ts';
import { presetCluster, presetModel, problemOf } from './problems.ts';

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

const partitionsOf = (layers: number, { pipeline, virtualStages }: Strategy): Partition[] =>
  allSizes(layers, pipeline * virtualStages).map((sizes) =>
    Array.from({ length: pipeline }, (_, stage) =>
      sizes.filter((_size, chunk) => chunk % pipeline === stage),
    ),
  );

/** As equal as the chunks of a stage can be: what planner considers for models of one kind of layer. */
const isSpread = (partition: Partition): boolean =>
  partition.every((chunks) => Math.max(...chunks) - Math.min(...chunks) <= 1);

const cases: readonly { readonly name: string; readonly problem: Problem; readonly virtualStages: number }[] =
  [
    ...[0.5, 0.8, 0.9].map((memoryReserve) => ({
      name: `one kind of layers, ${String(memoryReserve)} of the memory reserved`,
      problem: problemOf(
        presetModel('llama3-8b', 7),
        presetCluster('h100-sxm-80gb', 1),
        { globalBatchSize: 16 },
        { memoryReserve },
      ),
      virtualStages: 2,
    })),
    ...[0.2, 0.5, 0.7].map((memoryReserve) => ({
      name: `two kinds of layers, ${String(memoryReserve)} of the memory reserved`,
      problem: problemOf(
        presetModel('deepseek-v3', 6),
        presetCluster('h800-sxm-80gb', 4),
        { globalBatchSize: 64 },
        { memoryReserve },
      ),
      virtualStages: 1,
    })),
  ];

describe('the partition that is chosen, against all partitions', () => {
  for (const { name, problem, virtualStages } of cases)
    it(name, { timeout: 120_000 }, () => {
      const costs = createSearchCosts(problem, defaultCalibration());
      const space = createSpace(problem);
      const partitioner = createPartitioner(problem, costs);
      const frames = space.families
        .flatMap((family) => family.frames)
        .filter(({ strategy }) => strategy.pipeline > 1 && strategy.pipeline < 7)
        .filter(({ strategy }) => strategy.virtualStages <= virtualStages);
      expect(frames.length).toBeGreaterThan(0);
      const seen = { fits: 0, moved: 0, impossible: 0 };
      const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
      fc.assert(
        fc.property(unit, unit, unit, (a, b, c) => {
          const frame = frames[Math.floor(a * frames.length)];
          const recompute = frame?.recomputes[Math.floor(b * frame.recomputes.length)];
          if (frame === undefined || recompute === undefined) return;
          const layout: Strategy = { ...frame.strategy, recompute };
          const flags = combinations(space.flagChoices(layout));
          const strategy: Strategy = { ...layout, ...flags[Math.floor(c * flags.length)] };
          const choice = partitioner.choose(strategy);
          if (choice === null) return;
          const all = partitionsOf(problem.model.layers.length, strategy);
          const fitting = all.filter((partition) => costs.excess(strategy, partition) <= 0);
          const spread = fitting.filter(isSpread);
          if (choice.impossible) {
            seen.impossible += 1;
            expect(spread).toEqual([]);
            return;
          }
          expect(choice.proven).toBe(true);
          expect(costs.excess(strategy, choice.partition)).toBeLessThanOrEqual(0);
          const slowest = (partition: Partition): number => busiest(problem, costs, strategy, partition);
          const best = Math.min(...spread.map(slowest));
          expect(slowest(choice.partition)).toBeLessThanOrEqual(best * (1 + 1e-9));
          expect(choice.bottleneck).toBeLessThanOrEqual(best * (1 + 1e-9));
          seen.fits += 1;
          if (best > partitioner.bottleneck(strategy) * (1 + 1e-9)) seen.moved += 1;
        }),
        { numRuns: 150, seed: 1811 },
      );
      expect(seen.fits + seen.impossible).toBeGreaterThan(100);
    });
});

/** Seconds of one micro-batch on the slowest stage, from the costs of layers. */
const busiest = (
  problem: Problem,
  costs: ReturnType<typeof createSearchCosts>,
  strategy: Strategy,
  partition: Partition,
): number => {
  const [layers] = costs.stageCosts(strategy);
  if (layers === undefined) throw new Error('no costs');
  const both = (pass: { forward: number; backward: number }): number => pass.forward + pass.backward;
  const block = strategy.recompute.kind === 'full-block' ? strategy.recompute.layers : 0;
  const { pipeline, virtualStages } = strategy;
  const loads = Array.from({ length: pipeline }, () => 0);
  let layer = 0;
  for (let virtual = 0; virtual < virtualStages; virtual += 1)
    for (let stage = 0; stage < pipeline; stage += 1)
      for (let index = 0; index < (partition[stage]?.[virtual] ?? 0); index += 1) {
        const kind = problem.model.layers[layer] ?? NaN;
        const pass = index < block ? layers.kinds[kind] : layers.plain[kind];
        loads[stage] = (loads[stage] ?? 0) + (pass === undefined ? NaN : both(pass));
        layer += 1;
      }
  loads[0] = (loads[0] ?? 0) + both(layers.embedding);
  loads[pipeline - 1] = (loads[pipeline - 1] ?? 0) + both(layers.head) + both(layers.mtp);
  return Math.max(...loads);
};
