import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findFix } from '../../src/validate/fix.ts';
import { layoutCandidates } from '../../src/validate/layout-candidates.ts';
import { parseLayout } from '../../src/runtimes/megatron/layout.ts';
import { baseFlags, judge, moeFlags } from './judge.ts';

const yes = (): boolean => true;

const fixOf = (text: string) => {
  const subject = judge(text).subjects[0]?.subject;
  return subject === undefined ? null : findFix(subject, yes);
};

const launch = (flags: readonly string[], nodes: number): string =>
  [
    '#!/bin/bash',
    '# our cluster',
    'export CUDA_DEVICE_MAX_CONNECTIONS=1',
    'ARGS=(',
    ...flags.map((flag, index) => `  ${flag}   # ${index}`),
    ')',
    `torchrun --nnodes ${nodes} --nproc-per-node 8 pretrain_gpt.py "\${ARGS[@]}" # last line`,
    '',
  ].join('\n');

const size = fc.constantFrom(1, 2, 3, 4, 6, 8, 12, 16);

/** Layouts, sizes and batches that often do not fit together. */
const broken = fc.record({
  nodes: fc.constantFrom(1, 2, 3, 4),
  moe: fc.boolean(),
  tensor: size,
  pipeline: size,
  context: fc.constantFrom(1, 2, 4),
  expert: fc.constantFrom(1, 2, 3, 4, 8),
  batch: fc.constantFrom(8, 30, 64, 96, 100),
  micro: fc.constantFrom(1, 2, 3),
  layout: fc.constantFrom(null, 'Et*8|t*8|t*8|t*7L', 'Et*16|t*16L', 'Et*10|t*11|t*11L', 't*32'),
  recompute: fc.boolean(),
});

describe('--fix', () => {
  it('what it proposes is legal, changes what it says alone, keeps every comment and asks for nothing again', () => {
    let mended = 0;
    let invalid = 0;
    fc.assert(
      fc.property(broken, (given) => {
        const flags = [
          given.moe ? moeFlags : baseFlags,
          `--tensor-model-parallel-size ${given.tensor} --sequence-parallel`,
          `--pipeline-model-parallel-size ${given.pipeline}`,
          `--context-parallel-size ${given.context}`,
          ...(given.moe ? [`--expert-model-parallel-size ${given.expert}`] : []),
          `--micro-batch-size ${given.micro} --global-batch-size ${given.batch}`,
          ...(given.layout === null ? [] : [`--pipeline-model-parallel-layout "${given.layout}"`]),
          ...(given.recompute ? ['--recompute-granularity full'] : []),
        ];
        const text = launch(flags, given.nodes);
        if (judge(text).verdict !== 'invalid') return;
        invalid += 1;
        const fix = fixOf(text);
        if (fix?.text === undefined || fix.text === null) return;
        mended += 1;
        const after = judge(fix.text);
        expect(after.verdict, fix.text).not.toBe('invalid');
        const comments = (script: string): readonly string[] => script.match(/#.*$/gmu) ?? [];
        expect(comments(fix.text)).toEqual(comments(text));
        expect(fix.text.split('\n')).toHaveLength(text.split('\n').length);
        const again = fixOf(fix.text);
        expect(again?.text).toBe(fix.text);
        expect(again?.changes.size).toBe(0);
      }),
      { numRuns: 24, seed: 7 },
    );
    expect(invalid).toBeGreaterThan(4);
    // Six settings mend most; the rest is said to be beyond it.
    expect(mended / invalid).toBeGreaterThan(0.8);
  }, 240_000);

  it.each([
    [
      'a layer is missing from the layout',
      '--pipeline-model-parallel-size 4 --pipeline-model-parallel-layout "Et*8|t*8|t*8|t*7L"',
      '--pipeline-model-parallel-layout',
      'Et*8|(t*8|)*2t*8L',
    ],
    [
      'the loss has no place',
      '--pipeline-model-parallel-size 2 --pipeline-model-parallel-layout "Et*16|t*16"',
      '--pipeline-model-parallel-layout',
      'Et*16|t*16L',
    ],
    ['a batch that does not divide', '--global-batch-size 60', '--global-batch-size', '64'],
    [
      'a first stage that leaves no even rest',
      '--pipeline-model-parallel-size 4 --decoder-first-pipeline-num-layers 6',
      '--decoder-first-pipeline-num-layers',
      '5',
    ],
  ])('%s: one setting', (_, flags, key, value) => {
    const batch = flags.includes('--global-batch-size') ? '' : '--global-batch-size 64';
    const fix = fixOf(launch([baseFlags, `--micro-batch-size 1 ${batch} ${flags}`], 2));
    expect([...(fix?.changes ?? [])]).toEqual([[key, value]]);
  });

  it('quotes a layout where the script would take its bars for pipes', () => {
    const text = launch(
      [
        `${baseFlags} --micro-batch-size 1 --global-batch-size 64 --pipeline-model-parallel-size 2`,
        '--pipeline-model-parallel-layout Ettt',
      ],
      2,
    );
    expect(fixOf(text)?.text).toContain(`--pipeline-model-parallel-layout 'Et*16|t*16L'`);
  });
});

describe('layouts that add up', () => {
  it('hold every layer once, embedding and loss at the ends, prediction before the loss', () => {
    for (const [text, layers, pipeline, predictionLayers] of [
      ['Et*8|t*8|t*8|t*7L', 32, 4, 0],
      ['nonsense', 61, 8, 1],
      ['Et|t|t|tL', 10, 3, 0],
    ] as const)
      for (const layout of layoutCandidates(text, { layers, pipeline, predictionLayers })) {
        const flat = (parseLayout(layout) ?? []).join('');
        expect(flat).toMatch(new RegExp(`^Et*m{${predictionLayers}}L$`, 'u'));
        expect(flat.split('t').length - 1).toBe(layers);
      }
  });

  it('are none for sizes that no run has', () => {
    expect(layoutCandidates('EtL', { layers: 1e9, pipeline: 2, predictionLayers: 0 })).toEqual([]);
    expect(layoutCandidates('EtL', { layers: 8, pipeline: 1e9, predictionLayers: 0 })).toEqual([]);
  });
});
