import { has, numberOf, textOf } from '../arguments.ts';
import type { ArgumentMap } from '../arguments.ts';
import { bad, fine, laterConfig, laterFile, need } from './rule.ts';
import type { ArgumentRule } from './rule.ts';

const quick = (given: ArgumentMap): boolean => has(given, '--quick-geglu') && !has(given, '--squared-relu');

/** Whether bias and activation run as one kernel: the default, but for GELU layers without bias. */
const fused = (given: ArgumentMap): boolean =>
  has(given, '--swiglu')
    ? !has(given, '--no-bias-swiglu-fusion')
    : !has(given, '--no-bias-gelu-fusion') && !has(given, '--disable-bias-linear');

const offset = (given: ArgumentMap): number => numberOf(given, '--glu-linear-offset') ?? 0;

/** Activations of feed-forward layers, and what is fused with them. */
export const activationArgumentRules: readonly ArgumentRule[] = [
  need({
    id: 'activation-once',
    why: 'a feed-forward layer has one activation',
    source: `${laterFile} core_transformer_config_from_args`,
    when: ({ given }) => has(given, '--swiglu'),
    holds: ({ given }) => !has(given, '--squared-relu') && !has(given, '--quick-geglu'),
    flags: ['--swiglu', '--squared-relu', '--quick-geglu'],
    message: 'two activations',
    found: () => 'SwiGLU and another',
    expected: 'one of them',
  }),
  need({
    id: 'activation-fusion',
    why: 'bias is fused with GELU, SwiGLU and quick GEGLU alone, and fused where it is not said otherwise',
    source: `${laterConfig} bias_activation_fusion`,
    when: ({ given }) => has(given, '--squared-relu') && !has(given, '--swiglu'),
    holds: ({ given }) => !fused(given),
    flags: ['--squared-relu', '--no-bias-gelu-fusion'],
    message: 'squared ReLU with fused bias',
    found: () => 'fused (default)',
    expected: '--no-bias-gelu-fusion, or --disable-bias-linear',
  }),
  need({
    id: 'activation-offset',
    why: 'the offset of the linear part belongs to quick GEGLU',
    source: `${laterConfig} glu_linear_offset`,
    when: ({ given }) => fused(given) && offset(given) !== 0,
    holds: ({ given }) => quick(given),
    flags: ['--glu-linear-offset', '--no-bias-swiglu-fusion'],
    message: 'an offset of the linear part in a fused activation that has none',
    found: ({ given }) => textOf(given, '--glu-linear-offset'),
    expected: '--quick-geglu, or no fusion',
  }),
  need({
    id: 'activation-engine',
    why: "Transformer Engine's activations are GELU, SiLU and ReLU, and stand in place of the fused ones",
    source: `${laterConfig} use_te_activation_func`,
    when: ({ given }) => has(given, '--use-te-activation-func'),
    holds: ({ given }) => !fused(given) && !has(given, '--squared-relu') && !has(given, '--quick-geglu'),
    flags: ['--use-te-activation-func', '--no-bias-swiglu-fusion', '--no-bias-gelu-fusion'],
    message: "Transformer Engine's activation beside a fused one, or an activation that it lacks",
    found: ({ given }) => (fused(given) ? 'fused (default)' : 'squared ReLU or quick GEGLU'),
    expected: '--no-bias-swiglu-fusion with GELU or SwiGLU',
  }),
  {
    id: 'activation-clamp',
    stage: 'startup',
    why: 'SwiGLU is clamped in experts alone',
    source: `${laterConfig} activation_func_clamp_value`,
    check: ({ given }) => {
      const flag = '--activation-func-clamp-value';
      const value = numberOf(given, flag);
      if (value === null || !has(given, '--swiglu')) return fine;
      if (!Number.isFinite(value) || value <= 0)
        return bad([flag], 'a clamp that is not positive', value, 'above 0');
      if ((numberOf(given, '--num-experts') ?? 0) < 1)
        return bad(
          [flag, '--num-experts'],
          'clamped SwiGLU in a model without experts',
          value,
          '--num-experts',
        );
      return offset(given) === 0
        ? fine
        : bad([flag, '--glu-linear-offset'], 'clamped SwiGLU with an offset', offset(given), '0');
    },
  },
  need({
    id: 'residual-norm-fusion',
    why: 'the fused kernel of residual and norm computes RMSNorm',
    source: `${laterConfig} fused_residual_rmsnorm`,
    when: ({ given }) => has(given, '--fused-residual-rmsnorm'),
    holds: ({ given }) => textOf(given, '--normalization') === 'RMSNorm',
    flags: ['--fused-residual-rmsnorm', '--normalization'],
    message: 'the fused residual norm with another norm',
    found: ({ given }) => textOf(given, '--normalization') ?? 'LayerNorm (default)',
    expected: '--normalization RMSNorm',
  }),
];
