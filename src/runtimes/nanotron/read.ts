import type { PartialStrategy } from '../runtime.ts';

/** What a nanotron configuration states of a strategy and of training; null where it does not. */
export interface NanotronReading {
  readonly strategy: PartialStrategy;
  /** tp × pp × dp × context: the world that the configuration needs. */
  readonly world: number;
  readonly sequenceLength: number | null;
  readonly globalBatchSize: number | null;
}

type Section = Readonly<Record<string, unknown>>;

const sectionOf = (value: unknown, name: string): Section => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  const section = (value as Section)[name];
  return typeof section === 'object' && section !== null && !Array.isArray(section)
    ? (section as Section)
    : {};
};

const integer = (section: Section, name: string): number | null => {
  const value = section[name];
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
};

/** Reads a parsed YAML of nanotron (huggingface/nanotron @ 2411b022). */
export const readNanotron = (config: unknown): NanotronReading => {
  const parallelism = sectionOf(config, 'parallelism');
  const tokens = sectionOf(config, 'tokens');
  const tensor = integer(parallelism, 'tp') ?? 1;
  const pipeline = integer(parallelism, 'pp') ?? 1;
  const data = integer(parallelism, 'dp') ?? 1;
  const context = integer(parallelism, 'context_parallel_size') ?? 1;
  const microBatchSize = integer(tokens, 'micro_batch_size');
  const mode = parallelism['tp_mode'];
  const steps = integer(tokens, 'batch_accumulation_per_replica');
  return {
    strategy: {
      tensor,
      pipeline,
      data,
      context,
      expert: integer(parallelism, 'expert_parallel_size') ?? 1,
      // All forward passes before all backward passes, where no engine is named.
      schedule: (parallelism['pp_engine'] ?? 'afab') === 'afab' ? 'gpipe' : '1f1b',
      sequenceParallel: typeof mode === 'string' && mode.toUpperCase() === 'REDUCE_SCATTER',
      overlapTensor: parallelism['tp_linear_async_communication'] === true,
      recompute: { kind: parallelism['recompute_layer'] === true ? 'full' : 'none' },
      sharding: integer(sectionOf(config, 'optimizer'), 'zero_stage') === 1 ? 'optimizer' : 'none',
      ...(microBatchSize === null ? {} : { microBatchSize }),
    },
    world: tensor * pipeline * data * context,
    sequenceLength: integer(tokens, 'sequence_length'),
    globalBatchSize: microBatchSize === null || steps === null ? null : microBatchSize * steps * data,
  };
};
