import {
  batchRule,
  fewMicroBatchesRule,
  idleGpusRule,
  partitionShapeRule,
  sizesRule,
  tensorWithinNodeRule,
  worldRule,
} from '../common-rules.ts';
import type { Runtime } from '../runtime.ts';
import { megatronDefaults } from './defaults.ts';
import { attentionRules } from './rules/attention.ts';
import { contextRules } from './rules/context.ts';
import { megatronSource } from './rules/define.ts';
import { expertRules } from './rules/experts.ts';
import { gridRules } from './rules/grid.ts';
import { memoryRules } from './rules/memory.ts';
import { overlapRules } from './rules/overlap.ts';
import { pipelineRules } from './rules/pipeline.ts';
import { recomputeRules } from './rules/recompute.ts';

const argumentsFile = `${megatronSource} megatron/training/arguments.py`;

export const megatron: Runtime = {
  name: 'megatron',
  versions: ['0.12', '0.13', '0.14', '0.15', '0.16', '0.17', '0.18', '0.19', '0.20'],
  source: megatronSource,
  defaults: megatronDefaults,
  rules: [
    sizesRule('megatron', argumentsFile),
    worldRule('megatron', `${argumentsFile}:432`),
    batchRule('megatron', `${argumentsFile}:715; megatron/core/num_microbatches_calculator.py:381`),
    ...gridRules,
    ...pipelineRules,
    partitionShapeRule(
      'megatron',
      `${megatronSource} megatron/core/transformer/pipeline_parallel_layer_layout.py:35-133`,
    ),
    ...attentionRules,
    ...contextRules,
    ...expertRules,
    ...recomputeRules,
    ...overlapRules,
    ...memoryRules,
    tensorWithinNodeRule('megatron', argumentsFile),
    fewMicroBatchesRule('megatron', argumentsFile),
    idleGpusRule('megatron', argumentsFile),
  ],
};
