import { microBatches } from '../../../strategy/strategy.ts';
import { illegal, legal } from '../../rule.ts';
import type { Rule } from '../../rule.ts';
import { isEven, uniformUneven } from '../partition.ts';
import { megatronRule } from './define.ts';

/** Stages, virtual stages and the micro-batches that flow through them. */
export const pipelineRules: readonly Rule[] = [
  megatronRule({
    id: 'schedule-supported',
    stage: 'parse',
    why: 'Megatron runs 1F1B, interleaved when there are virtual stages, and nothing else',
    source: 'megatron/core/pipeline_parallel/schedules.py get_forward_backward_func',
    reads: ['schedule', 'virtualStages'],
    check: ({ strategy }) => {
      const expected = strategy.virtualStages > 1 ? 'interleaved' : '1f1b';
      return strategy.schedule === expected
        ? legal
        : illegal(
            ['schedule', 'virtualStages'],
            `schedule ${strategy.schedule} with ${strategy.virtualStages} virtual stages does not exist in Megatron`,
            strategy.schedule,
            expected,
          );
    },
  }),
  megatronRule({
    id: 'vocabulary-supported',
    stage: 'parse',
    why: 'the output layer is computed on the last stage; other placements are research branches',
    source: 'megatron/core/models/gpt/gpt_model.py post_process',
    reads: ['vocabulary'],
    check: ({ strategy }) =>
      strategy.vocabulary === 'last'
        ? legal
        : illegal(['vocabulary'], 'the vocabulary layer cannot be placed', strategy.vocabulary, 'last'),
  }),
  megatronRule({
    id: 'virtual-needs-pipeline',
    stage: 'startup',
    why: 'interleaving is a pipeline schedule',
    source: 'megatron/training/arguments.py:1000-1009',
    reads: ['virtualStages', 'pipeline'],
    check: ({ strategy }) =>
      strategy.virtualStages === 1 || strategy.pipeline > 1
        ? legal
        : illegal(
            ['virtualStages', 'pipeline'],
            `virtual_stages=${strategy.virtualStages} without pipeline parallelism`,
            strategy.pipeline,
            'pipeline of at least 2, or virtual_stages=1',
          ),
  }),
  megatronRule({
    id: 'micro-batch-group',
    stage: 'first step',
    why: 'the interleaved schedule runs groups of micro-batches through a virtual stage, none smaller than the pipeline',
    source: 'megatron/core/pipeline_parallel/schedules.py:1158-1180',
    reads: ['virtualStages', 'pipeline', 'microBatchGroup', 'microBatchSize', 'data'],
    check: ({ strategy, training }) => {
      if (strategy.virtualStages === 1) return legal;
      const { pipeline, microBatchGroup } = strategy;
      const count = microBatches(strategy, training.globalBatchSize);
      if (microBatchGroup < pipeline || microBatchGroup > count)
        return illegal(
          ['microBatchGroup', 'microBatchSize', 'data'],
          `groups of ${microBatchGroup} micro-batches on ${pipeline} stages with ${count} micro-batches`,
          microBatchGroup,
          `from ${pipeline} (pipeline) to ${count} (micro-batches)`,
        );
      const rest = count % microBatchGroup;
      if (rest === 0 || rest >= pipeline) return legal;
      return illegal(
        ['microBatchGroup', 'microBatchSize', 'data'],
        `${count} micro-batches leave a last group of ${rest}, fewer than the ${pipeline} stages`,
        count,
        `a multiple of ${microBatchGroup}, or a remainder of at least ${pipeline}`,
      );
    },
  }),
  megatronRule({
    id: 'layers-divisible',
    stage: 'startup',
    why: 'without a layout every stage holds the same number of layers; old versions dropped the rest silently',
    source: 'megatron/training/arguments.py:997; issue 1304',
    reads: ['pipeline', 'virtualStages'],
    // With virtual stages the argument check asks nothing of the layers: layers-virtual-divisible.
    check: ({ strategy: { pipeline, virtualStages }, model, partition }) =>
      partition !== null || virtualStages > 1 || model.layers.length % pipeline === 0
        ? legal
        : illegal(
            ['pipeline'],
            `${model.layers.length} layers do not divide over pipeline=${pipeline}`,
            model.layers.length,
            'a divisor, or an uneven partition',
          ),
  }),
  megatronRule({
    id: 'layers-virtual-divisible',
    stage: 'model build',
    why: 'without a layout stages, and the virtual stages of a stage, are equal; old versions dropped the rest silently',
    source:
      'megatron/core/transformer/transformer_block.py:176 and above, get_num_layers_to_build; issue 468',
    reads: ['pipeline', 'virtualStages'],
    check: ({ strategy: { pipeline, virtualStages }, model, partition }) => {
      const layers = model.layers.length;
      if (partition !== null || virtualStages === 1 || layers % (pipeline * virtualStages) === 0)
        return legal;
      const perStage = layers / pipeline;
      return Number.isInteger(perStage)
        ? illegal(
            ['virtualStages', 'pipeline'],
            `${perStage} layers of a stage do not divide over virtual_stages=${virtualStages}`,
            perStage,
            'a divisor, or an uneven partition',
          )
        : illegal(
            ['pipeline', 'virtualStages'],
            `${layers} layers do not divide over pipeline=${pipeline}`,
            layers,
            'a divisor, or an uneven partition',
          );
    },
  }),
  megatronRule({
    id: 'uneven-partition-shape',
    until: '0.13',
    stage: 'startup',
    why: 'before layouts (0.13) only the first and the last stage could differ from the others',
    source: 'CHANGELOG.md 0.9, 0.11 and 0.13; megatron/core/transformer/transformer_config.py:2294-2368',
    reads: ['pipeline', 'virtualStages'],
    check: ({ strategy, partition }) =>
      partition === null || isEven(partition) || uniformUneven(partition, strategy.virtualStages) !== null
        ? legal
        : illegal(
            ['pipeline', 'virtualStages'],
            'stages other than the first and the last differ, which needs a pipeline layout',
            JSON.stringify(partition),
            'equal middle stages, or Megatron 0.13 or later',
          ),
  }),
];
