/** Files that break one rule about their settings, and files close by that pass: read in the sources that the rules name. */

const mesh = (sizes: string, more = ''): string =>
  `distributed_type: FSDP\nfsdp_config: { fsdp_version: 2 }\nnum_processes: 8\nparallelism_config:\n${sizes
    .split(' ')
    .map((pair) => `  parallelism_config_${pair.replace('=', ': ')}\n`)
    .join('')}${more}`;
const sequence = (processes: number): string =>
  `distributed_type: DEEPSPEED\ndeepspeed_config: { zero_stage: 3 }\nnum_processes: ${processes}\nparallelism_config:\n  parallelism_config_sp_size: 2\n`;
const fsdp = (settings: string): string =>
  `distributed_type: FSDP\nnum_processes: 8\nfsdp_config:\n${settings}`;
export const jsonFile = (more: string): string =>
  `distributed_type: DEEPSPEED\nnum_processes: 8\ndeepspeed_config:\n  deepspeed_config_file: ds.json\n${more}`;
export const nano = (parallelism: string, more = ''): string =>
  `parallelism: { ${parallelism} }\ntokens: { micro_batch_size: 1, batch_accumulation_per_replica: 4, sequence_length: 1024 }\n${more}`;
export const titan = (degrees: string): string =>
  `[training]\nlocal_batch_size = 1\nseq_len = 4096\n[parallelism]\n${degrees}\n`;

export const settingTable: readonly (readonly [rule: string, breaks: string, passes: string])[] = [
  ['accelerate/positive-sizes', mesh('tp_size=0'), mesh('tp_size=8')],
  [
    'accelerate/context-exclusive',
    mesh('cp_size=2 sp_size=2 dp_shard_size=2'),
    mesh('cp_size=2 dp_shard_size=4'),
  ],
  ['accelerate/context-backend', mesh('cp_size=8 cp_backend=deepspeed'), mesh('cp_size=8 cp_backend=torch')],
  ['accelerate/world-product', mesh('tp_size=2 dp_shard_size=2'), mesh('tp_size=2 dp_shard_size=4')],
  // A mesh of ones leaves all processes to the copies.
  ['accelerate/world-product', mesh('tp_size=2'), mesh('tp_size=1 cp_size=1')],
  // DeepSpeed lays its sequence ranks out by itself.
  ['accelerate/world-product', mesh('sp_size=2'), sequence(8)],
  [
    'accelerate/replicas-need-shards',
    mesh('tp_size=2 dp_replicate_size=4'),
    mesh('sp_size=2 dp_replicate_size=4'),
  ],
  [
    'accelerate/parallelism-kind',
    mesh('tp_size=8').replace('fsdp_version: 2', 'fsdp_version: 1'),
    mesh('tp_size=8'),
  ],
  [
    'accelerate/parameters-synchronised',
    fsdp('  fsdp_cpu_ram_efficient_loading: true\n  fsdp_sync_module_states: false\n'),
    fsdp('  fsdp_cpu_ram_efficient_loading: false\n  fsdp_sync_module_states: false\n'),
  ],
  ['accelerate/deepspeed-file-alone', jsonFile('  zero_stage: 3\n'), jsonFile('  zero3_init_flag: true\n')],
  ['accelerate/deepspeed-file-alone', jsonFile("mixed_precision: 'no'\n"), jsonFile("downcast_bf16: 'no'\n")],

  [
    'deepspeed/zero-stage',
    '{ "train_batch_size": 32, "zero_optimization": { "stage": 4 } }',
    '{ "train_batch_size": 32, "zero_optimization": { "stage": 3 } }',
  ],
  ['deepspeed/batch-positive', '{ "train_batch_size": 0 }', '{ "train_batch_size": 8 }'],
  [
    'deepspeed/batch-product',
    '{ "train_batch_size": 30, "train_micro_batch_size_per_gpu": 4 }',
    '{ "train_batch_size": 64, "train_micro_batch_size_per_gpu": 4 }',
  ],
  [
    'deepspeed/batch-product',
    '{ "train_batch_size": 24, "gradient_accumulation_steps": 2 }',
    '{ "train_batch_size": 32, "gradient_accumulation_steps": 2 }',
  ],
  [
    'deepspeed/batch-stated',
    '{ "gradient_accumulation_steps": 4 }',
    '{ "train_micro_batch_size_per_gpu": 4 }',
  ],
  ['deepspeed/batch-stated', '{ "zero_optimization": { "stage": 1 } }', '{ "train_batch_size": "auto" }'],
  [
    'deepspeed/precision-exclusive',
    '{ "train_batch_size": 8, "bf16": { "enabled": true }, "fp16": { "enabled": true } }',
    '{ "train_batch_size": 8, "bf16": { "enabled": true }, "fp16": { "enabled": "auto" } }',
  ],
  [
    'deepspeed/half-precision-masters',
    '{ "train_batch_size": 8, "fp16": { "enabled": true, "fp16_master_weights_and_grads": true } }',
    '{ "train_batch_size": 8, "zero_optimization": { "stage": 2 }, "fp16": { "enabled": true, "fp16_master_weights_and_grads": true } }',
  ],
  [
    'deepspeed/partial-offload',
    '{ "train_batch_size": 8, "zero_optimization": { "stage": 2, "offload_optimizer": { "device": "cpu", "ratio": 0.3 } } }',
    '{ "train_batch_size": 8, "zero_optimization": { "stage": 3, "offload_optimizer": { "device": "cpu", "ratio": 0.3 } } }',
  ],
  [
    'deepspeed/summed-gradients',
    '{ "train_batch_size": 8, "gradient_allreduce_op": "sum", "zero_optimization": { "stage": 3 } }',
    '{ "train_batch_size": 8, "gradient_allreduce_op": "sum", "zero_optimization": { "stage": 2 } }',
  ],

  ['nanotron/positive-sizes', nano('dp: 8, tp: 1, pp: 0'), nano('dp: 8, tp: 1, pp: 1')],
  [
    'nanotron/heads-groups',
    nano(
      'dp: 8, tp: 1, pp: 1',
      'model: { model_config: { num_attention_heads: 32, num_key_value_heads: 5 } }\n',
    ),
    nano(
      'dp: 8, tp: 1, pp: 1',
      'model: { model_config: { num_attention_heads: 15, num_key_value_heads: 5 } }\n',
    ),
  ],
  [
    'nanotron/pipeline-engine',
    nano('dp: 8, tp: 1, pp: 1, pp_engine: interleaved'),
    nano('dp: 8, tp: 1, pp: 1, pp_engine: afab'),
  ],
  [
    'nanotron/tensor-mode',
    nano('dp: 8, tp: 1, pp: 1, tp_mode: scatter'),
    nano('dp: 8, tp: 1, pp: 1, tp_mode: reduce_scatter'),
  ],
  [
    'nanotron/data-stages',
    nano('dp: 8, tp: 1, pp: 1', 'data_stages: [{ name: a, start_training_step: 2 }]\n'),
    nano('dp: 8, tp: 1, pp: 1', 'data_stages: [{ name: a, start_training_step: 1 }]\n'),
  ],
  [
    'nanotron/data-stages',
    nano(
      'dp: 8, tp: 1, pp: 1',
      'data_stages: [{ name: a, start_training_step: 1 }, { name: a, start_training_step: 9 }]\n',
    ),
    nano(
      'dp: 8, tp: 1, pp: 1',
      'data_stages: [{ name: a, start_training_step: 1 }, { name: b, start_training_step: 9 }]\n',
    ),
  ],
  [
    'nanotron/evaluation-interval',
    nano(
      'dp: 8, tp: 1, pp: 1',
      's3_upload: {}\nlighteval: { eval_interval: 150 }\ncheckpoints: { checkpoint_interval: 100 }\n',
    ),
    nano(
      'dp: 8, tp: 1, pp: 1',
      's3_upload: {}\nlighteval: { eval_interval: 200 }\ncheckpoints: { checkpoint_interval: 100 }\n',
    ),
  ],

  ['torchtitan/positive-degrees', titan('context_parallel_degree = 0'), titan('context_parallel_degree = 1')],
  [
    'torchtitan/positive-degrees',
    titan('data_parallel_shard_degree = 0'),
    titan('data_parallel_shard_degree = -1'),
  ],
];

export const fileOf = (rule: string): string =>
  rule.startsWith('torchtitan/') ? 'train.toml' : rule.startsWith('deepspeed/') ? 'ds.json' : 'config.yaml';
