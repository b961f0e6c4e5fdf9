import { has, integerOf, listOf, numberOf, textOf } from '../arguments.ts';
import type { ArgumentMap } from '../arguments.ts';
import { graphModules, graphs, namedGraphs, namedModules, oldModules } from './graphs.ts';
import { recomputes } from './recomputes.ts';
import { bad, fine, laterConfig, laterFile, need } from './rule.ts';
import type { ArgumentRule } from './rule.ts';

/** Graphs that hold a whole layer, or the whole iteration. */
const wholeLayers = (given: ArgumentMap): boolean =>
  graphs(given) === 'full_iteration' || graphModules(given).length === 0;

const captures = (given: ArgumentMap, module: string): boolean =>
  wholeLayers(given) || graphModules(given).includes(module);

const recomputed = (given: ArgumentMap): readonly string[] => {
  const modules = listOf(given, '--recompute-modules');
  return modules.length === 0 ? ['core_attn'] : modules;
};

/** Every layer is one of experts. */
const expertsAlone = (given: ArgumentMap): boolean => {
  const text = textOf(given, '--moe-layer-freq') ?? '1';
  return text === '1' || (text.includes('[') && !/(?<!\d)0/u.test(text));
};

const modulesFlag = '--cuda-graph-modules';

/** megatron/core/transformer/enums.py CudaGraphModule. */
const capturable = ['attn', 'mlp', 'moe', 'moe_router', 'moe_preprocess', 'mamba'];

/** Captured graphs beside recomputation, dropout and overlap. */
export const graphModuleArgumentRules: readonly ArgumentRule[] = [
  need({
    id: 'graph-modules-once',
    since: '0.20',
    why: 'the older flag is another name of the modules',
    source: `${laterFile} cuda_graph_scope_deprecated`,
    when: ({ given }) => has(given, '--cuda-graph-scope'),
    holds: ({ given }) => !has(given, modulesFlag),
    flags: ['--cuda-graph-scope', modulesFlag],
    message: 'captured modules stated twice',
    found: () => 'both',
    expected: modulesFlag,
  }),
  {
    id: 'graph-module-names',
    since: '0.20',
    stage: 'parse',
    why: 'the parser looks the modules up by name',
    source: 'Connor-XY/Megatron-LM @ 38a05c6f megatron/training/arguments.py _parse_cuda_graph_modules_arg',
    check: ({ given }) => {
      const unknown = namedModules(given).find((name) => ![...capturable, ...oldModules].includes(name));
      return unknown === undefined
        ? fine
        : bad([modulesFlag], `${unknown} cannot be captured`, unknown, capturable.join(', '));
    },
  },
  {
    id: 'graph-old-modules',
    since: '0.20',
    stage: 'startup',
    why: 'the older names of a whole layer and of a whole iteration stand alone, and for one implementation',
    source:
      'NVIDIA/Megatron-LM @ 02f11f65 megatron/core/transformer/cuda_graph_config.py normalize_cuda_graph_modules',
    check: ({ given }) => {
      const names = namedModules(given);
      const old = [...new Set(names.filter((name) => oldModules.includes(name)))];
      const impl = namedGraphs(given);
      const admits: Readonly<Record<string, readonly string[]>> = {
        full_iteration: ['none', 'local', 'full_iteration'],
        full_iteration_inference: ['none', 'local'],
      };
      const clash = old.find((name) => !(admits[name] ?? [impl]).includes(impl));
      if (clash !== undefined)
        return bad(
          [modulesFlag, '--cuda-graph-impl'],
          `module ${clash} beside ${impl} graphs`,
          impl,
          admits[clash]?.join(', ') ?? '',
        );
      return old.length > 1 || (old.includes('full') && names.length > 1)
        ? bad([modulesFlag], `module ${old.join(' and ')} beside others`, names.join(' '), 'one of them')
        : fine;
    },
  },
  need({
    id: 'graph-dense-module',
    since: '0.20',
    why: 'the feed-forward of a dense layer is captured where there is one',
    source: `${laterConfig} cuda_graph_modules`,
    when: ({ given }) =>
      ['local', 'transformer_engine'].includes(graphs(given)) && graphModules(given).includes('mlp'),
    holds: ({ given }) => (integerOf(given, '--num-experts') ?? 0) <= 1 || !expertsAlone(given),
    flags: [modulesFlag, '--moe-layer-freq'],
    message: 'graphs of dense layers in a model of experts alone',
    found: () => 'mlp',
    expected: 'other modules',
  }),
  need({
    id: 'graph-preprocess-copies',
    since: '0.20',
    why: 'a graph cannot wait for sizes that the host reads while tokens are sorted',
    source: `${laterConfig} moe_preprocess`,
    when: ({ given }) =>
      ['local', 'transformer_engine'].includes(graphs(given)) &&
      (integerOf(given, '--num-experts') ?? 0) > 1 &&
      textOf(given, '--moe-token-dispatcher-type') === 'alltoall' &&
      !(has(given, '--moe-pad-expert-input-to-capacity') && has(given, '--moe-expert-capacity-factor')) &&
      (has(given, '--moe-expert-capacity-factor') || has(given, '--moe-router-padding-for-fp8')),
    holds: ({ given }) =>
      !graphModules(given).includes('moe_preprocess') &&
      // The local implementation captures the router and what follows it together.
      !(graphs(given) === 'local' && graphModules(given).includes('moe_router')),
    flags: [modulesFlag, '--moe-expert-capacity-factor', '--moe-router-padding-for-fp8'],
    message: 'a graph of the sorting of tokens whose sizes the host reads',
    found: ({ given }) => graphModules(given).join(' '),
    expected: 'without moe_preprocess, or --moe-pad-expert-input-to-capacity',
  }),
  need({
    id: 'graph-recomputed-experts',
    since: '0.20',
    why: 'recomputation stands inside a graph or outside of it, not across',
    source: `${laterConfig} recompute_modules with cuda_graph_modules`,
    when: ({ given }) =>
      graphs(given) === 'transformer_engine' &&
      recomputes(given) === 'selective' &&
      recomputed(given).includes('moe'),
    holds: ({ given }) => !graphModules(given).includes('moe_router'),
    flags: [modulesFlag, '--recompute-modules'],
    message: 'a captured router in an MoE layer that is recomputed',
    found: () => 'moe_router',
    expected: 'one of them',
  }),
  {
    id: 'graph-dropout',
    since: '0.20',
    stage: 'startup',
    why: 'a captured recomputation draws no random numbers of its own; dropout is 0.1 where it is not stated',
    source: `${laterConfig} attention_dropout, hidden_dropout and moe_input_jitter_eps with captured recomputation`,
    check: ({ given }) => {
      if (graphs(given) === 'none' || recomputes(given) !== 'selective') return fine;
      const again = recomputed(given);
      const clash = (modules: readonly (readonly [string, string])[]): boolean =>
        modules.some(([module, graph]) => again.includes(module) && captures(given, graph));
      const random: readonly (readonly [string, number, readonly (readonly [string, string])[]])[] = [
        ['--attention-dropout', numberOf(given, '--attention-dropout') ?? 0.1, [['core_attn', 'attn']]],
        [
          '--hidden-dropout',
          numberOf(given, '--hidden-dropout') ?? 0.1,
          [
            ['mlp', 'mlp'],
            ['moe', 'moe'],
          ],
        ],
        ['--moe-input-jitter-eps', has(given, '--moe-input-jitter-eps') ? 1 : 0, [['moe', 'moe']]],
      ];
      const wrong = random.find(([, value, modules]) => value !== 0 && clash(modules));
      return wrong === undefined
        ? fine
        : bad(
            [wrong[0], '--recompute-modules', modulesFlag],
            `${wrong[0]} with captured recomputation`,
            textOf(given, wrong[0]) ?? `${wrong[1]} (default)`,
            '0',
          );
    },
  },
  need({
    id: 'graph-overlap-expert',
    since: '0.20',
    why: 'a layer that is run in pieces is captured in pieces',
    source: `${laterConfig} overlap_moe_expert_parallel_comm with cuda_graph_modules`,
    when: ({ given, strategy: { overlapExpert } }) => overlapExpert && graphs(given) === 'transformer_engine',
    holds: ({ given }) => !graphModules(given).some((module) => module === 'moe' || module === 'mlp'),
    flags: [modulesFlag, '--overlap-moe-expert-parallel-comm'],
    message: 'graphs of whole feed-forwards with overlapped expert exchange',
    found: ({ given }) => graphModules(given).join(' '),
    expected: 'attn, moe_router or moe_preprocess',
  }),
  {
    id: 'graph-delayed-gradient',
    since: '0.20',
    stage: 'startup',
    why: 'delayed gradients are written from a graph to where they stay: fused accumulation, no bias',
    source: `${laterFile} delay_wgrad_compute`,
    check: ({ given }) => {
      if (!has(given, '--delay-wgrad-compute') || !has(given, '--overlap-grad-reduce')) return fine;
      const modules = graphModules(given);
      const shared =
        modules.includes('moe_router') &&
        has(given, '--moe-shared-expert-intermediate-size') &&
        !has(given, '--moe-shared-expert-overlap');
      const attention = modules.includes('attn');
      if (!attention && !shared) return fine;
      if (has(given, '--no-gradient-accumulation-fusion'))
        return bad(
          ['--no-gradient-accumulation-fusion', '--delay-wgrad-compute', modulesFlag],
          'delayed gradients of a graph without fused accumulation',
          '--no-gradient-accumulation-fusion',
          'fused accumulation',
        );
      return attention && (!has(given, '--disable-bias-linear') || has(given, '--add-qkv-bias'))
        ? bad(
            [modulesFlag, '--delay-wgrad-compute'],
            'delayed gradients of captured attention with bias',
            'bias',
            '--disable-bias-linear without --add-qkv-bias',
          )
        : fine;
    },
  },
];
