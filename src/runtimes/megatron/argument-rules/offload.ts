import { has, integerOf, listOf, textOf } from '../arguments.ts';
import type { ArgumentMap } from '../arguments.ts';
import { compareVersions } from '../../version.ts';
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
const recomputes = (given: ArgumentMap): string | null =>
  has(given, '--recompute-activations') ? 'selective' : textOf(given, '--recompute-granularity');

const graphs = (given: ArgumentMap): string =>
  has(given, '--enable-cuda-graph')
    ? 'local'
    : has(given, '--external-cuda-graph')
      ? 'transformer_engine'
      : (textOf(given, '--cuda-graph-impl') ?? 'none');
const graphModules = (given: ArgumentMap): readonly string[] => [
  ...listOf(given, '--cuda-graph-modules'),
  ...listOf(given, '--cuda-graph-scope'),
];

/** Activations on the host, and captured graphs: what each excludes. */
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
    id: 'graph-once',
    why: 'older switches are names of an implementation',
    source: `${file} enable_cuda_graph`,
    when: ({ given }) => has(given, '--enable-cuda-graph') || has(given, '--external-cuda-graph'),
    holds: ({ given }) =>
      !(has(given, '--enable-cuda-graph') && has(given, '--external-cuda-graph')) &&
      (textOf(given, '--cuda-graph-impl') ?? 'none') === 'none',
    flags: ['--enable-cuda-graph', '--external-cuda-graph', '--cuda-graph-impl'],
    message: 'captured graphs stated twice',
    found: () => 'two',
    expected: 'one of them',
  }),
  {
    id: 'graph-recompute',
    stage: 'startup',
    why: 'full recomputation replays a layer from outside of its graph',
    source: `NVIDIA/Megatron-LM @ d98e8a64 ${config} cuda_graph_impl; before 0.20: @ 4393d2b9 ${file}`,
    check: ({ given, version }) => {
      const impl = graphs(given);
      if (impl === 'none' || recomputes(given) !== 'full') return fine;
      return impl === 'full_iteration' && compareVersions(version, '0.20') >= 0
        ? fine
        : bad(
            ['--recompute-granularity', '--cuda-graph-impl'],
            'full recomputation with captured layers',
            impl,
            'selective recomputation, or full_iteration graphs',
          );
    },
  },
  need({
    id: 'graph-offload',
    why: 'a captured graph does not wait for the host',
    source: `${config} cuda_graph_impl`,
    when: ({ given }) => graphs(given) !== 'none' && graphs(given) !== 'full_iteration',
    holds: ({ given }) => (integerOf(given, '--cpu-offloading-num-layers') ?? 0) < 1,
    flags: ['--cuda-graph-impl', '--cpu-offloading-num-layers'],
    message: 'captured graphs with offloaded layers',
    found: ({ given }) => graphs(given),
    expected: 'one of them',
  }),
  need({
    id: 'graph-iteration-checks',
    why: 'a graph of the whole iteration has no place to look at the loss',
    source: `${file} cuda_graph_impl`,
    when: ({ given }) => graphs(given) === 'full_iteration',
    holds: ({ given }) =>
      (has(given, '--no-check-for-nan-in-loss-and-grad') ||
        (has(given, '--fp16') && !has(given, '--loss-scale'))) &&
      graphModules(given).length === 0,
    flags: ['--cuda-graph-impl', '--no-check-for-nan-in-loss-and-grad', '--cuda-graph-modules'],
    message: 'a graph of the whole iteration with checks or chosen modules',
    found: ({ given }) => graphModules(given).join(' ') || 'checks for NaN',
    expected: '--no-check-for-nan-in-loss-and-grad and no modules',
  }),
  {
    id: 'graph-modules',
    stage: 'startup',
    why: 'what is captured exists, and is captured once',
    source: `${config} cuda_graph_modules`,
    check: ({ given }) => {
      const impl = graphs(given);
      const modules = graphModules(given);
      if (impl !== 'local' && impl !== 'transformer_engine') return fine;
      const flags = ['--cuda-graph-modules'];
      const experts = (integerOf(given, '--num-experts') ?? 0) > 1;
      const routed = modules.filter((module) => module === 'moe' || module === 'moe_router');
      if (!experts && routed.length > 0)
        return bad(flags, 'graphs of an MoE layer in a dense model', routed.join(' '), 'attn, mlp');
      if (routed.length > 1)
        return bad(flags, 'the router inside and beside the MoE layer', routed.join(' '), 'one of them');
      if (modules.includes('moe') && !has(given, '--moe-pad-expert-input-to-capacity'))
        return bad(
          flags,
          'a graph of an MoE layer whose batches change size',
          'moe',
          '--moe-pad-expert-input-to-capacity, or moe_router',
        );
      return modules.includes('moe_preprocess') &&
        !modules.includes('moe_router') &&
        impl === 'transformer_engine'
        ? bad(flags, 'moe_preprocess without moe_router', 'moe_preprocess', 'moe_router moe_preprocess')
        : fine;
    },
  },
  {
    id: 'graph-allocator',
    stage: 'startup',
    why: 'segments that grow move what NCCL has registered in a graph',
    source: `${file} CUDA graphs`,
    check: (context) => {
      const impl = graphs(context.given);
      const old = compareVersions(context.version, '0.17') < 0;
      if (old ? impl === 'none' : impl !== 'transformer_engine') return fine;
      const grows =
        variableOf(context, 'PYTORCH_CUDA_ALLOC_CONF')?.includes('expandable_segments:True') ?? false;
      if (!grows) return fine;
      const register = variableOf(context, 'NCCL_GRAPH_REGISTER');
      if (old || register === null || (register !== undefined && register !== '0'))
        return bad(
          ['PYTORCH_CUDA_ALLOC_CONF', 'NCCL_GRAPH_REGISTER'],
          'expandable segments with captured graphs',
          register ?? 'unset',
          'NCCL_GRAPH_REGISTER=0',
        );
      return register === '0'
        ? fine
        : { kind: 'unchecked', flags: ['NCCL_GRAPH_REGISTER'], missing: 'the value of NCCL_GRAPH_REGISTER' };
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
