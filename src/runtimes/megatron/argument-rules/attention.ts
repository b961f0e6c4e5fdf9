import { has, integerOf, listOf, textOf } from '../arguments.ts';
import type { ArgumentMap } from '../arguments.ts';
import { compareVersions } from '../../version.ts';
import { bad, fine, need } from './rule.ts';
import type { ArgumentRule } from './rule.ts';

const file = 'megatron/training/arguments.py';
const config = 'megatron/core/transformer/transformer_config.py';

const latent = (given: ArgumentMap): boolean => has(given, '--multi-latent-attention');
const sparse = (given: ArgumentMap): boolean => textOf(given, '--experimental-attention-variant') === 'dsa';

/** Kind of position embedding; the older switch turns it to rope. */
const positions = (given: ArgumentMap): string =>
  has(given, '--use-rotary-position-embeddings')
    ? 'rope'
    : (textOf(given, '--position-embedding-type') ?? 'learned_absolute');

const ropeFusion = (given: ArgumentMap): boolean =>
  positions(given) === 'rope' && !has(given, '--no-rope-fusion');

/** Positions, latent and sparse attention, multi-token prediction, residual streams. */
export const attentionArgumentRules: readonly ArgumentRule[] = [
  {
    id: 'prediction-positions',
    stage: 'startup',
    why: 'multi-token prediction shifts tokens, and rotary positions with them; other embeddings stay',
    source: `${file} MTP validation`,
    check: ({ given, version }) => {
      if ((integerOf(given, '--mtp-num-layers') ?? 0) < 1) return fine;
      // From 0.17 the check stands before the older switch is read.
      const kind =
        compareVersions(version, '0.17') >= 0
          ? (textOf(given, '--position-embedding-type') ?? 'learned_absolute')
          : positions(given);
      return kind === 'rope' || kind === 'none'
        ? fine
        : bad(
            ['--mtp-num-layers', '--position-embedding-type'],
            `multi-token prediction with ${kind} positions`,
            kind,
            '--position-embedding-type rope or none',
          );
    },
  },
  need({
    id: 'rotary-sections',
    why: 'rotary positions of several modalities are cut into sections',
    source: `${file} mrope_section`,
    when: ({ given }) => positions(given) === 'mrope',
    holds: ({ given }) => has(given, '--mrope-section'),
    flags: ['--position-embedding-type', '--mrope-section'],
    message: 'mrope without its sections',
    expected: '--mrope-section',
  }),
  need({
    id: 'relative-positions-engine',
    why: 'attention biases are implemented in Transformer Engine alone',
    source: `${file} relative position embeddings`,
    when: ({ given }) => positions(given) === 'relative',
    holds: ({ given }) =>
      (textOf(given, '--transformer-impl') ?? 'transformer_engine') === 'transformer_engine',
    flags: ['--position-embedding-type', '--transformer-impl'],
    message: 'relative positions with another implementation',
    found: ({ given }) => textOf(given, '--transformer-impl'),
    expected: 'transformer_engine',
  }),
  need({
    id: 'position-embedding-switch',
    why: 'the switch that takes the embedding away is kept for rotary models alone',
    source: `${file} add_position_embedding`,
    when: ({ given }) => has(given, '--no-position-embedding'),
    holds: ({ given }) => positions(given) === 'rope',
    flags: ['--no-position-embedding', '--position-embedding-type'],
    message: '--no-position-embedding without rotary positions',
    found: ({ given }) => positions(given),
    expected: '--position-embedding-type rope or none',
  }),
  need({
    id: 'latent-down-projection',
    why: 'the fused down-projection is one of latent attention',
    source: `${file} mla_down_proj_fusion`,
    when: ({ given }) => has(given, '--mla-down-proj-fusion'),
    holds: ({ given }) => latent(given),
    flags: ['--mla-down-proj-fusion'],
    message: 'a fused down-projection without latent attention',
    expected: '--multi-latent-attention',
  }),
  need({
    id: 'latent-interleaved-rotary',
    why: 'latent attention lays its rotary part out in halves',
    source: `${config} rotary_interleaved`,
    when: ({ given }) => latent(given),
    holds: ({ given }) => !has(given, '--rotary-interleaved'),
    flags: ['--multi-latent-attention', '--rotary-interleaved'],
    message: 'interleaved rotary positions with latent attention',
    found: () => 'both',
    expected: 'without --rotary-interleaved',
  }),
  need({
    id: 'latent-output-gate',
    why: 'latent attention has no gate behind it',
    source: `${config} MLATransformerConfig`,
    when: ({ given }) => latent(given),
    holds: ({ given }) => !has(given, '--attention-output-gate'),
    flags: ['--multi-latent-attention', '--attention-output-gate'],
    message: 'an output gate with latent attention',
    found: () => 'both',
    expected: 'without --attention-output-gate',
  }),
  need({
    id: 'latent-rope-fusion',
    since: '0.20',
    why: 'the fused rotary kernel of latent attention knows YaRN alone',
    source: `${config} MLATransformerConfig`,
    when: ({ given }) => latent(given) && ropeFusion(given),
    holds: ({ given }) => (textOf(given, '--rope-type') ?? 'yarn') === 'yarn',
    flags: ['--rope-type', '--no-rope-fusion'],
    message: 'fused rotary positions of latent attention without YaRN',
    found: ({ given }) => textOf(given, '--rope-type'),
    expected: '--rope-type yarn, or --no-rope-fusion',
  }),
  need({
    id: 'rope-type',
    why: 'scaled rotary positions are those of latent attention',
    source: `${file} core_transformer_config_from_args`,
    when: ({ given }) => has(given, '--rope-type'),
    holds: ({ given }) => latent(given) || textOf(given, '--rope-type') === 'rope',
    flags: ['--rope-type'],
    message: 'YaRN without latent attention',
    found: ({ given }) => textOf(given, '--rope-type'),
    expected: '--rope-type rope',
  }),
  need({
    id: 'sparse-attention-bias',
    since: '0.20',
    why: 'sparse attention absorbs its projections into each other, which a bias would forbid',
    source: `${config}:1501`,
    when: ({ given }) => sparse(given),
    holds: ({ given }) => has(given, '--disable-bias-linear'),
    flags: ['--experimental-attention-variant', '--disable-bias-linear'],
    message: 'sparse attention with bias',
    expected: '--disable-bias-linear',
  }),
  need({
    id: 'sparse-attention-fusion',
    why: 'sparse attention rotates keys by itself',
    source: `${config} apply_rope_fusion`,
    when: ({ given }) => sparse(given),
    holds: ({ given }) => !ropeFusion(given),
    flags: ['--experimental-attention-variant', '--no-rope-fusion'],
    message: 'fused rotary positions with sparse attention',
    expected: '--no-rope-fusion',
  }),
  {
    id: 'rope-skipping',
    stage: 'startup',
    why: 'layers without rotary positions recur',
    source: `${config} no_rope_freq`,
    check: ({ given, layers }) => {
      const every = integerOf(given, '--no-rope-freq');
      return every === null || every < 1 || layers % every === 0
        ? fine
        : bad(
            ['--no-rope-freq', '--num-layers'],
            `${layers} layers are no multiple of ${every}`,
            every,
            `a divisor of ${layers}`,
          );
    },
  },
  need({
    id: 'delta-net-frequency',
    why: 'which layers are Gated DeltaNet is said',
    source: `${config} linear_attention_freq`,
    when: ({ given }) =>
      ['gdn', 'gated_delta_net'].includes(textOf(given, '--experimental-attention-variant') ?? ''),
    holds: ({ given }) => has(given, '--linear-attention-freq'),
    flags: ['--experimental-attention-variant', '--linear-attention-freq'],
    message: 'Gated DeltaNet without saying in which layers',
    expected: '--linear-attention-freq',
  }),
  need({
    id: 'residual-streams',
    why: 'hyper-connections widen what layers hand on; pipelines, prediction layers and full recomputation do not know it',
    source: `${config} enable_mhc_connections`,
    when: ({ given }) => has(given, '--enable-mhc-connections'),
    holds: ({ given, strategy: { pipeline } }) =>
      pipeline === 1 &&
      !has(given, '--mtp-num-layers') &&
      !has(given, '--fp32-residual-connection') &&
      textOf(given, '--recompute-granularity') !== 'full',
    flags: ['--enable-mhc-connections'],
    message: 'hyper-connections beside what does not know them',
    found: ({ given }) =>
      [
        '--pipeline-model-parallel-size',
        '--mtp-num-layers',
        '--fp32-residual-connection',
        '--recompute-granularity',
      ]
        .filter((flag) => has(given, flag))
        .join(' '),
    expected:
      'one pipeline stage, no prediction layers, no full recomputation, residuals as wide as the model',
  }),
  {
    id: 'residual-streams-recompute',
    stage: 'startup',
    why: 'the recomputation of hyper-connections is theirs alone',
    source: `${config} mhc in recompute_modules`,
    check: ({ given }) => {
      const modules = listOf(given, '--recompute-modules');
      if (textOf(given, '--recompute-granularity') !== 'selective' || !modules.includes('mhc')) return fine;
      if (!has(given, '--enable-mhc-connections'))
        return bad(
          ['--recompute-modules'],
          'mhc without hyper-connections',
          'mhc',
          '--enable-mhc-connections',
        );
      return modules.includes('mlp') || has(given, '--fine-grained-activation-offloading')
        ? bad(
            ['--recompute-modules'],
            'mhc beside mlp or offloaded activations',
            modules.join(' '),
            'mhc without them',
          )
        : fine;
    },
  },
  {
    id: 'delta-net-recompute',
    stage: 'startup',
    why: 'the norm of Gated DeltaNet is recomputed where there is one',
    source: `${config} gdn_norm_out`,
    check: ({ given }) =>
      textOf(given, '--recompute-granularity') === 'selective' &&
      listOf(given, '--recompute-modules').includes('gdn_norm_out') &&
      !['gdn', 'gdn2', 'gated_delta_net'].includes(textOf(given, '--experimental-attention-variant') ?? '')
        ? bad(['--recompute-modules'], 'gdn_norm_out without Gated DeltaNet', 'gdn_norm_out', 'other modules')
        : fine,
  },
];
