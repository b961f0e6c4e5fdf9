import { describe, expect, it } from 'vitest';
import { baseFlags, errorsOf, judge } from './judge.ts';
import type { FileReport } from '../../src/validate/validate-file.ts';

const given = { gpus: 8, target: 'megatron@0.20', env: { CUDA_DEVICE_MAX_CONNECTIONS: '1' } };

const said = ({ verdict, findings }: FileReport): unknown => [
  verdict,
  findings.map(({ rule, level, message }) => [rule, level, message]),
];

/** The same flags as a map of an argument file, each in the form that YAML has for it. */
const yaml = (more: string): string =>
  [
    'MODEL_ARGS:',
    ...baseFlags
      .split(' --')
      .map((flag) => flag.replace(/^--/u, '').split(' '))
      .map(([name = '', value = 'true']) => `  --${name}: ${value}`),
    '  micro_batch_size: 1',
    '  global_batch_size: 64',
    more,
    '',
  ].join('\n');

const list = (more: string): string => `${baseFlags} --micro-batch-size 1 --global-batch-size 64 ${more}`;

describe('a map of flags is read as the words that it stands for', () => {
  it.each([
    ['a switch that is on', '  --sequence-parallel: true', '--sequence-parallel'],
    ['a switch that is off', '  --fp16: false', ''],
    ['nothing', '  --save: null', ''],
    ['a text with a blank', '  --load: two words', "--load 'two words'"],
    [
      'a flag of many values',
      '  --recompute-granularity: selective\n  --recompute-modules: core_attn nonsense',
      '--recompute-granularity selective --recompute-modules core_attn nonsense',
    ],
    [
      'a list',
      '  --recompute-granularity: selective\n  --recompute-modules: [core_attn, nonsense]',
      '--recompute-granularity selective --recompute-modules core_attn nonsense',
    ],
    ['a number', '  --tensor-model-parallel-size: 3', '--tensor-model-parallel-size 3'],
    ['underscores', '  tensor_model_parallel_size: 3', '--tensor-model-parallel-size 3'],
  ])('%s', (_, map, words) => {
    const read = judge(yaml(map), { ...given, name: 'args.yaml' });
    expect(said(read)).toEqual(said(judge(list(words), { ...given, name: 'flags.args' })));
  });

  it('and judged', () => {
    expect(judge(yaml(''), { ...given, name: 'args.yaml' }).verdict).toBe('valid');
    const errors = (more: string) => errorsOf(judge(yaml(more), { ...given, name: 'args.yaml' }));
    expect(errors('  --fp16: true')).toEqual(['megatron/precision-exclusive']);
    expect(errors('  --recompute-granularity: selective\n  --recompute-modules: [nonsense]')).toEqual([
      'megatron/recompute-selective',
    ]);
  });
});
