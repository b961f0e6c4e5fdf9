import type { Plan } from '../../plan/plan.ts';
import type { Precision, Problem, Training } from '../../plan/problem.ts';
import { selective } from '../../strategy/recompute.ts';
import type { Recompute, Strategy } from '../../strategy/strategy.ts';
import { gpusUsed, microBatches } from '../../strategy/strategy.ts';
import type { NotCarried } from '../emit-types.ts';
import { hasExperts } from '../model-facts.ts';
import { notCarried, notStated } from '../not-carried.ts';

/** A section of accelerate's YAML. */
export type AccelerateSection = Readonly<Record<string, string | number | boolean>>;

/** ClusterConfig (src/accelerate/commands/config/config_args.py), as far as a plan decides it. */
export interface AccelerateConfig {
  readonly compute_environment: 'LOCAL_MACHINE';
  readonly distributed_type: 'FSDP' | 'MULTI_GPU' | 'MEGATRON_LM' | 'DEEPSPEED';
  readonly mixed_precision?: string;
  readonly num_machines: number;
  readonly num_processes: number;
  readonly machine_rank: 0;
  readonly main_training_function: 'main';
  readonly rdzv_backend: 'static';
  readonly same_network: true;
  readonly use_cpu: false;
  readonly fsdp_config?: AccelerateSection;
  readonly parallelism_config?: AccelerateSection;
  readonly megatron_lm_config?: AccelerateSection;
  readonly deepspeed_config?: AccelerateSection;
}

/** What every engine's configuration begins with. */
export const launchFields = (strategy: Strategy, machines: number) =>
  ({
    num_machines: machines,
    num_processes: gpusUsed(strategy),
    machine_rank: 0,
    main_training_function: 'main',
    rdzv_backend: 'static',
    same_network: true,
    use_cpu: false,
  }) as const;

const precisionNames: Readonly<Record<Precision, string>> = {
  fp32: 'no',
  fp16: 'fp16',
  bf16: 'bf16',
  fp8: 'fp8',
  mxfp8: 'fp8',
  nvfp4: 'fp8',
};

const precisionLosses = ({ precision, optimizer }: Training): readonly NotCarried[] => [
  ...(precision === 'mxfp8' || precision === 'nvfp4'
    ? [notCarried('precision', `${precision} became fp8: its recipe is a handler of the training program`)]
    : []),
  ...(optimizer.states === 'fp32'
    ? []
    : [notCarried('optimizer', `optimizer states in ${optimizer.states} are made in the training program`)]),
];

const inProgram = 'it is the batch size of the program’s data loader';
const recomputeTaken = (kind: Recompute['kind']): Recompute => ({ kind: kind === 'none' ? 'none' : 'full' });

export interface AcceleratePlan {
  readonly config: AccelerateConfig;
  readonly notCarried: readonly NotCarried[];
}

const parallelismPrefix = 'parallelism_config_';
const parallelism = (fields: AccelerateSection): AccelerateSection =>
  Object.fromEntries(Object.entries(fields).map(([key, value]) => [`${parallelismPrefix}${key}`, value]));

/**
 * FSDP2 with its mesh (src/accelerate/parallelism_config.py), or plain replicas. FSDP shards over dp_shard × context,
 * so that a mesh with context ranks always shards.
 */
export const fsdpConfig = (plan: Plan, { model, training }: Problem, machines: number): AcceleratePlan => {
  const { strategy } = plan;
  const { data, tensor, context, sharding, shardingGroup, recompute } = strategy;
  const plain = sharding === 'none' && tensor === 1 && context === 1;
  const shard = sharding === 'none' ? 1 : shardingGroup / context;
  const exchange = strategy.contextCommunication === 'p2p' ? 'p2p' : 'all-gather';
  const group = plain ? data : shard * context;
  const mesh: Pick<AccelerateConfig, 'fsdp_config' | 'parallelism_config'> = {
    fsdp_config: {
      fsdp_version: 2,
      fsdp_auto_wrap_policy: 'TRANSFORMER_BASED_WRAP',
      fsdp_reshard_after_forward: sharding !== 'gradients',
      fsdp_offload_params: strategy.offload === 'optimizer',
      fsdp_activation_checkpointing: recompute.kind !== 'none',
      fsdp_cpu_ram_efficient_loading: false,
      fsdp_state_dict_type: 'SHARDED_STATE_DICT',
    },
    parallelism_config: parallelism({
      dp_replicate_size: data / shard,
      dp_shard_size: shard,
      tp_size: tensor,
      cp_size: context,
      ...(context > 1 ? { cp_comm_strategy: exchange === 'p2p' ? 'alltoall' : 'allgather' } : {}),
    }),
  };
  return {
    config: {
      compute_environment: 'LOCAL_MACHINE',
      distributed_type: plain ? 'MULTI_GPU' : 'FSDP',
      mixed_precision: precisionNames[training.precision],
      ...launchFields(strategy, machines),
      ...(plain ? {} : mesh),
    },
    notCarried: [
      notCarried(
        'microBatchSize',
        `micro_batch=${strategy.microBatchSize} is not in the files: ${inProgram}`,
      ),
      ...notStated({
        target: 'accelerate',
        strategy,
        experts: hasExperts(model),
        taken: {
          sharding: plain ? 'none' : sharding === 'gradients' ? 'gradients' : 'parameters',
          shardingGroup: group,
          recompute: plain ? { kind: 'none' } : recomputeTaken(recompute.kind),
          offload: plain ? 'none' : strategy.offload,
          contextCommunication: exchange,
          expertTensor: 1,
          sequenceParallel: false,
          overlapGradients: true,
          overlapParameters: true,
          overlapTensor: false,
          overlapExpert: false,
          dispatcher: 'all-to-all',
        },
        where: {
          contextCommunication: 'Ulysses is DeepSpeed’s',
          recompute: 'accelerate recomputes whole layers',
        },
      }),
      ...(strategy.offload === 'optimizer' && !plain
        ? [notCarried('offload', 'FSDP offloads parameters and gradients together with the optimizer')]
        : []),
      ...precisionLosses(training),
    ],
  };
};

/** The Megatron-LM plugin's part of the YAML (MegatronLMPlugin, src/accelerate/utils/dataclasses.py). */
export const megatronPluginConfig = (plan: Plan, { training }: Problem, machines: number): AcceleratePlan => {
  const { strategy } = plan;
  const core = selective(['core_attn']);
  const isCore = strategy.recompute.kind === 'selective' && strategy.recompute.modules.join() === 'core_attn';
  const inCode = 'other_megatron_args of the plugin, in the training program';
  return {
    config: {
      compute_environment: 'LOCAL_MACHINE',
      distributed_type: 'MEGATRON_LM',
      mixed_precision: precisionNames[training.precision],
      ...launchFields(strategy, machines),
      megatron_lm_config: {
        megatron_lm_tp_degree: strategy.tensor,
        megatron_lm_pp_degree: strategy.pipeline,
        megatron_lm_num_micro_batches: microBatches(strategy, training.globalBatchSize),
        megatron_lm_sequence_parallelism: strategy.sequenceParallel,
        megatron_lm_recompute_activations: isCore,
        megatron_lm_use_distributed_optimizer: strategy.sharding === 'optimizer',
        megatron_lm_gradient_clipping: 1,
      },
    },
    notCarried: [
      notCarried(
        'microBatchSize',
        `micro_batch=${strategy.microBatchSize} is not in the files: ${inProgram}`,
      ),
      ...notStated({
        target: 'accelerate',
        strategy,
        experts: false,
        taken: {
          recompute: isCore ? core : { kind: 'none' },
          overlapGradients: false,
          overlapParameters: false,
          overlapTensor: false,
          rankOrder: 'tp-cp-ep-dp-pp',
          offload: 'none',
        },
        where: {
          recompute: inCode,
          overlapGradients: inCode,
          overlapParameters: inCode,
          overlapTensor: inCode,
          rankOrder: inCode,
          offload: inCode,
        },
      }),
      ...precisionLosses(training),
    ],
  };
};

/** DeepSpeed under accelerate: everything is in DeepSpeed's own file but the ranks of Ulysses. */
export const deepspeedLinkConfig = (plan: Plan, machines: number): AccelerateConfig => {
  const { strategy } = plan;
  return {
    compute_environment: 'LOCAL_MACHINE',
    distributed_type: 'DEEPSPEED',
    ...launchFields(strategy, machines),
    deepspeed_config: {
      deepspeed_config_file: 'ds_config.json',
      zero3_init_flag: strategy.sharding === 'parameters',
      // One torch.distributed launcher per node, as for the other engines.
      deepspeed_multinode_launcher: 'standard',
    },
    ...(strategy.context > 1
      ? {
          parallelism_config: parallelism({
            dp_shard_size: strategy.data,
            sp_size: strategy.context,
            sp_backend: 'deepspeed',
            sp_seq_length_is_variable: true,
            sp_attn_implementation: 'flash_attention_2',
          }),
        }
      : {}),
  };
};
