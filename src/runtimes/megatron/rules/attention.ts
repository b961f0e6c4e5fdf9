import { modelFacts } from '../../model-facts.ts';
import { illegal, legal } from '../../rule.ts';
import type { Rule } from '../../rule.ts';
import { megatronRule } from './define.ts';

/** Neither a multiple nor a divisor: heads could be neither split nor copied. */
const fits = (groups: number, tensor: number): boolean => groups % tensor === 0 || tensor % groups === 0;

/** What tensor parallelism asks of attention and of its linear-time cousins. */
export const attentionRules: readonly Rule[] = [
  megatronRule({
    id: 'heads-tensor',
    stage: 'startup',
    why: 'each tensor rank holds whole attention heads',
    source: 'megatron/core/transformer/transformer_config.py:1446',
    reads: ['tensor'],
    check: ({ strategy: { tensor }, model }) => {
      const { attention, latent } = modelFacts(model);
      for (const { heads } of [...attention, ...latent])
        if (heads % tensor !== 0)
          return illegal(
            ['tensor'],
            `${heads} attention heads do not divide over tensor=${tensor}`,
            heads,
            `a divisor of ${heads}`,
          );
      return legal;
    },
  }),
  megatronRule({
    id: 'query-groups-tensor',
    since: '0.17',
    stage: 'startup',
    why: 'key-value groups are split over tensor ranks or copied evenly',
    source: 'megatron/core/transformer/transformer_config.py:1461; attention.py:353',
    reads: ['tensor'],
    check: ({ strategy: { tensor }, model }) => {
      for (const { kvHeads } of modelFacts(model).attention)
        if (!fits(kvHeads, tensor))
          return illegal(
            ['tensor'],
            `${kvHeads} key-value groups are neither a multiple nor a divisor of tensor=${tensor}`,
            kvHeads,
            `tensor that divides ${kvHeads} or is a multiple of it`,
          );
      return legal;
    },
  }),
  megatronRule({
    id: 'query-groups-multiple',
    until: '0.17',
    stage: 'startup',
    why: 'each tensor rank held whole groups of its own; the first release that copies them is not known, so the strict rule stands before 0.17',
    source: 'core_r0.13.0 megatron/core/transformer/transformer_config.py num_query_groups',
    reads: ['tensor'],
    check: ({ strategy: { tensor }, model }) => {
      for (const { kvHeads } of modelFacts(model).attention)
        if (kvHeads % tensor !== 0)
          return illegal(
            ['tensor'],
            `${kvHeads} key-value groups do not divide over tensor=${tensor}`,
            kvHeads,
            `a divisor of ${kvHeads}`,
          );
      return legal;
    },
  }),
  megatronRule({
    id: 'query-groups-heads',
    stage: 'model build',
    why: 'each key-value group serves the same number of query heads; Megatron itself does not ask',
    source:
      'NVIDIA/TransformerEngine @ 9c0b6db4 transformer_engine/pytorch/attention/dot_product_attention/dot_product_attention.py DotProductAttention.__init__',
    reads: [],
    check: ({ model }) => {
      for (const { heads, kvHeads } of modelFacts(model).attention)
        if (heads % kvHeads !== 0)
          return illegal(
            [],
            `${heads} attention heads do not divide over ${kvHeads} key-value groups`,
            kvHeads,
            `a divisor of ${heads}`,
          );
      return legal;
    },
  }),
  megatronRule({
    id: 'delta-net-heads',
    stage: 'startup',
    why: 'Gated DeltaNet splits its heads over tensor and context ranks',
    source: 'megatron/core/transformer/transformer_config.py:1501-1520',
    reads: ['tensor', 'context'],
    check: ({ strategy: { tensor, context }, model }) => {
      for (const { keyHeads, valueHeads } of modelFacts(model).deltaNet)
        if (keyHeads % (tensor * context) !== 0 || valueHeads % (tensor * context) !== 0)
          return illegal(
            ['tensor', 'context'],
            `${keyHeads} key and ${valueHeads} value heads of Gated DeltaNet do not divide over tensor × context`,
            tensor * context,
            `a divisor of ${keyHeads} and ${valueHeads}`,
          );
      return legal;
    },
  }),
  megatronRule({
    id: 'mamba-heads',
    stage: 'model build',
    why: 'Mamba-2 splits heads and state groups over tensor and context ranks',
    source: 'megatron/core/ssm/mamba_mixer.py',
    reads: ['tensor', 'context'],
    check: ({ strategy: { tensor, context }, model }) => {
      for (const { heads, groups } of modelFacts(model).mamba) {
        const ranks = tensor * context;
        if (heads % ranks !== 0 || groups % tensor !== 0 || !fits(groups, ranks))
          return illegal(
            ['tensor', 'context'],
            `${heads} heads in ${groups} groups of Mamba-2 do not divide over tensor × context`,
            ranks,
            `tensor that divides ${groups}, tensor × context that divides ${heads}`,
          );
      }
      return legal;
    },
  }),
  megatronRule({
    id: 'feed-forward-tensor',
    stage: 'model build',
    why: 'the columns of a feed-forward layer are split evenly over tensor ranks',
    source: 'megatron/core/tensor_parallel/layers.py divide()',
    reads: ['tensor', 'expertTensor'],
    check: ({ strategy: { tensor, expertTensor }, model }) => {
      for (const { feedForward } of model.kinds) {
        if (feedForward.kind === 'dense' && feedForward.width % tensor !== 0)
          return illegal(
            ['tensor'],
            `feed-forward width ${feedForward.width} does not divide over tensor=${tensor}`,
            feedForward.width,
            `a divisor of ${feedForward.width}`,
          );
        if (feedForward.kind !== 'moe') continue;
        if (feedForward.expertWidth % expertTensor !== 0 || feedForward.sharedWidth % tensor !== 0)
          return illegal(
            ['expertTensor', 'tensor'],
            `expert width ${feedForward.expertWidth} (shared ${feedForward.sharedWidth}) does not divide`,
            `expert_tensor=${expertTensor}, tensor=${tensor}`,
            'divisors of the widths',
          );
      }
      return legal;
    },
  }),
  megatronRule({
    id: 'sequence-needs-tensor',
    severity: 'warning',
    stage: 'startup',
    why: 'sequence parallelism is over the tensor ranks; with one of them Megatron switches it off silently',
    source: 'megatron/training/arguments.py:1433',
    reads: ['sequenceParallel', 'tensor'],
    check: ({ strategy }) =>
      !strategy.sequenceParallel || strategy.tensor > 1
        ? legal
        : illegal(['sequenceParallel'], 'sequence_parallel has no effect with tensor=1', 'true', 'false'),
  }),
  megatronRule({
    id: 'sequence-tensor-divisible',
    stage: 'first forward',
    why: 'sequence parallelism cuts the sequence of a context rank into equal parts',
    source: 'megatron/core/tensor_parallel/mappings.py reduce-scatter along the first dimension',
    reads: ['sequenceParallel', 'tensor', 'context'],
    check: ({ strategy, training }) => {
      if (!strategy.sequenceParallel || strategy.tensor === 1) return legal;
      const ranks = strategy.tensor * strategy.context;
      return training.sequenceLength % ranks === 0
        ? legal
        : illegal(
            ['tensor', 'context'],
            `sequence length ${training.sequenceLength} does not divide over tensor × context = ${ranks}`,
            training.sequenceLength,
            `a multiple of ${ranks}`,
          );
    },
  }),
];
