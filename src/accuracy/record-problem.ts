/**
 * A record of a measured run → the problem, strategy and partition that ran, and which memory figure its source
 * prints. Everything that is not printed is filled in by a stated rule (`record/*.ts`), which reads the
 * configuration alone; what was filled in is listed in `assumptions`.
 */
import type { RunConfiguration } from '../ingest/measured-configuration.ts';
import { PLAN_AS_GIVEN } from '../plan/plain.ts';
import type { Problem, Training } from '../plan/problem.ts';
import type { Partition, Recompute, Strategy } from '../strategy/strategy.ts';
import { clusterOf } from './record/cluster.ts';
import { attentionKernelOf, conditionsOf } from './record/conditions.ts';
import { dispatcherOf } from './record/experts.ts';
import { flagsOf } from './record/flags.ts';
import { unpredictable } from './record/gpu-name.ts';
import { layoutOf } from './record/layout.ts';
import type { Layout } from './record/layout.ts';
import { memoryView } from './record/memory-view.ts';
import type { MemoryView } from './record/memory-view.ts';
import { modelOf } from './record/model.ts';
import type { RecordedResult } from './record/model.ts';
import {
  layoutPartition,
  nanotronPartition,
  recipePartition,
  redistributedPartition,
  usualPartition,
} from './record/partition.ts';
import { precisionOf, supportedPrecision } from './record/precision.ts';
import { recomputeHabit, recomputeOf } from './record/recompute.ts';
import { scheduleOf } from './record/schedule.ts';
import { optimizerOf, shardingOf } from './record/sharding.ts';
import { runtimeVersion, softwareOf } from './record/software.ts';
import type { Software } from './record/software.ts';
import { virtualStagesOf } from './record/virtual-stages.ts';

export interface RecordedProblem {
  readonly problem: Problem;
  readonly strategy: Strategy;
  readonly partition: Partition;
  /** Partitions that the record leaves open: the bound on memory holds for them, too. */
  readonly otherPartitions: readonly Partition[];
  readonly software: Software;
  readonly memory: MemoryView;
  /** Recomputations to try where none is printed, lightest first; the first that fits is meant. Empty: it is printed. */
  readonly recomputeChoices: readonly Recompute[];
  /** Stock 1F1B or interleaved schedule, or none stated. */
  readonly stockSchedule: boolean;
  /** What the source does not print and a rule filled in, one sentence each. */
  readonly assumptions: readonly string[];
}

/** Nanotron was started with eight times as many stages as layers (and crashed); beyond this the record is wrong. */
const MAX_CHUNKS_PER_LAYER = 8;

/** NVIDIA's recipe tables are Megatron-Bridge's from then on. */
const BRIDGE_FROM = '2025-09';

const CLASSIC = ['megatron-classic', 'megatron-deepspeed'];

const partitionOf = (
  configuration: RunConfiguration,
  software: Software,
  model: Problem['model'],
  layout: Layout,
  virtualStages: number,
  redistributed: number | null,
): Partition => {
  const { pipelineLayout } = configuration.training;
  const printed =
    pipelineLayout === null ? null : layoutPartition(pipelineLayout, model.layers.length, layout.pipeline);
  if (printed !== null && printed[0]?.length === virtualStages) return printed;
  if (software.profile === 'nanotron' && virtualStages === 1 && layout.pipeline > 1) {
    const ffn = model.kinds.find((kind) => kind.feedForward.kind === 'dense')?.feedForward;
    if (ffn?.kind === 'dense') return nanotronPartition(model, ffn.width, layout.pipeline);
  }
  if (redistributed !== null && virtualStages === 1)
    return redistributedPartition(model, redistributed, layout.pipeline);
  const recipe =
    software.recipe && (software.date ?? '') >= BRIDGE_FROM
      ? recipePartition(model, layout.pipeline, virtualStages)
      : null;
  return recipe ?? usualPartition(model, layout.pipeline, virtualStages);
};

/**
 * Where neither record nor software tells the partition: balanced by cost, as Nanotron's cut and DeepSpeed's by
 * parameters do, which leaves the first stages more layers than equal counts.
 */
const otherPartitionsOf = (
  configuration: RunConfiguration,
  software: Software,
  model: Problem['model'],
  chosen: Partition,
): readonly Partition[] => {
  const ffn = model.kinds.find((kind) => kind.feedForward.kind === 'dense')?.feedForward;
  const open = software.boundedBy.length > 0 && configuration.training.pipelineLayout === null;
  if (!open || chosen.length === 1 || chosen[0]?.length !== 1 || ffn?.kind !== 'dense') return [];
  const other = nanotronPartition(model, ffn.width, chosen.length);
  return JSON.stringify(other) === JSON.stringify(chosen) ? [] : [other];
};

/** `software`: what to predict it as; by default what the record names, or the nearest known. */
export const recordProblem = (
  configuration: RunConfiguration,
  software: Software = softwareOf(configuration),
): RecordedResult<RecordedProblem> => {
  const assumptions: string[] = [];
  if (software.assumption !== null) assumptions.push(software.assumption);
  const foreign = unpredictable(configuration.cluster.gpu);
  if (foreign !== null) return { ok: false, reason: foreign };
  const sequence = configuration.training.sequence ?? configuration.model.sequence;
  if (sequence === null) return { ok: false, reason: 'sequence length is not recorded' };
  const model = modelOf(configuration, sequence, assumptions);
  if (!model.ok) return model;
  const axes = layoutOf(configuration, software, assumptions);
  if (!axes.ok) return axes;
  const layout = axes.value;
  const cluster = clusterOf(configuration.cluster, layout.world, assumptions);
  const group = cluster.groups[0];
  if (group === undefined) return { ok: false, reason: 'no GPUs' };
  const { architecture } = group.accelerator;
  const recompute = recomputeOf(configuration.training.recompute);
  const conditions = conditionsOf(configuration, software, recompute, layout.world);
  if (conditions.startsWhole === true)
    assumptions.push('parameters are made whole on every GPU before they are sharded');
  const wanted = precisionOf(
    configuration.training.precision,
    architecture,
    CLASSIC.includes(software.profile),
  );
  const precision = supportedPrecision(wanted, group.accelerator.peak);
  if (precision !== wanted) assumptions.push(`${group.accelerator.name} has no ${wanted}: ${precision}`);
  const { task } = configuration.training;
  if (task !== null && !/pre-?train/i.test(task))
    assumptions.push(`task ${task.slice(0, 40)} is predicted as pre-training`);
  const training: Training = {
    runtime: { name: software.runtime, version: runtimeVersion(software) },
    sequenceLength: sequence,
    globalBatchSize: layout.globalBatch,
    precision,
    attentionKernel: attentionKernelOf(conditions.attention ?? null, software, architecture),
    optimizer: optimizerOf(configuration, software, precision),
    routing: { kind: 'balanced' },
    tokens: null,
    conditions,
  };
  const virtualStages = virtualStagesOf(
    configuration,
    software,
    layout,
    model.value.layers.length,
    assumptions,
  );
  const schedule = scheduleOf(configuration.parallel.schedule, virtualStages);
  if (schedule.assumption !== null) assumptions.push(schedule.assumption);
  const chunks = schedule.virtualStages ?? virtualStages;
  if (layout.pipeline * chunks > MAX_CHUNKS_PER_LAYER * (model.value.layers.length + 2))
    return {
      ok: false,
      reason: `${layout.pipeline} × ${chunks} chunks for ${model.value.layers.length} layers`,
    };
  const choices = recompute.recompute === null ? recomputeHabit(configuration, software) : [];
  if (choices.length > 0)
    assumptions.push('recomputation not printed: the least that fits by habit of the source');
  const states = shardingOf(configuration, software, layout.data * layout.context, group.perNode);
  const strategy: Strategy = {
    tensor: layout.tensor,
    pipeline: layout.pipeline,
    virtualStages: chunks,
    context: layout.context,
    data: layout.data,
    expert: layout.expert,
    expertTensor: layout.expertTensor,
    microBatchSize: layout.microBatchSize,
    microBatchGroup: layout.pipeline,
    schedule: schedule.schedule,
    vocabulary: schedule.vocabulary,
    recompute: recompute.recompute ?? choices[0] ?? { kind: 'none' },
    sharding: states.sharding,
    shardingGroup: states.group,
    dispatcher: dispatcherOf(configuration, software),
    ...flagsOf(configuration, software, states.sharding),
    rankOrder: 'tp-cp-ep-dp-pp',
    offload: conditions.optimizerOffload === 1 ? 'optimizer' : 'none',
  };
  const partition = partitionOf(
    configuration,
    software,
    model.value,
    layout,
    chunks,
    schedule.vocabulary === 'redistributed' ? sequence : null,
  );
  return {
    ok: true,
    value: {
      problem: { cluster, model: model.value, training, search: PLAN_AS_GIVEN },
      strategy,
      partition,
      otherPartitions: otherPartitionsOf(configuration, software, model.value, partition),
      software,
      memory: memoryView(configuration.title, configuration.training.framework, software),
      recomputeChoices: choices,
      stockSchedule: schedule.stock,
      assumptions,
    },
  };
};
