import type { Sharding } from '../strategy/strategy.ts';
import { placeIn, rewriteData, sizeSettings, textIn, Values, worldOfSizes } from './data-file.ts';
import type { DataFile } from './data-file.ts';
import { error, note } from './finding.ts';
import type { RawFinding } from './finding.ts';
import { modelNamed } from './model-name.ts';
import { structuredSubject } from './structured-subject.ts';
import type { StructuredReading } from './structured-subject.ts';
import type { Changes, ReadOptions, Subject } from './subject.ts';
import type { Target } from './target.ts';

const prefix = 'parallelism_config.parallelism_config_';
const accelerateNames = {
  tensor: [`${prefix}tp_size`],
  context: [`${prefix}cp_size`, `${prefix}sp_size`],
  data: [`${prefix}dp_shard_size`, `${prefix}dp_replicate_size`],
  shardingGroup: [`${prefix}dp_shard_size`],
  sharding: [
    'fsdp_config.fsdp_sharding_strategy',
    'fsdp_config.fsdp_reshard_after_forward',
    'deepspeed_config.zero_stage',
  ],
} as const;

const zero: readonly Sharding[] = ['none', 'optimizer', 'gradients', 'parameters'];

const accelerateSharding = (values: Values): Sharding => {
  const kind = values.text('distributed_type');
  if (kind === 'DEEPSPEED') return zero[values.count('deepspeed_config.zero_stage') ?? 2] ?? 'none';
  if (kind !== 'FSDP' && kind !== 'fsdp') return 'none';
  const strategy = values.text('fsdp_config.fsdp_sharding_strategy');
  if (strategy === 'NO_SHARD') return 'none';
  if (strategy === 'SHARD_GRAD_OP' || values.raw('fsdp_config.fsdp_reshard_after_forward') === false)
    return 'gradients';
  return 'parameters';
};

/** A YAML configuration of Hugging Face accelerate (src/accelerate/parallelism_config.py, huggingface/accelerate @ 16cb6eb8). */
export const accelerateSubject = (file: DataFile, target: Target, options: ReadOptions): Subject => {
  const read = (changes: Changes): StructuredReading => {
    const values = new Values(file, changes);
    const size = (name: string): number | null => values.count(`${prefix}${name}_size`);
    const [tensor, cp, sp, replicate] = [
      size('tp') ?? 1,
      size('cp') ?? 1,
      size('sp') ?? 1,
      size('dp_replicate') ?? 1,
    ];
    const findings: RawFinding[] = [];
    const sharding = accelerateSharding(values);
    const processes = values.count('num_processes');
    const stated = file.entries.has('parallelism_config');
    const shard = size('dp_shard') ?? 1;
    const context = cp * sp;
    const product = tensor * context * replicate * shard;
    const ranks = options.gpus ?? processes ?? options.clusterGpus ?? product;
    if (cp > 1 && sp > 1)
      findings.push(
        error(
          'accelerate/context-exclusive',
          'startup',
          [`${prefix}cp_size`, `${prefix}sp_size`],
          'context and sequence parallelism together',
          `${cp} and ${sp}`,
          'one of them',
        ),
      );
    if (stated && product !== ranks)
      findings.push(
        error(
          'accelerate/world-product',
          'startup',
          [...accelerateNames.data, ...accelerateNames.tensor, ...accelerateNames.context, 'num_processes'],
          `dp_replicate × dp_shard × cp × sp × tp is ${product}, num_processes is ${ranks}`,
          product,
          String(ranks),
        ),
      );
    if ((tensor > 1 || context > 1) && replicate > 1 && shard === 1)
      findings.push(
        error(
          'accelerate/replicas-need-shards',
          'startup',
          [`${prefix}dp_replicate_size`, `${prefix}dp_shard_size`],
          'copies without shards beside tensor or context parallelism',
          replicate,
          'dp_shard_size above 1',
        ),
      );
    const data = stated ? replicate * shard : ranks;
    const offload =
      values.flag('fsdp_config.fsdp_offload_params') ||
      values.text('deepspeed_config.offload_optimizer_device') === 'cpu';
    return {
      strategy: {
        tensor,
        pipeline: 1,
        context,
        data,
        sharding,
        shardingGroup: sharding === 'none' ? data * context : (stated ? shard : data) * context,
        offload: offload ? 'optimizer' : 'none',
        recompute: { kind: values.flag('fsdp_config.fsdp_activation_checkpointing') ? 'full' : 'none' },
      },
      partition: null,
      world: stated ? product : ranks,
      sequenceLength: null,
      globalBatchSize: null,
      precision:
        values.text('mixed_precision') === 'fp16'
          ? 'fp16'
          : values.text('mixed_precision') === 'fp8'
            ? 'fp8'
            : values.text('mixed_precision') === 'bf16'
              ? 'bf16'
              : 'fp32',
      model: null,
      missing: {},
      unstated: ['microBatchSize'],
      findings,
    };
  };
  const other = new Values(file, new Map()).text('deepspeed_config.deepspeed_config_file');
  return structuredSubject(
    {
      source: file.source,
      target,
      runtime: 'fsdp',
      open: [],
      read,
      modelFact: 'the model (it is in the training program)',
      sequenceFact: 'the sequence length (it is in the training program)',
      batchFact: 'the batch (it is in the training program)',
      names: accelerateNames,
      placeOf: placeIn(file),
      valueOf: textIn(file),
      defaultOf: (setting) =>
        setting.startsWith(prefix) ? { value: '1', from: 'default of accelerate' } : null,
      settings: sizeSettings(file, [...Object.values(accelerateNames).flat(), 'num_processes']),
      rewrite: rewriteData(file),
      without: new Set([
        'fsdp/world-divisible',
        'fsdp/idle-gpus',
        'fsdp/sharding-supported',
        'fsdp/replicas-need-shards',
        // The batch is the product of what the program is told.
        'fsdp/batch-divisible',
      ]),
      ownRules: [
        'accelerate/context-exclusive',
        'accelerate/world-product',
        'accelerate/replicas-need-shards',
      ],
      notes:
        other === null
          ? []
          : [
              note(
                'planner/other-file',
                ['deepspeed_config.deepspeed_config_file'],
                `the sharding is in ${other}: name that file too`,
              ),
            ],
    },
    options,
  );
};

const axolotlNames = {
  tensor: ['tensor_parallel_size'],
  context: ['context_parallel_size', 'sequence_parallel_degree'],
  data: ['dp_shard_size', 'dp_replicate_size'],
  shardingGroup: ['dp_shard_size'],
  expert: ['expert_parallel_size'],
  microBatchSize: ['micro_batch_size'],
} as const;

/** A YAML configuration of axolotl (axolotl-ai-cloud/axolotl @ 067b021c). */
export const axolotlSubject = (file: DataFile, target: Target, options: ReadOptions): Subject => {
  const given = new Values(file, new Map());
  const size = (values: Values, ...keys: readonly string[]): number =>
    Math.max(1, values.count(...keys) ?? 1);
  const world = worldOfSizes(options, {
    tensor:
      size(given, 'tensor_parallel_size') *
      size(given, 'dp_shard_size') *
      size(given, 'dp_replicate_size') *
      size(given, 'expert_parallel_size'),
    pipeline: 1,
    context: size(given, 'context_parallel_size', 'sequence_parallel_degree'),
    expert: 1,
  });
  const read = (changes: Changes): StructuredReading => {
    const values = new Values(file, changes);
    const ranks = world.of(changes);
    const tensor = size(values, 'tensor_parallel_size');
    const context = size(values, 'context_parallel_size', 'sequence_parallel_degree');
    const expert = size(values, 'expert_parallel_size');
    const replicate = size(values, 'dp_replicate_size');
    const fsdp = file.entries.has('fsdp_config') || file.entries.has('fsdp');
    const shardStated = values.count('dp_shard_size');
    const others = tensor * context * expert * replicate;
    const shard = shardStated ?? (fsdp ? ranks / others : 1);
    const findings: RawFinding[] = [];
    const product = others * shard;
    const copies = ranks / product;
    if (
      !Number.isInteger(shard) ||
      shard < 1 ||
      !Number.isInteger(copies) ||
      (shardStated !== null && fsdp && expert === 1 && values.has('dp_replicate_size') && copies !== 1)
    )
      findings.push(
        error(
          'axolotl/world-product',
          'startup',
          [
            ...axolotlNames.data,
            ...axolotlNames.tensor,
            ...axolotlNames.context,
            ...axolotlNames.expert,
          ].filter((key) => file.entries.has(key)),
          `the product of the parallel sizes is ${Number.isInteger(product) ? product : others}, the world has ${ranks}`,
          Number.isInteger(product) ? product : others,
          `a divisor of ${ranks}`,
        ),
      );
    const microBatchSize = values.count('micro_batch_size');
    if (context > 1 && microBatchSize !== null && microBatchSize > 1)
      findings.push(
        error(
          'axolotl/context-micro-batch',
          'startup',
          ['micro_batch_size', 'context_parallel_size'],
          `micro_batch_size of ${microBatchSize} with context parallelism`,
          microBatchSize,
          '1',
        ),
      );
    const data = replicate * shard * expert * (Number.isInteger(copies) ? copies : 1);
    const steps = size(values, 'gradient_accumulation_steps');
    const sharding: Sharding = fsdp && shard > 1 ? 'parameters' : 'none';
    return {
      strategy: {
        tensor,
        context,
        expert,
        pipeline: 1,
        data,
        sharding,
        shardingGroup: sharding === 'none' ? data * context : shard * expert * context,
        recompute: { kind: values.flag('gradient_checkpointing') ? 'full' : 'none' },
        ...(microBatchSize === null ? {} : { microBatchSize }),
      },
      partition: null,
      world: ranks,
      sequenceLength: values.count('sequence_len'),
      globalBatchSize: microBatchSize === null ? null : microBatchSize * steps * data,
      precision: values.flag('fp16') ? 'fp16' : values.flag('fp8') ? 'fp8' : 'bf16',
      model: modelNamed(values.text('base_model') ?? ''),
      missing: microBatchSize === null ? { microBatchSize: 'micro_batch_size' } : {},
      findings,
    };
  };
  const deepspeed = given.text('deepspeed');
  return structuredSubject(
    {
      source: file.source,
      target,
      runtime: 'fsdp',
      open: world.open,
      read,
      modelFact: 'the sizes of base_model',
      sequenceFact: 'sequence_len',
      batchFact: 'micro_batch_size',
      names: axolotlNames,
      placeOf: placeIn(file),
      valueOf: textIn(file),
      defaultOf: (setting) => (setting.endsWith('_size') ? { value: '1', from: 'default of axolotl' } : null),
      settings: sizeSettings(file, [...Object.values(axolotlNames).flat(), 'gradient_accumulation_steps']),
      rewrite: rewriteData(file),
      without: new Set([
        'fsdp/world-divisible',
        'fsdp/idle-gpus',
        'fsdp/no-expert-parallelism',
        'fsdp/sharding-supported',
        'fsdp/replicas-need-shards',
        // The batch is the product of what the program is told.
        'fsdp/batch-divisible',
      ]),
      ownRules: ['axolotl/world-product', 'axolotl/context-micro-batch'],
      notes:
        deepspeed === null
          ? []
          : [
              note(
                'planner/other-file',
                ['deepspeed'],
                `the sharding is in ${deepspeed}: name that file too`,
              ),
            ],
    },
    options,
  );
};
