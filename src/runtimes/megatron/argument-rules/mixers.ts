import { has, integerOf, numberOf, textOf } from '../arguments.ts';
import { parsePattern } from '../patterns.ts';
import { bad, fine, laterConfig, laterFile, need } from './rule.ts';
import type { ArgumentRule } from './rule.ts';

/** Kernels of attention and of what stands in its place. */
export const mixerArgumentRules: readonly ArgumentRule[] = [
  {
    id: 'delta-net-head-ratio',
    stage: 'startup',
    why: 'each key head of Gated DeltaNet serves the same number of value heads (16 and 32 where nothing is said)',
    source: `${laterConfig} linear_num_value_heads`,
    check: ({ given }) => {
      const [keyFlag, valueFlag] = ['--linear-num-key-heads', '--linear-num-value-heads'] as const;
      const keys = integerOf(given, keyFlag) ?? 16;
      const values = integerOf(given, valueFlag) ?? 32;
      return ['gdn', 'gdn2', 'gated_delta_net'].includes(
        textOf(given, '--experimental-attention-variant') ?? '',
      ) && values % keys !== 0
        ? bad(
            [valueFlag, keyFlag],
            `${values} value heads for ${keys} key heads`,
            values,
            `a multiple of ${keys}`,
          )
        : fine;
    },
  },
  need({
    id: 'delta-product-reflections',
    why: 'a Gated DeltaProduct is a product of at least one reflection',
    source: `${laterConfig} gdp_num_householder`,
    when: ({ given }) => has(given, '--gdp-num-householder'),
    holds: ({ given }) => (integerOf(given, '--gdp-num-householder') ?? 1) >= 1,
    flags: ['--gdp-num-householder'],
    message: 'a product of no reflections',
    found: ({ given }) => textOf(given, '--gdp-num-householder'),
    expected: 'at least 1',
  }),
  need({
    id: 'residual-streams-balance',
    why: 'hyper-connections are balanced in at least one pass',
    source: `${laterConfig} mhc_sinkhorn_iterations, mhc_init_gating_factor`,
    when: ({ given }) => has(given, '--enable-mhc-connections'),
    holds: ({ given }) =>
      (integerOf(given, '--mhc-sinkhorn-iterations') ?? 1) >= 1 &&
      (numberOf(given, '--mhc-init-gating-factor') ?? 0) >= 0,
    flags: ['--mhc-sinkhorn-iterations', '--mhc-init-gating-factor'],
    message: 'hyper-connections without a pass that balances them, or with a negative gate',
    found: ({ given }) =>
      textOf(given, '--mhc-sinkhorn-iterations') ?? textOf(given, '--mhc-init-gating-factor'),
    expected: 'at least 1, a gate of at least 0',
  }),
  {
    id: 'rope-skipping-list',
    stage: 'startup',
    why: 'a list says of every layer whether it rotates',
    source: `${laterConfig} no_rope_freq`,
    check: ({ given, layers }) => {
      const pattern = parsePattern(textOf(given, '--no-rope-freq') ?? '');
      return pattern === null || layers === 0 || pattern.length === layers
        ? fine
        : bad(
            ['--no-rope-freq', '--num-layers'],
            `a list of ${pattern.length} for ${layers} layers`,
            pattern.length,
            String(layers),
          );
    },
  },
  need({
    id: 'rope-skipping-decode',
    why: 'the decoding kernel rotates every layer',
    source: `${laterConfig} no_rope_freq`,
    when: ({ given }) => has(given, '--flash-decode'),
    holds: ({ given }) => !has(given, '--no-rope-freq'),
    flags: ['--flash-decode', '--no-rope-freq'],
    message: 'flash decoding with layers that do not rotate',
    found: () => 'both',
    expected: 'one of them',
  }),
  need({
    id: 'attention-backend-local',
    why: 'the local backend is that of the local layer specification',
    source: `${laterFile} attention_backend`,
    when: ({ given }) => textOf(given, '--attention-backend') === 'local',
    holds: ({ given }) => textOf(given, '--spec') === 'local',
    flags: ['--attention-backend', '--spec'],
    message: 'the local attention backend without the local specification',
    found: ({ given }) => textOf(given, '--spec'),
    expected: '--spec local',
  }),
  need({
    id: 'logit-clipping',
    why: 'clipping splits its correction between queries and keys, above a threshold',
    source: `${laterFile} qk_clip`,
    when: ({ given }) => has(given, '--qk-clip'),
    holds: ({ given }) => {
      const share = numberOf(given, '--qk-clip-alpha') ?? 0.5;
      return share > 0 && share < 1 && (numberOf(given, '--qk-clip-threshold') ?? 1) > 0;
    },
    flags: ['--qk-clip', '--qk-clip-alpha', '--qk-clip-threshold'],
    message: 'clipping with a share or a threshold out of range',
    found: ({ given }) => textOf(given, '--qk-clip-alpha') ?? textOf(given, '--qk-clip-threshold'),
    expected: 'a share between 0 and 1, a threshold above 0',
  }),
  need({
    id: 'batch-invariant-kernels',
    since: '0.20',
    why: 'batch-invariant attention is FlashAttention of one stated version, in bf16, on whole sequences, without dropout',
    source: `${laterConfig} batch_invariant_mode`,
    when: ({ given }) => has(given, '--batch-invariant-mode'),
    holds: ({ given, strategy: { context } }) =>
      has(given, '--bf16') &&
      textOf(given, '--attention-backend') === 'flash' &&
      ['3', '4'].includes(textOf(given, '--flash-attention-version') ?? '') &&
      context === 1 &&
      numberOf(given, '--attention-dropout') === 0,
    flags: [
      '--batch-invariant-mode',
      '--attention-backend',
      '--flash-attention-version',
      '--attention-dropout',
      '--context-parallel-size',
    ],
    message: 'batch-invariant mode with other attention',
    found: ({ given }) => textOf(given, '--attention-backend') ?? 'auto (default)',
    expected:
      '--bf16 --attention-backend flash --flash-attention-version 3 --attention-dropout 0, without context ranks',
  }),
  need({
    id: 'inference-threshold-pipeline',
    since: '0.17',
    why: 'batches of inference are cut for pipelines alone',
    source: `${laterFile} inference_batch_times_seqlen_threshold`,
    when: ({ given }) => (integerOf(given, '--inference-batch-times-seqlen-threshold') ?? -1) > -1,
    holds: ({ given, strategy: { pipeline } }) =>
      pipeline > 1 && (textOf(given, '--cuda-graph-impl') ?? 'none') === 'none',
    flags: ['--inference-batch-times-seqlen-threshold', '--pipeline-model-parallel-size'],
    message: 'a threshold for pipelined inference without a pipeline, or with captured graphs',
    found: ({ strategy: { pipeline } }) => pipeline,
    expected: 'pipeline of at least 2, no graphs',
  }),
];
