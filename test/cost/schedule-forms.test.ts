/** Closed forms, orders and small simulations of pipelines, each calculated by hand from the formula or a drawing. */
import { describe, expect, it } from 'vitest';
import { ampTime, criticalPathTime, periodOf, pipetteTime } from '../../src/cost/latency-forms.ts';
import { pipelineMakespan, pipelineTime } from '../../src/cost/pipeline.ts';
import {
  gpipeTime,
  interleavedTime,
  oneForwardOneBackwardTime,
  steadyPeriod,
  vocabularyParallelTime,
  zeroBubbleTime,
} from '../../src/cost/schedule-closed.ts';
import { inFlight } from '../../src/cost/schedule-flight.ts';
import { listOrder } from '../../src/cost/schedule-list.ts';
import { chunkPosition, splitsBackward, stageOrder, warmupPasses } from '../../src/cost/schedule-order.ts';
import type { ScheduleShape } from '../../src/cost/schedule-order.ts';
import { simulatePipeline } from '../../src/cost/schedule-simulation.ts';
import { busiestStage, passTime, transferBetween } from '../../src/cost/schedule-time.ts';
import type { PipelineInput } from '../../src/cost/stage.ts';
import { SCHEDULES } from '../../src/strategy/keys.ts';
import type { Schedule, VocabularyPlacement } from '../../src/strategy/strategy.ts';
import { seconds } from '../../src/units.ts';

type Work = readonly [forward: number, backward: number, weight?: number];

/** `work`: of each chunk of a stage. */
const pipeline = (
  schedule: Schedule,
  work: readonly Work[],
  microBatches: number,
  change: Omit<Partial<PipelineInput>, 'links' | 'vocabularyPasses'> & {
    readonly links?: readonly number[];
    readonly passes?: readonly number[];
  } = {},
): PipelineInput => {
  const { links, passes, ...rest } = change;
  const virtualStages = rest.virtualStages ?? 1;
  return {
    schedule,
    stages: work.length,
    microBatches,
    microBatchGroup: work.length,
    chunks: work.map(([f, b, w]) =>
      Array.from({ length: virtualStages }, () => ({
        forward: seconds(f),
        backward: seconds(b),
        weightGradient: seconds(w ?? b / 2),
      })),
    ),
    blocking: false,
    ...rest,
    virtualStages,
    links: work.map((_, index) => seconds(links?.[index] ?? 0)),
    ...(passes === undefined ? {} : { vocabularyPasses: passes.map(seconds) }),
  };
};

const three: readonly Work[] = [
  [1, 2],
  [3, 4],
  [2, 5],
];
const links = [0.5, 0.25];

describe('GPipe', () => {
  it('Σf + Σb + 2Σc + (m−1)(max f + max b)', () => {
    expect(gpipeTime(pipeline('gpipe', three, 3, { links }))).toBeCloseTo(6 + 11 + 1.5 + 2 * (3 + 5), 12);
    expect(simulatePipeline(pipeline('gpipe', three, 3, { links })).makespan).toBeCloseTo(34.5, 12);
  });

  it('blocking sends lengthen the sender: forward by the link after it, backward by the link before it', () => {
    expect(gpipeTime(pipeline('gpipe', three, 3, { links, blocking: true }))).toBeCloseTo(
      6 + 11 + 1.5 + 2 * (3.25 + 5.25),
      12,
    );
  });

  it('a link beyond the last stage is none', () => {
    const wrapped = pipeline('gpipe', three, 3, { links: [0.5, 0.25, 9], blocking: true });
    expect(gpipeTime(wrapped)).toBeCloseTo(35.5, 12);
  });
});

describe('1F1B', () => {
  // Work of the stages 3, 7, 7.
  it('period: the heaviest run of neighbours, its links counted in both directions, by its length', () => {
    expect(steadyPeriod(pipeline('1f1b', three, 1, { links }))).toBeCloseTo((7 + 7 + 0.5) / 2, 12);
    // Blocking: stage 1 alone is busy 7 and with both its links.
    expect(steadyPeriod(pipeline('1f1b', three, 1, { links, blocking: true }))).toBeCloseTo(7.75, 12);
    // A link of 6: the pair of stages around it, 3 + 7 + 12, or all three, 17 + 12.5.
    expect(steadyPeriod(pipeline('1f1b', three, 1, { links: [6, 0.25] }))).toBeCloseTo(11, 12);
  });

  it('round trip of the first micro-batch, then the heaviest chain of cycles', () => {
    const of = (microBatches: number): number =>
      oneForwardOneBackwardTime(pipeline('1f1b', three, microBatches, { links }));
    expect(of(1)).toBeCloseTo(17 + 1.5, 12);
    // Two more: once around the pair 14.5, not twice around a stage 14.
    expect(of(3)).toBeCloseTo(18.5 + 14.5, 12);
    expect(of(4)).toBeCloseTo(18.5 + 14.5 + 7, 12);
    // 101 more: fifty pairs and a single.
    expect(of(102)).toBeCloseTo(18.5 + 50 * 14.5 + 7, 9);
    // A cycle of all three stages: 17 + 2·(3 + 3) = 29 for three; pairs 3 + 7 + 6 = 16 and 7 + 7 + 6 = 20.
    const wide = (microBatches: number): number =>
      oneForwardOneBackwardTime(pipeline('1f1b', three, microBatches, { links: [3, 3] }));
    expect(wide(3)).toBeCloseTo(29 + 20, 12);
    // Five more: all three stages and a pair, 29 + 20, not two pairs and a single, 47.
    expect(wide(6)).toBeCloseTo(29 + 29 + 20, 12);
  });

  it('without transfers the slowest stage alone', () => {
    expect(oneForwardOneBackwardTime(pipeline('1f1b', three, 10))).toBe(17 + 9 * 7);
    const single = pipeline('1f1b', [[1, 2]], 10);
    expect(oneForwardOneBackwardTime(single)).toBe(30);
  });
});

describe('interleaved', () => {
  const chunks: readonly Work[] = [
    [1, 2],
    [1, 2],
  ];
  // Two stages of two chunks: a round takes 2 + way 0.5 forward and must wait for the link back, 0.5.
  const of = (microBatches: number, microBatchGroup: number, blocking = false): PipelineInput =>
    pipeline('interleaved', chunks, microBatches, {
      virtualStages: 2,
      microBatchGroup,
      links: [0.5, 0.5],
      blocking,
    });

  it('work, a share 1∕v of the others, one way each, and what a group does not cover at each turn', () => {
    expect(interleavedTime(of(4, 2))).toBeCloseTo(4 * 6 + 6 / 2 + 2 * 0.5 + (1 + 1), 12);
    expect(simulatePipeline(of(4, 2)).makespan).toBeCloseTo(30, 12);
  });

  it('groups of four cover the turn; no group is larger than the iteration', () => {
    expect(interleavedTime(of(8, 4))).toBeCloseTo(8 * 6 + 3 + 1, 12);
    expect(interleavedTime(of(2, 4))).toBeCloseTo(2 * 6 + 3 + 1 + 2, 12);
  });

  it('blocking sends occupy the stage, both ways of every chunk', () => {
    expect(interleavedTime(of(4, 2, true))).toBeCloseTo(4 * 8 + (12 - 8) / 2 + 1, 12);
  });

  it('one stage runs its chunks', () => {
    expect(interleavedTime(pipeline('interleaved', [[1, 2]], 5, { virtualStages: 3 }))).toBe(5 * 9);
  });

  it('unequal stages: the slowest sets the pace', () => {
    const unequal = pipeline(
      'interleaved',
      [
        [1, 2],
        [2, 4],
        [1, 1],
      ],
      6,
      { virtualStages: 2, microBatchGroup: 3 },
    );
    // Stages of 6, 12 and 4; what the group of 3 leaves of a round: 8∕2 − 3 · 8∕2 ∕ 3 = 0.
    expect(interleavedTime(unequal)).toBeCloseTo(6 * 12 + (6 + 4) / 2, 12);
  });
});

describe('zero-bubble schedules', () => {
  const equal = (w: Work, p = 4): readonly Work[] => Array.from({ length: p }, () => w);

  it('ZB-H1: (p−1)(f+b−2W), or (p−1)(b−W) where W is longer than f', () => {
    expect(zeroBubbleTime(pipeline('zb-h1', equal([1, 2, 1]), 12))).toBe(36 + 3);
    expect(zeroBubbleTime(pipeline('zb-h1', equal([2, 3, 1]), 12))).toBe(60 + 3 * (2 + 3 - 2));
    expect(zeroBubbleTime(pipeline('zb-h1', equal([1, 3, 2]), 12))).toBe(48 + 3);
  });

  it('ZB-H1: transfers of the first two waves, of the only one where m ≤ p', () => {
    const slow = [0.5, 0.5, 0.5, 9];
    expect(zeroBubbleTime(pipeline('zb-h1', equal([1, 2, 1]), 12, { links: slow }))).toBe(39 + 2 * 3);
    expect(zeroBubbleTime(pipeline('zb-h1', equal([1, 2, 1]), 4, { links: slow }))).toBe(12 + 3 + 3);
    expect(zeroBubbleTime(pipeline('zb-h1', equal([1, 2, 1]), 5, { links: slow }))).toBe(15 + 3 + 6);
  });

  it('ZB-H2 and V-ZB: none', () => {
    expect(zeroBubbleTime(pipeline('zb-h2', equal([1, 2, 1]), 12))).toBe(36);
    expect(zeroBubbleTime(pipeline('zb-v', equal([1, 2, 1]), 12, { virtualStages: 2 }))).toBe(72);
  });

  it('V-Half: p∕2 of a micro-batch’s work', () => {
    expect(zeroBubbleTime(pipeline('v-half', equal([1, 2, 1], 8), 32, { virtualStages: 2 }))).toBe(
      32 * 6 + 4 * 6,
    );
  });

  it('DualPipe-V: (p−1)∕2 of f + 2b − 3W, none where W is long', () => {
    expect(zeroBubbleTime(pipeline('dualpipe-v', equal([1, 2, 1], 8), 32, { virtualStages: 2 }))).toBe(
      32 * 6 + 3.5 * (2 + 8 - 6),
    );
    expect(zeroBubbleTime(pipeline('dualpipe-v', equal([1, 2, 2], 8), 32, { virtualStages: 2 }))).toBe(192);
  });

  it('the slowest stage, with the transfers that its sends block; bubbles by mean stages', () => {
    const unequal: readonly Work[] = [
      [1, 2, 1],
      [2, 4, 2],
      [1, 2, 1],
      [1, 2, 1],
    ];
    // Mean f 1.25, b 2.5, W 1.25: (p−1)(f + b − 2W) = 3 · 1.25.
    expect(zeroBubbleTime(pipeline('zb-h1', unequal, 10))).toBeCloseTo(60 + 3.75, 12);
    const blocking = pipeline('zb-h2', unequal, 10, { links: [0.5, 0.25, 0.5], blocking: true });
    expect(zeroBubbleTime(blocking)).toBeCloseTo(10 * 6.75, 12);
    const ends = pipeline('zb-h2', equal([1, 2, 1], 2), 10, { links: [0.5, 9], blocking: true });
    expect(zeroBubbleTime(ends)).toBeCloseTo(35, 12);
  });
});

describe('vocabulary in parallel', () => {
  const two: readonly Work[] = [
    [1, 2],
    [3, 4],
  ];
  const at = (schedule: Schedule, work = two, passes = [0.5, 1]): PipelineInput =>
    pipeline(schedule, work, 3, { links: [0.25, 9], passes, vocabulary: 'vocab-1' });

  it('(m−1) · max w + Σw and both ways, w with the passes of a stage', () => {
    expect(vocabularyParallelTime(at('1f1b'))).toBeCloseTo(2 * 8 + 11.5 + 0.5, 12);
  });

  it('V-Half fills p∕2 + 1 of a mean w', () => {
    const four = [...two, ...two];
    expect(vocabularyParallelTime(at('v-half', four, [0.5, 1, 0.5, 1]))).toBeCloseTo(
      2 * 8 + (3 * 23) / 4 + 2 * (0.25 + 9),
      12,
    );
  });

  it('is taken for vocab-1, vocab-2 and interlaced, the plain form for the others', () => {
    const of = (vocabulary: VocabularyPlacement): number =>
      pipelineTime({ ...at('1f1b'), vocabulary, links: [seconds(0), seconds(0)] }).makespan;
    for (const vocabulary of ['vocab-1', 'vocab-2', 'interlaced'] as const)
      expect(of(vocabulary)).toBeCloseTo(27.5, 12);
    for (const vocabulary of ['last', 'redistributed'] as const) expect(of(vocabulary)).toBe(10 + 2 * 7);
  });
});

describe('time of a pipeline', () => {
  it.each<[Schedule, number, number]>([
    ['gpipe', 1, gpipeTime(pipeline('gpipe', three, 3, { links }))],
    ['1f1b', 1, oneForwardOneBackwardTime(pipeline('1f1b', three, 3, { links }))],
    ['interleaved', 2, interleavedTime(pipeline('interleaved', three, 3, { links, virtualStages: 2 }))],
    ['zb-h1', 1, zeroBubbleTime(pipeline('zb-h1', three, 3, { links }))],
    ['v-half', 2, zeroBubbleTime(pipeline('v-half', three, 3, { links, virtualStages: 2 }))],
  ])('%s', (schedule, virtualStages, want) => {
    const input = pipeline(schedule, three, 3, { links, virtualStages });
    expect(pipelineTime(input).makespan).toBe(want);
    expect(pipelineMakespan(input)).toBe(want);
  });

  it('tells transfers from waiting', () => {
    const input = pipeline('1f1b', three, 3, { links });
    expect(pipelineTime(input).transfer).toBeCloseTo(33 - (17 + 2 * 7), 12);
    expect(pipelineTime(input).busy).toBe(21);
    expect(pipelineTime(pipeline('1f1b', three, 3)).transfer).toBe(0);
    // One stage sends to nobody, whatever its link.
    expect(pipelineTime(pipeline('1f1b', [[1, 2]], 3, { links: [9] }))).toEqual({
      makespan: 9,
      busy: 9,
      transfer: 0,
    });
  });

  it('the busiest stage counts all its chunks and its passes over the vocabulary', () => {
    expect(busiestStage(pipeline('interleaved', three, 3, { virtualStages: 2 }))).toBe(3 * 14);
    expect(busiestStage(pipeline('1f1b', three, 3, { passes: [9, 0, 1] }))).toBe(3 * 12);
  });
});

describe('passes and transfers', () => {
  it('split backward leaves its weight gradient to a pass of its own', () => {
    const chunk = { forward: seconds(1), backward: seconds(5), weightGradient: seconds(2) };
    expect([passTime(chunk, 'forward', true), passTime(chunk, 'forward', false)]).toEqual([1, 1]);
    expect([passTime(chunk, 'backward', true), passTime(chunk, 'backward', false)]).toEqual([3, 5]);
    expect(passTime(chunk, 'weight-gradient', true)).toBe(2);
  });

  it('schedules that split it', () => {
    expect(SCHEDULES.filter(splitsBackward)).toEqual(['zb-h1', 'zb-h2', 'zb-v', 'v-half', 'dualpipe-v']);
  });

  const loop = [1, 2, 3];
  it('between chunks of neighbours, and from the last stage to the first', () => {
    const input = pipeline('interleaved', three, 3, { virtualStages: 2, links: loop });
    expect([0, 1, 2, 3, 4].map((from) => transferBetween(input, from, from + 1))).toEqual([1, 2, 3, 1, 2]);
    expect([1, 2, 3].map((from) => transferBetween(input, from, from - 1))).toEqual([1, 2, 3]);
  });

  it('a V turns on its last stage without a transfer and comes back', () => {
    const input = pipeline('zb-v', three, 3, { virtualStages: 2, links: loop });
    expect([0, 1, 2, 3, 4].map((from) => transferBetween(input, from, from + 1))).toEqual([1, 2, 0, 2, 1]);
    expect([0, 1, 2].map((chunk) => chunkPosition({ ...input, schedule: 'zb-v' }, chunk, 1))).toEqual([
      5, 4, 3,
    ]);
    expect([0, 1, 2].map((stage) => chunkPosition(input, stage, 0))).toEqual([0, 1, 2]);
    expect(chunkPosition({ ...input, schedule: 'interleaved' }, 1, 1)).toBe(4);
  });

  it('each direction by its own links where both were measured', () => {
    const input: PipelineInput = {
      ...pipeline('1f1b', three, 3, { links: loop }),
      directed: { down: [10, 20, 30].map(seconds), up: [11, 21, 31].map(seconds) },
    };
    expect([transferBetween(input, 0, 1), transferBetween(input, 1, 0)]).toEqual([10, 11]);
    expect([transferBetween(input, 1, 2), transferBetween(input, 2, 1)]).toEqual([20, 21]);
  });
});

describe('orders', () => {
  const text = (order: ReturnType<typeof stageOrder>): string =>
    order.map(({ kind, chunk, microBatch }) => `${kind[0] ?? ''}${chunk}${microBatch}`).join(' ');
  const shape = (schedule: Schedule, change: Partial<ScheduleShape> = {}): ScheduleShape => ({
    schedule,
    stages: 2,
    virtualStages: 1,
    microBatches: 3,
    microBatchGroup: 2,
    ...change,
  });

  it('GPipe: all forwards first', () => {
    expect(text(stageOrder(shape('gpipe'), 0))).toBe('f00 f01 f02 b00 b01 b02');
  });

  it('1F1B: as many forwards as stages follow', () => {
    expect(text(stageOrder(shape('1f1b'), 0))).toBe('f00 f01 b00 f02 b01 b02');
    expect(text(stageOrder(shape('1f1b'), 1))).toBe('f00 b00 f01 b01 f02 b02');
  });

  // Megatron's table for p 2, v 2, G 2, m 4: chunk 0 of two micro-batches, chunk 1 of them, and again.
  it('interleaved: groups of micro-batches, chunk after chunk, backward from the last chunk', () => {
    expect(text(stageOrder(shape('interleaved', { virtualStages: 2, microBatches: 4 }), 0))).toBe(
      'f00 f01 f10 f11 f02 b10 f03 b11 f12 b00 f13 b01 b12 b13 b02 b03',
    );
    // Five micro-batches in groups of three: the last group is smaller.
    expect(
      text(stageOrder(shape('interleaved', { virtualStages: 2, microBatches: 5, microBatchGroup: 3 }), 1)),
    ).toBe('f00 f01 f02 f10 b10 f11 b11 f12 b12 f03 b00 f04 b01 f13 b02 f14 b13 b14 b03 b04');
  });

  it('warm-up is never longer than the iteration; schedules made by search have none', () => {
    expect(warmupPasses(shape('1f1b', { stages: 8 }), 0)).toBe(3);
    expect(warmupPasses(shape('zb-h1', { stages: 8 }), 6)).toBe(1);
    expect(warmupPasses(shape('interleaved', { stages: 8, virtualStages: 2 }), 0)).toBe(6);
    for (const schedule of ['zb-h2', 'zb-v', 'v-half', 'dualpipe-v'] as const)
      expect(() => warmupPasses(shape(schedule), 0)).toThrow(RangeError);
  });
});

describe('list schedules', () => {
  const one: readonly Work[] = [
    [1, 2, 1],
    [1, 2, 1],
  ];
  const timeline = (input: PipelineInput): string[][] =>
    simulatePipeline(input).passes.map((stage) =>
      stage.map(({ kind, chunk, start, end }) => `${kind[0] ?? ''}${chunk} ${start}-${end}`),
    );

  it('ZB-H2, one micro-batch on two stages', () => {
    const input = pipeline('zb-h2', one, 1);
    expect(timeline(input)).toEqual([
      ['f0 0-1', 'b0 3-4', 'w0 4-5'],
      ['f0 1-2', 'b0 2-3', 'w0 3-4'],
    ]);
    // The longest time between first and last pass of one stage.
    expect(simulatePipeline(input).makespan).toBe(5);
  });

  it('V-ZB, one micro-batch down the V and back, weight gradients when nothing else can run', () => {
    expect(timeline(pipeline('zb-v', one, 1, { virtualStages: 2 }))).toEqual([
      ['f0 0-1', 'f1 3-4', 'b1 4-5', 'w1 5-6', 'b0 7-8', 'w0 8-9'],
      ['f0 1-2', 'f1 2-3', 'b1 5-6', 'b0 6-7', 'w1 7-8', 'w0 8-9'],
    ]);
  });

  it('transfers delay the neighbour, not the turn', () => {
    expect(timeline(pipeline('zb-v', one, 1, { virtualStages: 2, links: [0.5, 9] }))).toEqual([
      ['f0 0-1', 'f1 4-5', 'b1 5-6', 'w1 6-7', 'b0 9-10', 'w0 10-11'],
      ['f0 1.5-2.5', 'f1 2.5-3.5', 'b1 6.5-7.5', 'b0 7.5-8.5', 'w1 8.5-9.5', 'w0 9.5-10.5'],
    ]);
  });

  it('hold no more than their limit: ZB-H2 on two stages three forwards before the first backward', () => {
    // Backward comes back at 3 + 10: the first stage has started all that it may by then.
    const far = pipeline('zb-h2', one, 6, { links: [10] });
    expect(
      listOrder(far, 'zb-h2')[0]
        ?.slice(0, 4)
        .map(({ kind }) => kind),
    ).toEqual(['forward', 'forward', 'forward', 'backward']);
  });

  it('need their number of chunks', () => {
    expect(() => listOrder(pipeline('zb-v', one, 1), 'zb-v')).toThrow(RangeError);
    expect(() => listOrder(pipeline('zb-h2', one, 1, { virtualStages: 2 }), 'zb-h2')).toThrow(RangeError);
  });
});

describe('activations in flight', () => {
  const of = (
    schedule: Schedule,
    stage: number,
    vocabulary?: VocabularyPlacement,
    microBatches = 64,
  ): number =>
    inFlight(
      {
        schedule,
        stages: 4,
        virtualStages: ['zb-v', 'v-half', 'dualpipe-v', 'interleaved'].includes(schedule) ? 2 : 1,
        microBatches,
        microBatchGroup: 4,
      },
      stage,
      vocabulary,
    );

  it.each<[Schedule, readonly number[]]>([
    ['gpipe', [64, 64, 64, 64]],
    ['1f1b', [4, 3, 2, 1]],
    ['interleaved', [11, 9, 7, 5]],
    ['zb-h1', [4, 4, 4, 4]],
    // 2(p−1−r) + 1 + r.
    ['zb-h2', [7, 6, 5, 4]],
    ['zb-v', [8, 8, 8, 8]],
    ['v-half', [7, 7, 7, 7]],
    ['dualpipe-v', [10, 10, 10, 10]],
  ])('%s', (schedule, want) => {
    expect([0, 1, 2, 3].map((stage) => of(schedule, stage))).toEqual(want);
  });

  it.each<[Schedule, number, number, number]>([
    ['1f1b', 6, 5, 6.5],
    ['interleaved', 13, 12, 17],
    ['zb-h1', 6, 5, 4],
    ['zb-h2', 9, 8, 7],
    // Two chunks a micro-batch.
    ['zb-v', 12, 10, 8],
    ['v-half', 11, 9, 7],
    ['dualpipe-v', 14, 12, 10],
  ])('%s holds one or two micro-batches more for its vocabulary', (schedule, first, second, interlaced) => {
    expect([of(schedule, 0, 'vocab-1'), of(schedule, 0, 'vocab-2'), of(schedule, 0, 'interlaced')]).toEqual([
      first,
      second,
      interlaced,
    ]);
    expect(of(schedule, 0, 'redistributed')).toBe(of(schedule, 0));
  });

  it('never more than the iteration has', () => {
    for (const schedule of ['1f1b', 'zb-h1', 'zb-h2'] as const) expect(of(schedule, 0, 'vocab-1', 1)).toBe(1);
    for (const schedule of ['interleaved', 'zb-v', 'v-half', 'dualpipe-v'] as const)
      expect(of(schedule, 0, 'last', 1)).toBe(2);
  });
});

describe('forms of the literature', () => {
  const terms = { microBatches: 4, stages: [3, 7, 5], hops: [0.5, 0.25], data: [1, 4, 2] };

  it('AMP: (m−1) max + Σ + transfers + max data', () => {
    expect(ampTime(terms)).toBeCloseTo(3 * 7 + 15 + 2 * 0.75 + 4, 12);
    expect(ampTime(terms, 1)).toBeCloseTo(3 * 7 + 15 + 0.75 + 4, 12);
  });

  it('Pipette: m∕p rounds with their transfers, p−1 of the slowest, data of the first stage', () => {
    expect(pipetteTime(terms)).toBeCloseTo((4 / 3) * (3 * 7 + 1.5) + 2 * 7 + 1, 12);
  });

  it('ours: the period and the heaviest chain', () => {
    expect(periodOf(terms)).toBeCloseTo(7, 12);
    expect(periodOf({ ...terms, hops: [0.5, 3] })).toBeCloseTo((7 + 5 + 6) / 2, 12);
    expect(criticalPathTime(terms)).toBeCloseTo(15 + 1.5 + 3 * 7 + 4, 12);
  });
});
