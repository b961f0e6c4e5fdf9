import { has, integerOf, listOf, textOf } from '../arguments.ts';
import type { ArgumentMap } from '../arguments.ts';
import { bad, fine, laterConfig, need } from './rule.ts';
import type { ArgumentRule } from './rule.ts';

const file = 'megatron/training/arguments.py';
const config = 'megatron/core/transformer/transformer_config.py';

const fp8 = (given: ArgumentMap): boolean => has(given, '--fp8-format');
const delayed = (given: ArgumentMap): boolean => (textOf(given, '--fp8-recipe') ?? 'delayed') === 'delayed';

/** Narrow formats: what each needs beside it. */
export const precisionArgumentRules: readonly ArgumentRule[] = [
  need({
    id: 'fp8-parameters-need-fp8',
    why: 'parameters are kept in fp8 where products run in fp8',
    source: `${config} fp8_param`,
    when: ({ given }) => has(given, '--fp8-param-gather'),
    holds: ({ given }) => fp8(given),
    flags: ['--fp8-param-gather'],
    message: 'fp8 parameters without fp8 products',
    expected: '--fp8-format',
  }),
  need({
    id: 'fp4-parameters-need-fp4',
    why: 'parameters are kept in fp4 where products run in fp4',
    source: `${file} fp4_param_gather`,
    when: ({ given }) => has(given, '--fp4-param-gather'),
    holds: ({ given }) => has(given, '--fp4-format'),
    flags: ['--fp4-param-gather'],
    message: 'fp4 parameters without fp4 products',
    expected: '--fp4-format',
  }),
  need({
    id: 'fp8-ends-recipe',
    why: 'delayed scaling is one recipe for all layers; it is the recipe that is taken where none is given',
    source: `${config} first_last_layers_bf16`,
    when: ({ given }) => fp8(given) && has(given, '--first-last-layers-bf16'),
    holds: ({ given }) => !delayed(given),
    flags: ['--first-last-layers-bf16', '--fp8-recipe'],
    message: 'first and last layers in bf16 with delayed scaling',
    found: ({ given }) => textOf(given, '--fp8-recipe') ?? 'delayed (default)',
    expected: 'another --fp8-recipe',
  }),
  {
    id: 'fp8-ends-layers',
    stage: 'startup',
    why: 'the layers that stay in bf16 stand on the first and on the last stage',
    source: `${config} num_layers_at_start_in_bf16`,
    check: ({ given, layers, strategy: { pipeline } }) => {
      if (!fp8(given) || !has(given, '--first-last-layers-bf16')) return fine;
      const most = Math.floor(layers / pipeline);
      const wrong = ['--num-layers-at-start-in-bf16', '--num-layers-at-end-in-bf16'].find((flag) => {
        const count = integerOf(given, flag) ?? 1;
        return count < 0 || count > most;
      });
      return wrong === undefined
        ? fine
        : bad(
            [wrong],
            'more layers in bf16 than a stage holds',
            textOf(given, wrong) ?? '1',
            `at most ${most}`,
          );
    },
  },
  need({
    id: 'fp8-custom-quantizer',
    why: 'a custom recipe names the code that quantizes',
    source: `${config} fp8_quantizer_factory`,
    when: ({ given }) => fp8(given) && textOf(given, '--fp8-recipe') === 'custom',
    holds: ({ given }) => has(given, '--fp8-quantizer-factory'),
    flags: ['--fp8-recipe', '--fp8-quantizer-factory'],
    message: 'a custom fp8 recipe without its quantizer',
    expected: '--fp8-quantizer-factory',
  }),
  need({
    id: 'fp8-output-layer',
    why: 'the output layer runs in fp8 with block scaling alone',
    source: `${config} fp8_output_proj`,
    when: ({ given }) => has(given, '--fp8-output-proj'),
    holds: ({ given }) => fp8(given) && textOf(given, '--fp8-recipe') === 'mxfp8',
    flags: ['--fp8-output-proj', '--fp8-recipe'],
    message: 'an output layer in fp8 with another recipe',
    found: ({ given }) => textOf(given, '--fp8-recipe'),
    expected: '--fp8-format with --fp8-recipe mxfp8',
  }),
  need({
    id: 'fp8-recompute-recipe',
    why: 'delayed scaling would count a recomputed maximum twice',
    source: `${config} recompute_modules with fp8`,
    when: ({ given }) =>
      fp8(given) &&
      textOf(given, '--recompute-granularity') === 'selective' &&
      listOf(given, '--recompute-modules').some((module) => module === 'moe_act' || module === 'layernorm'),
    holds: ({ given }) => !delayed(given),
    flags: ['--recompute-modules', '--fp8-recipe'],
    message: 'recomputation of moe_act or layernorm with delayed scaling',
    found: ({ given }) => textOf(given, '--fp8-recipe') ?? 'delayed (default)',
    expected: 'another --fp8-recipe',
  }),
  need({
    id: 'offload-fp8-parameters',
    why: 'the offloaded optimizer writes fp8 parameters with delayed scaling alone',
    source: `${file}:1884`,
    when: ({ given }) => has(given, '--optimizer-cpu-offload') && has(given, '--fp8-param-gather'),
    holds: ({ given }) => delayed(given),
    flags: ['--optimizer-cpu-offload', '--fp8-recipe'],
    message: 'an offloaded optimizer with fp8 parameters of another recipe',
    found: ({ given }) => textOf(given, '--fp8-recipe'),
    expected: '--fp8-recipe delayed',
  }),
  need({
    id: 'half-cross-entropy',
    why: 'the loss is computed in the type of the model',
    source: `${file} fp16_lm_cross_entropy`,
    when: ({ given }) => has(given, '--fp16-lm-cross-entropy'),
    holds: ({ given }) => has(given, '--fp16'),
    flags: ['--fp16-lm-cross-entropy'],
    message: 'cross entropy in fp16 in another precision',
    expected: '--fp16',
  }),
  need({
    id: 'residual-precision',
    why: 'a residual stream in fp32 is wider than the rest',
    source: `${file} fp32_residual_connection`,
    when: ({ given }) => has(given, '--fp32-residual-connection'),
    holds: ({ given }) => has(given, '--fp16') || has(given, '--bf16'),
    flags: ['--fp32-residual-connection'],
    message: 'an fp32 residual in an fp32 model',
    expected: '--bf16 or --fp16',
  }),
  need({
    id: 'main-gradients-precision',
    why: 'gradients that are summed in fp32 are kept in fp32',
    source: `${file} main_grads_dtype`,
    when: ({ given }) => has(given, '--bf16') && has(given, '--accumulate-allreduce-grads-in-fp32'),
    holds: ({ given }) => (textOf(given, '--main-grads-dtype') ?? 'fp32') === 'fp32',
    flags: ['--accumulate-allreduce-grads-in-fp32', '--main-grads-dtype'],
    message: 'gradients summed in fp32 and kept in bf16',
    found: ({ given }) => textOf(given, '--main-grads-dtype'),
    expected: 'fp32, or without --accumulate-allreduce-grads-in-fp32',
  }),
  need({
    id: 'grouped-products-bf16',
    until: '0.17',
    why: 'grouped products of experts were written for bf16',
    source: 'NVIDIA/Megatron-LM @ 4393d2b9 megatron/training/arguments.py moe_grouped_gemm',
    when: ({ given }) => has(given, '--moe-grouped-gemm'),
    holds: ({ given }) => has(given, '--bf16'),
    flags: ['--moe-grouped-gemm'],
    message: 'grouped products in another precision than bf16',
    found: ({ given }) => (has(given, '--fp16') ? 'fp16' : 'fp32'),
    expected: '--bf16',
  }),
  need({
    id: 'expert-half-precision',
    until: '0.17',
    why: 'expert parallelism did not train in fp16',
    source: 'NVIDIA/Megatron-LM @ 4393d2b9 megatron/training/arguments.py expert parallelism check',
    when: ({ given, strategy: { expert } }) => expert > 1 && has(given, '--fp16'),
    holds: () => false,
    flags: ['--fp16', '--expert-model-parallel-size'],
    message: 'expert parallelism in fp16',
    found: () => 'fp16',
    expected: '--bf16, or Megatron 0.17',
  }),
  need({
    id: 'fp4-custom-quantizer',
    why: 'a custom recipe names the code that quantizes',
    source: `${laterConfig} fp4_quantizer_factory`,
    when: ({ given }) => has(given, '--fp4-format') && textOf(given, '--fp4-recipe') === 'custom',
    holds: ({ given }) => has(given, '--fp4-quantizer-factory'),
    flags: ['--fp4-recipe', '--fp4-quantizer-factory'],
    message: 'a custom fp4 recipe without its quantizer',
    expected: '--fp4-quantizer-factory',
  }),
];
