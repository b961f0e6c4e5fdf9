import { has, integerOf, textOf } from '../arguments.ts';
import { isPatternText } from '../patterns.ts';
import { bad, fine, laterFile, together } from './rule.ts';
import type { ArgumentRule } from './rule.ts';

const file = 'megatron/training/arguments.py';

/** Positive counts that Megatron divides by. */
const counts = [
  '--tensor-model-parallel-size',
  '--pipeline-model-parallel-size',
  '--context-parallel-size',
  '--expert-model-parallel-size',
  '--expert-tensor-parallel-size',
  '--micro-batch-size',
  '--global-batch-size',
  '--num-layers',
  '--hidden-size',
  '--num-attention-heads',
  '--seq-length',
];

/** A frequency, or a list with an entry per layer. */
const frequencies = [
  '--moe-layer-freq',
  '--no-rope-freq',
  '--linear-attention-freq',
  '--window-attn-skip-freq',
];

const retired: ReadonlyMap<string, string> = new Map([
  ['--batch-size', '--micro-batch-size'],
  ['--warmup', '--lr-warmup-fraction'],
  ['--model-parallel-size', '--tensor-model-parallel-size'],
  ['--checkpoint-activations', '--recompute-activations'],
]);

/** What must be there, and what excludes each other. */
export const basicArgumentRules: readonly ArgumentRule[] = [
  {
    id: 'required-flags',
    stage: 'startup',
    why: 'no default exists for the size of the model and of the batch',
    source: `${file} required_args`,
    check: ({ given, layers }) => {
      const missing = [
        '--hidden-size',
        '--num-attention-heads',
        '--max-position-embeddings',
        '--micro-batch-size',
      ].filter((flag) => !has(given, flag));
      if (layers === 0) missing.unshift('--num-layers');
      if (!has(given, '--seq-length') && !has(given, '--encoder-seq-length')) missing.push('--seq-length');
      // A checkpoint or a YAML file may bring them.
      const elsewhere = has(given, '--use-checkpoint-args') || has(given, '--yaml-cfg');
      return missing.length === 0 || elsewhere
        ? fine
        : bad(missing, `${missing.join(', ')} not given`, 'nothing', 'a value');
    },
  },
  {
    id: 'positive-sizes',
    stage: 'startup',
    why: 'sizes count ranks, layers and sequences',
    source: file,
    check: ({ given }) => {
      const wrong = counts.find((flag) => (integerOf(given, flag) ?? 1) < 1);
      return wrong === undefined
        ? fine
        : bad([wrong], `${wrong} is below 1`, textOf(given, wrong) ?? '', 'at least 1');
    },
  },
  {
    id: 'layer-pattern-text',
    since: '0.20',
    stage: 'parse',
    why: 'a pattern is an integer, or a list written with digits, commas, brackets, + and * alone: no spaces',
    source:
      'Connor-XY/Megatron-LM @ 38a05c6f megatron/training/arguments.py moe_freq_type, no_rope_freq_type, la_freq_type',
    check: ({ given }) => {
      const wrong = frequencies.find((flag) => !isPatternText(textOf(given, flag) ?? '1'));
      return wrong === undefined
        ? fine
        : bad(
            [wrong],
            `${wrong} is no pattern of layers`,
            textOf(given, wrong) ?? '',
            'such as 2 or ([0]*3+[1]*29)',
          );
    },
  },
  {
    id: 'head-width',
    stage: 'startup',
    why: 'without --kv-channels the width of a head is hidden size over heads',
    source: `${file}:1331`,
    check: ({ given }) => {
      const hidden = integerOf(given, '--hidden-size');
      const heads = integerOf(given, '--num-attention-heads');
      return hidden === null || heads === null || has(given, '--kv-channels') || hidden % heads === 0
        ? fine
        : bad(
            ['--hidden-size', '--num-attention-heads'],
            `hidden size ${hidden} does not divide over ${heads} heads`,
            hidden,
            `a multiple of ${heads}, or --kv-channels`,
          );
    },
  },
  {
    id: 'latent-attention-groups',
    stage: 'startup',
    why: 'latent attention has no key-value groups',
    source: `${file}:1973`,
    check: ({ given }) =>
      together(
        given,
        '--multi-latent-attention',
        '--group-query-attention',
        'latent attention has no key-value groups',
      ),
  },
  {
    id: 'precision-exclusive',
    stage: 'startup',
    why: 'parameters have one type',
    source: `${file} params_dtype`,
    check: ({ given }) => together(given, '--fp16', '--bf16', 'parameters have one type'),
  },
  {
    id: 'fp4-fp8-exclusive',
    stage: 'startup',
    why: 'products run in one narrow format',
    source: file,
    check: ({ given }) =>
      together(given, '--fp8-format', '--fp4-format', 'products run in one narrow format'),
  },
  {
    id: 'sequence-positions',
    stage: 'startup',
    why: 'positions must reach the end of the sequence',
    source: `${file}:1697`,
    check: ({ given }) => {
      const positions = integerOf(given, '--max-position-embeddings');
      const lengths = ['--seq-length', '--encoder-seq-length', '--decoder-seq-length'].map(
        (flag) => integerOf(given, flag) ?? 0,
      );
      const sequence = Math.max(...lengths);
      return positions === null || positions >= sequence
        ? fine
        : bad(
            ['--max-position-embeddings', '--seq-length'],
            `${positions} positions for sequences of ${sequence}`,
            positions,
            `at least ${sequence}`,
          );
    },
  },
  {
    id: 'batch-schedule',
    stage: 'startup',
    why: 'a schedule of batch sizes replaces the one size',
    source: `${file}:698`,
    check: ({ given }) =>
      together(
        given,
        '--step-batch-size-schedule',
        '--global-batch-size',
        'the schedule replaces the one size',
      ),
  },
  {
    id: 'train-length',
    stage: 'startup',
    why: 'training is counted in iterations or in samples',
    source: `${file} iteration-based training`,
    check: ({ given }) =>
      together(given, '--train-iters', '--train-samples', 'training is counted in one of them'),
  },
  {
    id: 'cross-entropy-fusion',
    since: '0.20',
    stage: 'startup',
    why: "Transformer Engine's fused cross entropy is switched off for stability",
    source: `${file} cross_entropy_fusion_impl`,
    check: ({ given }) =>
      has(given, '--cross-entropy-loss-fusion') && textOf(given, '--cross-entropy-fusion-impl') === 'te'
        ? bad(
            ['--cross-entropy-fusion-impl'],
            'cross-entropy fusion of Transformer Engine is refused',
            'te',
            'native',
          )
        : fine,
  },
  {
    id: 'retired-flags',
    stage: 'startup',
    why: 'the parser still knows these names only to say what took their place',
    source: `${laterFile} deprecated arguments`,
    check: ({ given }) => {
      const found = [...retired.keys()].find((flag) => has(given, flag));
      return found === undefined
        ? fine
        : bad([found], `${found} is no longer valid`, found, retired.get(found) ?? '');
    },
  },
];
