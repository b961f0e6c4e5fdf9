import {
  batchRule,
  fewMicroBatchesRule,
  idleGpusRule,
  partitionShapeRule,
  sizesRule,
  tensorWithinNodeRule,
  worldRule,
} from '../common-rules.ts';
import type { Runtime, RuntimeDefaults } from '../runtime.ts';
import { torchtitanRules, torchtitanSource } from './rules.ts';

/** torchtitan/config: FSDP2 over all replicas, with its prefetch; tensor parallelism is always sequence parallel. */
const defaults: RuntimeDefaults = {
  flags: {
    vocabulary: 'last',
    sequenceParallel: true,
    recompute: { kind: 'none' },
    sharding: 'parameters',
    overlapGradients: true,
    overlapParameters: true,
    overlapTensor: false,
    overlapExpert: false,
    contextCommunication: 'all-gather',
    dispatcher: 'all-to-all',
    rankOrder: 'tp-cp-ep-dp-pp',
    offload: 'none',
  },
  // Without expert ranks the tensor ranks split every expert.
  expertTensor: (tensor, expert) => (expert > 1 ? 1 : tensor),
  microBatchGroup: (pipeline) => pipeline,
};

const dimensions = `${torchtitanSource} torchtitan/distributed/parallel_dims.py`;

export const torchtitan: Runtime = {
  name: 'torchtitan',
  versions: ['2025', '2026'],
  source: torchtitanSource,
  defaults: () => defaults,
  rules: [
    sizesRule('torchtitan', dimensions),
    worldRule('torchtitan', `${dimensions}:182`),
    batchRule('torchtitan', `${torchtitanSource} torchtitan/trainer.py`),
    ...torchtitanRules,
    partitionShapeRule('torchtitan', `${torchtitanSource} torchtitan/distributed/pipeline_parallel.py`),
    tensorWithinNodeRule('torchtitan', dimensions),
    fewMicroBatchesRule('torchtitan', `${torchtitanSource} torchtitan/distributed/pipeline_parallel.py`),
    idleGpusRule('torchtitan', dimensions),
  ],
};
