import type { Plan } from '../../plan/plan.ts';
import type { Problem } from '../../plan/problem.ts';
import { effectiveStrategy } from '../../strategy/effective.ts';
import { microBatches } from '../../strategy/strategy.ts';
import type { NotCarried } from '../emit-types.ts';
import { hasExperts } from '../model-facts.ts';
import { notCarried, notStated } from '../not-carried.ts';

/** The sections of nanotron's YAML that a plan decides; the rest is the user's. */
export interface NanotronConfig {
  readonly parallelism: {
    readonly dp: number;
    readonly pp: number;
    readonly tp: number;
    readonly context_parallel_size: number;
    readonly expert_parallel_size: number;
    readonly pp_engine: '1f1b' | 'afab';
    readonly tp_mode: 'ALL_REDUCE' | 'REDUCE_SCATTER';
    readonly tp_linear_async_communication: boolean;
    readonly recompute_layer: boolean;
  };
  readonly tokens: {
    readonly micro_batch_size: number;
    readonly batch_accumulation_per_replica: number;
    readonly sequence_length: number;
  };
  readonly optimizer: { readonly zero_stage: 0 | 1; readonly accumulate_grad_in_fp32: boolean };
  readonly model: { readonly dtype: 'bfloat16' | 'float16' | 'float32' };
}

const lossesOf = (plan: Plan, { model, training }: Problem): readonly NotCarried[] => {
  const strategy = effectiveStrategy(plan.strategy, hasExperts(model));
  const narrow =
    training.precision === 'fp8' || training.precision === 'mxfp8' || training.precision === 'nvfp4';
  return [
    ...(new Set(plan.partition.flat()).size > 1
      ? [
          notCarried(
            'partition',
            `layers per stage ${plan.partition.flat().join(' ')}: nanotron lays layers over stages by its own cost of each block`,
          ),
        ]
      : []),
    ...notStated({
      target: 'nanotron',
      strategy,
      experts: hasExperts(model),
      taken: {
        expertTensor: 1,
        shardingGroup: strategy.data * strategy.context,
        overlapGradients: true,
        overlapParameters: false,
        overlapExpert: false,
        contextCommunication: 'p2p',
        dispatcher: 'all-to-all',
        microBatchGroup: strategy.pipeline,
        rankOrder: 'tp-cp-ep-dp-pp',
      },
    }),
    ...(narrow
      ? [notCarried('precision', `nanotron has no ${training.precision} here: it became bfloat16`)]
      : []),
    ...(training.optimizer.states === 'fp32'
      ? []
      : [notCarried('optimizer', `optimizer states in ${training.optimizer.states}: nanotron keeps fp32`)]),
  ];
};

export interface NanotronPlan {
  readonly config: NanotronConfig;
  readonly notes: readonly string[];
  readonly notCarried: readonly NotCarried[];
}

/**
 * The plan in nanotron's keys (src/nanotron/config/parallelism_config.py and config.py, huggingface/nanotron @
 * 2411b022). Global batch = micro_batch_size × batch_accumulation_per_replica × dp.
 */
export const nanotronConfig = (plan: Plan, problem: Problem): NanotronPlan => {
  const strategy = effectiveStrategy(plan.strategy, hasExperts(problem.model));
  const { training } = problem;
  return {
    config: {
      parallelism: {
        dp: strategy.data,
        pp: strategy.pipeline,
        tp: strategy.tensor,
        context_parallel_size: strategy.context,
        expert_parallel_size: strategy.expert,
        pp_engine: strategy.schedule === 'gpipe' ? 'afab' : '1f1b',
        tp_mode: strategy.sequenceParallel ? 'REDUCE_SCATTER' : 'ALL_REDUCE',
        tp_linear_async_communication: strategy.overlapTensor,
        recompute_layer: strategy.recompute.kind === 'full',
      },
      tokens: {
        micro_batch_size: strategy.microBatchSize,
        batch_accumulation_per_replica: microBatches(strategy, training.globalBatchSize),
        sequence_length: training.sequenceLength,
      },
      optimizer: {
        zero_stage: strategy.sharding === 'none' ? 0 : 1,
        accumulate_grad_in_fp32: training.optimizer.gradients === 'fp32',
      },
      model: {
        dtype:
          training.precision === 'fp16' ? 'float16' : training.precision === 'fp32' ? 'float32' : 'bfloat16',
      },
    },
    notes: [
      'Model, data, tokenizer and learning rate are yours: merge these sections into the configuration of the run.',
    ],
    notCarried: lossesOf(plan, problem),
  };
};
