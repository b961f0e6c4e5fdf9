import { has, integerOf, listOf, textOf } from '../arguments.ts';
import type { ArgumentMap } from '../arguments.ts';
import { compareVersions } from '../../version.ts';
import { recomputes } from './recomputes.ts';
import { bad, fine, need, variableOf } from './rule.ts';
import type { ArgumentRule } from './rule.ts';

const file = 'megatron/training/arguments.py';
const config = 'megatron/core/transformer/transformer_config.py';

/** What was chosen as modules, by the name of either flag. */
export const namedModules = (given: ArgumentMap): readonly string[] => [
  ...listOf(given, '--cuda-graph-modules'),
  ...listOf(given, '--cuda-graph-scope'),
];

/** Older names among the modules: the whole layer, the whole iteration, and inference alone. */
export const oldModules: readonly string[] = ['full', 'full_iteration', 'full_iteration_inference'];

/** What was chosen to capture graphs, by the name of any flag. */
export const namedGraphs = (given: ArgumentMap): string =>
  has(given, '--enable-cuda-graph')
    ? 'local'
    : has(given, '--external-cuda-graph')
      ? 'transformer_engine'
      : (textOf(given, '--cuda-graph-impl') ?? 'none');

/**
 * What captures graphs: none, local, transformer_engine or full_iteration, which was once a module. Source:
 * NVIDIA/Megatron-LM @ 02f11f65 megatron/core/transformer/cuda_graph_config.py CUDA_GRAPH_MODULES_DEPRECATIONS.
 */
export const graphs = (given: ArgumentMap): string =>
  namedModules(given).includes('full_iteration') ? 'full_iteration' : namedGraphs(given);

export const graphModules = (given: ArgumentMap): readonly string[] =>
  namedModules(given).filter((module) => !oldModules.includes(module));

/** Captured graphs: what can be captured, and beside what. */
export const graphArgumentRules: readonly ArgumentRule[] = [
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
];
