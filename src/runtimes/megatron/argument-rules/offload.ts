import { has, integerOf, listOf, textOf } from '../arguments.ts';
import { recomputes } from './recomputes.ts';
import { bad, fine, need, variableOf } from './rule.ts';
import type { ArgumentRule } from './rule.ts';

const file = 'megatron/training/arguments.py';
const config = 'megatron/core/transformer/transformer_config.py';

const offloadable = [
  'core_attn',
  'attn_proj',
  'expert_fc1',
  'fused_group_mlp',
  'moe_act',
  'attn_norm',
  'mlp_norm',
  'qkv_linear',
  'gdp_qkv',
];
const insideExperts = ['moe_act', 'expert_fc1', 'fused_group_mlp'];

const fineGrained = '--fine-grained-activation-offloading';
const modulesFlag = '--offload-modules';

/** Activations on the host, and gradients that are put off: what each excludes. */
export const offloadArgumentRules: readonly ArgumentRule[] = [
  {
    id: 'activation-offload-layers',
    stage: 'startup',
    why: 'the last layer is needed at once',
    source: `${config}:1891-1899`,
    check: ({ given, layers }) => {
      const flag = '--cpu-offloading-num-layers';
      const count = integerOf(given, flag) ?? 0;
      return count < 1 || count < layers
        ? fine
        : bad([flag], `${count} of ${layers} layers offloaded`, count, `at most ${layers - 1}`);
    },
  },
  {
    id: 'fine-offload-modules',
    stage: 'startup',
    why: 'modules are offloaded by name',
    source: `${config} offload_modules`,
    check: ({ given }) => {
      if (!has(given, fineGrained)) return fine;
      const modules = listOf(given, modulesFlag);
      const unknown = modules.filter((module) => !offloadable.includes(module));
      if (modules.length === 0 || unknown.length > 0)
        return bad(
          [modulesFlag],
          modules.length === 0 ? 'offload without modules' : `${unknown.join(', ')} cannot be offloaded`,
          modules.join(' ') || 'nothing',
          offloadable.join(', '),
        );
      if (modules.includes('attn_proj') && !modules.includes('core_attn'))
        return bad(
          [modulesFlag],
          'attn_proj without core_attn, whose output it takes',
          'attn_proj',
          'core_attn attn_proj',
        );
      if (
        modules.includes('fused_group_mlp') &&
        (modules.includes('expert_fc1') || modules.includes('moe_act'))
      )
        return bad(
          [modulesFlag],
          'parts of the grouped feed-forward beside the whole of it',
          modules.join(' '),
          'fused_group_mlp alone',
        );
      if (modules.includes('fused_group_mlp') && !has(given, '--use-transformer-engine-op-fuser'))
        return bad(
          [modulesFlag, '--use-transformer-engine-op-fuser'],
          'the fused grouped feed-forward without the fuser',
          'fused_group_mlp',
          '--use-transformer-engine-op-fuser, or expert_fc1 moe_act',
        );
      const inside = modules.filter((module) => insideExperts.includes(module));
      return recomputes(given) === 'selective' &&
        listOf(given, '--recompute-modules').includes('moe') &&
        inside.length > 0
        ? bad(
            [modulesFlag, '--recompute-modules'],
            'offload inside an MoE layer that is recomputed',
            inside.join(' '),
            'one of them',
          )
        : fine;
    },
  },
  need({
    id: 'fine-offload-alone',
    why: 'activations are offloaded by layers or by modules',
    source: `${config} fine_grained_activation_offloading`,
    when: ({ given }) => has(given, fineGrained),
    holds: ({ given }) => (integerOf(given, '--cpu-offloading-num-layers') ?? 0) < 1,
    flags: [fineGrained, '--cpu-offloading-num-layers'],
    message: 'offload by layers and by modules',
    found: () => 'both',
    expected: 'one of them',
  }),
  need({
    id: 'fine-offload-engine',
    why: 'modules are offloaded by Transformer Engine',
    source: `${file}:1935`,
    when: ({ given }) => has(given, fineGrained),
    holds: ({ given }) =>
      (textOf(given, '--transformer-impl') ?? 'transformer_engine') === 'transformer_engine',
    flags: [fineGrained, '--transformer-impl'],
    message: 'offload by modules with another implementation',
    found: ({ given }) => textOf(given, '--transformer-impl'),
    expected: 'transformer_engine',
  }),
  {
    id: 'fine-offload-environment',
    stage: 'startup',
    why: 'Transformer Engine from 2.10 on would offload weights as well',
    source: `${file}:1935`,
    check: (context) => {
      const name = 'NVTE_CPU_OFFLOAD_V1';
      if (!has(context.given, fineGrained)) return fine;
      const value = variableOf(context, name);
      if (value === undefined) return { kind: 'unchecked', flags: [name], missing: `the value of ${name}` };
      return value === '1' ? fine : bad([name], `${name} is not 1`, value ?? 'unset', '1');
    },
  },
  need({
    id: 'deferred-embedding-gradient',
    why: 'gradients of the output layer are deferred into the drain of a pipeline',
    source: 'megatron/core/model_parallel_config.py defer_embedding_wgrad_compute',
    when: ({ given }) => has(given, '--defer-embedding-wgrad-compute'),
    holds: ({ given, strategy: { pipeline } }) =>
      pipeline > 1 &&
      !has(given, '--no-gradient-accumulation-fusion') &&
      (integerOf(given, '--wgrad-deferral-limit') ?? 0) >= 0,
    flags: ['--defer-embedding-wgrad-compute'],
    message: 'deferred gradients without a pipeline or without fused accumulation',
    found: ({ strategy: { pipeline } }) => pipeline,
    expected: 'pipeline of at least 2, fused gradient accumulation',
  }),
  need({
    id: 'overlap-warmup-flush',
    why: 'sends of warm-up and drain are overlapped where sends are',
    source: 'megatron/core/model_parallel_config.py overlap_p2p_comm_warmup_flush',
    when: ({ given }) => has(given, '--overlap-p2p-communication-warmup-flush'),
    holds: ({ given, strategy: { virtualStages } }) =>
      virtualStages > 1 && !has(given, '--no-overlap-p2p-communication'),
    flags: ['--overlap-p2p-communication-warmup-flush'],
    message: 'overlapped warm-up without an interleaved schedule that overlaps',
    expected: 'virtual stages with overlapped sends',
  }),
];
