/** Pipelines of equal chunks for tests of schedules. */
import type { PipelineInput } from '../../src/cost/stage.ts';
import type { Schedule } from '../../src/strategy/strategy.ts';
import { seconds } from '../../src/units.ts';

export interface Case {
  schedule: Schedule;
  work: readonly (readonly [f: number, b: number, w?: number])[];
  microBatches: number;
  links?: readonly number[];
  virtualStages?: number;
  group?: number;
  blocking?: boolean;
}

export const pipeline = (c: Case): PipelineInput => ({
  schedule: c.schedule,
  stages: c.work.length,
  virtualStages: c.virtualStages ?? 1,
  microBatches: c.microBatches,
  microBatchGroup: c.group ?? c.work.length,
  chunks: c.work.map(([f, b, w]) =>
    Array.from({ length: c.virtualStages ?? 1 }, () => ({
      forward: seconds(f),
      backward: seconds(b),
      weightGradient: seconds(w ?? b / 2),
    })),
  ),
  links: c.work.map((_, index) => seconds(c.links?.[index] ?? 0)),
  blocking: c.blocking ?? false,
});

export const equalStages = (stages: number, f: number, b: number): readonly (readonly [number, number])[] =>
  Array.from({ length: stages }, () => [f, b] as const);
