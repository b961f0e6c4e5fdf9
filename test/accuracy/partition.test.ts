import { describe, expect, it } from 'vitest';
import {
  layoutPartition,
  nanotronPartition,
  recipePartition,
  usualPartition,
} from '../../src/accuracy/record/partition.ts';
import { modelOf } from '../../src/accuracy/record/model.ts';
import { readConfiguration } from '../../src/ingest/measured-configuration.ts';
import type { Model } from '../../src/model/model.ts';
import { varied } from './measured-record.ts';
import type { Json } from './measured-record.ts';

const model = (changes: Readonly<Record<string, Json>>): Model => {
  const built = modelOf(readConfiguration(varied(changes)), 2048, []);
  if (!built.ok) throw new Error(built.reason);
  return built.value;
};

const deepSeek = { 'model.name': 'DeepSeek-V3', 'model.layers': 61 };

describe('layers over stages', () => {
  it('divide evenly where they can', () => {
    expect(usualPartition(model({}), 12, 1)).toEqual(Array.from({ length: 12 }, () => [8]));
  });

  it('Llama 3.1 405B: 126 layers on 8 × 8 chunks leave one layer on the first and last (126 + 2 = 8 × 8 × 2)', () => {
    const partition = usualPartition(model({ 'model.layers': 126 }), 8, 8);
    expect(partition[0]).toEqual([1, 2, 2, 2, 2, 2, 2, 2]);
    expect(partition[7]).toEqual([2, 2, 2, 2, 2, 2, 2, 1]);
    expect(partition.flat().reduce((a, b) => a + b, 0)).toBe(126);
  });

  it('DeepSeek-V3 on 8 × 4 chunks: embedding and a layer first, the output layer alone last, as in Et|(tt|)*30L', () => {
    const partition = usualPartition(model(deepSeek), 8, 4);
    expect(partition[0]).toEqual([1, 2, 2, 2]);
    expect(partition[7]).toEqual([2, 2, 2, 0]);
    expect(partition.slice(1, 7).flat()).toEqual(Array.from({ length: 24 }, () => 2));
  });

  it('BLOOM, 78 layers on 12 stages: 80 units, the output layer with the fewest', () => {
    expect(usualPartition(model({ 'model.layers': 78 }), 12, 1).flat()).toEqual([
      6, 7, 7, 7, 7, 7, 7, 7, 6, 6, 6, 5,
    ]);
  });

  it('more chunks than layers leave empty ones, none negative', () => {
    const sizes = usualPartition(model({ 'model.layers': 3 }), 8, 1).flat();
    expect(sizes.reduce((a, b) => a + b, 0)).toBe(3);
    expect(Math.min(...sizes)).toBe(0);
  });
});

describe("NVIDIA's recipes of DeepSeek-V3 and Kimi K2", () => {
  // set_deepseek_v3_pipeline_model_parallel_layout of NVIDIA-NeMo/Megatron-Bridge: 61 layers, prediction module and loss last.
  it.each([
    [4, 1, [[16], [16], [16], [13]]],
    [8, 1, [[8], [8], [8], [8], [8], [8], [8], [5]]],
    [
      4,
      4,
      [
        [4, 4, 4, 4],
        [4, 4, 4, 4],
        [4, 4, 4, 4],
        [4, 4, 4, 1],
      ],
    ],
  ])('on %d × %d chunks', (pipeline, virtualStages, sizes) => {
    expect(recipePartition(model(deepSeek), pipeline, virtualStages)).toEqual(sizes);
  });

  it('other chunks and other models have none', () => {
    expect(recipePartition(model(deepSeek), 8, 4)).toBeNull();
    expect(recipePartition(model({}), 4, 4)).toBeNull();
  });
});

describe('Nanotron cuts by cost', () => {
  // A layer of the 1B model costs 4h² + 3hf = 67.1 M, its output layer Vh = 268 M: half of the sum is ten layers.
  it('1B on two stages: 10 and 6 layers', () => {
    const small = model({ 'model.layers': 16, 'model.hidden': 2048, 'model.vocab': 131072 });
    expect(nanotronPartition(small, 8192, 2)).toEqual([[10], [6]]);
  });

  it('8B on sixteen stages: the last holds the output layer alone', () => {
    const large = model({ 'model.layers': 32, 'model.hidden': 4096, 'model.vocab': 131072 });
    const counts = nanotronPartition(large, 14336, 16).flat();
    expect(counts.at(-1)).toBe(0);
    expect(counts.reduce((a, b) => a + b, 0)).toBe(32);
  });
});

describe('Megatron layout texts', () => {
  it('Et*4|(t*4|)*14tmL: 61 layers on 4 stages of 4 chunks', () => {
    const partition = layoutPartition('Et*4|(t*4|)*14tmL', 61, 4);
    expect(partition).toEqual([
      [4, 4, 4, 4],
      [4, 4, 4, 4],
      [4, 4, 4, 4],
      [4, 4, 4, 1],
    ]);
  });

  it.each([
    ['Et*4|(t*4|)*14tmL', 60],
    ['E[t]|L', 1],
    ['(t*99999999|)*99999999', 61],
    ['x'.repeat(10_000), 61],
  ])('%.30s is refused for %i layers', (text, layers) => {
    expect(layoutPartition(text, layers, 4)).toBeNull();
  });
});
