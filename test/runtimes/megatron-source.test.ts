/** Flag sets whose verdict was derived by reading Megatron-LM: see source-table.ts. */
import { describe, expect, it } from 'vitest';
import type { ArgumentFinding } from '../../src/runtimes/megatron/validate.ts';
import { sourceTable, wordsOf } from './source-table.ts';
import type { Circumstances, FlagText } from './source-table.ts';
import { validateArguments } from './validate-arguments.ts';

const errorsOf = (text: FlagText, circumstances: Circumstances = {}): readonly ArgumentFinding[] =>
  validateArguments(wordsOf(text), {
    world: circumstances.world ?? 16,
    environment: circumstances.environment ?? { CUDA_DEVICE_MAX_CONNECTIONS: '1' },
    architecture: circumstances.architecture ?? 'hopper',
    version: circumstances.version ?? '0.20',
  }).filter(({ level }) => level === 'error');

describe('verdicts derived from the source', () => {
  it.each(sourceTable.map(([rule, breaks, passes, more], at) => [rule, at, breaks, passes, more] as const))(
    '%s (%i)',
    (rule, _, breaks, passes, more) => {
      const broken = errorsOf(breaks, more).filter((finding) => finding.rule === `megatron/${rule}`);
      expect(broken).toHaveLength(1);
      expect(broken[0]?.flags.length).toBeGreaterThanOrEqual(rule === 'expert-group-routing' ? 0 : 1);
      expect(broken[0]?.message).not.toBe('');
      expect(errorsOf(passes, more)).toEqual([]);
    },
  );

  it('has more than sixty sets on both sides', () => {
    expect(sourceTable.length).toBeGreaterThan(60);
  });
});

describe('what Megatron accepts though nobody would propose it', () => {
  it.each([
    [
      'more layers to recompute than a stage holds',
      '--recompute-granularity full --recompute-method uniform --recompute-num-layers 33',
    ],
    ['a single stage that holds every layer', '--decoder-first-pipeline-num-layers 32'],
    [
      'grouped products named in a dense model',
      '--bf16 --moe-grouped-gemm --recompute-granularity selective --recompute-modules moe_act',
    ],
    ['one communication type for layers without context ranks', '--cp-comm-type p2p a2a p2p'],
    ['groups of experts without a limit', '--num-experts 8 --disable-bias-linear --moe-router-num-groups 3'],
    [
      'grouped products in fp16 since 0.17',
      '--fp16 --num-experts 8 --disable-bias-linear --moe-grouped-gemm --recompute-granularity selective --recompute-modules moe_act',
    ],
    ['one virtual stage', '--pipeline-model-parallel-size 4 --num-virtual-stages-per-pipeline-rank 1'],
    [
      'fewer query groups than tensor ranks',
      '--tensor-model-parallel-size 8 --sequence-parallel --group-query-attention --num-query-groups 2',
    ],
    ['sequence parallelism without tensor ranks', '--sequence-parallel'],
    [
      'a layout that leaves a stage empty',
      '--pipeline-model-parallel-size 4 --pipeline-model-parallel-layout Et*16||t*16|L',
    ],
    [
      'prediction layers on a stage of their own',
      '--position-embedding-type rope --mtp-num-layers 1 --pipeline-model-parallel-size 4 --pipeline-model-parallel-layout Et*16|t*16|m|L',
    ],
  ])('%s', (_, flags) => {
    expect(errorsOf(flags)).toEqual([]);
  });
});
