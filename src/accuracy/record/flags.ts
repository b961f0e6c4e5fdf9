/** Switches of a strategy that records seldom print: sequence parallelism, overlaps, context communication. */
import type { RunConfiguration } from '../../ingest/measured-configuration.ts';
import type { ContextCommunication, Sharding, Strategy } from '../../strategy/strategy.ts';
import { overlapsExchange } from './experts.ts';
import type { Software } from './software.ts';

const contextCommunication = (printed: string | null, software: Software): ContextCommunication => {
  const words = (printed ?? '').toLowerCase();
  const exchange = /a2a|all-?_?to-?_?all|ulysses/.test(words);
  if (exchange && /p2p|ring/.test(words)) return 'a2a+p2p';
  if (exchange) return 'a2a';
  if (/gather/.test(words)) return 'all-gather';
  if (words !== '') return 'p2p';
  return software.profile === 'torchtitan' || software.profile === 'jax' ? 'all-gather' : 'p2p';
};

/** Sequence parallelism came to Megatron in May 2022 (arXiv 2205.05198); Core's recipes and later stacks use it with tensor parallelism. */
const sequenceParallel = ({ parallel }: RunConfiguration, software: Software): boolean => {
  if ((parallel.tensor ?? 1) === 1) return false;
  if (parallel.sequenceParallel !== null) return parallel.sequenceParallel;
  return !['megatron-classic', 'megatron-deepspeed', 'scaling'].includes(software.profile);
};

type Flags = Pick<
  Strategy,
  | 'sequenceParallel'
  | 'overlapGradients'
  | 'overlapParameters'
  | 'overlapTensor'
  | 'overlapExpert'
  | 'contextCommunication'
>;

export const flagsOf = (configuration: RunConfiguration, software: Software, sharding: Sharding): Flags => {
  const { training, parallel } = configuration;
  const sharded = sharding === 'parameters' || sharding === 'gradients';
  const core = software.profile === 'megatron-core' || software.profile === 'megatron-fsdp';
  const sequence = sequenceParallel(configuration, software);
  // DDP of Nanotron hides the reduction behind the last backward; its ZeRO-1 path has no DDP (trainer.py:510-519).
  const nanotron = software.profile === 'nanotron' && sharding === 'none';
  // Buckets of PyTorch's DDP travel beside backward (Li et al., VLDB 2020), and XLA schedules all-reduces so.
  const replicated = ['pytorch-fsdp', 'torchtitan', 'jax'].includes(software.profile);
  return {
    sequenceParallel: sequence,
    overlapGradients: core || sharded || nanotron || replicated,
    overlapParameters: (core && sharding !== 'none') || sharded,
    overlapTensor: sequence && (training.tensorOverlap ?? software.overlapsTensor),
    overlapExpert: overlapsExchange(configuration, software),
    contextCommunication: contextCommunication(parallel.contextCommunication, software),
  };
};
