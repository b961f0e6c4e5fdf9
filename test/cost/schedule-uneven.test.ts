/** Interleaved pipelines of chunks that differ, against the event simulation of every pass. */
import { describe, expect, it } from 'vitest';
import { pipelineMakespan, pipelineTime } from '../../src/cost/pipeline.ts';
import { interleavedTime } from '../../src/cost/schedule-closed.ts';
import { createCourses } from '../../src/cost/schedule-course.ts';
import { simulatePipeline } from '../../src/cost/schedule-simulation.ts';
import { createUnevenTime, hasUnevenChunks } from '../../src/cost/schedule-uneven.ts';
import type { PipelineInput } from '../../src/cost/stage.ts';
import { seededRandom } from '../../src/placement/random.ts';
import { seconds } from '../../src/units.ts';

/** `sizes`: layers of each chunk of each stage; a layer takes 1 forward and 2 backward. */
const interleaved = (
  sizes: readonly (readonly number[])[],
  microBatches: number,
  change: Partial<PipelineInput> = {},
): PipelineInput => ({
  schedule: 'interleaved',
  stages: sizes.length,
  virtualStages: sizes[0]?.length ?? 1,
  microBatches,
  microBatchGroup: sizes.length,
  chunks: sizes.map((own) =>
    own.map((count) => ({
      forward: seconds(count),
      backward: seconds(2 * count),
      weightGradient: seconds(count),
    })),
  ),
  links: sizes.map(() => seconds(0)),
  blocking: false,
  ...change,
});

const uneven = createUnevenTime(createCourses());

describe('an interleaved pipeline of uneven chunks', () => {
  it('takes what the simulation of all passes says, within a percent', () => {
    const random = seededRandom(7);
    for (let round = 0; round < 60; round += 1) {
      const stages = 2 + Math.floor(random() * 5);
      const virtualStages = 2 + Math.floor(random() * 4);
      const group = stages * (1 + Math.floor(random() * 2));
      const link = 0.2 * random();
      const input = interleaved(
        Array.from({ length: stages }, () =>
          Array.from({ length: virtualStages }, () => 1 + Math.floor(random() * 3)),
        ),
        group * (1 + Math.floor(random() * 16)),
        { microBatchGroup: group, links: Array.from({ length: stages }, () => seconds(link)) },
      );
      if (!hasUnevenChunks(input)) continue;
      const ratio = uneven(input) / simulatePipeline(input).makespan;
      expect(Math.abs(ratio - 1), JSON.stringify(input)).toBeLessThan(0.01);
    }
  });

  it('is simulated as a whole where it is short, a group cut off at its end included', () => {
    const sizes = [
      [1, 2, 1],
      [2, 1, 1],
    ];
    for (const microBatches of [2, 4, 6, 7, 8])
      expect(uneven(interleaved(sizes, microBatches))).toBeCloseTo(
        simulatePipeline(interleaved(sizes, microBatches)).makespan,
        9,
      );
  });

  it('a stage waits while another runs a group through its long chunk: never less than the closed form', () => {
    // Equal stages of 8 layers: the closed form sees no difference to chunks of 2, the simulation of all passes does.
    const apart = interleaved(
      Array.from({ length: 4 }, () => [3, 1, 2, 2]),
      64,
    );
    const closed = interleavedTime(apart);
    expect(closed).toBe(64 * 24 + (3 * 24) / 4);
    expect(pipelineMakespan(apart)).toBe(closed);
    const simulated = simulatePipeline(apart).makespan;
    expect(simulated).toBeGreaterThan(closed * 1.02);
    expect(pipelineMakespan(apart, uneven) / simulated).toBeCloseTo(1, 2);
    const random = seededRandom(11);
    for (let round = 0; round < 40; round += 1) {
      const input = interleaved(
        Array.from({ length: 4 }, () => Array.from({ length: 3 }, () => 1 + Math.floor(random() * 3))),
        32,
      );
      expect(pipelineMakespan(input, uneven)).toBeGreaterThanOrEqual(interleavedTime(input));
    }
  });

  it('remembers by what it is asked: other links, groups, micro-batches and times are other pipelines', () => {
    const sizes = [
      [1, 2],
      [2, 1],
      [1, 1],
    ];
    const asked = [
      interleaved(sizes, 30),
      interleaved(sizes, 60),
      interleaved(sizes, 60, { microBatchGroup: 6 }),
      interleaved(sizes, 60, { links: [0.5, 0.5, 0.5].map(seconds) }),
      interleaved(sizes.toReversed(), 60),
    ];
    const alone = asked.map((input) => createUnevenTime(createCourses())(input));
    expect(asked.map(uneven)).toEqual(alone);
    expect(asked.map(uneven)).toEqual(alone);
  });
});

describe('even chunks and other schedules', () => {
  it('keep the closed form to the last bit', () => {
    const even = interleaved(
      [
        [2, 2, 2],
        [1, 1, 1],
      ],
      16,
    );
    expect(hasUnevenChunks(even)).toBe(false);
    expect(pipelineMakespan(even, uneven)).toBe(interleavedTime(even));
    expect(pipelineTime(even, uneven)).toEqual(pipelineTime(even));
    const vShaped = interleaved(
      [
        [1, 2],
        [2, 1],
      ],
      16,
      { schedule: 'zb-v' },
    );
    expect(hasUnevenChunks(vShaped)).toBe(false);
  });
});
