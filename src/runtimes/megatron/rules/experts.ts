import { hasExperts, modelFacts } from '../../model-facts.ts';
import { illegal, legal } from '../../rule.ts';
import type { Rule } from '../../rule.ts';
import { megatronRule } from './define.ts';

const flex = (dispatcher: string): boolean => dispatcher === 'deepep' || dispatcher === 'hybridep';

/** Mixture of experts: how experts are laid over ranks and how tokens reach them. */
export const expertRules: readonly Rule[] = [
  megatronRule({
    id: 'expert-without-experts',
    stage: 'startup',
    why: 'a dense model has nothing to lay over expert ranks',
    source: 'megatron/training/arguments.py:1655',
    reads: ['expert'],
    check: ({ strategy: { expert }, model }) =>
      expert === 1 || hasExperts(model)
        ? legal
        : illegal(['expert'], `expert=${expert} for a model without experts`, expert, '1'),
  }),
  megatronRule({
    id: 'experts-divisible',
    stage: 'startup',
    why: 'each expert rank holds the same number of experts',
    source: 'megatron/training/arguments.py:1655',
    reads: ['expert'],
    check: ({ strategy: { expert }, model }) => {
      for (const { experts } of modelFacts(model).moe)
        if (experts % expert !== 0)
          return illegal(
            ['expert'],
            `${experts} experts do not divide over expert=${expert}`,
            experts,
            `a divisor of ${experts}`,
          );
      return legal;
    },
  }),
  megatronRule({
    id: 'experts-need-sequence-parallel',
    stage: 'first forward',
    why: 'with tensor parallelism the router must see each token on one rank; arguments only warn, training raises',
    source: 'megatron/core/transformer/moe/moe_layer.py:636; megatron/core/model_parallel_config.py:560',
    reads: ['tensor', 'sequenceParallel'],
    check: ({ strategy, model }) =>
      strategy.tensor === 1 || strategy.sequenceParallel || !hasExperts(model)
        ? legal
        : illegal(
            ['sequenceParallel', 'tensor'],
            `experts with tensor=${strategy.tensor} and without sequence parallelism`,
            'sequence_parallel=false',
            'sequence_parallel=true',
          ),
  }),
  megatronRule({
    id: 'expert-bias-tensor',
    stage: 'startup',
    why: 'the bias of an expert would be added once per tensor rank',
    source: 'megatron/core/transformer/transformer_config.py:2612',
    reads: ['expertTensor'],
    check: ({ strategy: { expertTensor }, model }) =>
      expertTensor === 1 || modelFacts(model).moe.every(({ bias }) => !bias)
        ? legal
        : illegal(['expertTensor'], 'experts with bias under expert tensor parallelism', expertTensor, '1'),
  }),
  megatronRule({
    id: 'flex-dispatcher-ranks',
    stage: 'model build',
    why: 'the fused dispatchers exchange tokens between ranks: there must be more than one',
    source: 'megatron/core/transformer/moe/token_dispatcher.py MoEFlexTokenDispatcher',
    reads: ['dispatcher', 'expert', 'expertTensor'],
    check: ({ strategy: { dispatcher, expert, expertTensor }, model }) =>
      !flex(dispatcher) || !hasExperts(model) || expert * expertTensor > 1
        ? legal
        : illegal(
            ['dispatcher', 'expert'],
            `${dispatcher} on one expert rank`,
            expert,
            'expert of at least 2',
          ),
  }),
  megatronRule({
    id: 'flex-dispatcher-architecture',
    stage: 'first forward',
    why: 'DeepEP and HybridEP are CUDA kernels for data-centre GPUs from Ampere (HybridEP: Hopper) on',
    source: 'megatron/core/transformer/moe/fused_a2a.py; Megatron-Bridge flex_dispatcher_backend.py',
    reads: ['dispatcher'],
    check: ({ strategy: { dispatcher }, architecture, model }) => {
      if (!flex(dispatcher) || !hasExperts(model)) return legal;
      const able =
        dispatcher === 'deepep'
          ? ['ampere', 'hopper', 'blackwell', 'other']
          : ['hopper', 'blackwell', 'other'];
      return able.includes(architecture)
        ? legal
        : illegal(['dispatcher'], `${dispatcher} on ${architecture}`, dispatcher, 'all-to-all');
    },
  }),
  megatronRule({
    id: 'hybridep-version',
    until: '0.15',
    stage: 'parse',
    why: 'HybridEP came with 0.15',
    source: 'CHANGELOG.md; --moe-flex-dispatcher-backend',
    reads: ['dispatcher'],
    check: ({ strategy: { dispatcher } }) =>
      dispatcher === 'hybridep'
        ? illegal(
            ['dispatcher'],
            'hybridep is unknown to this version',
            dispatcher,
            'deepep, or Megatron 0.15',
          )
        : legal,
  }),
  megatronRule({
    id: 'expert-group-routing',
    stage: 'startup',
    why: 'node-limited routing scores groups of equal size, each with enough experts for the tokens it is given',
    source: 'megatron/core/transformer/transformer_config.py:2671',
    reads: [],
    check: ({ model }) => {
      for (const { experts, groups } of modelFacts(model).moe) {
        if (groups === null) continue;
        if (experts % groups.count !== 0 || groups.limit > groups.count)
          return illegal(
            [],
            `${experts} experts in ${groups.count} groups of which ${groups.limit} are used`,
            groups.count,
            'groups that divide the experts, a limit of at most their number',
          );
      }
      return legal;
    },
  }),
];
