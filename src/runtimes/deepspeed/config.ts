import type { Plan } from '../../plan/plan.ts';
import type { Problem } from '../../plan/problem.ts';
import type { Sharding } from '../../strategy/strategy.ts';
import { microBatches } from '../../strategy/strategy.ts';

/** ZeRO stages by what they shard. */
export const zeroStages: readonly Sharding[] = ['none', 'optimizer', 'gradients', 'parameters'];

/** The part of DeepSpeed's JSON configuration that planner writes. */
export interface DeepspeedConfig {
  readonly train_batch_size: number;
  readonly train_micro_batch_size_per_gpu: number;
  readonly gradient_accumulation_steps: number;
  readonly bf16?: { readonly enabled: true };
  readonly fp16?: { readonly enabled: true };
  readonly data_types?: { readonly grad_accum_dtype: string };
  readonly zero_optimization: {
    readonly stage: number;
    readonly overlap_comm: boolean;
    readonly contiguous_gradients: boolean;
    readonly offload_optimizer?: { readonly device: 'cpu'; readonly pin_memory: boolean };
    readonly mics_shard_size?: number;
  };
  readonly tensor_parallel?: { readonly autotp_size: number };
  readonly sequence_parallel_size?: number;
}

/**
 * The plan in DeepSpeed's keys (deepspeed/runtime/config.py:938 and zero/config.py, deepspeedai/DeepSpeed @ edaa7221):
 * train batch = micro-batch per GPU × accumulation steps × replicas. What needs code is said in the notes.
 */
export const deepspeedConfig = (
  plan: Plan,
  problem: Problem,
): { config: DeepspeedConfig; notes: readonly string[] } => {
  const { strategy } = plan;
  const { training } = problem;
  const notes: string[] = [
    'The model and its sizes are in the training script; the configuration holds none of them.',
  ];
  const stage = zeroStages.indexOf(strategy.sharding);
  const group = strategy.shardingGroup;
  const partial = strategy.sharding !== 'none' && group < strategy.data * strategy.context;
  if (partial && stage < 3)
    notes.push(`DeepSpeed shards over all replicas in ZeRO-${stage}: groups of ${group} cannot be stated.`);
  if (strategy.pipeline > 1) {
    const split = plan.partition.map((chunks) => chunks.join('+')).join(' ');
    notes.push(
      `Pipeline stages are made in code: PipelineModule with num_stages=${strategy.pipeline} (layers ${split}).`,
    );
  }
  if (strategy.expert > 1)
    notes.push(
      `Expert parallelism is made in code: deepspeed.moe.layer.MoE with ep_size=${strategy.expert}.`,
    );
  if (strategy.expertTensor > 1)
    notes.push(
      'Expert tensor parallelism is made in code: enable_expert_tensor_parallelism of the MoE layer.',
    );
  if (strategy.recompute.kind !== 'none')
    notes.push('Recomputation is made in code: the model calls checkpoint() on its layers.');
  if (strategy.sequenceParallel) notes.push('DeepSpeed has no sequence parallelism over tensor ranks.');
  if (training.precision !== 'bf16' && training.precision !== 'fp16' && training.precision !== 'fp32')
    notes.push(`DeepSpeed's configuration has no ${training.precision}: it became bf16.`);
  if (training.optimizer.states !== 'fp32')
    notes.push(`Optimizer states in ${training.optimizer.states} are made in code.`);
  const half =
    training.precision === 'fp32'
      ? {}
      : training.precision === 'fp16'
        ? { fp16: { enabled: true } as const }
        : { bf16: { enabled: true } as const };
  return {
    config: {
      train_batch_size: training.globalBatchSize,
      train_micro_batch_size_per_gpu: strategy.microBatchSize,
      gradient_accumulation_steps: microBatches(strategy, training.globalBatchSize),
      ...half,
      data_types: { grad_accum_dtype: training.optimizer.gradients },
      zero_optimization: {
        stage,
        overlap_comm: strategy.overlapGradients,
        contiguous_gradients: stage > 0,
        ...(strategy.offload === 'optimizer'
          ? { offload_optimizer: { device: 'cpu', pin_memory: true } as const }
          : {}),
        ...(partial && stage === 3 ? { mics_shard_size: group } : {}),
      },
      ...(strategy.tensor > 1 ? { tensor_parallel: { autotp_size: strategy.tensor } } : {}),
      ...(strategy.context > 1 ? { sequence_parallel_size: strategy.context } : {}),
    },
    notes,
  };
};
