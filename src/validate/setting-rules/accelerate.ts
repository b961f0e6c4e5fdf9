import type { Values } from '../data-file.ts';
import { fault, firstBelow } from './rule.ts';
import type { SettingRule } from './rule.ts';

export const prefix = 'parallelism_config.parallelism_config_';
const names = ['tp', 'cp', 'sp', 'dp_shard', 'dp_replicate'] as const;
const keyOf = (name: (typeof names)[number]): string => `${prefix}${name}_size`;

/** The sizes of accelerate's mesh; 1 where the file does not state one. */
export const meshSizes = (values: Values): Readonly<Record<(typeof names)[number] | 'product', number>> => {
  const size = (name: (typeof names)[number]): number => values.count(keyOf(name)) ?? 1;
  const sizes = {
    tp: size('tp'),
    cp: size('cp'),
    sp: size('sp'),
    dp_shard: size('dp_shard'),
    dp_replicate: size('dp_replicate'),
  };
  return { ...sizes, product: sizes.tp * sizes.cp * sizes.sp * sizes.dp_shard * sizes.dp_replicate };
};

/** DeepSpeed lays out its sequence ranks by itself: accelerate does not count them. */
const sequenceByDeepspeed = (values: Values): boolean =>
  (values.count(keyOf('sp')) ?? 1) > 1 &&
  values.text('distributed_type') === 'DEEPSPEED' &&
  (values.text(`${prefix}sp_backend`) ?? 'deepspeed') === 'deepspeed';

const source = 'huggingface/accelerate @ 16cb6eb8 src/accelerate/parallelism_config.py';
const later = 'huggingface/accelerate main of autumn 2026 src/accelerate/parallelism_config.py';

/** What the file must leave to the JSON that it names. */
const inDeepspeedFile = [
  'mixed_precision',
  ...[
    'gradient_accumulation_steps',
    'gradient_clipping',
    'zero_stage',
    'offload_optimizer_device',
    'offload_param_device',
    'offload_optimizer_nvme_path',
    'offload_param_nvme_path',
    'zero3_save_16bit_model',
  ].map((name) => `deepspeed_config.${name}`),
];

/** Checks of accelerate's launcher, of its plugins and of its mesh. */
export const accelerateRules: readonly SettingRule[] = [
  {
    id: 'accelerate/positive-sizes',
    stage: 'startup',
    why: 'sizes count ranks',
    source: `${source} __post_init__`,
    check: ({ values }) => {
      const wrong = firstBelow(values, names.map(keyOf), 1);
      return wrong === null
        ? null
        : fault([wrong], `${wrong} is below 1`, values.count(wrong) ?? 0, 'at least 1');
    },
  },
  {
    id: 'accelerate/context-exclusive',
    stage: 'startup',
    why: 'a sequence is split by a ring or by Ulysses',
    source: `${source} __post_init__`,
    check: ({ values }) => {
      const { cp, sp } = meshSizes(values);
      return cp > 1 && sp > 1
        ? fault(
            [keyOf('cp'), keyOf('sp')],
            'context and sequence parallelism together',
            `${cp} and ${sp}`,
            'one of them',
          )
        : null;
    },
  },
  {
    id: 'accelerate/context-backend',
    stage: 'startup',
    why: "context parallelism is PyTorch's, sequence parallelism DeepSpeed's or accelerate's own",
    source: `${later} valid_cp_backends, valid_sp_backends`,
    check: ({ values }) => {
      const known: readonly (readonly [string, readonly string[]])[] = [
        ['cp', ['torch']],
        ['sp', ['deepspeed', 'accelerate']],
      ];
      for (const [axis, backends] of known) {
        const key = `${prefix}${axis}_backend`;
        const backend = values.text(key);
        if (backend !== null && !backends.includes(backend))
          return fault([key], `a backend that ${axis} does not have`, backend, backends.join(' or '));
      }
      return null;
    },
  },
  {
    id: 'accelerate/world-product',
    stage: 'startup',
    why: 'the mesh holds every process, unless all its sizes are 1: then the processes are copies',
    source: `${source} _validate_accelerator`,
    check: ({ values, world }) => {
      const { product } = meshSizes(values);
      if (
        !values.has('parallelism_config') ||
        product === 1 ||
        product === world ||
        sequenceByDeepspeed(values)
      )
        return null;
      return fault(
        [keyOf('dp_shard'), keyOf('dp_replicate'), keyOf('tp'), keyOf('cp'), keyOf('sp'), 'num_processes'],
        `dp_replicate × dp_shard × cp × sp × tp is ${product}, num_processes is ${world}`,
        product,
        String(world),
      );
    },
  },
  {
    id: 'accelerate/replicas-need-shards',
    stage: 'startup',
    why: 'tensor and context ranks are composed with FSDP, not with plain copies',
    source: `${source}:330-337`,
    check: ({ values }) => {
      const { tp, cp, dp_shard: shard, dp_replicate: replicate } = meshSizes(values);
      return (tp > 1 || cp > 1) && replicate > 1 && shard === 1
        ? fault(
            [keyOf('dp_replicate'), keyOf('dp_shard')],
            'copies without shards beside tensor or context parallelism',
            replicate,
            'dp_shard_size above 1',
          )
        : null;
    },
  },
  {
    id: 'accelerate/parallelism-kind',
    stage: 'startup',
    why: 'the first FSDP knows no mesh',
    source: `${source} _validate_accelerator`,
    check: ({ values }) =>
      values.text('distributed_type')?.toUpperCase() === 'FSDP' &&
      values.count('fsdp_config.fsdp_version') !== 2 &&
      values.has('parallelism_config') &&
      meshSizes(values).product > 1
        ? fault(
            ['fsdp_config.fsdp_version', 'distributed_type'],
            'a mesh with the first FSDP',
            values.count('fsdp_config.fsdp_version') ?? '1 (default)',
            'fsdp_version: 2',
          )
        : null,
  },
  {
    id: 'accelerate/parameters-synchronised',
    stage: 'startup',
    why: 'weights that one rank loads are sent to the others',
    source: 'huggingface/accelerate src/accelerate/utils/launch.py fsdp_cpu_ram_efficient_loading',
    check: ({ values }) =>
      values.flag('fsdp_config.fsdp_cpu_ram_efficient_loading') &&
      values.raw('fsdp_config.fsdp_sync_module_states') === false
        ? fault(
            ['fsdp_config.fsdp_sync_module_states', 'fsdp_config.fsdp_cpu_ram_efficient_loading'],
            'one rank loads the weights and sends them to nobody',
            'false',
            'true',
          )
        : null,
  },
  {
    id: 'accelerate/deepspeed-file-alone',
    stage: 'startup',
    why: 'what the JSON of DeepSpeed states is not stated twice, not even with the same value',
    source: 'huggingface/accelerate src/accelerate/utils/dataclasses.py ACCELERATE_CONFIG_DS_FIELDS',
    check: ({ values }) => {
      if (!values.has('deepspeed_config.deepspeed_config_file')) return null;
      const twice = inDeepspeedFile.filter((key) => values.has(key));
      return twice.length === 0
        ? null
        : fault(
            [...twice, 'deepspeed_config.deepspeed_config_file'],
            `${twice.map((key) => key.replace('deepspeed_config.', '')).join(', ')} beside deepspeed_config_file`,
            twice.length,
            'them in that file alone',
          );
    },
  },
];
