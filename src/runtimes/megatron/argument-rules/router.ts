import { has, integerOf, listOf, textOf } from '../arguments.ts';
import type { ArgumentMap } from '../arguments.ts';
import { need } from './rule.ts';
import type { ArgumentRule } from './rule.ts';

const config = 'megatron/core/transformer/transformer_config.py';

const dispatcher = (given: ArgumentMap): string =>
  textOf(given, '--moe-token-dispatcher-type') ?? 'allgather';
const backend = (given: ArgumentMap): string => textOf(given, '--moe-flex-dispatcher-backend') ?? 'deepep';
const balancing = (given: ArgumentMap): readonly string[] => {
  const list = listOf(given, '--moe-router-load-balancing-type');
  return list.length === 0 ? ['aux_loss'] : list;
};
const score = (given: ArgumentMap): string => textOf(given, '--moe-router-score-function') ?? 'softmax';
const padded = ['--moe-router-padding-for-quantization', '--moe-router-padding-for-fp8'];

/** Choice of experts, balance and capacity. */
export const routerArgumentRules: readonly ArgumentRule[] = [
  need({
    id: 'router-single-choice',
    why: 'softmax over a single chosen expert is 1 and has no gradient',
    source: `${config}:2661`,
    when: ({ given }) => integerOf(given, '--moe-router-topk') === 1 && score(given) === 'softmax',
    holds: ({ given }) => has(given, '--moe-router-pre-softmax') || balancing(given)[0] === 'sinkhorn',
    flags: ['--moe-router-topk', '--moe-router-pre-softmax'],
    message: 'one expert per token with softmax after the choice',
    expected: '--moe-router-pre-softmax',
  }),
  need({
    id: 'router-groups',
    why: 'choices are limited to some of a number of groups',
    source: `${config}:2671`,
    when: ({ given }) => (integerOf(given, '--moe-router-group-topk') ?? 0) > 0,
    holds: ({ given }) => (integerOf(given, '--moe-router-num-groups') ?? 0) > 0,
    flags: ['--moe-router-group-topk', '--moe-router-num-groups'],
    message: 'a limit on groups without the number of groups',
    expected: '--moe-router-num-groups',
  }),
  need({
    id: 'router-bias-score',
    why: 'the bias of aux-loss-free balancing is added to scores of their own, not to shares of one',
    source: `${config} moe_router_enable_expert_bias`,
    when: ({ given }) => has(given, '--moe-router-enable-expert-bias'),
    holds: ({ given }) => score(given) !== 'softmax',
    flags: ['--moe-router-enable-expert-bias', '--moe-router-score-function'],
    message: 'an expert bias with softmax scores',
    found: ({ given }) => score(given),
    expected: '--moe-router-score-function sigmoid',
  }),
  need({
    id: 'router-padding-precision',
    why: 'tokens are padded for the tiles of narrow formats',
    source: `${config} moe_router_padding_for_quantization`,
    when: ({ given }) => padded.some((flag) => has(given, flag)),
    holds: ({ given }) => has(given, '--fp8-format') || has(given, '--fp4-format'),
    flags: padded,
    message: 'padding for quantization without fp8 or fp4',
    expected: '--fp8-format or --fp4-format',
  }),
  need({
    id: 'router-padding-dispatcher',
    why: 'the all-gather dispatcher has no place to pad',
    source: `${config} moe_router_padding_for_quantization`,
    when: ({ given }) => padded.some((flag) => has(given, flag)),
    holds: ({ given }) => dispatcher(given) !== 'allgather',
    flags: [...padded, '--moe-token-dispatcher-type'],
    message: 'padding for quantization with the all-gather dispatcher',
    found: ({ given }) => dispatcher(given),
    expected: '--moe-token-dispatcher-type alltoall or flex',
  }),
  need({
    id: 'capacity-padding',
    why: 'padding to capacity needs a capacity',
    source: `${config} moe_pad_expert_input_to_capacity`,
    when: ({ given }) => has(given, '--moe-pad-expert-input-to-capacity'),
    holds: ({ given }) => Number(textOf(given, '--moe-expert-capacity-factor') ?? '-1') >= 0,
    flags: ['--moe-pad-expert-input-to-capacity', '--moe-expert-capacity-factor'],
    message: 'padding to capacity without a capacity',
    expected: '--moe-expert-capacity-factor',
  }),
  need({
    id: 'capacity-dispatcher',
    why: 'DeepEP sends what there is, and pads nothing',
    source: `${config}:1743-1790`,
    when: ({ given }) => has(given, '--moe-pad-expert-input-to-capacity') && dispatcher(given) === 'flex',
    holds: ({ given }) => backend(given) !== 'deepep' && !has(given, '--moe-enable-deepep'),
    flags: ['--moe-pad-expert-input-to-capacity', '--moe-flex-dispatcher-backend'],
    message: 'padding to capacity with DeepEP',
    found: ({ given }) => backend(given),
    expected: 'another dispatcher',
  }),
  need({
    id: 'capacity-balancing',
    why: 'tokens are dropped by the scores that the loss balances',
    source: `${config} moe_expert_capacity_factor`,
    when: ({ given }) => has(given, '--moe-expert-capacity-factor'),
    holds: ({ given }) =>
      balancing(given).every((type) =>
        ['aux_loss', 'seq_aux_loss', 'global_aux_loss', 'none'].includes(type),
      ),
    flags: ['--moe-expert-capacity-factor', '--moe-router-load-balancing-type'],
    message: 'a capacity with another kind of balancing',
    found: ({ given }) => balancing(given).join(' '),
    expected: 'aux_loss, seq_aux_loss, global_aux_loss or none',
  }),
  need({
    id: 'rank-capacity-dispatcher',
    why: 'a capacity per rank is kept by HybridEP and NCCL EP',
    source: `${config} moe_expert_rank_capacity_factor`,
    when: ({ given }) => has(given, '--moe-expert-rank-capacity-factor'),
    holds: ({ given }) => backend(given) === 'hybridep' || backend(given) === 'ncclep',
    flags: ['--moe-expert-rank-capacity-factor', '--moe-flex-dispatcher-backend'],
    message: 'a capacity per rank with another backend',
    found: ({ given }) => backend(given),
    expected: 'hybridep or ncclep',
  }),
  need({
    id: 'balancing-coefficients',
    why: 'each balancing loss has its coefficient',
    source: `${config} moe_aux_loss_coeff`,
    when: ({ given }) => balancing(given).length > 1,
    holds: ({ given }) => listOf(given, '--moe-aux-loss-coeff').length === balancing(given).length,
    flags: ['--moe-router-load-balancing-type', '--moe-aux-loss-coeff'],
    message: 'another number of coefficients than of balancing losses',
    found: ({ given }) => listOf(given, '--moe-aux-loss-coeff').length,
    expected: 'one coefficient each',
  }),
];
