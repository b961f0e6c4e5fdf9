import type { Plan } from '../../plan/plan.ts';
import type { Problem, Training } from '../../plan/problem.ts';
import type { Recompute, Sharding, Strategy } from '../../strategy/strategy.ts';
import { effectiveStrategy } from '../../strategy/effective.ts';
import { microBatches } from '../../strategy/strategy.ts';
import type { NotCarried } from '../emit-types.ts';
import { hasExperts } from '../model-facts.ts';
import { notCarried, notStated } from '../not-carried.ts';

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
  readonly pipeline?: { readonly stages: number; readonly activation_checkpoint_interval?: number };
}

/** Layers between checkpoints of the pipeline engine; null: it keeps all (deepspeed/runtime/pipe/engine.py). */
const checkpointInterval = ({ pipeline, recompute }: Strategy): number | null => {
  if (pipeline === 1) return null;
  if (recompute.kind === 'full') return 1;
  return recompute.kind === 'full-uniform' ? recompute.layers : null;
};

const recomputeTaken = (strategy: Strategy): Recompute =>
  checkpointInterval(strategy) === null ? { kind: 'none' } : strategy.recompute;

/** What the configuration does not hold, with where it can be said. */
const lossesOf = (plan: Plan, { model, training }: Problem): readonly NotCarried[] => {
  const strategy = effectiveStrategy(plan.strategy, hasExperts(model));
  const { data, context, pipeline, sharding, shardingGroup } = strategy;
  const partial = sharding !== 'none' && shardingGroup < data * context;
  const split = plan.partition.map((chunks) => chunks.join('+')).join(' ');
  const narrow =
    training.precision === 'fp8' || training.precision === 'mxfp8' || training.precision === 'nvfp4';
  return [
    ...(pipeline > 1
      ? [
          notCarried(
            'partition',
            `the pipeline is made in code: PipelineModule with num_stages=${pipeline} and its own partition_method (the plan has layers ${split})`,
          ),
        ]
      : []),
    ...notStated({
      target: 'DeepSpeed',
      strategy,
      experts: hasExperts(model),
      taken: {
        ...(partial && sharding !== 'parameters' ? { shardingGroup: data * context } : {}),
        expert: 1,
        expertTensor: 1,
        recompute: recomputeTaken(strategy),
        sequenceParallel: false,
        overlapParameters: false,
        overlapTensor: false,
        overlapExpert: false,
        dispatcher: 'all-to-all',
        microBatchGroup: pipeline,
        rankOrder: 'tp-cp-ep-dp-pp',
      },
      where: {
        shardingGroup: `ZeRO-${zeroStages.indexOf(sharding)} shards over all replicas: groups of ${shardingGroup} cannot be stated`,
        expert: `made in code: deepspeed.moe.layer.MoE with ep_size=${strategy.expert}`,
        expertTensor: 'made in code: enable_expert_tensor_parallelism of the MoE layer',
        recompute: 'made in code: the model calls checkpoint() on its layers',
        sequenceParallel: 'DeepSpeed has none over tensor ranks',
      },
    }),
    ...(narrow
      ? [notCarried('precision', `DeepSpeed's configuration has no ${training.precision}: it became bf16`)]
      : []),
    ...(training.optimizer.states === 'fp32'
      ? []
      : [notCarried('optimizer', `optimizer states in ${training.optimizer.states} are made in code`)]),
  ];
};

const half = ({ precision }: Training): Pick<DeepspeedConfig, 'bf16' | 'fp16'> => {
  if (precision === 'fp32') return {};
  return precision === 'fp16' ? { fp16: { enabled: true } } : { bf16: { enabled: true } };
};

export interface DeepspeedPlan {
  readonly config: DeepspeedConfig;
  readonly notes: readonly string[];
  readonly notCarried: readonly NotCarried[];
}

/**
 * The plan in DeepSpeed's keys (deepspeed/runtime/config.py:938 and zero/config.py, deepspeedai/DeepSpeed @ edaa7221):
 * train batch = micro-batch per GPU × accumulation steps × replicas. What needs code is not carried.
 */
export const deepspeedConfig = (plan: Plan, problem: Problem): DeepspeedPlan => {
  const strategy = effectiveStrategy(plan.strategy, hasExperts(problem.model));
  const { training } = problem;
  const { data, context, pipeline, sharding, shardingGroup } = strategy;
  const interval = checkpointInterval(strategy);
  const stage = zeroStages.indexOf(sharding);
  return {
    config: {
      train_batch_size: training.globalBatchSize,
      train_micro_batch_size_per_gpu: strategy.microBatchSize,
      gradient_accumulation_steps: microBatches(strategy, training.globalBatchSize),
      ...half(training),
      data_types: { grad_accum_dtype: training.optimizer.gradients },
      zero_optimization: {
        stage,
        overlap_comm: strategy.overlapGradients,
        contiguous_gradients: stage > 0,
        ...(strategy.offload === 'optimizer'
          ? { offload_optimizer: { device: 'cpu', pin_memory: true } as const }
          : {}),
        ...(sharding === 'parameters' && shardingGroup < data * context
          ? { mics_shard_size: shardingGroup }
          : {}),
      },
      ...(strategy.tensor > 1 ? { tensor_parallel: { autotp_size: strategy.tensor } } : {}),
      ...(context > 1 ? { sequence_parallel_size: context } : {}),
      ...(pipeline > 1
        ? {
            pipeline: {
              stages: pipeline,
              ...(interval === null ? {} : { activation_checkpoint_interval: interval }),
            },
          }
        : {}),
    },
    notes: ['The model and its sizes are in the training script; the configuration holds none of them.'],
    notCarried: lossesOf(plan, problem),
  };
};
