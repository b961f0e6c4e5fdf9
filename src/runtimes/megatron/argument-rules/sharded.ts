import { connectionsRule } from '../environment.ts';
import { has, textOf } from '../arguments.ts';
import { bad, fine, laterFile, need, together, variableOf } from './rule.ts';
import type { ArgumentRule } from './rule.ts';

const file = 'megatron/training/arguments.py';
const connections = 'CUDA_DEVICE_MAX_CONNECTIONS';

/** Sharded parameters, and the environment that each kind of overlap wants. */
export const shardedArgumentRules: readonly ArgumentRule[] = [
  {
    id: 'torch-fsdp',
    stage: 'startup',
    why: "PyTorch's FSDP2 replaces Megatron's optimizer and knows neither stages nor experts",
    source: `${file}:1031`,
    check: ({ given, strategy }) => {
      const flag = '--use-torch-fsdp2';
      if (!has(given, flag)) return fine;
      if (strategy.pipeline > 1) return bad([flag], 'FSDP2 in a pipeline', strategy.pipeline, '1');
      if (strategy.expert > 1) return bad([flag], 'FSDP2 with expert parallelism', strategy.expert, '1');
      if (!has(given, '--untie-embeddings-and-output-weights'))
        return bad([flag], 'FSDP2 with tied embeddings', 'tied', '--untie-embeddings-and-output-weights');
      if (!has(given, '--no-gradient-accumulation-fusion'))
        return bad(
          [flag],
          'FSDP2 with fused gradient accumulation',
          'nothing',
          '--no-gradient-accumulation-fusion',
        );
      if (has(given, '--fp16')) return together(given, flag, '--fp16', 'not supported');
      return together(given, flag, '--use-distributed-optimizer', 'each shards in its own way');
    },
  },
  {
    id: 'fsdp-checkpoint',
    stage: 'startup',
    why: 'sharded parameters are saved as they are',
    source: `${file}:1118-1170`,
    check: ({ given }) => {
      if (!has(given, '--use-megatron-fsdp')) return fine;
      const format = textOf(given, '--ckpt-format');
      return format === 'fsdp_dtensor'
        ? fine
        : bad(
            ['--ckpt-format'],
            'Megatron-FSDP with another checkpoint format',
            format ?? 'torch_dist',
            'fsdp_dtensor',
          );
    },
  },
  {
    id: 'fsdp-optimizer-name',
    stage: 'startup',
    why: 'Megatron-FSDP shards the states of Adam and SGD',
    source: `${file}:1118-1170`,
    check: ({ given }) => {
      const name = textOf(given, '--optimizer') ?? 'adam';
      return !has(given, '--use-megatron-fsdp') || name === 'adam' || name === 'sgd'
        ? fine
        : bad(['--optimizer'], `Megatron-FSDP with ${name}`, name, 'adam or sgd');
    },
  },
  {
    id: 'device-connections',
    stage: 'startup',
    why: 'one hardware queue keeps collectives in front of the compute that they overlap; sharded parameters want more',
    source: `${file}:1166, 1453-1479`,
    check: (context) => {
      const { strategy, architecture, given } = context;
      const fsdp = has(given, '--use-megatron-fsdp') || has(given, '--use-torch-fsdp2');
      const needed = connectionsRule(strategy, architecture, fsdp);
      if (needed === 'any') return fine;
      const value = variableOf(context, connections);
      if (value === undefined)
        return needed === 'one'
          ? { kind: 'unchecked', flags: [connections], missing: `the value of ${connections}` }
          : fine;
      if (needed === 'several')
        /*
         * The assertion stands in the source without condition (read at 4393d2b9, 000c4ac2 and 37b95c51), yet a
         * recorded run that names no sharding strategy is said to have passed with 1.
         */
        return value === '1'
          ? bad(
              [connections],
              `${connections} is 1 with sharded parameters`,
              '1',
              'unset, or above 1',
              has(given, '--use-torch-fsdp2') ||
                (textOf(given, '--data-parallel-sharding-strategy') ?? 'no_shard') !== 'no_shard'
                ? 'error'
                : 'warning',
            )
          : fine;
      return value === '1'
        ? fine
        : bad(
            [connections],
            `${connections} must be 1 with tensor or context parallelism before Blackwell`,
            value ?? 'unset',
            '1',
          );
    },
  },
  need({
    id: 'fsdp-weight-hash',
    why: 'replicas of sharded parameters hold nothing whole to compare',
    source: `${laterFile} check_weight_hash_across_dp_replicas_interval`,
    when: ({ given, strategy: { sharding } }) =>
      has(given, '--use-megatron-fsdp') && sharding === 'parameters',
    holds: ({ given }) => !has(given, '--check-weight-hash-across-dp-replicas-interval'),
    flags: ['--check-weight-hash-across-dp-replicas-interval', '--data-parallel-sharding-strategy'],
    message: 'weights are compared across replicas that hold shards',
    found: () => 'both',
    expected: 'one of them',
  }),
  need({
    id: 'fsdp-grouped-parameters',
    since: '0.20',
    why: 'Megatron-FSDP lays out plain tensors',
    source: `${laterFile} moe_single_grouped_weight`,
    when: ({ given }) => has(given, '--use-megatron-fsdp'),
    holds: ({ given }) =>
      !has(given, '--moe-single-grouped-weight') && !has(given, '--moe-single-grouped-bias'),
    flags: ['--use-megatron-fsdp', '--moe-single-grouped-weight', '--moe-single-grouped-bias'],
    message: 'a single parameter for all experts with Megatron-FSDP',
    found: () => 'both',
    expected: 'one of them',
  }),
];
