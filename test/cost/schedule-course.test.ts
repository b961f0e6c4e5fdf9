import { describe, expect, it } from 'vitest';
import { pipelineCourse } from '../../src/cost/schedule-course.ts';
import { simulatePipeline } from '../../src/cost/schedule-simulation.ts';
import type { PipelineInput } from '../../src/cost/stage.ts';
import { seededRandom } from '../../src/placement/random.ts';
import { seconds } from '../../src/units.ts';

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

describe('pipelineCourse', () => {
  it('ends every stage when the event simulation with its record does', () => {
    for (let seed = 0; seed < 300; seed += 1) {
      const input = randomPipeline(seed);
      const { makespan, passes } = simulatePipeline(input);
      const course = pipelineCourse(input);
      expect(course.makespan, `seed ${seed}`).toBeCloseTo(makespan, 9);
      expect(course.ends).toEqual(passes.map((stage) => stage.at(-1)?.end));
    }
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
    expect(pipelineCourse(input)).toEqual({ makespan: 6, ends: [6] });
  });
});
