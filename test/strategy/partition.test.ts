import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evenPartition, nearEvenPartition, splitLayers } from '../../src/strategy/layer-split.ts';
import {
  chunkOrder,
  isVShaped,
  layerRanges,
  modelEnds,
  partitionFault,
} from '../../src/strategy/partition.ts';

describe('layer split', () => {
  it('counts both ends of the 126 layers of Llama 3 405B as layers over 16 stages', () => {
    // The Llama 3 Herd of Models, section 3.3.2: one layer less on the first and on the last stage.
    const result = splitLayers(126, 16, 1, { accountForEmbedding: true, accountForLoss: true });
    expect(result.ok && result.partition.map(([count]) => count)).toEqual([
      7,
      ...Array<number>(14).fill(8),
      7,
    ]);
  });

  it.each([
    [
      'even',
      [32, 4, 2, {}],
      [
        [4, 4],
        [4, 4],
        [4, 4],
        [4, 4],
      ],
    ],
    [
      'embedding and loss counted',
      [6, 4, 1, { accountForEmbedding: true, accountForLoss: true }],
      [[1], [2], [2], [1]],
    ],
    [
      'embedding counted, virtual stages',
      [7, 2, 2, { accountForEmbedding: true }],
      [
        [1, 2],
        [2, 2],
      ],
    ],
    [
      'loss counted, virtual stages',
      [7, 2, 2, { accountForLoss: true }],
      [
        [2, 2],
        [2, 1],
      ],
    ],
    [
      'first and last given',
      [32, 4, 2, { first: 4, last: 4 }],
      [
        [2, 2],
        [6, 6],
        [6, 6],
        [2, 2],
      ],
    ],
    ['last given: 61 layers of DeepSeek-V3', [61, 4, 1, { last: 13 }], [[16], [16], [16], [13]]],
    ['two stages covered by both', [32, 2, 1, { first: 15, last: 17 }], [[15], [17]]],
  ] as const)('%s', (_name, [layers, pipeline, virtualStages, options], partition) => {
    expect(splitLayers(layers, pipeline, virtualStages, options)).toEqual({ ok: true, partition });
  });

  it.each([
    ['not divisible', [61, 4, 1, {}], '61 layers, with what counts as one, do not divide over 4 × 1 chunks'],
    ['middle not divisible', [32, 4, 1, { first: 7, last: 8 }], '17 layers are left for 2 other stages'],
    [
      'single stage with a count for the first',
      [32, 1, 1, { first: 16 }],
      '16 layers are left for 0 other stages',
    ],
    ['single stage with both', [32, 1, 1, { first: 16, last: 16 }], '0 layers are left for -1 other stages'],
    ['more than the model has', [8, 4, 1, { first: 9 }], '-1 layers are left'],
    [
      'virtual stages of an end',
      [32, 4, 2, { first: 5, last: 3 }],
      '5 layers of stage 0 do not divide over 2',
    ],
    ['both ways at once', [32, 4, 1, { first: 5, accountForEmbedding: true }], 'do not go together'],
    ['too few layers', [2, 4, 1, { accountForEmbedding: true, accountForLoss: true }], null],
  ] as const)('refuses: %s', (_name, [layers, pipeline, virtualStages, options], reason) => {
    const result = splitLayers(layers, pipeline, virtualStages, options);
    if (reason === null) expect(result).toEqual({ ok: true, partition: [[0], [1], [1], [0]] });
    else expect(result.ok ? 'accepted' : result.reason).toContain(reason);
  });

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
        expect(partitionFault(partition, layers, pipeline, virtualStages)).toBeNull();
        expect(Math.max(...partition.flat()) - Math.min(...partition.flat())).toBeLessThanOrEqual(1);
      }),
      { seed: 1 },
    );
  });
});

describe('partition', () => {
  it('orders layers by virtual stage first', () => {
    // Megatron's documentation of interleaving: 8 layers, 2 stages, 4 chunks of 2: stage 0 has 0, 1, 4, 5.
    const ranges = layerRanges(
      [
        [2, 2],
        [2, 2],
      ],
      'interleaved',
    );
    expect(ranges).toEqual([
      [
        { first: 0, end: 2 },
        { first: 4, end: 6 },
      ],
      [
        { first: 2, end: 4 },
        { first: 6, end: 8 },
      ],
    ]);
  });

  it('turns back in V-shaped schedules', () => {
    expect(
      layerRanges(
        [
          [1, 4],
          [2, 3],
        ],
        'zb-v',
      ),
    ).toEqual([
      [
        { first: 0, end: 1 },
        { first: 6, end: 10 },
      ],
      [
        { first: 1, end: 3 },
        { first: 3, end: 6 },
      ],
    ]);
    expect(chunkOrder(2, 2, 'dualpipe-v').map(({ stage }) => stage)).toEqual([0, 1, 1, 0]);
    expect(modelEnds(4, 2, 'v-half')).toEqual({ first: 0, last: 0 });
    expect(modelEnds(4, 2, 'interleaved')).toEqual({ first: 0, last: 3 });
    expect(isVShaped('zb-h2')).toBe(false);
  });

  it.each([
    [[[1], [1]], 2, 2, 1, null],
    [[[1], [1]], 3, 2, 1, 'the partition has 2 layers, the model 3'],
    [[[1]], 1, 2, 1, '1 stages in the partition, pipeline=2'],
    [[[1], [1, 1]], 3, 2, 1, '2 chunks on stage 1, virtual_stages=1'],
    [[[1.5], [0.5]], 2, 2, 1, '1.5 is no number of layers'],
    [[[3], [-1]], 2, 2, 1, '-1 is no number of layers'],
  ])('is checked: %j', (partition, layers, pipeline, virtualStages, fault) => {
    expect(partitionFault(partition, layers, pipeline, virtualStages)).toBe(fault);
  });
});
