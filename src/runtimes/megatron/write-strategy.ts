import type { Training } from '../../plan/problem.ts';
import type { Recompute, Strategy } from '../../strategy/strategy.ts';
import { compareVersions } from '../version.ts';
import { hierarchicalSizes } from './context-sizes.ts';
import type { FlagWords } from './write-model.ts';

const integer = (flag: string, value: number): FlagWords => [flag, String(value)];
const when = (condition: boolean, ...words: readonly FlagWords[]): readonly FlagWords[] =>
  condition ? words : [];

const recomputeFlags = (recompute: Recompute): readonly FlagWords[] => {
  switch (recompute.kind) {
    case 'none':
      return [];
    case 'full':
      return [
        ['--recompute-granularity', 'full'],
        ['--recompute-method', 'uniform'],
        ['--recompute-num-layers', '1'],
      ];
    case 'full-block':
    case 'full-uniform':
      return [
        ['--recompute-granularity', 'full'],
        ['--recompute-method', recompute.kind === 'full-block' ? 'block' : 'uniform'],
        integer('--recompute-num-layers', recompute.layers),
      ];
    case 'selective':
      return [
        ['--recompute-granularity', 'selective'],
        ['--recompute-modules', ...recompute.modules],
      ];
    default:
      return recompute satisfies never;
  }
};

const contextFlags = ({ context, contextCommunication }: Strategy): readonly FlagWords[] => {
  if (context === 1 && contextCommunication === 'p2p') return [];
  const name = contextCommunication === 'all-gather' ? 'allgather' : contextCommunication;
  const sizes = contextCommunication === 'a2a+p2p' ? hierarchicalSizes(context) : null;
  return [
    ['--cp-comm-type', name],
    ...(sizes === null ? [] : [['--hierarchical-context-parallel-sizes', ...sizes.map(String)] as FlagWords]),
  ];
};

const dispatcherFlags = (dispatcher: Strategy['dispatcher'], version: string): readonly FlagWords[] => {
  if (dispatcher === 'all-gather') return [['--moe-token-dispatcher-type', 'allgather']];
  const fusion: FlagWords = ['--moe-permute-fusion'];
  if (dispatcher === 'all-to-all') return [['--moe-token-dispatcher-type', 'alltoall'], fusion];
  const backend: FlagWords =
    compareVersions(version, '0.15') < 0
      ? ['--moe-enable-deepep']
      : ['--moe-flex-dispatcher-backend', dispatcher];
  // The fused kernels take routing probabilities in fp32 alone.
  return [['--moe-token-dispatcher-type', 'flex'], backend, ['--moe-router-dtype', 'fp32'], fusion];
};

/** Grouped products of experts exist in bf16 alone. */
const groupedProducts = ({ precision }: Training): boolean => precision !== 'fp32' && precision !== 'fp16';

const expertFlags = (strategy: Strategy, training: Training): readonly FlagWords[] => [
  integer('--expert-model-parallel-size', strategy.expert),
  integer('--expert-tensor-parallel-size', strategy.expertTensor),
  ...when(groupedProducts(training), ['--moe-grouped-gemm']),
  ...dispatcherFlags(strategy.dispatcher, training.runtime.version),
  ...when(strategy.overlapExpert, ['--overlap-moe-expert-parallel-comm']),
];

const shardingFlags = (strategy: Strategy, training: Training): readonly FlagWords[] => {
  const instances = (strategy.data * strategy.context) / strategy.shardingGroup;
  const copies = when(instances > 1, integer('--num-distributed-optimizer-instances', instances));
  switch (strategy.sharding) {
    case 'none':
      return [];
    case 'optimizer':
      // dist_muon shards by layers and replaces the flag.
      return training.optimizer.name === 'muon' ? copies : [['--use-distributed-optimizer'], ...copies];
    case 'gradients':
    case 'parameters':
      return [
        ['--use-distributed-optimizer'],
        ['--use-megatron-fsdp'],
        [
          '--data-parallel-sharding-strategy',
          strategy.sharding === 'gradients' ? 'optim_grads' : 'optim_grads_params',
        ],
        ['--ckpt-format', 'fsdp_dtensor'],
        // Else every rank makes its parameters whole on the GPU before they are sharded.
        ...when(strategy.sharding === 'parameters', ['--init-model-with-meta-device']),
        ...copies,
      ];
    default:
      return strategy.sharding satisfies never;
  }
};

/** Flags of every strategy key but the split into stages. `experts`: the model has them. */
export const writeStrategy = (
  strategy: Strategy,
  training: Training,
  experts: boolean,
): readonly FlagWords[] => [
  integer('--tensor-model-parallel-size', strategy.tensor),
  integer('--pipeline-model-parallel-size', strategy.pipeline),
  integer('--context-parallel-size', strategy.context),
  ...contextFlags(strategy),
  ...when(experts, ...expertFlags(strategy, training)),
  ...when(strategy.sequenceParallel, ['--sequence-parallel']),
  ...when(
    strategy.virtualStages > 1 && strategy.microBatchGroup !== strategy.pipeline,
    integer('--microbatch-group-size-per-virtual-pipeline-stage', strategy.microBatchGroup),
  ),
  ...when(strategy.rankOrder === 'tp-cp-ep-pp-dp', ['--use-tp-pp-dp-mapping']),
  integer('--micro-batch-size', strategy.microBatchSize),
  integer('--global-batch-size', training.globalBatchSize),
  ...shardingFlags(strategy, training),
  ...when(strategy.overlapGradients, ['--overlap-grad-reduce']),
  ...when(strategy.overlapParameters, ['--overlap-param-gather']),
  ...when(strategy.overlapTensor, ['--tp-comm-overlap']),
  ...when(strategy.offload === 'optimizer', ['--optimizer-cpu-offload']),
  ...recomputeFlags(strategy.recompute),
];
