import { has, integerOf, listOf, textOf } from '../arguments.ts';
import type { ArgumentMap } from '../arguments.ts';
import { bad, fine, laterConfig, need } from './rule.ts';
import type { ArgumentRule } from './rule.ts';

const file = 'megatron/training/arguments.py';
const config = 'megatron/core/transformer/transformer_config.py';

const dispatcher = (given: ArgumentMap): string =>
  textOf(given, '--moe-token-dispatcher-type') ?? 'allgather';
const backend = (given: ArgumentMap): string => textOf(given, '--moe-flex-dispatcher-backend') ?? 'deepep';
const hasExperts = (given: ArgumentMap): boolean => (integerOf(given, '--num-experts') ?? 0) > 0;

/** A frequency or list of which some layers stay dense. */
const mixedLayers = (given: ArgumentMap): boolean => {
  const text = textOf(given, '--moe-layer-freq');
  if (text === null) return false;
  return /^\d+$/u.test(text) ? Number(text) > 1 : /(?<!\d)0/u.test(text);
};

const groupedTensor = '--moe-use-grouped-tensor';

/** Dispatch, widths and overlap of a mixture of experts. */
export const expertArgumentRules: readonly ArgumentRule[] = [
  need({
    id: 'one-flex-backend',
    why: 'tokens travel one way',
    source: `${config}:1743-1790`,
    when: ({ given }) => has(given, '--moe-enable-deepep'),
    holds: ({ given }) => backend(given) !== 'hybridep',
    flags: ['--moe-enable-deepep', '--moe-flex-dispatcher-backend'],
    message: 'DeepEP and HybridEP together',
    found: () => 'hybridep',
    expected: 'one of them',
  }),
  need({
    id: 'nccl-dispatcher',
    why: 'NCCL EP is a backend of the flex dispatcher',
    source: `${config} moe_flex_dispatcher_backend`,
    when: ({ given }) => backend(given) === 'ncclep',
    holds: ({ given }) => dispatcher(given) === 'flex',
    flags: ['--moe-flex-dispatcher-backend', '--moe-token-dispatcher-type'],
    message: 'NCCL EP without the flex dispatcher',
    found: ({ given }) => dispatcher(given),
    expected: '--moe-token-dispatcher-type flex',
  }),
  need({
    id: 'fake-ranks-dispatcher',
    why: 'kernels of the flex dispatcher talk to real peers',
    source: `${file} fake_process_group`,
    when: ({ given }) => has(given, '--fake-process-group'),
    holds: ({ given }) => dispatcher(given) !== 'flex',
    flags: ['--fake-process-group', '--moe-token-dispatcher-type'],
    message: 'a dry run with the flex dispatcher',
    found: () => 'flex',
    expected: '--moe-token-dispatcher-type alltoall',
  }),
  need({
    id: 'flex-processors',
    since: '0.20',
    why: 'the older numbers of multiprocessors, one a backend, became one number for the dispatcher',
    source: `${config} moe_flex_dispatcher_num_sms`,
    when: ({ given }) =>
      has(given, '--moe-deepep-num-sms') &&
      has(given, '--moe-hybridep-num-sms') &&
      !has(given, '--moe-flex-dispatcher-num-sms'),
    holds: ({ given }) =>
      integerOf(given, '--moe-deepep-num-sms') === integerOf(given, '--moe-hybridep-num-sms'),
    flags: ['--moe-deepep-num-sms', '--moe-hybridep-num-sms'],
    message: 'two numbers of multiprocessors for one dispatcher',
    found: ({ given }) =>
      `${textOf(given, '--moe-deepep-num-sms') ?? ''} and ${textOf(given, '--moe-hybridep-num-sms') ?? ''}`,
    expected: '--moe-flex-dispatcher-num-sms',
  }),
  need({
    id: 'experts-counted',
    why: 'experts are counted; 0 is a dense model',
    source: `${config} num_moe_experts`,
    when: ({ given }) => has(given, '--num-experts'),
    holds: ({ given }) => (integerOf(given, '--num-experts') ?? 0) >= 0,
    flags: ['--num-experts'],
    message: 'fewer experts than none',
    found: ({ given }) => integerOf(given, '--num-experts'),
    expected: 'at least 1, or no --num-experts',
  }),
  need({
    id: 'expert-width-alone',
    why: 'a width of experts is that of experts',
    source: `${config} moe_ffn_hidden_size`,
    when: ({ given }) => has(given, '--moe-ffn-hidden-size'),
    holds: ({ given }) => hasExperts(given) || mixedLayers(given),
    flags: ['--moe-ffn-hidden-size', '--num-experts'],
    message: 'a width of experts in a model without experts',
    expected: '--num-experts',
  }),
  need({
    id: 'shared-expert-width',
    why: 'shared experts have a width',
    source: `${config}:1820`,
    when: ({ given }) => has(given, '--moe-shared-expert-intermediate-size'),
    holds: ({ given }) => (integerOf(given, '--moe-shared-expert-intermediate-size') ?? 1) > 0,
    flags: ['--moe-shared-expert-intermediate-size'],
    message: 'shared experts without width',
    found: ({ given }) => textOf(given, '--moe-shared-expert-intermediate-size'),
    expected: 'at least 1',
  }),
  need({
    id: 'latent-experts',
    why: 'the latent projection stands before experts',
    source: `${file} moe_latent_size`,
    when: ({ given }) => has(given, '--moe-latent-size'),
    holds: ({ given }) => hasExperts(given) && (integerOf(given, '--moe-latent-size') ?? 1) > 0,
    flags: ['--moe-latent-size', '--num-experts'],
    message: 'a latent projection without experts or without width',
    found: ({ given }) => textOf(given, '--moe-latent-size'),
    expected: 'at least 1, with --num-experts',
  }),
  need({
    id: 'upcycling-saves',
    why: 'upcycling writes the new checkpoint first',
    source: `${file} moe_use_upcycling`,
    when: ({ given }) => has(given, '--moe-use-upcycling'),
    holds: ({ given }) => has(given, '--save'),
    flags: ['--moe-use-upcycling', '--save'],
    message: 'upcycling without a place to save to',
    expected: '--save',
  }),
  {
    id: 'overlap-expert-recompute',
    stage: 'startup',
    why: 'overlapped expert exchange runs a layer in pieces, which no recomputation may span',
    source: `${config}:3002-3046`,
    check: ({ given, strategy: { overlapExpert } }) => {
      if (!overlapExpert) return fine;
      const extra = ['--recompute-method', '--recompute-num-layers'].filter((flag) => has(given, flag));
      if (extra.length > 0)
        return bad(extra, `${extra.join(', ')} with overlapped expert exchange`, extra.join(' '), 'neither');
      return listOf(given, '--recompute-modules').includes('moe')
        ? bad(
            ['--recompute-modules'],
            'recomputation of the MoE layer with overlapped expert exchange',
            'moe',
            'other modules',
          )
        : fine;
    },
  },
  need({
    id: 'overlap-expert-parts',
    why: 'each overlap hides the exchange in its own way',
    source: `${config}:3074`,
    when: ({ given }) => has(given, '--overlap-dispatch-backward-with-experts-wgrad'),
    holds: ({ given }) =>
      !has(given, '--overlap-moe-expert-parallel-comm') && !has(given, '--delay-wgrad-compute'),
    flags: [
      '--overlap-dispatch-backward-with-experts-wgrad',
      '--overlap-moe-expert-parallel-comm',
      '--delay-wgrad-compute',
    ],
    message: 'two overlaps of the expert exchange',
    found: () => 'both',
    expected: 'one of them',
  }),
  need({
    id: 'early-release-overlap',
    why: 'memory is released between the pieces of an overlapped layer',
    source: `${config} ep_overlap_early_attn_memory_release`,
    when: ({ given }) => has(given, '--ep-overlap-early-attn-memory-release'),
    holds: ({ given }) => has(given, '--overlap-moe-expert-parallel-comm'),
    flags: ['--ep-overlap-early-attn-memory-release'],
    message: 'early release of attention without overlapped expert exchange',
    expected: '--overlap-moe-expert-parallel-comm',
  }),
  need({
    id: 'delayed-gradient-engine',
    why: 'weight gradients are delayed by Transformer Engine',
    source: `${file} delay_wgrad_compute`,
    when: ({ given }) => has(given, '--delay-wgrad-compute'),
    holds: ({ given }) =>
      (textOf(given, '--transformer-impl') ?? 'transformer_engine') === 'transformer_engine',
    flags: ['--delay-wgrad-compute', '--transformer-impl'],
    message: 'delayed weight gradients with another implementation',
    found: ({ given }) => textOf(given, '--transformer-impl'),
    expected: 'transformer_engine',
  }),
  {
    id: 'expert-grid-dense',
    stage: 'group creation',
    why: 'groups of experts are created for dense models too: expert tensor × pipeline must divide the ranks',
    source: 'megatron/core/parallel_state.py:880-884',
    check: ({ given, strategy: { tensor, pipeline, context, data } }) => {
      const flag = '--expert-tensor-parallel-size';
      const size = integerOf(given, flag);
      if (size === null || size < 1 || hasExperts(given) || has(given, '--tensor-parallel-num-weight-shards'))
        return fine;
      const perStage = tensor * context * data;
      if (!Number.isInteger(perStage)) return fine;
      if (perStage % size !== 0)
        return bad(
          [flag],
          `expert tensor size ${size} does not divide the ${perStage} GPUs of a stage`,
          size,
          `a divisor of ${perStage}`,
        );
      return has(given, '--use-tp-pp-dp-mapping') && pipeline > 1 && size !== tensor * context
        ? bad(
            [flag, '--use-tp-pp-dp-mapping'],
            'both grids must have as many replicas when pipeline is inside data',
            size,
            String(tensor * context),
          )
        : fine;
    },
  },
  need({
    id: 'grouped-tensor-products',
    since: '0.20',
    why: 'weights of experts are one tensor where their products are grouped',
    source: `${laterConfig} moe_use_grouped_tensor`,
    when: ({ given }) =>
      [groupedTensor, '--moe-single-grouped-weight', '--moe-single-grouped-bias'].some((flag) =>
        has(given, flag),
      ),
    holds: ({ given }) => has(given, '--moe-grouped-gemm'),
    flags: [groupedTensor, '--moe-grouped-gemm'],
    message: 'grouped tensors without grouped products',
    expected: '--moe-grouped-gemm',
  }),
  need({
    id: 'single-grouped-parameters',
    since: '0.20',
    why: 'a single parameter for all experts is a grouped tensor, of biases where there are biases',
    source: `${laterConfig} moe_single_grouped_weight, moe_single_grouped_bias`,
    when: ({ given }) =>
      has(given, '--moe-grouped-gemm') &&
      ['--moe-single-grouped-weight', '--moe-single-grouped-bias'].some((flag) => has(given, flag)),
    holds: ({ given }) =>
      (has(given, groupedTensor) || has(given, '--use-transformer-engine-op-fuser')) &&
      !(has(given, '--moe-single-grouped-bias') && has(given, '--disable-bias-linear')),
    flags: ['--moe-single-grouped-weight', '--moe-single-grouped-bias', groupedTensor],
    message: 'a single parameter for all experts without grouped tensors, or of biases that do not exist',
    expected: groupedTensor,
  }),
  need({
    id: 'narrow-dispatch',
    since: '0.20',
    why: 'tokens travel in mxfp8 over NCCL EP into fused grouped products',
    source: `${laterConfig} moe_dispatch_fwd_dtype, moe_combine_bwd_dtype`,
    when: ({ given }) =>
      ['--moe-dispatch-fwd-dtype', '--moe-combine-bwd-dtype'].some(
        (flag) => (textOf(given, flag) ?? 'bf16') !== 'bf16',
      ),
    holds: ({ given }) =>
      dispatcher(given) === 'flex' &&
      backend(given) === 'ncclep' &&
      has(given, '--use-transformer-engine-op-fuser') &&
      has(given, '--moe-grouped-gemm'),
    flags: ['--moe-dispatch-fwd-dtype', '--moe-combine-bwd-dtype', '--moe-flex-dispatcher-backend'],
    message: 'tokens in mxfp8 with another dispatcher or without fused products',
    found: ({ given }) => (dispatcher(given) === 'flex' ? backend(given) : dispatcher(given)),
    expected: 'flex with ncclep, --use-transformer-engine-op-fuser, --moe-grouped-gemm',
  }),
  need({
    id: 'paged-stash',
    since: '0.20',
    why: 'pages are laid out for a capacity per rank, in place of other offload of the experts',
    source: `${laterConfig} moe_paged_stash`,
    when: ({ given }) => has(given, '--moe-paged-stash'),
    holds: ({ given }) =>
      has(given, '--moe-expert-rank-capacity-factor') &&
      (integerOf(given, '--cpu-offloading-num-layers') ?? 0) < 1 &&
      !listOf(given, '--offload-modules').some((module) =>
        ['expert_fc1', 'moe_act', 'fused_group_mlp'].includes(module),
      ),
    flags: ['--moe-paged-stash', '--moe-expert-rank-capacity-factor', '--offload-modules'],
    message: 'paged activations without a capacity per rank, or beside other offload',
    expected: '--moe-expert-rank-capacity-factor',
  }),
];
