import type { Precision } from '../plan/problem.ts';
import { selective } from '../strategy/recompute.ts';
import type { Sharding } from '../strategy/strategy.ts';
import { placeIn, rewriteData, sizeSettings, textIn, Values } from './data-file.ts';
import type { DataFile } from './data-file.ts';
import { note } from './finding.ts';
import { accelerateRules, meshSizes, prefix } from './setting-rules/accelerate.ts';
import { askSettings } from './setting-rules/rule.ts';
import { structuredSubject } from './structured-subject.ts';
import type { StructuredReading } from './structured-subject.ts';
import type { Changes, ReadOptions, Subject } from './subject.ts';
import type { Target } from './target.ts';

const megatron = 'megatron_lm_config.megatron_lm_';
const accelerateNames = {
  tensor: [`${prefix}tp_size`, `${megatron}tp_degree`],
  pipeline: [`${megatron}pp_degree`],
  sequenceParallel: [`${megatron}sequence_parallelism`],
  recompute: [`${megatron}recompute_activations`, 'fsdp_config.fsdp_activation_checkpointing'],
  context: [`${prefix}cp_size`, `${prefix}sp_size`],
  contextCommunication: [`${prefix}cp_comm_strategy`],
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

const precisionOf = (values: Values): Precision => {
  const word = values.text('mixed_precision');
  return word === 'fp16' || word === 'fp8' || word === 'bf16' ? word : 'fp32';
};

/** Its Megatron-LM plugin (MegatronLMPlugin of src/accelerate/utils/dataclasses.py). */
const readPlugin = (values: Values, options: ReadOptions): StructuredReading => {
  const degree = (name: string): number => Math.max(1, values.count(`${megatron}${name}_degree`) ?? 1);
  const [tensor, pipeline] = [degree('tp'), degree('pp')];
  const ranks =
    options.gpus ?? values.count('num_processes') ?? options.clusterGpus ?? Math.max(1, tensor * pipeline);
  const data = ranks / (tensor * pipeline);
  return {
    strategy: {
      tensor,
      pipeline,
      data,
      sequenceParallel: values.flag(`${megatron}sequence_parallelism`),
      recompute: values.flag(`${megatron}recompute_activations`)
        ? selective(['core_attn'])
        : { kind: 'none' },
      sharding: values.flag(`${megatron}use_distributed_optimizer`) ? 'optimizer' : 'none',
      shardingGroup: data,
    },
    partition: null,
    world: ranks,
    sequenceLength: null,
    globalBatchSize: null,
    precision: precisionOf(values),
    model: null,
    missing: {},
    unstated: ['microBatchSize'],
    findings: [],
  };
};

/** A YAML configuration of Hugging Face accelerate (src/accelerate/parallelism_config.py, huggingface/accelerate @ 16cb6eb8). */
export const accelerateSubject = (file: DataFile, target: Target, options: ReadOptions): Subject => {
  const given = new Values(file, new Map());
  const plugin = given.text('distributed_type') === 'MEGATRON_LM';
  const other = given.text('deepspeed_config.deepspeed_config_file');
  const read = (changes: Changes): StructuredReading => {
    const values = new Values(file, changes);
    if (plugin) return readPlugin(values, options);
    const { tp: tensor, cp, sp, dp_shard: shard, dp_replicate: replicate, product } = meshSizes(values);
    const sharding = accelerateSharding(values);
    const processes = values.count('num_processes');
    const context = cp * sp;
    const ranks = options.gpus ?? processes ?? options.clusterGpus ?? product;
    // A mesh of ones is none: the processes are copies, or shards of FSDP.
    const stated = file.entries.has('parallelism_config') && product > 1;
    const findings = askSettings(accelerateRules, { values, world: ranks });
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
        contextCommunication:
          sp > 1 ? 'a2a' : values.text(`${prefix}cp_comm_strategy`) === 'alltoall' ? 'p2p' : 'all-gather',
        recompute: { kind: values.flag('fsdp_config.fsdp_activation_checkpointing') ? 'full' : 'none' },
      },
      partition: null,
      world: stated ? product : ranks,
      sequenceLength: null,
      globalBatchSize: null,
      precision: precisionOf(values),
      model: null,
      missing: {},
      unstated: [
        'microBatchSize',
        ...(other === null ? [] : (['sharding', 'shardingGroup', 'offload'] as const)),
      ],
      findings,
    };
  };
  return structuredSubject(
    {
      source: file.source,
      target,
      runtime: plugin ? 'megatron' : 'fsdp',
      open: [],
      read,
      modelFact: 'the model (it is in the training program)',
      sequenceFact: 'the sequence length (it is in the training program)',
      batchFact: 'the batch (it is in the training program)',
      names: accelerateNames,
      placeOf: placeIn(file),
      valueOf: textIn(file),
      defaultOf: (setting) =>
        setting.startsWith(prefix) || setting.startsWith(megatron)
          ? { value: '1', from: 'default of accelerate' }
          : null,
      settings: sizeSettings(file, [...Object.values(accelerateNames).flat(), 'num_processes']),
      rewrite: rewriteData(file),
      without: new Set([
        'fsdp/world-divisible',
        'fsdp/idle-gpus',
        'fsdp/sharding-supported',
        'fsdp/replicas-need-shards',
        // The batch is the product of what the program is told.
        'fsdp/batch-divisible',
        'megatron/batch-divisible',
      ]),
      ownRules: plugin ? [] : accelerateRules.map(({ id }) => id),
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
