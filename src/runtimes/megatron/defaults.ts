import type { RuntimeDefaults } from '../runtime.ts';
import { compareVersions } from '../version.ts';

/**
 * What Megatron-LM does when a flag is not given (megatron/training/arguments.py and the dataclasses that its flags
 * are generated from; NVIDIA/Megatron-LM @ d98e8a64, mcore 0.20). The names and defaults of the flags behind these
 * keys are the same from 0.12 on.
 */
const since012: RuntimeDefaults = {
  flags: {
    vocabulary: 'last',
    sequenceParallel: false,
    recompute: { kind: 'none' },
    /** Without --use-distributed-optimizer every replica holds the whole optimizer state. */
    sharding: 'none',
    overlapGradients: false,
    overlapParameters: false,
    overlapTensor: false,
    overlapExpert: false,
    contextCommunication: 'p2p',
    dispatcher: 'all-gather',
    rankOrder: 'tp-cp-ep-dp-pp',
    offload: 'none',
  },
  /** arguments.py:587: the tensor size, not 1. */
  expertTensor: (tensor) => tensor,
  microBatchGroup: (pipeline) => pipeline,
};

/** Newest first: the first entry that is not newer than the version applies. */
const byVersion: readonly { readonly since: string; readonly defaults: RuntimeDefaults }[] = [
  { since: '0.12', defaults: since012 },
];

export const megatronDefaults = (version: string): RuntimeDefaults =>
  byVersion.find((entry) => compareVersions(version, entry.since) >= 0)?.defaults ?? since012;
