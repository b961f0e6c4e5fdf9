import { hasExperts, modelFacts } from '../../model-facts.ts';
import { illegal, legal } from '../../rule.ts';
import type { Rule } from '../../rule.ts';
import { megatronRule } from './define.ts';

/** Layers of the virtual stage that holds most. */
const largestChunk = (
  layers: number,
  chunks: number,
  partition: readonly (readonly number[])[] | null,
): number => (partition === null ? Math.ceil(layers / chunks) : Math.max(...partition.flat()));

export const recomputeRules: readonly Rule[] = [
  megatronRule({
    id: 'recompute-layers',
    stage: 'startup',
    why: 'recomputation in units needs at least one layer; more than a stage holds is accepted and means all of them',
    source: 'megatron/core/transformer/transformer_config.py:1901-1930',
    reads: ['recompute', 'pipeline', 'virtualStages'],
    check: ({ strategy: { recompute, pipeline, virtualStages }, model, partition }) => {
      if (recompute.kind !== 'full-block' && recompute.kind !== 'full-uniform') return legal;
      const most = largestChunk(model.layers.length, pipeline * virtualStages, partition);
      return Number.isSafeInteger(recompute.layers) && recompute.layers >= 1 && recompute.layers <= most
        ? legal
        : illegal(
            ['recompute'],
            `recomputation of ${recompute.layers} layers in virtual stages of at most ${most}`,
            recompute.layers,
            `from 1 to ${most}`,
          );
    },
  }),
  megatronRule({
    id: 'recompute-modules-version',
    until: '0.12',
    stage: 'parse',
    why: 'before 0.12 selective recomputation meant the core of attention alone',
    source: 'CHANGELOG.md 0.13; --recompute-modules',
    reads: ['recompute'],
    check: ({ strategy: { recompute } }) =>
      recompute.kind === 'selective' && recompute.modules.some((module) => module !== 'core_attn')
        ? illegal(
            ['recompute'],
            'modules to recompute cannot be chosen',
            recompute.modules.join('+'),
            'core_attn',
          )
        : legal,
  }),
  megatronRule({
    id: 'recompute-activation-grouped',
    stage: 'startup',
    why: 'moe_act is part of the grouped products of experts, which exist from bf16 on',
    source:
      'megatron/training/arguments.py moe_grouped_gemm; megatron/core/transformer/transformer_config.py:1990-2012',
    reads: ['recompute'],
    check: ({ strategy: { recompute }, training: { precision }, model }) => {
      if (recompute.kind !== 'selective' || !recompute.modules.includes('moe_act')) return legal;
      if (!hasExperts(model))
        return illegal(['recompute'], 'moe_act in a model without experts', 'moe_act', 'other modules');
      return precision === 'fp16' || precision === 'fp32'
        ? illegal(['recompute'], `moe_act in ${precision}`, precision, 'bf16')
        : legal;
    },
  }),
  megatronRule({
    id: 'recompute-latent',
    stage: 'startup',
    why: 'mla_up_proj is a module of latent attention',
    source: 'megatron/core/transformer/transformer_config.py:1990-2012',
    reads: ['recompute'],
    check: ({ strategy: { recompute }, model }) =>
      recompute.kind === 'selective' &&
      recompute.modules.includes('mla_up_proj') &&
      modelFacts(model).latent.length === 0
        ? illegal(['recompute'], 'mla_up_proj without latent attention', 'mla_up_proj', 'other modules')
        : legal,
  }),
  megatronRule({
    id: 'recompute-shared-experts',
    stage: 'model build',
    severity: 'warning',
    why: 'recomputing what the model does not have changes nothing',
    source: 'megatron/core/transformer/moe/moe_layer.py',
    reads: ['recompute'],
    check: ({ strategy: { recompute }, model }) => {
      if (recompute.kind !== 'selective') return legal;
      const { moe } = modelFacts(model);
      const absent = recompute.modules.filter(
        (module) =>
          (module === 'moe' && moe.length === 0) ||
          (module === 'shared_experts' && moe.every(({ sharedWidth }) => sharedWidth === 0)) ||
          (module === 'mlp' && model.kinds.every(({ feedForward }) => feedForward.kind !== 'dense')),
      );
      return absent.length === 0
        ? legal
        : illegal(
            ['recompute'],
            `the model has no ${absent.join(', ')}`,
            absent.join('+'),
            'modules of the model',
          );
    },
  }),
  megatronRule({
    id: 'recompute-shared-experts-in-moe',
    stage: 'startup',
    why: 'the whole MoE layer already holds its shared experts',
    source: 'megatron/core/transformer/transformer_config.py:1980-2000',
    reads: ['recompute'],
    check: ({ strategy: { recompute }, model }) =>
      recompute.kind === 'selective' &&
      hasExperts(model) &&
      recompute.modules.includes('moe') &&
      (recompute.modules.includes('shared_experts') || recompute.modules.includes('moe_act'))
        ? illegal(
            ['recompute'],
            'parts of the MoE layer beside the whole of it',
            recompute.modules.join('+'),
            'moe',
          )
        : legal,
  }),
];
