import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { PipelineInput } from '../../src/cost/stage.ts';
import { pipelineTime } from '../../src/cost/pipeline.ts';
import { steadyPeriod } from '../../src/cost/schedule-closed.ts';
import { simulatePipeline } from '../../src/cost/schedule-simulation.ts';
import type { Schedule } from '../../src/strategy/strategy.ts';
import { seconds } from '../../src/units.ts';
import { dataPath, hasData } from '../shared-data.ts';
import { equalStages, pipeline } from './pipeline-cases.ts';

describe('hand-computed pipelines', () => {
  // Two stages, f = 1 and 3, b = 2 and 4, three micro-batches, drawn by hand:
  // stage 1 works without a gap from t = 1 to t = 1 + 3·7 = 22, then stage 0's last backward ends at 24.
  it('1F1B, second stage slower', () => {
    const input = pipeline({
      schedule: '1f1b',
      work: [
        [1, 2],
        [3, 4],
      ],
      microBatches: 3,
    });
    expect(simulatePipeline(input).makespan).toBeCloseTo(24, 12);
    expect(pipelineTime(input).makespan).toBeCloseTo(24, 12);
    expect(pipelineTime(input).busy).toBe(21);
  });

  // First stage slower (f, b = 3, 4 and 1, 2): F0 0-3, F1 3-6, B0 6-10, F2 10-13, B1 13-17, last F at stage 1 13-14,
  // B2 there 14-16, B2 at stage 0 17-21.
  it('1F1B, first stage slower', () => {
    const input = pipeline({
      schedule: '1f1b',
      work: [
        [3, 4],
        [1, 2],
      ],
      microBatches: 3,
    });
    const { passes, makespan } = simulatePipeline(input);
    expect(passes[0]?.map(({ kind, start, end }) => [kind, start, end])).toEqual([
      ['forward', 0, 3],
      ['forward', 3, 6],
      ['backward', 6, 10],
      ['forward', 10, 13],
      ['backward', 13, 17],
      ['backward', 17, 21],
    ]);
    expect(makespan).toBe(21);
  });

  // Forwards end at stage 1 at 1 + 2·3 + … : Σf + (m−1)·max f = 4 + 2·3 = 10; backwards 6 + 2·4 = 14.
  it('GPipe, unequal stages', () => {
    const input = pipeline({
      schedule: 'gpipe',
      work: [
        [1, 2],
        [3, 4],
      ],
      microBatches: 3,
    });
    expect(simulatePipeline(input).makespan).toBe(24);
    expect(pipelineTime(input).makespan).toBe(24);
    // With a transfer of 0.5 each way the two phases start 0.5 later each.
    expect(
      pipelineTime(
        pipeline({
          schedule: 'gpipe',
          work: [
            [1, 2],
            [3, 4],
          ],
          microBatches: 3,
          links: [0.5],
        }),
      ).makespan,
    ).toBe(25);
  });

  it('a send that blocks keeps its sender from the next pass', () => {
    // Stage 0: F0 0-1, send to 2, F1 2-3, send to 4. Stage 1: F0 2-5, B0 5-9 and its send to 10, F1 10-13, B1 13-17, send to 18.
    const input = pipeline({
      schedule: '1f1b',
      work: [
        [1, 2],
        [3, 4],
      ],
      microBatches: 2,
      links: [1],
      blocking: true,
    });
    const { passes, makespan } = simulatePipeline(input);
    expect(passes[1]?.map(({ start, end }) => [start, end])).toEqual([
      [2, 5],
      [5, 9],
      [10, 13],
      [13, 17],
    ]);
    expect(makespan).toBe(20);
  });

  // Narayanan et al., SC21, section 2.2: interleaving divides the bubble (p−1)(f+b) by v. Chunks of 1 and 2, p 4, v 2, m 8.
  it('interleaving divides the bubble by the virtual stages', () => {
    const input = pipeline({
      schedule: 'interleaved',
      work: equalStages(4, 1, 2),
      microBatches: 8,
      virtualStages: 2,
    });
    expect(pipelineTime(input).makespan).toBe(8 * 2 * 3 + 3 * 3);
    expect(simulatePipeline(input).makespan).toBe(57);
  });

  it('zero-bubble forms: H1 loses (p−1)(f+b−2W), H2 nothing', () => {
    const work = Array.from({ length: 4 }, () => [1, 2, 1] as const);
    expect(pipelineTime(pipeline({ schedule: 'zb-h1', work, microBatches: 12 })).makespan).toBe(36 + 3);
    for (const schedule of ['zb-h2', 'zb-h1'] as const) {
      const input = pipeline({ schedule, work, microBatches: 12 });
      expect(simulatePipeline(input).makespan).toBeCloseTo(pipelineTime(input).makespan, 9);
    }
  });

  it.each(['zb-v', 'v-half', 'dualpipe-v'] as const)(
    '%s: the list scheduler comes within a sixteenth of the closed form',
    (schedule) => {
      const work = Array.from({ length: 8 }, () => [1, 2, 1] as const);
      const input = pipeline({ schedule, work, microBatches: 32, virtualStages: 2 });
      const ratio = simulatePipeline(input).makespan / pipelineTime(input).makespan;
      expect(Math.abs(ratio - 1)).toBeLessThan(1 / 16);
    },
  );
});

describe('steady period of 1F1B', () => {
  // Figures of a max-plus calculation and an independent event simulation, p = 8, f = 1, b = 2.
  it.each([0, 1, 2, 3, 4, 5, 6])(
    'one slow link of 1.5 costs itself per micro-batch at position %i',
    (position) => {
      const links = Array.from({ length: 8 }, (_, index) => (index === position ? 1.5 : 0.1));
      const input = pipeline({ schedule: '1f1b', work: equalStages(8, 1, 2), microBatches: 256, links });
      expect(steadyPeriod(input)).toBeCloseTo(4.5, 12);
      // Per micro-batch in the steady state the simulation has the same period: difference of 64 micro-batches.
      const longer = simulatePipeline({ ...input, microBatches: 320 }).makespan;
      expect((longer - simulatePipeline(input).makespan) / 64).toBeCloseTo(4.5, 9);
    },
  );

  it('equal links of 0.2: period 3.35, 881.0 for 256 micro-batches', () => {
    const links = Array.from({ length: 8 }, () => 0.2);
    const input = pipeline({ schedule: '1f1b', work: equalStages(8, 1, 2), microBatches: 256, links });
    expect(steadyPeriod(input)).toBeCloseTo(3.35, 12);
    expect(pipelineTime(input).makespan).toBeCloseTo(881, 9);
    expect(simulatePipeline(input).makespan).toBeCloseTo(881, 9);
    // 263 passes of 3 without transfers.
    expect(pipelineTime(input).transfer).toBeCloseTo(881 - 789, 9);
  });
});

describe('vocabulary-parallel pipelines', () => {
  // Stage times of one published run (sail-sg/VocabularyParallelism @ 6191c3b artifact/exp_one_host.csv: vocab-2,
  // 128 micro-batches, sequence 2048, vocabulary 256000), milliseconds; it took 5951.1 ms.
  const published = {
    forward: [10.936, 11.477, 11.316, 11.01, 11.362, 11.428, 11.847, 11.108],
    backward: [22.897, 22.352, 22.288, 23.214, 21.963, 22.527, 22.633, 22.21],
    passes: [9.655, 9.581, 9.556, 9.749, 9.588, 9.788, 9.689, 9.531],
  };
  const input = (schedule: Schedule, vocabulary: 'vocab-2' | 'last'): PipelineInput => ({
    ...pipeline({
      schedule,
      work: published.forward.map((f, stage) => [f / 1e3, (published.backward[stage] ?? 0) / 1e3] as const),
      microBatches: 128,
    }),
    vocabulary,
    vocabularyPasses: published.passes.map((time) => seconds(time / 1e3)),
  });

  it('predicts a published run from its stage times within 1 %', () => {
    expect(Math.abs(pipelineTime(input('1f1b', 'vocab-2')).makespan / 5.9511 - 1)).toBeLessThan(0.01);
  });

  it.skipIf(!hasData('serving', 'vocabulary_parallel_passes.csv'))(
    'predicts all 40 published runs from their stage times within 2 % (skipped without PLANNER_DATA)',
    () => {
      const [header = '', ...rows] = readFileSync(
        dataPath('serving', 'vocabulary_parallel_passes.csv'),
        'utf8',
      )
        .trim()
        .split('\n');
      const names = header.split(',');
      expect(rows).toHaveLength(40);
      for (const row of rows) {
        const cells = row.split(',');
        const cell = (name: string): string => cells[names.indexOf(name)] ?? '';
        const list = (name: string): number[] =>
          cell(name)
            .split(' ')
            .map((value) => Number(value) / 1e6);
        const [forward, backward] = [list('forward_us_per_stage'), list('backward_us_per_stage')];
        const passes = forward.map((_, stage) =>
          seconds([1, 2, 3].reduce((sum, k) => sum + (list(`vocab_pass_${k}_us`)[stage] ?? 0), 0)),
        );
        const method = cell('method');
        const vocabulary =
          method === 'baseline' ? 'last' : (method as 'redistributed' | 'vocab-1' | 'vocab-2' | 'interlaced');
        const run: PipelineInput = {
          ...pipeline({
            schedule: '1f1b',
            work: forward.map((f, stage) => [f, backward[stage] ?? 0] as const),
            microBatches: Number(cell('microbatches')),
          }),
          vocabulary,
          vocabularyPasses: passes,
        };
        expect(
          Math.abs((pipelineTime(run).makespan * 1e3) / Number(cell('iteration_ms')) - 1),
          row.slice(0, 60),
        ).toBeLessThan(0.02);
      }
    },
  );
});
