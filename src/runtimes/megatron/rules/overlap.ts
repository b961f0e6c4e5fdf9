import { hasExperts, modelFacts } from '../../model-facts.ts';
import { illegal, legal } from '../../rule.ts';
import type { Rule } from '../../rule.ts';
import { megatronRule } from './define.ts';

/** What may hide behind what. */
export const overlapRules: readonly Rule[] = [
  megatronRule({
    id: 'overlap-tensor-sequence',
    stage: 'startup',
    why: 'the overlapped products gather and scatter along the sequence',
    source: 'megatron/training/arguments.py:1441',
    reads: ['overlapTensor', 'sequenceParallel', 'tensor'],
    check: ({ strategy }) =>
      !strategy.overlapTensor || (strategy.sequenceParallel && strategy.tensor > 1)
        ? legal
        : illegal(
            ['overlapTensor', 'sequenceParallel'],
            'overlap_tensor without sequence parallelism over several tensor ranks',
            `tensor=${strategy.tensor}, sequence_parallel=${strategy.sequenceParallel}`,
            'sequence_parallel=true with tensor of at least 2',
          ),
  }),
  megatronRule({
    id: 'overlap-parameters-optimizer',
    stage: 'startup',
    why: 'parameters are gathered only when a sharded optimizer wrote them',
    source: 'megatron/training/arguments.py:1024',
    reads: ['overlapParameters', 'sharding'],
    check: ({ strategy }) =>
      !strategy.overlapParameters || strategy.sharding !== 'none'
        ? legal
        : illegal(
            ['overlapParameters', 'sharding'],
            'overlap_parameters without a sharded optimizer',
            strategy.sharding,
            'sharding=optimizer',
          ),
  }),
  megatronRule({
    id: 'overlap-parameters-gradients',
    stage: 'startup',
    why: 'gathering is launched by the hooks of the overlapped reduction',
    source: 'megatron/training/arguments.py:1024',
    reads: ['overlapParameters', 'overlapGradients'],
    check: ({ strategy }) =>
      !strategy.overlapParameters || strategy.overlapGradients
        ? legal
        : illegal(
            ['overlapParameters', 'overlapGradients'],
            'overlap_parameters without overlap_gradients',
            'overlap_gradients=false',
            'overlap_gradients=true',
          ),
  }),
  megatronRule({
    id: 'overlap-expert-version',
    until: '0.14',
    stage: 'parse',
    why: 'overlap of expert communication between micro-batches came with 0.14',
    source: '--overlap-moe-expert-parallel-comm',
    reads: ['overlapExpert'],
    check: ({ strategy }) =>
      strategy.overlapExpert
        ? illegal(
            ['overlapExpert'],
            'overlap_expert is unknown to this version',
            'true',
            'false, or Megatron 0.14',
          )
        : legal,
  }),
  megatronRule({
    id: 'overlap-expert',
    stage: 'startup',
    why: 'the dispatch of one micro-batch hides behind the compute of another, which sets conditions on both',
    source: 'megatron/core/transformer/transformer_config.py:3002-3046',
    reads: ['overlapExpert', 'expert', 'dispatcher', 'pipeline', 'virtualStages', 'recompute'],
    check: ({ strategy, model, training }) => {
      if (!strategy.overlapExpert) return legal;
      const { expert, dispatcher, pipeline, virtualStages, recompute } = strategy;
      const no = (key: keyof typeof strategy, message: string, found: string | number, expected: string) =>
        illegal(['overlapExpert', key], `overlap_expert ${message}`, found, expected);
      if (!hasExperts(model) || expert === 1)
        return no('expert', 'without expert parallelism', expert, 'at least 2');
      if (dispatcher === 'all-gather')
        return no('dispatcher', 'with all-gather', dispatcher, 'all-to-all, deepep or hybridep');
      if (pipeline > 1 && virtualStages === 1)
        return no('virtualStages', 'in a pipeline without virtual stages', virtualStages, 'at least 2');
      if (training.precision === 'fp32') return no('overlapExpert', 'in fp32', 'fp32', 'bf16 or fp16');
      if (recompute.kind !== 'none' && recompute.kind !== 'selective')
        return no('recompute', 'with full recomputation', recompute.kind, 'none or selective without moe');
      if (recompute.kind === 'selective' && recompute.modules.includes('moe'))
        return no('recompute', 'with recomputation of the MoE layer', 'moe', 'other modules');
      const { mtpLayers } = modelFacts(model);
      return mtpLayers <= 1
        ? legal
        : no('overlapExpert', 'with several multi-token prediction layers', mtpLayers, 'at most 1');
    },
  }),
];
