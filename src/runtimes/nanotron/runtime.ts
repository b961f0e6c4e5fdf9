import {
  batchRule,
  idleGpusRule,
  fewMicroBatchesRule,
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

const nanotronSource = 'huggingface/nanotron @ 2411b022';
const rule = ruleMaker('nanotron');

/** src/nanotron/config/parallelism_config.py: ALL_REDUCE, no ZeRO, 1F1B, no recomputation. */
const defaults: RuntimeDefaults = {
  flags: {
    vocabulary: 'last',
    sequenceParallel: false,
    recompute: { kind: 'none' },
    sharding: 'none',
    overlapGradients: true,
    overlapParameters: false,
    overlapTensor: false,
    overlapExpert: false,
    contextCommunication: 'p2p',
    dispatcher: 'all-to-all',
    rankOrder: 'tp-cp-ep-dp-pp',
    offload: 'none',
  },
  expertTensor: () => 1,
  microBatchGroup: (pipeline) => pipeline,
};

const rules: readonly Rule[] = [
  rule({
    id: 'no-expert-parallelism',
    stage: 'group creation',
    why: 'the rank array is reshaped with the expert axis, the world size is checked without it',
    source: `${nanotronSource} src/nanotron/parallel/context.py:24-62`,
    reads: ['expert'],
    check: oneOf('expert', [1], 'expert parallelism does not start at this commit'),
  }),
  rule({
    id: 'heads-tensor',
    stage: 'startup',
    why: 'tensor ranks hold whole heads and at least one key-value head',
    source: `${nanotronSource} src/nanotron/config/config.py:536-547`,
    reads: ['tensor'],
    check: ({ strategy: { tensor }, model }) => {
      const bad = modelFacts(model).attention.find(
        ({ heads, kvHeads }) => heads % tensor !== 0 || kvHeads < tensor,
      );
      return bad === undefined
        ? legal
        : illegal(
            ['tensor'],
            `${bad.heads} heads and ${bad.kvHeads} key-value heads on tensor=${tensor}`,
            tensor,
            `a divisor of ${bad.heads}, at most ${bad.kvHeads}`,
          );
    },
  }),
  rule({
    id: 'micro-batches-pipeline',
    stage: 'first step',
    why: '1F1B needs pipeline − 1 micro-batches to warm up',
    source: `${nanotronSource} src/nanotron/parallel/pipeline_parallel/engine.py; issue 347`,
    reads: ['pipeline', 'microBatchSize', 'data', 'schedule'],
    check: ({ strategy: { pipeline, microBatchSize, data, schedule }, training }) => {
      const count = training.globalBatchSize / (data * microBatchSize);
      return schedule !== '1f1b' || count >= pipeline - 1
        ? legal
        : illegal(
            ['microBatchSize', 'data'],
            `${count} micro-batches on ${pipeline} stages`,
            count,
            `${pipeline - 1}`,
          );
    },
  }),
  rule({
    id: 'schedule-supported',
    stage: 'parse',
    why: 'pp_engine is 1f1b or afab (all forward, all backward)',
    source: `${nanotronSource} src/nanotron/config/parallelism_config.py`,
    reads: ['schedule'],
    check: oneOf('schedule', ['1f1b', 'gpipe'], 'a schedule that nanotron does not have'),
  }),
  rule({
    id: 'no-virtual-stages',
    stage: 'parse',
    why: 'stages hold one chunk each',
    source: `${nanotronSource} src/nanotron/parallel/pipeline_parallel/engine.py`,
    reads: ['virtualStages'],
    check: oneOf('virtualStages', [1], 'nanotron has no virtual stages'),
  }),
  rule({
    id: 'sharding-supported',
    stage: 'parse',
    why: 'ZeRO stages 0 and 1',
    source: `${nanotronSource} optimizer.zero_stage`,
    reads: ['sharding'],
    check: oneOf('sharding', ['none', 'optimizer'], 'gradients and parameters are not sharded'),
  }),
  rule({
    id: 'recompute-supported',
    stage: 'parse',
    why: 'recompute_layer is on or off',
    source: `${nanotronSource} parallelism.recompute_layer`,
    reads: ['recompute'],
    check: ({ strategy: { recompute } }) =>
      recompute.kind === 'none' || recompute.kind === 'full'
        ? legal
        : illegal(['recompute'], 'partial recomputation', recompute.kind, 'none or full'),
  }),
  rule({
    id: 'offload-supported',
    stage: 'parse',
    why: 'states stay on the GPU',
    source: nanotronSource,
    reads: ['offload'],
    check: oneOf('offload', ['none'], 'nanotron does not offload'),
  }),
  rule({
    id: 'vocabulary-supported',
    stage: 'parse',
    why: 'the head is on the last stage',
    source: nanotronSource,
    reads: ['vocabulary'],
    check: oneOf('vocabulary', ['last'], 'the vocabulary layer cannot be placed'),
  }),
];

const context = `${nanotronSource} src/nanotron/parallel/context.py:24-28`;

export const nanotron: Runtime = {
  name: 'nanotron',
  versions: ['0.5'],
  source: nanotronSource,
  defaults: () => defaults,
  rules: [
    sizesRule('nanotron', context),
    worldRule('nanotron', context),
    batchRule('nanotron', nanotronSource),
    ...rules,
    partitionShapeRule('nanotron', nanotronSource),
    tensorWithinNodeRule('nanotron', nanotronSource),
    fewMicroBatchesRule('nanotron', nanotronSource),
    idleGpusRule('nanotron', nanotronSource),
  ],
};
