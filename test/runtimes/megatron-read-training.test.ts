/** Facts of training that planner's own launches do not set, read from other people's flags. */
import { describe, expect, it } from 'vitest';
import type { RunConditions } from '../../src/plan/conditions.ts';
import { readMegatron } from '../../src/runtimes/megatron/read.ts';

const conditionsOf = (...words: readonly string[]): RunConditions | undefined =>
  readMegatron(words, { world: 8, version: '0.20' }).training.conditions;

describe('flags that decide what stands in memory', () => {
  it.each<readonly [readonly string[], RunConditions | undefined]>([
    [['--bf16', '--fp8-format', 'hybrid'], undefined],
    [['--bf16', '--fp8-format', 'hybrid', '--fp8-param-gather'], { lowPrecisionParameters: true }],
    [['--bf16', '--fp4-format', 'e2m1', '--fp4-param-gather'], { lowPrecisionParameters: true }],
    [['--use-megatron-fsdp'], { startsWhole: true }],
    [['--use-megatron-fsdp', '--init-model-with-meta-device'], undefined],
    [
      ['--use-megatron-fsdp', '--fp8-format', 'hybrid', '--fp8-param-gather'],
      { startsWhole: true, lowPrecisionParameters: true },
    ],
  ])('%j', (words, expected) => {
    expect(conditionsOf(...words)).toEqual(expected);
  });
});
