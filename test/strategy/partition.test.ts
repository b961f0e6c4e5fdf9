import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evenPartition, nearEvenPartition } from '../../src/strategy/layer-split.ts';
import { chunkOrder, isVShaped, modelEnds } from '../../src/strategy/partition.ts';
import type { Schedule } from '../../src/strategy/strategy.ts';

describe('layer split', () => {
  it('is null where nothing divides', () => {
    expect(evenPartition(61, 4, 1)).toBeNull();
    expect(evenPartition(12, 2, 3)).toEqual([
      [2, 2, 2],
      [2, 2, 2],
    ]);
  });

  it.each([
    [61, 4, 1, '1f1b', [[15], [16], [15], [15]]],
    [63, 4, 1, '1f1b', [[16], [16], [16], [15]]],
    [62, 4, 1, '1f1b', [[15], [16], [16], [15]]],
    [64, 4, 1, '1f1b', [[16], [16], [16], [16]]],
    [
      7,
      2,
      2,
      'interleaved',
      [
        [2, 2],
        [2, 1],
      ],
    ],
    // V shape: the last chunk of the model is the second one of stage 0.
    [
      7,
      2,
      2,
      'zb-v',
      [
        [2, 1],
        [2, 2],
      ],
    ],
  ] as const)(
    'near even: %i layers over %i × %i, %s',
    (layers, pipeline, virtualStages, schedule, partition) => {
      expect(nearEvenPartition(layers, pipeline, virtualStages, schedule)).toEqual(partition);
    },
  );

  it('near even always sums to the layers and differs by at most one', () => {
    const count = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 130 }), count, count, (layers, pipeline, virtualStages) => {
        const partition = nearEvenPartition(layers, pipeline, virtualStages, 'interleaved');
        expect(partition.map((stage) => stage.length)).toEqual(Array(pipeline).fill(virtualStages));
        expect(partition.flat().reduce((sum, count) => sum + count)).toBe(layers);
        expect(Math.min(...partition.flat())).toBeGreaterThanOrEqual(0);
        expect(Math.max(...partition.flat()) - Math.min(...partition.flat())).toBeLessThanOrEqual(1);
      }),
      { seed: 1 },
    );
  });
});

describe('partition', () => {
  const places = (schedule: Schedule) =>
    chunkOrder(2, 2, schedule).map(({ stage, virtualStage }) => [stage, virtualStage]);

  it('orders layers by virtual stage first', () => {
    // Megatron's documentation of interleaving: 8 layers, 2 stages, 4 chunks of 2: stage 0 has 0, 1, 4, 5.
    expect(places('interleaved')).toEqual([
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
    ]);
  });

  it('turns back in V-shaped schedules', () => {
    expect(places('zb-v')).toEqual([
      [0, 0],
      [1, 0],
      [1, 1],
      [0, 1],
    ]);
    expect(chunkOrder(2, 2, 'dualpipe-v').map(({ stage }) => stage)).toEqual([0, 1, 1, 0]);
    expect(modelEnds(4, 2, 'v-half')).toEqual({ first: 0, last: 0 });
    expect(modelEnds(4, 2, 'interleaved')).toEqual({ first: 0, last: 3 });
    expect(isVShaped('zb-h2')).toBe(false);
  });
});
