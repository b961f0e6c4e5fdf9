import { describe, expect, it } from 'vitest';
import { createCourses } from '../../src/cost/schedule-course.ts';
import { simulatePipeline } from '../../src/cost/schedule-simulation.ts';
import type { PipelineInput } from '../../src/cost/stage.ts';
import { seededRandom } from '../../src/placement/random.ts';
import { seconds } from '../../src/units.ts';

const course = createCourses();

const randomPipeline = (seed: number): PipelineInput => {
  const random = seededRandom(seed);
  const stages = 1 + Math.floor(6 * random());
  const schedule = (['1f1b', 'interleaved', 'gpipe'] as const)[seed % 3] ?? '1f1b';
  const virtualStages = schedule === 'interleaved' && stages > 1 ? 2 + (seed % 2) : 1;
  const times = (): ReturnType<typeof seconds>[] =>
    Array.from({ length: stages }, () => seconds(0.3 * random()));
  return {
    schedule: virtualStages === 1 && schedule === 'interleaved' ? '1f1b' : schedule,
    stages,
    virtualStages,
    microBatches: stages * (1 + (seed % 4)),
    microBatchGroup: stages,
    chunks: Array.from({ length: stages }, () =>
      Array.from({ length: virtualStages }, () => ({
        forward: seconds(0.5 + random()),
        backward: seconds(1 + random()),
        weightGradient: seconds(0.4),
      })),
    ),
    links: times(),
    directed: { down: times(), up: times() },
    blocking: seed % 5 === 0,
  };
};

describe('the course of a pipeline', () => {
  it('ends every stage when the event simulation with its record does', () => {
    for (let seed = 0; seed < 300; seed += 1) {
      const input = randomPipeline(seed);
      const { makespan, passes } = simulatePipeline(input);
      const found = course(input);
      expect(found.makespan, `seed ${seed}`).toBeCloseTo(makespan, 9);
      for (const [stage, end] of found.ends.entries())
        expect(end, `seed ${seed}`).toBeCloseTo(passes[stage]?.at(-1)?.end ?? NaN, 9);
    }
  });

  it('of 1F1B is the same for hundreds of micro-batches, where rounds repeat after 1 or several', () => {
    for (let seed = 0; seed < 120; seed += 3) {
      const one = randomPipeline(seed);
      const slow = one.links.map((link, hop) => seconds(hop === 1 ? 1.5 : link / 10));
      for (const microBatches of [2 * one.stages, 97, 240])
        for (const blocking of [false, true])
          for (const input of [
            { ...one, microBatches, blocking },
            { ...one, microBatches, blocking, directed: { down: slow, up: slow } },
          ]) {
            const { makespan, passes } = simulatePipeline(input);
            const found = course(input);
            expect(found.makespan / makespan, `seed ${seed}`).toBeCloseTo(1, 11);
            for (const [stage, end] of found.ends.entries())
              expect(end / (passes[stage]?.at(-1)?.end ?? NaN), `seed ${seed}`).toBeCloseTo(1, 11);
          }
    }
  });

  it('of interleaved groups is that of the event simulation to the last bit, whole groups or not, sends that block or not', () => {
    const random = seededRandom(5);
    const draw = (end: number): number => Math.floor(random() * end);
    for (let round = 0; round < 200; round += 1) {
      const stages = 2 + draw(5);
      const virtualStages = 2 + draw(4);
      const microBatchGroup = stages + draw(stages + 1);
      const { chunks } = randomPipeline(6 * round + 1);
      const times = () => Array.from({ length: stages }, () => seconds(0.3 * random()));
      const input: PipelineInput = {
        schedule: 'interleaved',
        stages,
        virtualStages,
        // The last group is whole or at least as long as the pipeline: shorter ones may wait for themselves.
        microBatches:
          draw(4) * microBatchGroup +
          (draw(2) === 0 ? microBatchGroup : Math.min(microBatchGroup, stages + draw(3))),
        microBatchGroup,
        chunks: Array.from({ length: stages }, (_, stage) =>
          Array.from({ length: virtualStages }, (__, chunk) => ({
            forward: seconds(0.5 + draw(3) + (chunks[0]?.[0]?.forward ?? 0)),
            backward: seconds(1 + draw(3) + ((stage + chunk) % 2)),
            weightGradient: seconds(0.4),
          })),
        ),
        links: times(),
        ...(round % 2 === 0 ? { directed: { down: times(), up: times() } } : {}),
        blocking: round % 3 === 0,
      };
      const { makespan, passes } = simulatePipeline(input);
      const found = course(input);
      expect(found.makespan, JSON.stringify(input)).toBe(makespan);
      expect(found.ends).toEqual(passes.map((own) => own.at(-1)?.end));
    }
  });

  it('remembers orders of its own alone: another instance answers the same', () => {
    const input = randomPipeline(1);
    expect(createCourses()(input)).toEqual(course(input));
  });

  it('takes one stage and two micro-batches as two forward-backward pairs', () => {
    const one = randomPipeline(0);
    const input: PipelineInput = {
      ...one,
      schedule: '1f1b',
      stages: 1,
      virtualStages: 1,
      microBatches: 2,
      chunks: [[{ forward: seconds(1), backward: seconds(2), weightGradient: seconds(1) }]],
      blocking: false,
    };
    expect(course(input)).toEqual({ makespan: 6, ends: [6] });
  });
});
