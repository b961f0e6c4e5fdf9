import { has, integerOf, listOf, textOf } from '../arguments.ts';
import { bad, fine, together } from './rule.ts';
import type { ArgumentRule } from './rule.ts';

const config = 'megatron/core/transformer/transformer_config.py';
const file = 'megatron/training/arguments.py';

/** Context, experts, overlap and offload: which flags need or exclude which. */
export const combinationArgumentRules: readonly ArgumentRule[] = [
  {
    id: 'context-hierarchy-sizes',
    stage: 'startup',
    why: 'the two levels of context ranks multiply to the context size',
    source: `${file}:580-585`,
    check: ({ given, strategy: { context } }) => {
      const flag = '--hierarchical-context-parallel-sizes';
      const sizes = listOf(given, flag).map(Number);
      if (sizes.length > 0 && sizes.reduce((product, size) => product * size, 1) !== context)
        return bad(
          [flag],
          `sizes ${sizes.join(' × ')} for context size ${context}`,
          sizes.join(' '),
          `a product of ${context}`,
        );
      return listOf(given, '--cp-comm-type').includes('a2a+p2p') && sizes.length === 0
        ? bad(
            [flag],
            'a2a+p2p without the sizes of its levels',
            'nothing',
            `two sizes whose product is ${context}`,
          )
        : fine;
    },
  },
  {
    id: 'context-communication-list',
    stage: 'startup',
    why: 'one way for all layers, or one for each',
    source: `${config}:3103`,
    check: ({ given, layers, strategy: { context } }) => {
      const list = listOf(given, '--cp-comm-type');
      return context === 1 || list.length <= 1 || list.length === layers
        ? fine
        : bad(['--cp-comm-type'], `${list.length} ways for ${layers} layers`, list.length, `1 or ${layers}`);
    },
  },
  {
    id: 'hybrid-context',
    stage: 'startup',
    why: 'context groups of changing size know neither pipelines nor sharded parameters',
    source: `${file}:1444-1449`,
    check: ({ given, strategy: { pipeline } }) => {
      const flag = '--hybrid-context-parallel';
      if (!has(given, flag)) return fine;
      if (pipeline > 1) return bad([flag], 'hybrid context parallelism in a pipeline', pipeline, '1');
      for (const other of ['--use-megatron-fsdp', '--enable-cuda-graph'])
        if (has(given, other)) return together(given, flag, other, 'not supported');
      const loader = textOf(given, '--dataloader-type') ?? 'single';
      if (loader !== 'single')
        return bad(
          ['--dataloader-type', flag],
          'hybrid context parallelism with another loader',
          loader,
          'single',
        );
      return has(given, '--calculate-per-token-loss')
        ? fine
        : bad(
            [flag],
            'hybrid context parallelism without a loss per token',
            'nothing',
            '--calculate-per-token-loss',
          );
    },
  },
  {
    id: 'deepep-dispatcher',
    stage: 'startup',
    why: 'DeepEP is a backend of the flex dispatcher',
    source: `${config}:1743-1790`,
    check: ({ given }) =>
      has(given, '--moe-enable-deepep') && textOf(given, '--moe-token-dispatcher-type') !== 'flex'
        ? bad(
            ['--moe-enable-deepep', '--moe-token-dispatcher-type'],
            'DeepEP without the flex dispatcher',
            textOf(given, '--moe-token-dispatcher-type') ?? 'allgather',
            'flex',
          )
        : fine,
  },
  {
    id: 'shared-expert-overlap',
    stage: 'startup',
    why: 'shared experts hide behind an exchange of tokens',
    source: `${config}:1820`,
    check: ({ given, strategy }) =>
      has(given, '--moe-shared-expert-overlap') &&
      ((strategy.dispatcher === 'all-gather' && has(given, '--moe-shared-expert-intermediate-size')) ||
        strategy.overlapExpert)
        ? bad(
            ['--moe-shared-expert-overlap'],
            'overlap of shared experts with this dispatcher',
            strategy.dispatcher,
            'alltoall or flex, without --overlap-moe-expert-parallel-comm',
          )
        : fine,
  },
  {
    id: 'delayed-weight-gradient',
    stage: 'startup',
    why: 'delayed weight gradients fill the overlapped expert exchange',
    source: `${config}:3074`,
    check: ({ given }) =>
      has(given, '--delay-wgrad-compute') && !has(given, '--overlap-moe-expert-parallel-comm')
        ? bad(
            ['--delay-wgrad-compute'],
            'delayed weight gradients alone',
            'nothing',
            '--overlap-moe-expert-parallel-comm',
          )
        : fine,
  },
  {
    id: 'gather-with-optimizer-step',
    stage: 'startup',
    why: 'parameters of the first chunk are gathered during the step of the others',
    source: `${file}:1066`,
    check: ({ given, strategy }) =>
      has(given, '--overlap-param-gather-with-optimizer-step') &&
      (strategy.sharding === 'none' || !strategy.overlapParameters || strategy.virtualStages === 1)
        ? bad(
            ['--overlap-param-gather-with-optimizer-step'],
            'gathering during the optimizer step without interleaving',
            strategy.virtualStages,
            'virtual stages, --use-distributed-optimizer and --overlap-param-gather',
          )
        : fine,
  },
  {
    id: 'offload-precision-aware',
    stage: 'startup',
    why: 'the offloaded optimizer is the precision-aware one',
    source: `${file}:1884`,
    check: ({ given }) =>
      has(given, '--optimizer-cpu-offload') && !has(given, '--use-precision-aware-optimizer')
        ? bad(
            ['--optimizer-cpu-offload'],
            'offload without the precision-aware optimizer',
            'nothing',
            '--use-precision-aware-optimizer',
          )
        : fine,
  },
  {
    id: 'precision-aware-sharded',
    stage: 'model build',
    why: 'the precision-aware optimizer is a distributed optimizer',
    source: 'megatron/core/optimizer/optimizer_config.py use_precision_aware_optimizer',
    check: ({ given, strategy }) =>
      has(given, '--use-precision-aware-optimizer') &&
      strategy.sharding === 'none' &&
      !has(given, '--use-megatron-fsdp')
        ? bad(
            ['--use-precision-aware-optimizer'],
            'the precision-aware optimizer without sharding',
            'nothing',
            '--use-distributed-optimizer',
          )
        : fine,
  },
  {
    id: 'activation-offload',
    stage: 'startup',
    why: 'offloaded activations know neither pipelines nor recomputation',
    source: `${config}:1891-1899`,
    check: ({ given, strategy: { pipeline, recompute } }) => {
      const flag = '--cpu-offloading-num-layers';
      if ((integerOf(given, flag) ?? 0) < 1) return fine;
      if (pipeline > 1) return bad([flag], 'activation offload in a pipeline', pipeline, '1');
      return recompute.kind === 'none'
        ? fine
        : bad([flag], 'activation offload with recomputation', recompute.kind, 'none');
    },
  },
  {
    id: 'fp8-parameter-gather',
    stage: 'startup',
    why: 'parameters are gathered in fp8 where they are sharded',
    source: `${file} fp8_param_gather`,
    check: ({ given, strategy }) =>
      has(given, '--fp8-param-gather') && strategy.sharding === 'none' && !has(given, '--use-megatron-fsdp')
        ? bad(
            ['--fp8-param-gather'],
            'fp8 gathering without sharding',
            'nothing',
            '--use-distributed-optimizer',
          )
        : fine,
  },
];
