/** Words and flags for sharded states → ZeRO level, group, dtypes. */
import type { RunConfiguration } from '../../ingest/measured-configuration.ts';
import type { DataType, Optimizer, Precision } from '../../plan/problem.ts';
import type { Sharding } from '../../strategy/strategy.ts';
import type { Software } from './software.ts';

export interface RecordedSharding {
  readonly sharding: Sharding;
  /** Ranks that share one sharded copy. */
  readonly group: number;
}

const BY_STAGE: readonly Sharding[] = ['none', 'optimizer', 'gradients', 'parameters'];

const wordsFor = (configuration: RunConfiguration): string =>
  [
    configuration.training.sharding,
    typeof configuration.training.fsdp === 'string' ? configuration.training.fsdp : null,
  ]
    .filter((each) => each !== null)
    .join(' ')
    .toLowerCase();

/** `ZeRO-2`, `zero3`, `ZeRO stage 1`, `stage 2`. */
const namedStage = (words: string): Sharding | null => {
  const found = /zero[-_ ]?(?:stage[-_ ]?)?([0-3])\b|\bstage[-_ ]?([0-3])\b/.exec(words);
  return BY_STAGE[Number(found?.[1] ?? found?.[2] ?? NaN)] ?? null;
};

const level = (configuration: RunConfiguration, software: Software): Sharding => {
  const { training } = configuration;
  const words = wordsFor(configuration);
  if (/no_?shard|ddp/.test(words)) return 'none';
  if (/grad_op|no reshard/.test(words)) return 'gradients';
  const stage = namedStage(words);
  if (stage !== null) return stage;
  if (/full|fsdp|hsdp|hybrid/.test(words)) return 'parameters';
  if (training.zeroStage !== null) return BY_STAGE[training.zeroStage] ?? 'none';
  if (typeof training.fsdp === 'number' && training.fsdp > 1) return 'parameters';
  if (training.distributedOptimizer !== null) return training.distributedOptimizer ? 'optimizer' : 'none';
  const framework = (training.framework ?? '').toLowerCase();
  if (/\bddp\b/.test(framework)) return 'none';
  const ofFramework = namedStage(framework);
  if (ofFramework !== null) return ofFramework;
  if (['torchtitan', 'pytorch-fsdp', 'megatron-fsdp', 'jax'].includes(software.profile)) return 'parameters';
  // Megatron Core's recipes shard the optimizer; stacks before it did not.
  return software.profile === 'megatron-core' ? 'optimizer' : 'none';
};

/** NVIDIA/dgxc-benchmarking v24.11.1, paxml_mod_configs.py: the 5B model is sharded over a node, the 175B over 128 ranks. */
const paxmlShards = ({ model }: RunConfiguration): number | null =>
  /paxml/i.test(model.name) ? ((model.layers ?? 0) > 48 ? 128 : 8) : null;

/** `replicas`: data × context ranks of one shard of the model. */
export const shardingOf = (
  configuration: RunConfiguration,
  software: Software,
  replicas: number,
  perNode: number,
): RecordedSharding => {
  const { training } = configuration;
  const sharding = level(configuration, software);
  const numbered = typeof training.fsdp === 'number' && training.fsdp > 1 ? training.fsdp : null;
  const hybrid = /hsdp|hybrid/.test(wordsFor(configuration)) ? perNode : null;
  const zero1 = training.zero1Size !== null && training.zero1Size > 0 ? training.zero1Size : null;
  const printed =
    training.hsdpShardSize ??
    training.fsdpShardSize ??
    hybrid ??
    numbered ??
    zero1 ??
    paxmlShards(configuration);
  const group =
    printed !== null && Number.isInteger(printed) && printed >= 1 && replicas % printed === 0
      ? printed
      : replicas;
  return { sharding, group };
};

/** fp32 where the words say so; bf16 in NVIDIA's recipes and pure low-precision FSDP; else the stack's habit. */
const gradientType = (
  configuration: RunConfiguration,
  software: Software,
  precision: Precision,
): DataType => {
  const words = (configuration.training.optimizer ?? '').toLowerCase();
  if (/fp32 grad/.test(words)) return 'fp32';
  if (precision === 'fp32') return 'fp32';
  if (precision === 'fp16') return 'fp16';
  if (software.bf16Gradients) return 'bf16';
  if (software.profile === 'megatron-deepspeed') return 'bf16';
  // DeepSpeed's ZeRO keeps gradients in the parameters' format (`grad_accum_dtype`).
  if (/deepspeed|zero-?[123]/i.test(configuration.training.framework ?? '')) return 'bf16';
  if (software.profile === 'pytorch-fsdp')
    return /pure/i.test(configuration.training.mixedPrecisionMode ?? '') ||
      /fms-?fsdp/i.test(configuration.title)
      ? 'bf16'
      : 'fp32';
  return 'fp32';
};

/** Format of the moments, as the optimizer's words say. */
const momentsType = (words: string, software: Software): DataType => {
  if (/8-?bit|int8|fp8 (?:moments|states)/.test(words)) return 'fp8';
  if (/bf-?16 (?:moments|states)|(?:moments|states) in bf-?16/.test(words)) return 'bf16';
  return software.pureLowPrecision ? 'bf16' : 'fp32';
};

/** The step of each parameter runs as its gradient comes: LOMO, torchtune's `optimizer_in_bwd`, hooks of PyTorch. */
export const stepsInBackward = ({ training }: RunConfiguration): boolean =>
  /(?:\bin|inside|into|during)(?: the)? (?:bwd|backward)|\blomo\b/i.test(training.optimizer ?? '');

export const optimizerOf = (
  configuration: RunConfiguration,
  software: Software,
  precision: Precision,
): Optimizer => {
  const words = (configuration.training.optimizer ?? '').toLowerCase();
  return {
    name: /muon/.test(words) ? 'muon' : /sgd/.test(words) ? 'sgd' : 'adam',
    states: momentsType(words, software),
    gradients: gradientType(configuration, software, precision),
    mainParameters: software.pureLowPrecision ? 'bf16' : 'fp32',
  };
};
