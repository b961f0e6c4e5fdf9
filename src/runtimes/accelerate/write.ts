import { stringify } from 'yaml';
import type { Model } from '../../model/model.ts';
import type { Plan } from '../../plan/plan.ts';
import type { Problem, RuntimeName } from '../../plan/problem.ts';
import { microBatches } from '../../strategy/strategy.ts';
import { deepspeedConfig } from '../deepspeed/config.ts';
import { emitLaunch } from '../emit-launch.ts';
import { unsupported } from '../emit-types.ts';
import type { Emission, Emitter, NotCarried } from '../emit-types.ts';
import { launchNodes } from '../launch-nodes.ts';
import { isEven } from '../megatron/partition.ts';
import { modelFacts } from '../model-facts.ts';
import { deepspeedLinkConfig, fsdpConfig, megatronPluginConfig } from './config.ts';
import type { AccelerateConfig } from './config.ts';

/** The engines that accelerate drives. */
type Engine = 'fsdp' | 'megatron' | 'deepspeed';

/** The engine that runs as a plan's runtime does: what has pipeline stages needs one that has them. */
export const engineOf = (runtime: RuntimeName): Engine =>
  runtime === 'deepspeed'
    ? 'deepspeed'
    : runtime === 'megatron' || runtime === 'nanotron'
      ? 'megatron'
      : 'fsdp';

/** Types of models that the Megatron-LM plugin builds (src/accelerate/utils/megatron_lm.py). */
const pluginModels = new Set(['gpt2', 'llama']);

/** Why the plugin cannot run the plan; what is a flag alone is not carried instead. */
const pluginObstacles = ({ strategy, partition }: Plan, model: Model): readonly string[] => {
  const { virtualStages, context, expert, sharding, shardingGroup, data, vocabulary } = strategy;
  return [
    ...(pluginModels.has(model.modelType) && modelFacts(model).moe.length === 0
      ? []
      : [`models of type ${model.modelType} (it builds ${[...pluginModels].join(', ')})`]),
    ...(virtualStages > 1 ? ['virtual stages'] : []),
    ...(context > 1 ? ['context parallelism'] : []),
    ...(expert > 1 ? ['expert parallelism'] : []),
    ...(isEven(partition) ? [] : ['an uneven split of layers over stages']),
    ...(sharding === 'gradients' || sharding === 'parameters' ? [`sharding of ${sharding}`] : []),
    ...(sharding === 'optimizer' && shardingGroup < data * context ? ['copies of optimizer shards'] : []),
    ...(vocabulary === 'last' ? [] : ['another place of the vocabulary']),
  ];
};

interface Written {
  readonly config: AccelerateConfig;
  readonly notes: readonly string[];
  readonly notCarried: readonly NotCarried[];
  readonly beside: readonly { readonly name: string; readonly text: string; readonly variable: string }[];
}

const writtenFor = (engine: Engine, plan: Plan, problem: Problem, machines: number): Written => {
  const program = 'Model, data and optimizer are in the training program, which makes an Accelerator.';
  if (engine === 'deepspeed') {
    const { config, notCarried } = deepspeedConfig(plan, problem);
    return {
      config: deepspeedLinkConfig(plan, machines),
      notes: [program],
      notCarried,
      beside: [
        {
          name: 'ds_config.json',
          text: `${JSON.stringify(config, null, 2)}\n`,
          variable: 'DEEPSPEED_CONFIG',
        },
      ],
    };
  }
  const write = engine === 'fsdp' ? fsdpConfig : megatronPluginConfig;
  return { ...write(plan, problem, machines), notes: [program], beside: [] };
};

/**
 * Hugging Face accelerate: its YAML and a script that launches the user's program with it. Plans for Megatron-LM and
 * nanotron use its Megatron-LM plugin, plans for DeepSpeed its DeepSpeed plugin, others FSDP2
 * (huggingface/accelerate @ 16cb6eb8).
 */
export const emitAccelerate =
  (engine: Engine): Emitter =>
  (plan, problem, options): Emission => {
    const obstacles = engine === 'megatron' ? pluginObstacles(plan, problem.model) : [];
    if (obstacles.length > 0)
      return unsupported(
        `the Megatron-LM plugin of accelerate cannot run this plan: ${obstacles.join('; ')}`,
      );
    const { tensor, pipeline, context } = plan.strategy;
    if (engine === 'deepspeed' && context > 1 && tensor * pipeline > 1)
      return unsupported(
        'accelerate counts Ulysses ranks and replicas alone: with tensor or pipeline ranks beside them it refuses the world size',
      );
    const machines = launchNodes(plan, problem.cluster).length;
    const { config, notes, notCarried, beside } = writtenFor(engine, plan, problem, machines);
    const yaml = { name: 'accelerate.yaml', text: stringify(config), variable: 'ACCELERATE_CONFIG' };
    if (options.only === 'flags')
      return {
        files: [yaml, ...beside].map(({ name, text }) => ({ name, text })),
        notes,
        notCarried,
        unsupported: null,
      };
    const steps = microBatches(plan.strategy, problem.training.globalBatchSize);
    const link =
      engine === 'deepspeed' ? '--deepspeed_config_file "${DEEPSPEED_CONFIG:-ds_config.json}" ' : '';
    return emitLaunch(plan, problem, options, {
      runtime: 'accelerate',
      usage:
        'TRAIN_SCRIPT is the training program, ACCELERATE_CONFIG the configuration; arguments are passed on.',
      notes,
      notCarried,
      environment: [
        ['PYTORCH_CUDA_ALLOC_CONF', 'expandable_segments:True'],
        // The Accelerator takes it where the program does not say; the other engines have it in their own files.
        ...(engine === 'fsdp' ? [['ACCELERATE_GRADIENT_ACCUMULATION_STEPS', String(steps)] as const] : []),
      ],
      flags: [],
      starter: 'accelerate',
      program: `${link}"\${TRAIN_SCRIPT:?set TRAIN_SCRIPT to the training program}"`,
      files: [yaml, ...beside],
    });
  };
