import { has, integerOf, listOf, textOf } from '../arguments.ts';
import { bad, fine, together } from './rule.ts';
import type { ArgumentRule } from './rule.ts';

const config = 'megatron/core/transformer/transformer_config.py';
const file = 'megatron/training/arguments.py';

const recomputable = new Set([
  'core_attn',
  'moe_act',
  'layernorm',
  'mla_up_proj',
  'mlp',
  'moe',
  'shared_experts',
  'mhc',
  'gdp_in_proj',
  'gdp_qkv',
  'gdn_norm_out',
]);

/** What is recomputed, how much of it, and beside what it cannot stand. */
export const recomputeArgumentRules: readonly ArgumentRule[] = [
  {
    id: 'recompute-full',
    stage: 'startup',
    why: 'full recomputation says which layers',
    source: `${config}:1901-1930`,
    check: ({ given }) => {
      // The older switch turns whatever is asked for into selective recomputation.
      if (textOf(given, '--recompute-granularity') !== 'full' || has(given, '--recompute-activations'))
        return fine;
      if (!has(given, '--recompute-method'))
        return bad(
          ['--recompute-method'],
          'full recomputation without a method',
          'nothing',
          'uniform or block',
        );
      const layers = integerOf(given, '--recompute-num-layers');
      return layers !== null && layers >= 1
        ? fine
        : bad(
            ['--recompute-num-layers'],
            'full recomputation without a number of layers',
            layers ?? 'nothing',
            'at least 1',
          );
    },
  },
  {
    id: 'recompute-selective',
    stage: 'startup',
    why: 'selective recomputation names modules, not layers',
    source: `${file}:1420; ${config}:1931-1990`,
    check: ({ given }) => {
      const granularity = textOf(given, '--recompute-granularity');
      if (granularity !== 'selective' && !has(given, '--recompute-activations')) return fine;
      const extra = ['--recompute-method', '--recompute-num-layers'].filter((flag) => has(given, flag));
      if (extra.length > 0)
        return bad(extra, `${extra.join(', ')} with selective recomputation`, extra.join(' '), 'neither');
      const unknown = listOf(given, '--recompute-modules').filter((module) => !recomputable.has(module));
      return unknown.length === 0
        ? fine
        : bad(
            ['--recompute-modules'],
            `${unknown.join(', ')} cannot be recomputed`,
            unknown.join(' '),
            [...recomputable].join(', '),
          );
    },
  },
  {
    id: 'recompute-activation-without-grouped',
    stage: 'startup',
    why: 'the activation of experts is recomputed inside the grouped product',
    source: `${config}:1990-2012`,
    check: ({ given }) =>
      listOf(given, '--recompute-modules').includes('moe_act') && !has(given, '--moe-grouped-gemm')
        ? bad(
            ['--recompute-modules', '--moe-grouped-gemm'],
            'moe_act without grouped products',
            'moe_act',
            '--moe-grouped-gemm',
          )
        : fine,
  },
  {
    id: 'distribute-saved-activations',
    stage: 'startup',
    why: 'checkpoints are spread over tensor ranks, which sequence parallelism does already',
    source: `${file}:1405-1419; ${config}:1940`,
    check: ({ given, strategy }) => {
      const flag = '--distribute-saved-activations';
      if (!has(given, flag)) return fine;
      if (strategy.tensor === 1 || textOf(given, '--recompute-granularity') !== 'full')
        return bad(
          [flag],
          `${flag} without tensor ranks and full recomputation`,
          strategy.tensor,
          'tensor above 1, full',
        );
      return has(given, '--sequence-parallel')
        ? together(given, flag, '--sequence-parallel', 'both cut the same activations')
        : fine;
    },
  },
  {
    id: 'shared-expert-recompute',
    stage: 'startup',
    why: 'shared experts that overlap with the exchange run in pieces',
    source: `${config} shared_experts in recompute_modules`,
    check: ({ given }) =>
      textOf(given, '--recompute-granularity') === 'selective' &&
      listOf(given, '--recompute-modules').includes('shared_experts') &&
      has(given, '--moe-shared-expert-intermediate-size') &&
      has(given, '--moe-shared-expert-overlap')
        ? together(
            given,
            '--recompute-modules',
            '--moe-shared-expert-overlap',
            'shared experts run in pieces',
          )
        : fine,
  },
  {
    id: 'expert-layer-recompute',
    stage: 'startup',
    why: 'full recomputation holds the MoE layer already',
    source: `${config} moe_layer_recompute`,
    check: ({ given }) =>
      has(given, '--moe-layer-recompute') && textOf(given, '--recompute-granularity') === 'full'
        ? together(given, '--moe-layer-recompute', '--recompute-granularity', 'full recomputation holds it')
        : fine,
  },
];
