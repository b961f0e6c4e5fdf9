import { illegal, legal } from '../../rule.ts';
import type { Rule } from '../../rule.ts';
import { megatronRule } from './define.ts';

/** Precision, optimizer, sharding beyond the optimizer, positions, vocabulary. */
export const memoryRules: readonly Rule[] = [
  megatronRule({
    id: 'offload-sharded-optimizer',
    stage: 'model build',
    why: 'the offloaded optimizer is the precision-aware one, which is a distributed optimizer',
    source: 'megatron/training/arguments.py:1884',
    reads: ['offload', 'sharding'],
    check: ({ strategy }) =>
      strategy.offload === 'none' || strategy.sharding === 'optimizer'
        ? legal
        : illegal(
            ['offload', 'sharding'],
            'the optimizer is offloaded without being sharded over replicas',
            strategy.sharding,
            'sharding=optimizer',
          ),
  }),
  megatronRule({
    id: 'precision-aware-optimizer',
    stage: 'model build',
    why: 'optimizer states or main parameters below fp32 need the precision-aware optimizer, a distributed optimizer',
    source: 'megatron/core/optimizer/optimizer_config.py use_precision_aware_optimizer',
    reads: ['sharding'],
    check: ({ strategy, training: { optimizer, precision } }) =>
      precision === 'fp32' ||
      strategy.sharding !== 'none' ||
      (optimizer.states === 'fp32' && optimizer.mainParameters === 'fp32')
        ? legal
        : illegal(
            ['sharding'],
            `optimizer states in ${optimizer.states} and main parameters in ${optimizer.mainParameters} without a sharded optimizer`,
            strategy.sharding,
            'sharding=optimizer',
          ),
  }),
  megatronRule({
    id: 'optimizer-main-parameters',
    stage: 'parse',
    why: 'main parameters are kept in fp32 or fp16',
    source: 'megatron/training/arguments.py --main-params-dtype',
    reads: [],
    check: ({ training: { optimizer } }) =>
      optimizer.mainParameters === 'fp32' || optimizer.mainParameters === 'fp16'
        ? legal
        : illegal(
            [],
            'main parameters in a format that Megatron does not offer',
            optimizer.mainParameters,
            'fp32 or fp16',
          ),
  }),
  megatronRule({
    id: 'fsdp-version',
    until: '0.14',
    stage: 'parse',
    why: 'Megatron-FSDP has its name and its flags from 0.14 on',
    source: 'CHANGELOG.md 0.14',
    reads: ['sharding'],
    check: ({ strategy: { sharding } }) =>
      sharding === 'gradients' || sharding === 'parameters'
        ? illegal(
            ['sharding'],
            'gradients or parameters cannot be sharded',
            sharding,
            'optimizer, or Megatron 0.14',
          )
        : legal,
  }),
  megatronRule({
    id: 'fsdp-optimizer',
    stage: 'startup',
    why: 'Megatron-FSDP shards the states of Adam and SGD',
    source: 'megatron/training/arguments.py:1118-1170',
    reads: ['sharding'],
    check: ({ strategy: { sharding }, training: { optimizer } }) =>
      (sharding !== 'gradients' && sharding !== 'parameters') || optimizer.name !== 'muon'
        ? legal
        : illegal(
            ['sharding'],
            `sharding=${sharding} with ${optimizer.name}`,
            sharding,
            'sharding=optimizer',
          ),
  }),
  megatronRule({
    id: 'fsdp-rank-order',
    stage: 'model build',
    why: 'Megatron-FSDP lays its mesh over the default order of ranks',
    source: 'NVIDIA-NeMo/Megatron-Bridge @ 067f987d validation of Megatron FSDP: use_tp_pp_dp_mapping',
    reads: ['sharding', 'rankOrder'],
    check: ({ strategy: { sharding, rankOrder } }) =>
      (sharding !== 'gradients' && sharding !== 'parameters') || rankOrder === 'tp-cp-ep-dp-pp'
        ? legal
        : illegal(
            ['rankOrder', 'sharding'],
            `sharding=${sharding} with pipeline inside data`,
            rankOrder,
            'tp-cp-ep-dp-pp',
          ),
  }),
  megatronRule({
    id: 'fsdp-pipeline',
    severity: 'warning',
    stage: 'first step',
    why: 'every micro-batch of every stage gathers its parameters again',
    source: 'megatron/core/distributed/fsdp',
    reads: ['sharding', 'pipeline'],
    check: ({ strategy: { sharding, pipeline } }) =>
      sharding !== 'parameters' || pipeline === 1
        ? legal
        : illegal(['sharding', 'pipeline'], 'sharded parameters in a pipeline', pipeline, 'pipeline=1'),
  }),
  megatronRule({
    id: 'precision-architecture',
    stage: 'first forward',
    why: 'tensor cores of the GPU must have the format',
    source: 'NVIDIA/TransformerEngine transformer_engine/pytorch/quantization.py check_*_support',
    reads: [],
    check: ({ training: { precision }, architecture }) => {
      const needed: Readonly<Partial<Record<typeof precision, readonly string[]>>> = {
        fp8: ['ada', 'hopper', 'blackwell', 'cdna3', 'cdna4', 'other'],
        mxfp8: ['blackwell', 'cdna4', 'other'],
        nvfp4: ['blackwell', 'other'],
      };
      const able = needed[precision];
      return able === undefined || able.includes(architecture)
        ? legal
        : illegal([], `${precision} on ${architecture}`, precision, 'bf16');
    },
  }),
  megatronRule({
    id: 'positions',
    stage: 'startup',
    why: 'a learned position table must reach the end of the sequence',
    source: 'megatron/training/arguments.py:1697',
    reads: [],
    check: ({ model: { positions }, training: { sequenceLength } }) =>
      positions.kind !== 'learned' || positions.count >= sequenceLength
        ? legal
        : illegal(
            [],
            `sequences of ${sequenceLength} with ${positions.count} learned positions`,
            sequenceLength,
            `at most ${positions.count}`,
          ),
  }),
  megatronRule({
    id: 'padded-vocabulary',
    severity: 'warning',
    stage: 'model build',
    why: 'the vocabulary is padded to a multiple of 128 × tensor, which adds parameters as tensor grows',
    source: 'megatron/core/tokenizers/utils/build_tokenizer.py:133',
    reads: ['tensor'],
    check: ({ strategy: { tensor }, model: { vocabularySize } }) => {
      const padded = paddedVocabulary(vocabularySize, tensor);
      return padded <= 1.01 * vocabularySize
        ? legal
        : illegal(
            ['tensor'],
            `the vocabulary of ${vocabularySize} is padded to ${padded}`,
            padded,
            'a smaller tensor size, or --make-vocab-size-divisible-by',
          );
    },
  }),
  megatronRule({
    id: 'attention-kernel-architecture',
    stage: 'first forward',
    why: 'FlashAttention-3 is written for Hopper; FlashAttention-2 begins with Ampere',
    source: 'NVIDIA/TransformerEngine transformer_engine/pytorch/attention/dot_product_attention/utils.py',
    reads: [],
    check: ({ training: { attentionKernel }, architecture }) => {
      const old = architecture === 'volta' || architecture === 'turing';
      const bad =
        (attentionKernel === 'flash3' && architecture !== 'hopper') || (attentionKernel !== 'unfused' && old);
      // Blackwell serves `flash3` by cuDNN's fused kernel, which Megatron picks by itself.
      const served =
        architecture === 'blackwell' || architecture === 'other' || architecture.startsWith('cdna');
      return !bad || served
        ? legal
        : illegal([], `${attentionKernel} on ${architecture}`, attentionKernel, old ? 'unfused' : 'flash2');
    },
  }),
];

/** ceil(vocabulary ∕ (128 · tensor)) · 128 · tensor. */
export const paddedVocabulary = (vocabulary: number, tensor: number, divisor = 128): number => {
  const unit = divisor * tensor;
  return Math.ceil(vocabulary / unit) * unit;
};
