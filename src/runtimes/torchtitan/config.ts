import type { Plan } from '../../plan/plan.ts';
import type { Problem } from '../../plan/problem.ts';
import type { Recompute, Strategy } from '../../strategy/strategy.ts';
import { microBatches } from '../../strategy/strategy.ts';
import { hasExperts } from '../model-facts.ts';
import { compareVersions } from '../version.ts';
import { torchSchedules } from './rules.ts';

export type TitanValue = string | number | boolean | string[][];
/** Sections of the configuration; a section is a map of fields. */
export type TitanConfig = Record<string, Record<string, TitanValue>>;

const activationCheckpoint = (
  recompute: Recompute,
): { fields: Record<string, TitanValue>; note: string | null } => {
  switch (recompute.kind) {
    case 'none':
      return { fields: { mode: 'none' }, note: null };
    case 'full':
      return { fields: { mode: 'full' }, note: null };
    case 'full-block':
    case 'full-uniform':
      return {
        fields: { mode: 'full' },
        note: `torchtitan recomputes all layers or every n-th one: ${recompute.layers} layers became all of them.`,
      };
    case 'selective':
      return {
        fields: { mode: 'selective', selective_ac_option: 'op' },
        note: `torchtitan chooses operators, not modules: ${recompute.modules.join(', ')} became its selective mode.`,
      };
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

const parallelism = (plan: Plan, experts: boolean): Record<string, TitanValue> => {
  const { strategy } = plan;
  const { replicate, shard } = dataParallel(strategy);
  return {
    data_parallel_replicate_degree: replicate,
    data_parallel_shard_degree: shard,
    fsdp_reshard_after_forward: strategy.sharding === 'gradients' ? 'never' : 'default',
    tensor_parallel_degree: strategy.tensor,
    enable_async_tensor_parallel: strategy.overlapTensor,
    context_parallel_degree: strategy.context,
    context_parallel_rotate_method: strategy.contextCommunication === 'p2p' ? 'alltoall' : 'allgather',
    pipeline_parallel_degree: strategy.pipeline,
    ...(strategy.pipeline > 1
      ? {
          pipeline_parallel_schedule: torchSchedules[strategy.schedule] ?? '1F1B',
          pipeline_parallel_microbatch_size: strategy.microBatchSize,
          // torchtitan's own split takes a layer from the first and the last stage: ours is stated by name.
          module_fqns_per_model_part: stageNames(plan),
        }
      : {}),
    ...(experts
      ? { expert_parallel_degree: strategy.expert, expert_tensor_parallel_degree: strategy.expertTensor }
      : {}),
  };
};

/**
 * The plan in torchtitan's keys. Micro-batches: in a pipeline the local batch is cut into pieces of
 * `pipeline_parallel_microbatch_size`; without one each step of gradient accumulation is a local batch.
 * torchtitan/config, pytorch/torchtitan @ b5bcd76c; TOML of 2025 @ 01424cb2.
 */
export const torchtitanConfig = (
  plan: Plan,
  problem: Problem,
): { config: TitanConfig; notes: readonly string[] } => {
  const { strategy } = plan;
  const { training, model } = problem;
  const notes: string[] = ['The model and its sizes come from torchtitan: name its module and config.'];
  const checkpoint = activationCheckpoint(strategy.recompute);
  if (checkpoint.note !== null) notes.push(checkpoint.note);
  const perReplica = microBatches(strategy, training.globalBatchSize) * strategy.microBatchSize;
  if (model.multiTokenPrediction !== null)
    notes.push('torchtitan has no multi-token prediction: it trains without it.');
  const old = compareVersions(training.runtime.version, '2026') < 0;
  const config: TitanConfig = {
    ...(old ? { model: { name: model.modelType, flavor: model.name } } : {}),
    training: {
      local_batch_size: strategy.pipeline > 1 ? perReplica : strategy.microBatchSize,
      global_batch_size: training.globalBatchSize,
      seq_len: training.sequenceLength,
      mixed_precision_param: training.precision === 'fp32' ? 'float32' : 'bfloat16',
      mixed_precision_reduce: training.optimizer.gradients === 'bf16' ? 'bfloat16' : 'float32',
    },
    parallelism: parallelism(plan, hasExperts(model)),
    activation_checkpoint: checkpoint.fields,
  };
  if (training.precision === 'fp16')
    notes.push('torchtitan trains in bfloat16 or float32: fp16 became bfloat16.');
  if (training.precision === 'fp8')
    notes.push('Float8 is a model converter in torchtitan: add it to the config.');
  if (training.precision === 'mxfp8' || training.precision === 'nvfp4')
    notes.push(`${training.precision} is a model converter in torchtitan: add it to the config.`);
  return { config, notes };
};
