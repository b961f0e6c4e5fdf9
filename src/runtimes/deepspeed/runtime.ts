import {
  batchRule,
  fewMicroBatchesRule,
  idleGpusRule,
  partitionShapeRule,
  sizesRule,
  tensorWithinNodeRule,
  worldRule,
} from '../common-rules.ts';
import { oneOf, ruleMaker } from '../define-rule.ts';
import { modelFacts } from '../model-facts.ts';
import { illegal, legal } from '../rule.ts';
import type { Rule } from '../rule.ts';
import type { Runtime, RuntimeDefaults } from '../runtime.ts';

const deepspeedSource = 'deepspeedai/DeepSpeed @ edaa7221';
const rule = ruleMaker('deepspeed');

/** deepspeed/runtime/zero/config.py: stage 0, no offload; gradients are reduced in buckets after the backward pass. */
const defaults: RuntimeDefaults = {
  flags: {
    vocabulary: 'last',
    sequenceParallel: false,
    recompute: { kind: 'none' },
    sharding: 'none',
    overlapGradients: false,
    overlapParameters: false,
    overlapTensor: false,
    overlapExpert: false,
    contextCommunication: 'a2a',
    dispatcher: 'all-to-all',
    rankOrder: 'tp-cp-ep-dp-pp',
    offload: 'none',
  },
  expertTensor: () => 1,
  microBatchGroup: (pipeline) => pipeline,
};

const rules: readonly Rule[] = [
  rule({
    id: 'zero-pipeline',
    stage: 'startup',
    why: 'pipeline parallelism keeps whole gradients until the last micro-batch',
    source: `${deepspeedSource} deepspeed/runtime/pipe/engine.py:76`,
    reads: ['pipeline', 'sharding'],
    check: ({ strategy: { pipeline, sharding } }) =>
      pipeline === 1 || sharding === 'none' || sharding === 'optimizer'
        ? legal
        : illegal(['sharding', 'pipeline'], 'ZeRO-2 or ZeRO-3 in a pipeline', sharding, 'none or optimizer'),
  }),
  rule({
    id: 'zero-tensor',
    stage: 'startup',
    why: 'automatic tensor parallelism works with ZeRO stages 0 to 2',
    source: `${deepspeedSource} deepspeed/runtime/engine.py tensor_parallel.autotp_size`,
    reads: ['tensor', 'sharding'],
    check: ({ strategy: { tensor, sharding } }) =>
      tensor === 1 || sharding !== 'parameters'
        ? legal
        : illegal(
            ['tensor', 'sharding'],
            'ZeRO-3 with tensor parallelism',
            tensor,
            'tensor=1 or sharding=gradients',
          ),
  }),
  rule({
    id: 'expert-divides-data',
    stage: 'group creation',
    why: 'expert groups are cut out of the data-parallel ranks',
    source: `${deepspeedSource} deepspeed/utils/groups.py:304`,
    reads: ['expert', 'data', 'context'],
    check: ({ strategy: { expert, data, context } }) =>
      (data * context) % expert === 0
        ? legal
        : illegal(
            ['expert', 'data'],
            `expert=${expert} does not divide data=${data}`,
            expert,
            `a divisor of ${data}`,
          ),
  }),
  rule({
    id: 'experts-divisible',
    stage: 'model build',
    why: 'each expert rank holds the same number of experts',
    source: `${deepspeedSource} deepspeed/moe/layer.py`,
    reads: ['expert'],
    check: ({ strategy: { expert }, model }) => {
      const { moe } = modelFacts(model);
      return (moe.length > 0 || expert === 1) && moe.every(({ experts }) => experts % expert === 0)
        ? legal
        : illegal(
            ['expert'],
            `experts do not divide over expert=${expert}`,
            expert,
            'a divisor of the experts',
          );
    },
  }),
  rule({
    id: 'heads-ranks',
    stage: 'model build',
    why: 'tensor ranks and Ulysses ranks hold whole heads',
    source: `${deepspeedSource} deepspeed/sequence/layer.py`,
    reads: ['tensor', 'context'],
    check: ({ strategy: { tensor, context }, model }) => {
      const { attention, latent } = modelFacts(model);
      const bad = [...attention, ...latent].find(({ heads }) => heads % (tensor * context) !== 0);
      return bad === undefined
        ? legal
        : illegal(
            ['tensor', 'context'],
            `${bad.heads} heads on ${tensor * context} ranks`,
            bad.heads,
            'a divisor',
          );
    },
  }),
  rule({
    id: 'context-communication',
    stage: 'parse',
    why: 'Ulysses exchanges sequence for heads',
    source: `${deepspeedSource} deepspeed/sequence/layer.py`,
    reads: ['context', 'contextCommunication'],
    check: ({ strategy: { context, contextCommunication } }) =>
      context === 1 || contextCommunication === 'a2a'
        ? legal
        : illegal(['contextCommunication'], 'another exchange than all-to-all', contextCommunication, 'a2a'),
  }),
  rule({
    id: 'schedule-supported',
    stage: 'parse',
    why: 'the pipeline engine runs 1F1B with one chunk per stage',
    source: `${deepspeedSource} deepspeed/runtime/pipe/schedule.py`,
    reads: ['schedule'],
    check: oneOf('schedule', ['1f1b'], 'a schedule that DeepSpeed does not have'),
  }),
  rule({
    id: 'no-virtual-stages',
    stage: 'parse',
    why: 'stages hold one chunk each',
    source: `${deepspeedSource} deepspeed/runtime/pipe/module.py`,
    reads: ['virtualStages'],
    check: oneOf('virtualStages', [1], 'DeepSpeed has no virtual stages'),
  }),
  rule({
    id: 'vocabulary-supported',
    stage: 'parse',
    why: 'the head is on the last stage',
    source: `${deepspeedSource} deepspeed/runtime/pipe/module.py`,
    reads: ['vocabulary'],
    check: oneOf('vocabulary', ['last'], 'the vocabulary layer cannot be placed'),
  }),
];

export const deepspeed: Runtime = {
  name: 'deepspeed',
  versions: ['0.18'],
  source: deepspeedSource,
  defaults: () => defaults,
  rules: [
    sizesRule('deepspeed', deepspeedSource),
    worldRule('deepspeed', `${deepspeedSource} deepspeed/utils/groups.py`),
    batchRule('deepspeed', `${deepspeedSource} deepspeed/runtime/config.py:938`),
    ...rules,
    partitionShapeRule('deepspeed', deepspeedSource),
    tensorWithinNodeRule('deepspeed', deepspeedSource),
    fewMicroBatchesRule('deepspeed', deepspeedSource),
    idleGpusRule('deepspeed', deepspeedSource),
  ],
};
