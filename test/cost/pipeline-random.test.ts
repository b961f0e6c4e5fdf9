/** Closed forms against the event simulation on random pipelines. */
import { describe, expect, it } from 'vitest';
import { pipelineTime } from '../../src/cost/pipeline.ts';
import { simulatePipeline } from '../../src/cost/schedule-simulation.ts';
import { equalStages, pipeline } from './pipeline-cases.ts';

/** Numerical Recipes' linear congruential generator. */
const generator = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
};

describe('closed form against event simulation', () => {
  it('agrees to 0.1 % on 1,000 random pipelines of equal stages', () => {
    const random = generator(2024);
    const between = (low: number, high: number): number => low + Math.floor(random() * (high - low + 1));
    const schedules = ['gpipe', '1f1b', 'interleaved', 'zb-h1'] as const;
    for (let index = 0; index < 1000; index += 1) {
      const schedule = schedules[index % 4] ?? '1f1b';
      const stages = between(schedule === 'interleaved' ? 2 : 1, 16);
      const [f, ratio] = [0.2 + random(), 1.5 + random()];
      const group = stages + between(0, 3);
      const input = pipeline({
        schedule,
        work: equalStages(stages, f, f * ratio),
        microBatches: schedule === 'interleaved' ? group * between(1, 6) : between(stages, 64),
        virtualStages: schedule === 'interleaved' ? between(2, 4) : 1,
        group,
        links: Array.from({ length: stages }, () => 0)
          .map(() => 0)
          .fill(schedule === 'zb-h1' ? 0 : random() * 0.3 * f),
      });
      const simulated = simulatePipeline(input).makespan;
      expect(Math.abs(pipelineTime(input).makespan / simulated - 1), JSON.stringify(input)).toBeLessThan(
        1e-3,
      );
    }
  });

  it('is never shorter than the simulation, and within 2 %, on 300 pipelines of unequal stages and links', () => {
    const random = generator(7);
    for (let index = 0; index < 300; index += 1) {
      const stages = 2 + Math.floor(random() * 7);
      const input = pipeline({
        schedule: '1f1b',
        work: Array.from({ length: stages }, () => [1 + random() * 0.3, 2 + random() * 0.6] as const),
        microBatches: stages * 8,
        links: Array.from({ length: stages }, () => random() * 0.3),
      });
      const ratio = pipelineTime(input).makespan / simulatePipeline(input).makespan;
      expect(ratio).toBeGreaterThan(1 - 1e-9);
      expect(ratio).toBeLessThan(1.02);
    }
  });

  it('stays within 2 % of the simulation for 1F1B whose sends block', () => {
    const random = generator(11);
    for (let index = 0; index < 200; index += 1) {
      const stages = 2 + Math.floor(random() * 10);
      const input = pipeline({
        schedule: '1f1b',
        work: equalStages(stages, 1, 2),
        microBatches: stages + Math.floor(random() * 40),
        links: Array.from({ length: stages }, () => 0).fill(random() * 0.3),
        blocking: true,
      });
      expect(Math.abs(pipelineTime(input).makespan / simulatePipeline(input).makespan - 1)).toBeLessThan(
        0.02,
      );
    }
  });
});
