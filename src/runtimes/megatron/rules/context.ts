import { modelFacts } from '../../model-facts.ts';
import { illegal, legal } from '../../rule.ts';
import type { Rule } from '../../rule.ts';
import { hierarchicalSizes } from '../context-sizes.ts';
import { megatronRule } from './define.ts';

const transformerEngine =
  'NVIDIA/TransformerEngine @ d0067d0d transformer_engine/pytorch/attention/context_parallel.py';

/** Context parallelism: the sequence split and what each way to communicate asks of attention. */
export const contextRules: readonly Rule[] = [
  megatronRule({
    id: 'sequence-context',
    stage: 'startup',
    why: 'each context rank takes two chunks of the sequence, one from each end, to balance the causal mask',
    source: 'megatron/training/arguments.py:1335',
    reads: ['context'],
    check: ({ strategy: { context }, training }) =>
      context === 1 || training.sequenceLength % (2 * context) === 0
        ? legal
        : illegal(
            ['context'],
            `sequence length ${training.sequenceLength} is not a multiple of 2 × context = ${2 * context}`,
            training.sequenceLength,
            `a multiple of ${2 * context}`,
          ),
  }),
  megatronRule({
    id: 'context-all-to-all-heads',
    stage: 'first forward',
    why: 'all-to-all context parallelism exchanges sequence for heads: each rank then holds whole heads',
    source: `${transformerEngine}:4246`,
    reads: ['context', 'contextCommunication', 'tensor'],
    check: ({ strategy, model }) => {
      const { context, contextCommunication, tensor } = strategy;
      if (context === 1 || (contextCommunication !== 'a2a' && contextCommunication !== 'a2a+p2p'))
        return legal;
      const ranks = contextCommunication === 'a2a' ? context : (hierarchicalSizes(context)?.[0] ?? context);
      const { attention, latent } = modelFacts(model);
      for (const { heads, kvHeads } of [
        ...attention,
        ...latent.map(({ heads }) => ({ heads, kvHeads: heads })),
      ]) {
        const local = { heads: heads / tensor, kvHeads: Math.max(1, kvHeads / tensor) };
        if (local.heads % ranks !== 0 || local.kvHeads % ranks !== 0)
          return illegal(
            ['contextCommunication', 'context', 'tensor'],
            `${local.heads} heads and ${local.kvHeads} key-value heads of a tensor rank do not divide over ${ranks} context ranks`,
            `${local.heads} and ${local.kvHeads}`,
            `multiples of ${ranks}, or context_communication=p2p`,
          );
      }
      return legal;
    },
  }),
  megatronRule({
    id: 'context-hierarchy',
    stage: 'startup',
    why: 'a2a+p2p needs two levels of context ranks whose product is the context size',
    source: 'megatron/training/arguments.py:580-585',
    reads: ['context', 'contextCommunication'],
    check: ({ strategy: { context, contextCommunication } }) =>
      contextCommunication !== 'a2a+p2p' || hierarchicalSizes(context) !== null
        ? legal
        : illegal(
            ['contextCommunication', 'context'],
            `context=${context} has no two levels for a2a+p2p`,
            context,
            'a product of two sizes of at least 2',
          ),
  }),
  megatronRule({
    id: 'context-window',
    stage: 'first forward',
    why: 'the ring of p2p context parallelism does not know sliding windows',
    source: `${transformerEngine}:5057`,
    reads: ['context', 'contextCommunication'],
    check: ({ strategy: { context, contextCommunication }, model }) =>
      context === 1 ||
      contextCommunication === 'a2a' ||
      contextCommunication === 'all-gather' ||
      modelFacts(model).attention.every(({ span }) => span.kind === 'full')
        ? legal
        : illegal(
            ['contextCommunication'],
            'sliding-window attention with context parallelism by p2p',
            contextCommunication,
            'a2a or all-gather',
          ),
  }),
  megatronRule({
    id: 'context-sinks',
    stage: 'first forward',
    why: 'a softmax with sinks needs all keys of a head on one rank',
    source: `${transformerEngine}:5065`,
    reads: ['context', 'contextCommunication'],
    check: ({ strategy: { context, contextCommunication }, model }) =>
      context === 1 ||
      contextCommunication === 'a2a' ||
      modelFacts(model).attention.every(({ sinks }) => !sinks)
        ? legal
        : illegal(
            ['contextCommunication'],
            'attention sinks with context parallelism',
            contextCommunication,
            'a2a',
          ),
  }),
  megatronRule({
    id: 'context-sparse-indexer',
    stage: 'startup',
    why: 'the indexer of sparse attention scores every earlier token',
    source: 'megatron/core/transformer/transformer_config.py:1501',
    reads: ['context', 'contextCommunication'],
    check: ({ strategy: { context, contextCommunication }, model }) =>
      context === 1 ||
      contextCommunication === 'all-gather' ||
      modelFacts(model).latent.every(({ indexer }) => indexer === null)
        ? legal
        : illegal(
            ['contextCommunication'],
            'DeepSeek sparse attention with context parallelism',
            contextCommunication,
            'all-gather',
          ),
  }),
];
