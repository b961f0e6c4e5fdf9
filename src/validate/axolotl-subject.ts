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
