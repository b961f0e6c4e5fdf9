import { selective } from '../../strategy/recompute.ts';
import type { Partition, Recompute, Schedule, Sharding } from '../../strategy/strategy.ts';
import type { PartialStrategy } from '../runtime.ts';
import { torchSchedules } from './rules.ts';

/** What a torchtitan configuration states of a strategy and of training. */
export interface TitanReading {
  readonly strategy: PartialStrategy;
  /** null: torchtitan's own split. */
  readonly partition: Partition | null;
  readonly sequenceLength: number | null;
  readonly globalBatchSize: number | null;
}

type Section = Readonly<Record<string, unknown>>;

const isSection = (value: unknown): value is Section =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const sectionOf = (config: unknown, name: string): Section => {
  const section = isSection(config) ? config[name] : undefined;
  return isSection(section) ? section : {};
};

/** TOML integers arrive as numbers or, where asked for, as bigint. */
const integer = (section: Section, ...names: readonly string[]): number | null => {
  for (const name of names) {
    const value = section[name];
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (typeof number === 'number' && Number.isSafeInteger(number)) return number;
  }
  return null;
};

const readRecompute = (section: Section): Recompute => {
  const mode = section['mode'] ?? 'selective';
  if (mode === 'full') return { kind: 'full' };
  // Its own policy keeps the output of attention and of every second product: nearest is the core of attention.
  return mode === 'selective' ? selective(['core_attn']) : { kind: 'none' };
};

const readSchedule = (section: Section, pipeline: number): Schedule => {
  if (pipeline === 1) return '1f1b';
  const name = section['pipeline_parallel_schedule'];
  const known = Object.entries(torchSchedules).find(([, torch]) => torch === name)?.[0];
  return (known as Schedule | undefined) ?? '1f1b';
};

/** Layers of each stage from the names of its modules, `layers.N`. */
const readPartition = (section: Section, pipeline: number, schedule: Schedule): Partition | null => {
  const parts: unknown = section['module_fqns_per_model_part'];
  if (!Array.isArray(parts) || parts.length === 0 || parts.length % pipeline !== 0) return null;
  const counts = parts.map((names: unknown) =>
    Array.isArray(names)
      ? names.filter((name) => typeof name === 'string' && name.startsWith('layers.')).length
      : 0,
  );
  const vShaped = schedule === 'zb-v' || schedule === 'dualpipe-v';
  return Array.from({ length: pipeline }, (_, p) =>
    Array.from({ length: counts.length / pipeline }, (__, v) => {
      const at = vShaped && v % 2 === 1 ? pipeline - 1 - p : p;
      return counts[v * pipeline + at] ?? 0;
    }),
  );
};

/** FSDP shards over the ranks of dp_shard and context; over one rank it shards nothing. */
const readSharding = (section: Section, group: number): Sharding => {
  if (group === 1) return 'none';
  return section['fsdp_reshard_after_forward'] === 'never' ? 'gradients' : 'parameters';
};

/** Micro-batch: of a pipeline, of main's token budgets, or the local batch. */
const readMicroBatch = (training: Section, parallelism: Section, pipeline: number): number => {
  const tokens = integer(training, 'num_tokens_per_microbatch_per_dp_rank');
  const length = integer(training, 'max_context_length');
  if (tokens !== null && length !== null && length > 0) return tokens / length;
  return pipeline > 1
    ? (integer(parallelism, 'pipeline_parallel_microbatch_size') ?? 1)
    : (integer(training, 'local_batch_size', 'batch_size') ?? 1);
};

const readGlobalBatch = (training: Section, data: number): number | null => {
  const tokens = integer(training, 'num_tokens_per_train_step');
  const length = integer(training, 'max_context_length');
  if (tokens !== null && length !== null && length > 0) return tokens / length;
  const local = integer(training, 'local_batch_size', 'batch_size');
  return integer(training, 'global_batch_size') ?? (local === null ? null : local * data);
};

/**
 * Reads a parsed TOML configuration (field names of 2025, pytorch/torchtitan @ 01424cb2 and 0a8d2b0a, and those of
 * main @ b5bcd76c). `world` decides what a shard degree of −1 means.
 */
export const readTorchtitan = (config: unknown, world: number): TitanReading => {
  const parallelism = sectionOf(config, 'parallelism');
  const training = sectionOf(config, 'training');
  const tensor = integer(parallelism, 'tensor_parallel_degree') ?? 1;
  const pipeline = Math.max(1, integer(parallelism, 'pipeline_parallel_degree') ?? 1);
  const context = integer(parallelism, 'context_parallel_degree') ?? 1;
  const replicate = integer(parallelism, 'data_parallel_replicate_degree') ?? 1;
  // `data_parallel_degree`: its name until replicas and shards were told apart.
  const stated = integer(parallelism, 'data_parallel_shard_degree', 'data_parallel_degree') ?? -1;
  const shard = stated === -1 ? world / (tensor * pipeline * context * replicate) : stated;
  const schedule = readSchedule(parallelism, pipeline);
  const partition = readPartition(parallelism, pipeline, schedule);
  const microBatchSize = readMicroBatch(training, parallelism, pipeline);
  const data = replicate * shard;
  const expert = integer(parallelism, 'expert_parallel_degree') ?? 1;
  return {
    strategy: {
      tensor,
      pipeline,
      context,
      data,
      // Schedules of several chunks get two where the stages are not named.
      virtualStages: partition?.[0]?.length ?? (schedule === '1f1b' || schedule === 'gpipe' ? 1 : 2),
      schedule,
      sequenceParallel: parallelism['enable_sequence_parallel'] !== false,
      expert,
      // Without expert ranks the degree is not looked at: tensor ranks split what experts there are.
      expertTensor: expert > 1 ? (integer(parallelism, 'expert_tensor_parallel_degree') ?? 1) : tensor,
      microBatchSize,
      recompute: readRecompute(sectionOf(config, 'activation_checkpoint')),
      sharding: readSharding(parallelism, shard * context),
      shardingGroup: shard * context === 1 ? data : shard * context,
      overlapTensor: parallelism['enable_async_tensor_parallel'] === true,
      contextCommunication:
        parallelism['context_parallel_rotate_method'] === 'alltoall' ? 'p2p' : 'all-gather',
    },
    partition,
    sequenceLength: integer(training, 'seq_len', 'max_context_length'),
    globalBatchSize: readGlobalBatch(training, data),
  };
};
