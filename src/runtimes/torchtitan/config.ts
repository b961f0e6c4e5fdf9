import type { Plan } from '../../plan/plan.ts';
import type { Problem, Training } from '../../plan/problem.ts';
import { selective } from '../../strategy/recompute.ts';
import type { Recompute, Strategy } from '../../strategy/strategy.ts';
import { microBatches } from '../../strategy/strategy.ts';
import type { NotCarried } from '../emit-types.ts';
import { hasExperts } from '../model-facts.ts';
import { notCarried, notStated } from '../not-carried.ts';
import { compareVersions } from '../version.ts';
import { titanModel } from './model-name.ts';
import { torchSchedules } from './rules.ts';

export type TitanValue = string | number | boolean | string[][];
/** Sections of the configuration; a section is a map of fields. */
export type TitanConfig = Record<string, Record<string, TitanValue>>;

/** What torchtitan recomputes for what the plan does. */
const activationCheckpoint = (recompute: Recompute): Record<string, TitanValue> => {
  switch (recompute.kind) {
    case 'none':
      return { mode: 'none' };
    case 'full':
    case 'full-block':
    case 'full-uniform':
      return { mode: 'full' };
    case 'selective':
      return { mode: 'selective', selective_ac_option: 'op' };
    default:
      return recompute satisfies never;
  }
};

const dataParallel = (strategy: Strategy): { replicate: number; shard: number } => {
  if (strategy.sharding === 'none') return { replicate: strategy.data, shard: 1 };
  const shard = strategy.shardingGroup / strategy.context;
  return { replicate: strategy.data / shard, shard };
};

/** Names of the parts of each virtual stage, in the order of the stages: embedding, layers, norm and head. */
const stageNames = (plan: Plan): string[][] => {
  const virtualStages = plan.partition[0]?.length ?? 1;
  const vShaped = plan.strategy.schedule === 'zb-v' || plan.strategy.schedule === 'dualpipe-v';
  const names: string[][] = [];
  let layer = 0;
  for (let v = 0; v < virtualStages; v++) {
    const stages = vShaped && v % 2 === 1 ? [...plan.partition].reverse() : plan.partition;
    for (const stage of stages) names.push(Array.from({ length: stage[v] ?? 0 }, () => `layers.${layer++}`));
  }
  names[0]?.unshift('tok_embeddings');
  names.at(-1)?.push('norm', 'output');
  return names;
};

/** Fields of 2025 and of main alike. */
const commonParallelism = (strategy: Strategy): Record<string, TitanValue> => {
  const { replicate, shard } = dataParallel(strategy);
  return {
    data_parallel_replicate_degree: replicate,
    data_parallel_shard_degree: shard,
    fsdp_reshard_after_forward: strategy.sharding === 'gradients' ? 'never' : 'default',
    tensor_parallel_degree: strategy.tensor,
    context_parallel_degree: strategy.context,
    pipeline_parallel_degree: strategy.pipeline,
    ...(strategy.pipeline > 1
      ? { pipeline_parallel_schedule: torchSchedules[strategy.schedule] ?? '1F1B' }
      : {}),
  };
};

/** The reduction of 2025 has one type alone. */
const precisionFields = ({ precision, optimizer }: Training, old: boolean): Record<string, TitanValue> => ({
  mixed_precision_param: precision === 'fp32' ? 'float32' : 'bfloat16',
  mixed_precision_reduce: !old && optimizer.gradients === 'bf16' ? 'bfloat16' : 'float32',
});

/** The TOML of 2025: a pipeline cuts the local batch into micro-batches, otherwise a local batch is one. */
const oldConfig = (plan: Plan, { model, training }: Problem): TitanConfig => {
  const { strategy } = plan;
  const perReplica = microBatches(strategy, training.globalBatchSize) * strategy.microBatchSize;
  return {
    model: { ...(titanModel(model) ?? { name: model.modelType, flavor: model.name }) },
    training: {
      local_batch_size: strategy.pipeline > 1 ? perReplica : strategy.microBatchSize,
      global_batch_size: training.globalBatchSize,
      seq_len: training.sequenceLength,
      ...precisionFields(training, true),
    },
    parallelism: {
      ...commonParallelism(strategy),
      enable_async_tensor_parallel: strategy.overlapTensor,
      context_parallel_rotate_method: strategy.contextCommunication === 'p2p' ? 'alltoall' : 'allgather',
      ...(strategy.pipeline > 1
        ? {
            pipeline_parallel_microbatch_size: strategy.microBatchSize,
            // torchtitan's own split takes a layer from the first and the last stage: ours is stated by name.
            module_fqns_per_model_part: stageNames(plan),
          }
        : {}),
      ...(hasExperts(model)
        ? { expert_parallel_degree: strategy.expert, expert_tensor_parallel_degree: strategy.expertTensor }
        : {}),
    },
    activation_checkpoint: activationCheckpoint(strategy.recompute),
  };
};

/** Main of August 2026: budgets of tokens instead of batches; a pipeline is told its number of micro-batches. */
const currentConfig = (plan: Plan, { model, training }: Problem): TitanConfig => {
  const { strategy } = plan;
  return {
    training: {
      num_tokens_per_microbatch_per_dp_rank: strategy.microBatchSize * training.sequenceLength,
      num_tokens_per_train_step: training.globalBatchSize * training.sequenceLength,
      max_context_length: training.sequenceLength,
      ...precisionFields(training, false),
    },
    parallelism: {
      ...commonParallelism(strategy),
      enable_sequence_parallel: strategy.sequenceParallel,
      ...(strategy.pipeline > 1
        ? { num_pp_microbatches: microBatches(strategy, training.globalBatchSize) }
        : {}),
      ...(hasExperts(model) ? { expert_parallel_degree: strategy.expert } : {}),
    },
  };
};

const precisionLosses = ({ precision, optimizer }: Training, old: boolean): readonly NotCarried[] => [
  ...(old && optimizer.gradients !== 'fp32'
    ? [notCarried('optimizer', `gradients in ${optimizer.gradients}: torchtitan of 2025 reduces float32`)]
    : []),
  ...(precision === 'fp16'
    ? [notCarried('precision', 'fp16 became bfloat16: torchtitan trains in bfloat16 or float32')]
    : []),
  ...(precision === 'fp8' || precision === 'mxfp8' || precision === 'nvfp4'
    ? [notCarried('precision', `${precision} is a model converter in torchtitan: add it to the config`)]
    : []),
  ...(optimizer.states === 'fp32' && optimizer.mainParameters === 'fp32'
    ? []
    : [notCarried('optimizer', `optimizer states in ${optimizer.states}: torchtitan keeps float32`)]),
];

/** FSDP shards over dp_shard × context, whatever the plan says, and one rank shards nothing. */
const shardingTaken = (strategy: Strategy): Pick<Strategy, 'sharding' | 'shardingGroup'> => {
  const { shard } = dataParallel(strategy);
  const group = shard * strategy.context;
  if (group === 1) return { sharding: 'none', shardingGroup: strategy.data * strategy.context };
  const sharding = strategy.sharding === 'gradients' ? 'gradients' : 'parameters';
  return { sharding, shardingGroup: group };
};

const recomputeTaken = (recompute: Recompute): Recompute => {
  if (recompute.kind === 'full-block' || recompute.kind === 'full-uniform') return { kind: 'full' };
  return recompute.kind === 'selective' ? defaultRecompute : recompute;
};

const inFunction = 'set it in the config function';

const lossesOf = (plan: Plan, { model, training }: Problem, old: boolean): readonly NotCarried[] => {
  const { strategy } = plan;
  const experts = hasExperts(model);
  const own: Partial<Strategy> = old
    ? { recompute: recomputeTaken(strategy.recompute), sequenceParallel: true }
    : {
        recompute: defaultRecompute,
        overlapTensor: false,
        contextCommunication: 'all-gather',
        virtualStages: chunksOf(strategy),
      };
  return [
    ...(old || strategy.pipeline === 1
      ? []
      : [
          notCarried(
            'partition',
            `the stages are not words of a command line: ${inFunction}: module_fqns_per_model_part=${JSON.stringify(stageNames(plan))}`,
          ),
        ]),
    ...notStated({
      target: 'torchtitan',
      strategy,
      experts,
      taken: {
        ...own,
        ...shardingTaken(strategy),
        overlapGradients: true,
        overlapParameters: true,
        overlapExpert: false,
        dispatcher: 'all-to-all',
        microBatchGroup: strategy.pipeline,
        rankOrder: 'tp-cp-ep-dp-pp',
      },
      where: old
        ? { recompute: 'it recomputes every layer, or chooses among operators' }
        : {
            recompute: `${inFunction}: activation_checkpoint`,
            overlapTensor: `${inFunction}: enable_async_tensor_parallel`,
            contextCommunication: inFunction,
            virtualStages: 'they follow from the stages in the config function',
          },
    }),
    ...(!old || titanModel(model) !== null
      ? []
      : [
          notCarried(
            'model',
            `torchtitan has no model ${model.name} that planner knows: write the name and flavor of yours under [model]`,
          ),
        ]),
    ...(model.multiTokenPrediction === null
      ? []
      : [notCarried('model', 'torchtitan has no multi-token prediction: it trains without it')]),
    ...precisionLosses(training, old),
  ];
};

/** What main does when it is not told: its SelectiveAC, nearest to recomputing the core of attention. */
const defaultRecompute: Recompute = selective(['core_attn']);

/** Chunks of a rank where the stages are not named. */
const chunksOf = ({ schedule, pipeline }: Strategy): number =>
  pipeline === 1 || schedule === '1f1b' || schedule === 'gpipe' ? 1 : 2;

export interface TitanPlan {
  readonly config: TitanConfig;
  readonly notes: readonly string[];
  readonly notCarried: readonly NotCarried[];
}

/**
 * The plan in torchtitan's keys, for the TOML of 2025 (pytorch/torchtitan @ 01424cb2) or for the command line of main
 * (torchtitan/config/configs.py after pull request 4121, @ b5bcd76c).
 */
export const torchtitanConfig = (plan: Plan, problem: Problem): TitanPlan => {
  const old = compareVersions(problem.training.runtime.version, '2026') < 0;
  return {
    config: old ? oldConfig(plan, problem) : currentConfig(plan, problem),
    notes: [
      old
        ? 'Sizes of the model come from torchtitan, by [model]; data, tokenizer and learning rate are yours.'
        : 'The model and its sizes come from torchtitan: name its module and config.',
    ],
    notCarried: lossesOf(plan, problem, old),
  };
};
