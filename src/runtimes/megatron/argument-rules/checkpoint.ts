import { has, textOf } from '../arguments.ts';
import type { ArgumentMap } from '../arguments.ts';
import { laterFile, need } from './rule.ts';
import type { ArgumentRule } from './rule.ts';

const file = 'megatron/training/arguments.py';

const format = (given: ArgumentMap): string => textOf(given, '--ckpt-format') ?? 'torch_dist';

/** Formats of checkpoints, and what each is written by. */
export const checkpointArgumentRules: readonly ArgumentRule[] = [
  need({
    id: 'checkpoint-torch-dcp',
    why: "PyTorch's own checkpoints are written by FSDP2, without tensor or pipeline parallelism",
    source: `${file} ckpt_format`,
    when: ({ given }) => format(given) === 'torch_dcp',
    holds: ({ given, strategy: { tensor, pipeline } }) =>
      has(given, '--use-torch-fsdp2') && tensor === 1 && pipeline === 1,
    flags: ['--ckpt-format'],
    message: 'torch_dcp checkpoints of another kind of run',
    found: () => 'torch_dcp',
    expected: '--use-torch-fsdp2 with tensor and pipeline sizes of 1',
  }),
  need({
    id: 'checkpoint-fsdp',
    why: 'checkpoints of sharded parameters are written by Megatron-FSDP',
    source: `${file} ckpt_format`,
    when: ({ given }) => format(given) === 'fsdp_dtensor',
    holds: ({ given }) => has(given, '--use-megatron-fsdp'),
    flags: ['--ckpt-format'],
    message: 'fsdp_dtensor checkpoints without Megatron-FSDP',
    found: () => 'fsdp_dtensor',
    expected: '--use-megatron-fsdp',
  }),
  need({
    id: 'torch-fsdp-checkpoint',
    why: "PyTorch's FSDP2 saves in the formats of PyTorch",
    source: `${file}:1031`,
    when: ({ given }) => has(given, '--use-torch-fsdp2'),
    holds: ({ given }) => format(given) === 'torch_dist' || format(given) === 'torch_dcp',
    flags: ['--ckpt-format', '--use-torch-fsdp2'],
    message: 'FSDP2 with another checkpoint format',
    found: ({ given }) => format(given),
    expected: 'torch_dist or torch_dcp',
  }),
  need({
    id: 'gather-step-checkpoint',
    why: 'distributed checkpoints read parameters that would still be on their way',
    source: `${file}:1066`,
    when: ({ given }) => has(given, '--overlap-param-gather-with-optimizer-step'),
    holds: ({ given }) => format(given) === 'torch',
    flags: ['--overlap-param-gather-with-optimizer-step', '--ckpt-format'],
    message: 'gathering during the optimizer step with distributed checkpoints',
    found: ({ given }) => textOf(given, '--ckpt-format') ?? 'torch_dist (default)',
    expected: '--ckpt-format torch',
  }),
  need({
    id: 'gloo-checkpoint',
    why: 'the older format collects the sharded optimizer over Gloo',
    source: `${file} use_gloo_process_groups`,
    when: ({ given }) =>
      has(given, '--disable-gloo-process-groups') && has(given, '--use-distributed-optimizer'),
    holds: ({ given }) => format(given) !== 'torch',
    flags: ['--disable-gloo-process-groups', '--ckpt-format'],
    message: 'a sharded optimizer saved as torch without Gloo',
    found: () => 'torch',
    expected: '--ckpt-format torch_dist',
  }),
  need({
    id: 'main-parameters-load',
    why: 'main parameters are loaded in place of the optimizer',
    source: `${file} load_main_params_from_ckpt`,
    when: ({ given }) => has(given, '--load-main-params-from-ckpt'),
    holds: ({ given }) => has(given, '--no-load-optim'),
    flags: ['--load-main-params-from-ckpt', '--no-load-optim'],
    message: 'main parameters and the optimizer are both loaded',
    expected: '--no-load-optim',
  }),
  need({
    id: 'emerging-optimizer',
    since: '0.20',
    why: 'optimizers beside Adam and SGD are sharded by layers, and saved in the formats that know it',
    source: `${file} emerging optimizer check`,
    when: ({ given }) => !['adam', 'sgd'].includes(textOf(given, '--optimizer') ?? 'adam'),
    holds: ({ given }) =>
      !has(given, '--use-torch-fsdp2') && (format(given) === 'torch' || format(given) === 'torch_dist'),
    flags: ['--optimizer', '--use-torch-fsdp2', '--ckpt-format'],
    message: 'an emerging optimizer with FSDP2 or another checkpoint format',
    found: ({ given }) => textOf(given, '--optimizer'),
    expected: 'no FSDP2, torch or torch_dist',
  }),
  need({
    id: 'muon-sharding',
    since: '0.16',
    until: '0.20',
    why: 'Muon needs whole matrices: it was sharded by layers under a name of its own',
    source: 'NVIDIA/Megatron-LM @ 8c090f2a megatron/training/arguments.py muon optimizer check',
    when: ({ given }) => (textOf(given, '--optimizer') ?? '').includes('muon'),
    holds: ({ given }) =>
      !has(given, '--use-distributed-optimizer') &&
      (textOf(given, '--optimizer') !== 'muon' ||
        (!has(given, '--overlap-grad-reduce') && !has(given, '--overlap-param-gather'))),
    flags: ['--optimizer', '--use-distributed-optimizer', '--overlap-grad-reduce', '--overlap-param-gather'],
    message: 'Muon with a sharded optimizer or its overlap',
    found: ({ given }) => textOf(given, '--optimizer'),
    expected: '--optimizer dist_muon without --use-distributed-optimizer',
  }),
  need({
    id: 'fsdp-second-version',
    since: '0.20',
    why: 'the second Megatron-FSDP has an optimizer of its own',
    source: `${file} megatron_fsdp_version`,
    when: ({ given }) =>
      has(given, '--use-megatron-fsdp') && textOf(given, '--megatron-fsdp-version') === '2',
    holds: ({ given }) => !has(given, '--use-distributed-optimizer'),
    flags: ['--megatron-fsdp-version', '--use-distributed-optimizer'],
    message: 'the second Megatron-FSDP with the distributed optimizer',
    found: () => 'both',
    expected: 'without --use-distributed-optimizer',
  }),
  need({
    id: 'fsdp-registration',
    why: 'buffers are registered by hand where Megatron-FSDP hands them to NCCL',
    source: `${file} fsdp_manual_registration`,
    when: ({ given }) => has(given, '--fsdp-manual-registration'),
    holds: ({ given }) => has(given, '--use-megatron-fsdp') && has(given, '--use-nccl-ub'),
    flags: ['--fsdp-manual-registration'],
    message: 'registration by hand without Megatron-FSDP or NCCL buffers',
    expected: '--use-megatron-fsdp --use-nccl-ub',
  }),
  need({
    id: 'fsdp-meta-device',
    since: '0.20',
    why: 'what is not sharded is made where it stays',
    source: `${file} init_model_with_meta_device`,
    when: ({ given }) => has(given, '--use-megatron-fsdp') && has(given, '--init-model-with-meta-device'),
    holds: ({ given }) => textOf(given, '--data-parallel-sharding-strategy') !== 'no_shard',
    flags: ['--init-model-with-meta-device', '--data-parallel-sharding-strategy'],
    message: 'initialisation on the meta device without sharding',
    found: () => 'no_shard',
    expected: 'a sharding strategy',
  }),
  need({
    id: 'save-parameters-gather',
    since: '0.20',
    why: 'parameters that are saved on their own must have arrived',
    source: `${laterFile} save_params_interval`,
    when: ({ given }) => has(given, '--save') && has(given, '--save-params-interval'),
    holds: ({ given }) => !has(given, '--overlap-param-gather'),
    flags: ['--save-params-interval', '--overlap-param-gather'],
    message: 'parameters are saved while they are gathered',
    found: () => 'both',
    expected: 'one of them',
  }),
  need({
    id: 'checkpoint-conversion',
    why: 'a conversion reads one checkpoint and writes another',
    source: `${laterFile} ckpt_convert_format`,
    when: ({ given }) => has(given, '--ckpt-convert-format'),
    holds: ({ given }) => has(given, '--ckpt-convert-save') && has(given, '--load'),
    flags: ['--ckpt-convert-format', '--ckpt-convert-save', '--load'],
    message: 'a conversion without a checkpoint to read or a place to write to',
    expected: '--load and --ckpt-convert-save',
  }),
  need({
    id: 'checkpoint-iteration',
    since: '0.20',
    why: 'fine-tuning starts at iteration 0',
    source: 'Connor-XY/Megatron-LM @ 38a05c6f megatron/training/arguments.py override_ckpt_iteration',
    when: ({ given }) => has(given, '--override-ckpt-iteration'),
    holds: ({ given }) => !has(given, '--finetune'),
    flags: ['--override-ckpt-iteration', '--finetune'],
    message: 'an iteration is set for a run that starts anew',
    found: () => 'both',
    expected: 'one of them',
  }),
  need({
    id: 'non-persistent-kind',
    why: 'checkpoints in memory alone are announced and not written yet',
    source: `${laterFile} non_persistent_ckpt_type`,
    when: ({ given }) => has(given, '--non-persistent-ckpt-type'),
    holds: ({ given }) =>
      textOf(given, '--non-persistent-ckpt-type') !== 'in_memory' &&
      (textOf(given, '--non-persistent-ckpt-type') !== 'local' ||
        has(given, '--non-persistent-local-ckpt-dir')),
    flags: ['--non-persistent-ckpt-type', '--non-persistent-local-ckpt-dir'],
    message: 'non-persistent checkpoints in memory, or local ones without a folder',
    found: ({ given }) => textOf(given, '--non-persistent-ckpt-type'),
    expected: 'global, or local with --non-persistent-local-ckpt-dir',
  }),
  need({
    id: 'checkpoint-replication',
    why: 'local checkpoints are copied to ranks at a stated distance',
    source: `${laterFile} replication`,
    when: ({ given }) => has(given, '--replication'),
    holds: ({ given }) =>
      has(given, '--replication-jump') && textOf(given, '--non-persistent-ckpt-type') === 'local',
    flags: ['--replication', '--replication-jump', '--non-persistent-ckpt-type'],
    message: 'copies of checkpoints that are not local, or at no stated distance',
    expected: '--non-persistent-ckpt-type local --replication-jump',
  }),
  need({
    id: 'checkpoint-cache-groups',
    since: '0.20',
    why: 'the cached distribution is that of one group of ranks, for saving and for loading',
    source: `${laterFile} ckpt_pg_tensors_cache_path`,
    when: ({ given }) => has(given, '--ckpt-pg-tensors-cache-path'),
    holds: ({ given }) =>
      (textOf(given, '--ckpt-fully-parallel-save-process-group') ?? 'dp') ===
      (textOf(given, '--ckpt-fully-parallel-load-process-group') ?? 'dp'),
    flags: ['--ckpt-fully-parallel-save-process-group', '--ckpt-fully-parallel-load-process-group'],
    message: 'a cached distribution for two kinds of groups',
    found: ({ given }) => textOf(given, '--ckpt-fully-parallel-load-process-group') ?? 'dp',
    expected: 'the same group for both',
  }),
  need({
    id: 'gloo-reshard',
    why: 'resharding by parts gathers over Gloo',
    source: `${laterFile} use_gloo_process_groups`,
    when: ({ given }) =>
      has(given, '--disable-gloo-process-groups') &&
      has(given, '--use-distributed-optimizer') &&
      has(given, '--dist-ckpt-optim-fully-reshardable'),
    holds: ({ given }) => !has(given, '--distrib-optim-fully-reshardable-mem-efficient'),
    flags: ['--disable-gloo-process-groups', '--distrib-optim-fully-reshardable-mem-efficient'],
    message: 'resharding by parts without Gloo',
    found: () => 'both',
    expected: 'one of them',
  }),
];
