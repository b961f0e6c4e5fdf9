import type { Model } from '../../model/model.ts';
import type { Precision, Problem } from '../../plan/problem.ts';
import type { Emission, Emitter, NotCarried } from '../emit-types.ts';
import { emitLaunch } from '../emit-launch.ts';
import { modelFacts } from '../model-facts.ts';
import { megatronCommand } from '../megatron/write.ts';
import { latestVersion } from '../registry.ts';
import { notCarried } from '../not-carried.ts';
import { shellQuote } from '../shell.ts';
import { overridesOf } from './overrides.ts';
import type { Override } from './overrides.ts';

/** Presets of MIXED_PRECISION_RECIPES (src/megatron/bridge/training/mixed_precision.py). */
const presets: Readonly<Record<Precision, string>> = {
  fp32: 'null',
  fp16: 'fp16_mixed',
  bf16: 'bf16_mixed',
  fp8: 'bf16_with_fp8_current_scaling_mixed',
  mxfp8: 'bf16_with_mxfp8_mixed',
  nvfp4: 'bf16_with_nvfp4_mixed',
};

/** Bridge's bare recipe: GPTModelProvider at its defaults (src/megatron/bridge/recipes/gpt/vanilla_gpt.py). */
const bareRecipe = 'vanilla_gpt_pretrain_config';

/** Whether GPTModelProvider at its defaults, with sizes, is the model: other kinds have providers of their own. */
const isBareModel = (model: Model): boolean => {
  const { latent, deltaNet, mamba, hybrid, attention } = modelFacts(model);
  return (
    latent.length + deltaNet.length + mamba.length === 0 &&
    !hybrid &&
    attention.every(({ sinks, outputGate }) => !sinks && !outputGate)
  );
};

const lossesOf = (problem: Problem, own: boolean, unknown: readonly string[]): readonly NotCarried[] => {
  const { precision, optimizer } = problem.training;
  // A preset sets the type of the reduction too, over what ddp says.
  const reduced = precision === 'fp16' ? 'fp16' : 'fp32';
  return [
    ...(precision === 'fp8' || precision === 'mxfp8'
      ? [
          notCarried(
            'precision',
            precision === 'fp8'
              ? 'the preset of fp8 also gathers parameters in fp8 and keeps the first and the last layer in bf16'
              : 'the preset of mxfp8 also gathers parameters in mxfp8',
          ),
        ]
      : []),
    ...(optimizer.gradients === reduced || precision === 'fp32'
      ? []
      : [
          notCarried(
            'optimizer',
            `gradients in ${optimizer.gradients} are not in the files: the preset of mixed precision reduces them in ${reduced} (set mixed_precision.grad_reduce_in_fp32 in the recipe)`,
          ),
        ]),
    ...(own
      ? []
      : [
          notCarried(
            'model',
            `the model is the recipe's: RECIPE names the one for ${problem.model.name}, whose sizes are not overridden`,
          ),
        ]),
    ...unknown.map((flag) => notCarried('model', `${flag} of Megatron-LM has no key in Megatron-Bridge`)),
  ];
};

const words = (overrides: readonly Override[]): readonly (readonly string[])[] =>
  overrides.map(([key, value]) => [`${key}=${value}`]);

/**
 * Megatron-Bridge: overrides of a recipe (KEY=VALUE) for scripts/training/run_recipe.py, started as Megatron-LM is: its
 * own launcher, train.sh, has no order of nodes. Plain GPT models override the bare recipe with all their sizes; others
 * take the recipe that RECIPE names, whose model Bridge brings.
 */
export const emitBridge: Emitter = (plan, problem, options): Emission => {
  const { model, training } = problem;
  const version = training.runtime.name === 'megatron' ? training.runtime.version : latestVersion('megatron');
  // Bridge raises where Megatron-LM switches sequence parallelism of one rank off.
  const sequenceParallel = plan.strategy.sequenceParallel && plan.strategy.tensor > 1;
  const command = megatronCommand(
    { ...plan, strategy: { ...plan.strategy, sequenceParallel } },
    problem,
    version,
  );
  const own = isBareModel(model);
  const experts = modelFacts(model).moe.length > 0;
  const { overrides, unknown } = overridesOf(command.layout, command.model, { experts, own });
  const all: readonly Override[] = [['mixed_precision', presets[training.precision]], ...overrides];
  const lost = lossesOf(
    problem,
    own,
    unknown.map(([flag]) => flag),
  );
  const notes = [
    'Data, tokenizer, checkpoints, learning rate and training length are yours: the script passes its arguments on, such as --dataset and further KEY=VALUE.',
    'A recipe with a comm_overlap section sets the overlaps by it: state comm_overlap.tp_comm_overlap and the like there.',
    ...model.omitted,
    ...(own && model.positions.kind === 'rope'
      ? ['Rotary base and scaling are not part of the plan: pass model.rotary_base and the like.']
      : []),
  ];
  if (options.only === 'flags') {
    const text = words(all)
      .map((line) => line.map(shellQuote).join(' '))
      .join('\n');
    return {
      files: [{ name: 'overrides.args', text: `${text}\n` }],
      notes,
      notCarried: lost,
      unsupported: null,
    };
  }
  const recipe = own
    ? `"\${RECIPE:-${bareRecipe}}"`
    : '"${RECIPE:?set RECIPE to the recipe of Megatron-Bridge for the model}"';
  return emitLaunch(plan, problem, options, {
    runtime: `Megatron-Bridge (Megatron core ${version})`,
    usage:
      'BRIDGE_PATH is the folder of Megatron-Bridge, RECIPE the recipe that is overridden; arguments are passed on.',
    notes,
    notCarried: lost,
    environment: command.environment,
    flags: words(all),
    program: `"\${BRIDGE_PATH:-.}"/scripts/training/run_recipe.py --recipe ${recipe} --seq_length ${training.sequenceLength}`,
    files: [],
  });
};
