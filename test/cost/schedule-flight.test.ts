import { describe, expect, it } from 'vitest';
import { inFlight } from '../../src/cost/schedule-flight.ts';
import type { ScheduleShape } from '../../src/cost/schedule-order.ts';
import { stageOrder, splitsBackward } from '../../src/cost/schedule-order.ts';
import { simulatePipeline } from '../../src/cost/schedule-simulation.ts';
import { seconds } from '../../src/units.ts';

const shape = (
  schedule: ScheduleShape['schedule'],
  stages: number,
  microBatches: number,
  virtualStages = 1,
  microBatchGroup = stages,
): ScheduleShape => ({
  schedule,
  stages,
  virtualStages,
  microBatches,
  microBatchGroup,
});

/** Largest number of chunk activations alive in the order of a simulated stage. */
const peak = (of: ScheduleShape, stage: number): number => {
  const time = { forward: seconds(1), backward: seconds(2), weightGradient: seconds(1) };
  const { passes } = simulatePipeline({
    ...of,
    chunks: Array.from({ length: of.stages }, () => Array.from({ length: of.virtualStages }, () => time)),
    links: Array.from({ length: of.stages }, () => seconds(0)),
    blocking: false,
  });
  const release = splitsBackward(of.schedule) ? 'weight-gradient' : 'backward';
  let [live, most] = [0, 0];
  for (const { kind } of passes[stage] ?? []) {
    live += kind === 'forward' ? 1 : kind === release ? -1 : 0;
    most = Math.max(most, live);
  }
  return most;
};

describe('chunk activations alive on a stage', () => {
  it.each([
    shape('gpipe', 4, 6),
    shape('1f1b', 4, 16),
    shape('1f1b', 8, 3),
    shape('interleaved', 4, 16, 3),
    shape('interleaved', 4, 18, 2, 6),
    shape('interleaved', 2, 2, 4),
    shape('zb-h1', 4, 16),
  ])('equals the simulation: $schedule p $stages m $microBatches v $virtualStages', (of) => {
    for (let stage = 0; stage < of.stages; stage += 1)
      expect(inFlight(of, stage), `stage ${stage}`).toBe(peak(of, stage));
  });

  it.each([
    shape('zb-h2', 4, 24),
    shape('zb-v', 4, 24, 2),
    shape('v-half', 8, 32, 2),
    shape('dualpipe-v', 4, 24, 2),
  ])('bounds the list scheduler: $schedule', (of) => {
    for (let stage = 0; stage < of.stages; stage += 1)
      expect(peak(of, stage)).toBeLessThanOrEqual(
        inFlight(of, stage) + (of.schedule === 'zb-h2' ? stage : 0),
      );
  });

  // Megatron-LM schedules.py: stage 0 of p 4, v 2 with G = p warms up 2·3 + 4 = 10 chunks and holds 11; the last stage 5.
  it('follows Megatron on interleaved stages', () => {
    expect([0, 1, 2, 3].map((stage) => inFlight(shape('interleaved', 4, 32, 2), stage))).toEqual([
      11, 9, 7, 5,
    ]);
  });

  // sail-sg/VocabularyParallelism @ 6191c3b README: p + 2, p + 1, 1.5 p on the first stage.
  it('adds what vocabulary passes hold back', () => {
    const of = shape('1f1b', 8, 128);
    expect([inFlight(of, 0, 'vocab-1'), inFlight(of, 0, 'vocab-2'), inFlight(of, 0, 'interlaced')]).toEqual([
      10, 9, 12.5,
    ]);
    expect(inFlight(shape('v-half', 8, 128, 2), 0)).toBe(11);
  });

  it('warm-up of ZB-H1 is that of 1F1B and its weight gradients wait r micro-batches', () => {
    const kinds = stageOrder(shape('zb-h1', 3, 4), 1)
      .map(({ kind }) => kind[0])
      .join('');
    expect(kinds).toBe('ffbfbwfbwbww');
  });
});
