/** How Megatron's flags split decoder layers over stages, by hand. */
import { describe, expect, it } from 'vitest';
import { parseArguments } from '../../src/runtimes/megatron/arguments.ts';
import { readStageSplit } from '../../src/runtimes/megatron/read-partition.ts';

const EMBEDDING = '--account-for-embedding-in-pipeline-split';
const LOSS = '--account-for-loss-in-pipeline-split';
const FIRST = '--decoder-first-pipeline-num-layers';
const LAST = '--decoder-last-pipeline-num-layers';

const split = (layers: number, pipeline: number, virtualStages: number, flags: string) => {
  const words = `--num-virtual-stages-per-pipeline-rank ${virtualStages} ${flags}`.trim().split(' ');
  const read = readStageSplit(parseArguments(words).values, layers, pipeline);
  expect(read.virtualStages).toBe(virtualStages);
  return read.partition;
};

describe('layers that flags place', () => {
  it('both ends of the 126 layers of Llama 3 405B counted as layers, over 16 stages', () => {
    // The Llama 3 Herd of Models, section 3.3.2: one layer less on the first and on the last stage.
    const counts = split(126, 16, 1, `${EMBEDDING} ${LOSS}`)?.map(([count]) => count);
    expect(counts).toEqual([7, ...Array<number>(14).fill(8), 7]);
  });

  it.each([
    ['embedding and loss counted', [6, 4, 1, `${EMBEDDING} ${LOSS}`], [[1], [2], [2], [1]]],
    ['ends without a layer', [2, 4, 1, `${EMBEDDING} ${LOSS}`], [[0], [1], [1], [0]]],
    [
      'embedding counted, virtual stages',
      [7, 2, 2, EMBEDDING],
      [
        [1, 2],
        [2, 2],
      ],
    ],
    [
      'loss counted, virtual stages',
      [7, 2, 2, LOSS],
      [
        [2, 2],
        [2, 1],
      ],
    ],
    [
      'first and last given',
      [32, 4, 2, `${FIRST} 4 ${LAST} 4`],
      [
        [2, 2],
        [6, 6],
        [6, 6],
        [2, 2],
      ],
    ],
    ['last given: 61 layers of DeepSeek-V3', [61, 4, 1, `${LAST} 13`], [[16], [16], [16], [13]]],
    ['two stages covered by both', [32, 2, 1, `${FIRST} 15 ${LAST} 17`], [[15], [17]]],
  ] as const)('%s', (_, [layers, pipeline, virtualStages, flags], partition) => {
    expect(split(layers, pipeline, virtualStages, flags)).toEqual(partition);
  });

  it.each([
    ['counted layers not divisible', [61, 4, 1, EMBEDDING]],
    ['middle not divisible', [32, 4, 1, `${FIRST} 7 ${LAST} 8`]],
    ['a single stage with a count for the first', [32, 1, 1, `${FIRST} 16`]],
    ['a single stage with both', [32, 1, 1, `${FIRST} 16 ${LAST} 16`]],
    ['more than the model has', [8, 4, 1, `${FIRST} 9`]],
    ['virtual stages of an end', [32, 4, 2, `${FIRST} 5 ${LAST} 3`]],
  ] as const)('no partition: %s', (_, [layers, pipeline, virtualStages, flags]) => {
    expect(split(layers, pipeline, virtualStages, flags)).toBeNull();
  });
});
