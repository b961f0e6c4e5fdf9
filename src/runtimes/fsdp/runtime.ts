import { batchRule, idleGpusRule, sizesRule, tensorWithinNodeRule, worldRule } from '../common-rules.ts';
import { oneOf, ruleMaker } from '../define-rule.ts';
import { modelFacts } from '../model-facts.ts';
import { illegal, legal } from '../rule.ts';
import type { Rule } from '../rule.ts';
import type { Runtime, RuntimeDefaults } from '../runtime.ts';

const fsdpSource = 'huggingface/accelerate @ 16cb6eb8';
const rule = ruleMaker('fsdp');

/** PyTorch FSDP with FULL_SHARD and its prefetch; the mesh of accelerate's parallelism_config.py around it. */
const defaults: RuntimeDefaults = {
  flags: {
    vocabulary: 'last',
    sequenceParallel: false,
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
  expertTensor: () => 1,
  microBatchGroup: (pipeline) => pipeline,
};

const rules: readonly Rule[] = [
  rule({
    id: 'no-pipeline',
    stage: 'parse',
    why: 'FSDP shards layers over replicas and has no stages',
    source: `${fsdpSource} src/accelerate/parallelism_config.py`,
    reads: ['pipeline'],
    check: oneOf('pipeline', [1], 'pipeline parallelism beside FSDP'),
  }),
  rule({
    id: 'no-virtual-stages',
    stage: 'parse',
    why: 'without a pipeline there are no virtual stages',
    source: `${fsdpSource} src/accelerate/parallelism_config.py`,
    reads: ['virtualStages'],
    check: oneOf('virtualStages', [1], 'virtual stages without a pipeline'),
  }),
  rule({
    id: 'no-expert-parallelism',
    stage: 'parse',
    why: 'experts are sharded as any other parameter',
    source: `${fsdpSource} src/accelerate/parallelism_config.py`,
    reads: ['expert'],
    check: oneOf('expert', [1], 'expert parallelism beside FSDP'),
  }),
  rule({
    id: 'replicas-need-shards',
    stage: 'startup',
    why: 'tensor or context parallelism with copies needs shards as well',
    source: `${fsdpSource} src/accelerate/parallelism_config.py:330-337`,
    reads: ['tensor', 'context', 'data', 'sharding', 'shardingGroup'],
    check: ({ strategy: { tensor, context, data, sharding, shardingGroup } }) => {
      const shards = sharding === 'none' ? 1 : shardingGroup / context;
      if (!Number.isInteger(shards) || data % shards !== 0)
        return illegal(
          ['shardingGroup'],
          `sharding_group ${shardingGroup} on data=${data}`,
          shardingGroup,
          'context × a divisor of data',
        );
      return (tensor === 1 && context === 1) || data === shards || shards > 1
        ? legal
        : illegal(
            ['sharding'],
            'copies without shards beside tensor or context parallelism',
            sharding,
            'parameters',
          );
    },
  }),
  rule({
    id: 'sharding-supported',
    stage: 'parse',
    why: 'FSDP keeps the optimizer beside the shard of the parameters',
    source: 'pytorch/pytorch torch/distributed/fsdp/api.py ShardingStrategy',
    reads: ['sharding'],
    check: oneOf('sharding', ['none', 'gradients', 'parameters'], 'the optimizer alone cannot be sharded'),
  }),
  rule({
    id: 'heads-tensor',
    stage: 'model build',
    why: 'heads are split over tensor ranks',
    source: 'huggingface/transformers tensor-parallel plans',
    reads: ['tensor'],
    check: ({ strategy: { tensor }, model }) => {
      const { attention, latent } = modelFacts(model);
      const counts = [
        ...attention.flatMap(({ heads, kvHeads }) => [heads, kvHeads]),
        ...latent.map(({ heads }) => heads),
      ];
      const bad = counts.find((count) => count % tensor !== 0);
      return bad === undefined
        ? legal
        : illegal(['tensor'], `${bad} heads do not divide over tensor=${tensor}`, bad, `a divisor of ${bad}`);
    },
  }),
  rule({
    id: 'sequence-context',
    stage: 'startup',
    why: 'each context rank takes two chunks of the sequence',
    source: `${fsdpSource} src/accelerate/accelerator.py maybe_context_parallel`,
    reads: ['context'],
    check: ({ strategy: { context }, training }) =>
      context === 1 || training.sequenceLength % (2 * context) === 0
        ? legal
        : illegal(
            ['context'],
            `sequence ${training.sequenceLength} on context=${context}`,
            training.sequenceLength,
            `a multiple of ${2 * context}`,
          ),
  }),
  rule({
    id: 'schedule-supported',
    stage: 'parse',
    why: 'micro-batches follow each other',
    source: fsdpSource,
    reads: ['schedule'],
    check: oneOf('schedule', ['1f1b'], 'a pipeline schedule without a pipeline'),
  }),
  rule({
    id: 'vocabulary-supported',
    stage: 'parse',
    why: 'there is one stage',
    source: fsdpSource,
    reads: ['vocabulary'],
    check: oneOf('vocabulary', ['last'], 'the vocabulary layer cannot be placed'),
  }),
];

export const fsdp: Runtime = {
  name: 'fsdp',
  versions: ['2'],
  source: fsdpSource,
  defaults: () => defaults,
  rules: [
    sizesRule('fsdp', fsdpSource),
    worldRule('fsdp', `${fsdpSource} src/accelerate/parallelism_config.py:372`),
    batchRule('fsdp', fsdpSource),
    ...rules,
    tensorWithinNodeRule('fsdp', fsdpSource),
    idleGpusRule('fsdp', fsdpSource),
  ],
};
