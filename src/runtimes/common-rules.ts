import type { RuntimeName } from '../plan/problem.ts';
import { gpusUsed, microBatches } from '../strategy/strategy.ts';
import type { Strategy } from '../strategy/strategy.ts';
import { illegal, legal } from './rule.ts';
import type { Rule } from './rule.ts';

/** Keys that are counts. */
export const sizeKeys = [
  'tensor',
  'pipeline',
  'virtualStages',
  'context',
  'data',
  'expert',
  'expertTensor',
  'microBatchSize',
  'microBatchGroup',
  'shardingGroup',
] as const satisfies readonly (keyof Strategy)[];

type CommonRule = (runtime: RuntimeName, source: string) => Rule;

/** Positive integers: nothing else can be a group size. */
export const sizesRule: CommonRule = (runtime, source) => ({
  id: `${runtime}/sizes`,
  runtime,
  since: null,
  until: null,
  severity: 'error',
  stage: 'startup',
  why: 'group sizes and batch sizes count ranks and sequences',
  source,
  reads: sizeKeys,
  check: ({ strategy }) => {
    for (const key of sizeKeys)
      if (!Number.isSafeInteger(strategy[key]) || strategy[key] < 1)
        return illegal([key], `${key} is not a positive integer`, strategy[key], 'an integer of at least 1');
    return legal;
  },
});

/** tensor × context × data × pipeline ranks must exist. */
export const worldRule: CommonRule = (runtime, source) => ({
  id: `${runtime}/world-divisible`,
  runtime,
  since: null,
  until: null,
  severity: 'error',
  stage: 'startup',
  why: 'the data-parallel size is what remains of the world after the other axes',
  source,
  reads: ['tensor', 'pipeline', 'context', 'data'],
  check: ({ world, strategy }) => {
    const used = gpusUsed(strategy);
    if (used <= world && used >= 1) return legal;
    const replica = strategy.tensor * strategy.pipeline * strategy.context;
    return illegal(
      ['tensor', 'pipeline', 'context', 'data'],
      `tensor × pipeline × context × data needs ${used} GPUs, the world has ${world}`,
      used,
      replica > world ? `at most ${world}` : `data of at most ${Math.floor(world / replica)}`,
    );
  },
});

/** Harmful: paid for and unused. */
export const idleGpusRule: CommonRule = (runtime, source) => ({
  id: `${runtime}/idle-gpus`,
  runtime,
  since: null,
  until: null,
  severity: 'warning',
  stage: 'startup',
  why: 'GPUs that no rank runs on are paid for all the same',
  source,
  reads: ['tensor', 'pipeline', 'context', 'data'],
  check: ({ world, strategy }) => {
    const used = gpusUsed(strategy);
    return used >= world
      ? legal
      : illegal(
          ['data'],
          `${world - used} of ${world} GPUs stay idle`,
          used,
          `sizes whose product is ${world}`,
        );
  },
});

/** Sequences of an iteration divide over replicas and micro-batches. */
export const batchRule: CommonRule = (runtime, source) => ({
  id: `${runtime}/batch-divisible`,
  runtime,
  since: null,
  until: null,
  severity: 'error',
  stage: 'startup',
  why: 'every replica runs the same number of micro-batches',
  source,
  reads: ['microBatchSize', 'data'],
  check: ({ training, strategy }) => {
    const step = strategy.microBatchSize * strategy.data;
    if (training.globalBatchSize % step === 0) return legal;
    const below = Math.floor(training.globalBatchSize / step) * step;
    return illegal(
      ['microBatchSize', 'data'],
      `global batch of ${training.globalBatchSize} does not divide into micro_batch_size × data = ${step}`,
      training.globalBatchSize,
      below > 0 ? `a multiple of ${step}, as ${below} or ${below + step}` : `a multiple of ${step}`,
    );
  },
});

/** Harmful: collectives of every layer over the slow network. */
export const tensorWithinNodeRule: CommonRule = (runtime, source) => ({
  id: `${runtime}/tensor-within-node`,
  runtime,
  since: null,
  until: null,
  severity: 'warning',
  stage: 'startup',
  why: 'tensor-parallel collectives are on the critical path of every layer',
  source,
  reads: ['tensor'],
  check: ({ perNode, strategy }) =>
    strategy.tensor <= perNode && perNode % strategy.tensor === 0
      ? legal
      : illegal(
          ['tensor'],
          `tensor groups of ${strategy.tensor} leave nodes of ${perNode} GPUs`,
          strategy.tensor,
          `a divisor of ${perNode}`,
        ),
});

/** Harmful: stages wait for each other. */
export const fewMicroBatchesRule: CommonRule = (runtime, source) => ({
  id: `${runtime}/few-micro-batches`,
  runtime,
  since: null,
  until: null,
  severity: 'warning',
  stage: 'first step',
  why: 'with fewer micro-batches than stages some stage is idle at any time',
  source,
  reads: ['pipeline', 'microBatchSize', 'data'],
  check: ({ training, strategy }) => {
    const count = microBatches(strategy, training.globalBatchSize);
    return count >= strategy.pipeline
      ? legal
      : illegal(
          ['pipeline', 'microBatchSize', 'data'],
          `${count} micro-batches on ${strategy.pipeline} pipeline stages`,
          count,
          `at least ${strategy.pipeline}`,
        );
  },
});

/** Every decoder layer is on one stage, once. A given partition has the shape [pipeline][virtualStages]. */
export const partitionShapeRule: CommonRule = (runtime, source) => ({
  id: `${runtime}/partition-shape`,
  runtime,
  since: null,
  until: null,
  severity: 'error',
  stage: 'model build',
  why: 'each decoder layer stands on exactly one virtual stage',
  source,
  reads: ['pipeline', 'virtualStages'],
  check: ({ model, strategy, partition }) => {
    if (partition === null) return legal;
    const chunks = partition.flat();
    const shaped =
      partition.length === strategy.pipeline &&
      partition.every((stage) => stage.length === strategy.virtualStages) &&
      chunks.every((layers) => Number.isSafeInteger(layers) && layers >= 0);
    const total = chunks.reduce((sum, layers) => sum + layers, 0);
    if (shaped && total === model.layers.length) return legal;
    return illegal(
      ['pipeline', 'virtualStages'],
      shaped
        ? `the partition holds ${total} layers, the model has ${model.layers.length}`
        : 'the partition has another shape than stages × virtual stages',
      shaped ? total : JSON.stringify(partition),
      shaped ? String(model.layers.length) : `${strategy.pipeline} stages of ${strategy.virtualStages}`,
    );
  },
});
