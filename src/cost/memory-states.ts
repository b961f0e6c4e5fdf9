/** Bytes per parameter of weights, gradients and optimizer states. */
import type { DataType, Training } from '../plan/problem.ts';
import type { MemoryBehaviour } from '../runtimes/memory-behaviour.ts';
import type { Sharding } from '../strategy/strategy.ts';

const SIZE: Readonly<Record<DataType, number>> = { fp32: 4, bf16: 2, fp16: 2, fp8: 1 };

export interface StateBytes {
  /** Undivided, per parameter of the rank. */
  readonly weights: number;
  readonly gradients: number;
  /** Divided by the sharding group where anything is sharded. */
  readonly optimizer: number;
  /** Part of the optimizer's bytes that offloading moves to the host: the moments. */
  readonly moments: number;
  /** Copies made only while the optimizer steps, when activations are gone; divided like `optimizer`. */
  readonly step: number;
  /** Whether weights and gradients are divided, too. */
  readonly shardsWeights: boolean;
  readonly shardsGradients: boolean;
}

const MOMENTS = { adam: 2, sgd: 1, muon: 1 } as const;

/**
 * bf16 with fp32 gradients: 2 + 4 + 12/D; fp16 with fp16 gradients: 2 + 2 + 12/D and, during the step, 4/D of fp32
 * gradient copies; fp32: 4 + 4 + 8/D (NVIDIA/Megatron-LM @ d98e8a6 docs dist_optimizer, megatron/core/optimizer/optimizer.py:1092-1105).
 * PyTorch FSDP keeps parameters, gradients and moments in fp32, 16/n, unless the model itself is in bf16, 8/n. DeepSpeed: fitted on BLOOM's trials for ZeRO-1,
 * 2 + 18/n and 18/n for ZeRO-2 and 3, around whatever layers (deepspeedai/DeepSpeed @ edaa722 stage_1_and_2.py:3081-3096, stage3.py:3744-3778).
 */
export const stateBytes = (
  training: Training,
  sharding: Sharding,
  behaviour: MemoryBehaviour,
): StateBytes => {
  const { optimizer, precision } = training;
  const single = precision === 'fp32';
  const moments = MOMENTS[optimizer.name] * SIZE[optimizer.states];
  const shardsWeights = sharding === 'parameters';
  const shards = { shardsWeights, shardsGradients: shardsWeights || sharding === 'gradients' };
  const deepspeed = behaviour.profile === 'megatron-deepspeed' || training.runtime.name === 'deepspeed';
  if (!deepspeed && (behaviour.profile === 'torchtitan' || behaviour.profile === 'pytorch-fsdp')) {
    // Shards of parameters and gradients have the format of the main parameters: there is no other copy.
    const main = SIZE[optimizer.mainParameters];
    const gradients = training.conditions?.stepsInBackward === true ? 0 : main;
    return { weights: main, gradients, optimizer: moments, moments, step: 0, ...shards };
  }
  if (deepspeed && sharding === 'optimizer')
    return optimizer.gradients !== 'fp32'
      ? { weights: 2, gradients: 2.4, optimizer: 17.6, moments, step: 0, ...shards }
      : { weights: 2, gradients: 7.9, optimizer: 0, moments: 0, step: 0, ...shards };
  if (deepspeed)
    return {
      weights: 2,
      gradients: 2,
      optimizer: sharding === 'none' ? 12 : 14,
      moments,
      step: 4,
      ...shards,
    };
  const gradients = SIZE[optimizer.gradients];
  return {
    weights: single ? 4 : 2,
    gradients: gradients + behaviour.states.extra,
    optimizer: (single ? 0 : SIZE[optimizer.mainParameters]) + moments + behaviour.states.shardExtra,
    moments,
    step: precision === 'fp16' && gradients < 4 ? 4 : 0,
    ...shards,
  };
};
