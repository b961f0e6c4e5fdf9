import type { Precision } from '../../plan/problem.ts';
import type { Recompute } from '../../strategy/strategy.ts';
import type { PartialStrategy } from '../runtime.ts';
import { zeroStages } from './config.ts';

/** What a DeepSpeed configuration states of a strategy and of training. */
export interface DeepspeedReading {
  readonly strategy: PartialStrategy;
  readonly precision: Precision;
  /** null where the configuration leaves it (`"auto"`, or absent). */
  readonly globalBatchSize: number | null;
  readonly accumulationSteps: number | null;
}

type Section = Readonly<Record<string, unknown>>;

const sectionOf = (value: unknown): Section =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Section) : {};

const integer = (section: Section, name: string): number | null => {
  const value = section[name];
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
};

const enabled = (config: Section, name: string): boolean => sectionOf(config[name])['enabled'] === true;

const readRecompute = (pipeline: Section): Recompute => {
  const interval = integer(pipeline, 'activation_checkpoint_interval') ?? 0;
  if (interval === 0) return { kind: 'none' };
  return interval === 1 ? { kind: 'full' } : { kind: 'full-uniform', layers: interval };
};

/**
 * Reads a parsed DeepSpeed JSON on `world` ranks. Of the three batch keys the third follows from the other two
 * (deepspeed/runtime/config.py:938). Expert sizes are in code, and so are pipeline stages where the section `pipeline`
 * does not number them: `stages` tells them where known.
 */
export const readDeepspeed = (value: unknown, world: number, stages = 1): DeepspeedReading => {
  const config = sectionOf(value);
  const staged = sectionOf(config['pipeline']);
  const pipeline = Math.max(1, integer(staged, 'stages') ?? stages);
  const zero = sectionOf(config['zero_optimization']);
  const stage = integer(zero, 'stage') ?? 0;
  const tensor = integer(sectionOf(config['tensor_parallel']), 'autotp_size') ?? 1;
  const context = integer(config, 'sequence_parallel_size') ?? 1;
  const data = world / (Math.max(1, tensor) * Math.max(1, context) * pipeline);
  const batch = integer(config, 'train_batch_size');
  const steps = integer(config, 'gradient_accumulation_steps');
  const micro =
    integer(config, 'train_micro_batch_size_per_gpu') ??
    (batch !== null && Number.isInteger(batch / (data * (steps ?? 1)))
      ? batch / (data * (steps ?? 1))
      : null);
  const overlap = zero['overlap_comm'];
  return {
    strategy: {
      tensor: Math.max(1, tensor),
      pipeline,
      context: Math.max(1, context),
      data,
      recompute: readRecompute(staged),
      sharding: zeroStages[stage] ?? 'none',
      shardingGroup: integer(zero, 'mics_shard_size') ?? data * Math.max(1, context),
      // zero/config.py: on by default in stage 3 alone.
      overlapGradients: typeof overlap === 'boolean' ? overlap : stage === 3,
      offload: sectionOf(zero['offload_optimizer'])['device'] === 'cpu' ? 'optimizer' : 'none',
      ...(micro === null ? {} : { microBatchSize: micro }),
    },
    precision: enabled(config, 'bf16') ? 'bf16' : enabled(config, 'fp16') ? 'fp16' : 'fp32',
    globalBatchSize: batch ?? (micro === null ? null : micro * (steps ?? 1) * data),
    accumulationSteps: steps ?? (batch !== null && micro !== null ? batch / (micro * data) : null),
  };
};
