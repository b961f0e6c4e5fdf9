/** In which order a pipeline stage runs its passes. */
import { isVShaped } from '../strategy/partition.ts';
import type { Schedule } from '../strategy/strategy.ts';

export type PassKind = 'forward' | 'backward' | 'weight-gradient';

export interface Pass {
  readonly kind: PassKind;
  /** Model chunk (virtual stage) on this stage. */
  readonly chunk: number;
  readonly microBatch: number;
}

export interface ScheduleShape {
  readonly schedule: Schedule;
  readonly stages: number;
  readonly virtualStages: number;
  readonly microBatches: number;
  /** Micro-batches per virtual stage before switching (interleaved). */
  readonly microBatchGroup: number;
}

/** Schedules that run the weight-gradient part of backward as a pass of its own. */
export const splitsBackward = (schedule: Schedule): boolean =>
  schedule === 'zb-h1' || schedule === 'zb-h2' || isVShaped(schedule);

/** Place of a chunk in the order in which a micro-batch visits all chunks of the model. */
export const chunkPosition = (shape: ScheduleShape, stage: number, chunk: number): number =>
  chunk % 2 === 1 && isVShaped(shape.schedule)
    ? (chunk + 1) * shape.stages - 1 - stage
    : chunk * shape.stages + stage;

/**
 * Forward passes before the first backward pass of a stage.
 * 1F1B: p−1−r. Interleaved: 2(p−1−r) + (v−1)·G chunks (NVIDIA/Megatron-LM @ d98e8a6 megatron/core/pipeline_parallel/schedules.py:955-979).
 * ZB-H1: as 1F1B (Qi et al., Zero Bubble Pipeline Parallelism, section 2).
 */
export const warmupPasses = (shape: ScheduleShape, stage: number): number => {
  const { schedule, stages, virtualStages, microBatches, microBatchGroup } = shape;
  const after = stages - 1 - stage;
  switch (schedule) {
    case 'gpipe':
      return microBatches;
    case '1f1b':
    case 'zb-h1':
      return Math.min(microBatches, after);
    case 'interleaved':
      return Math.min(microBatches * virtualStages, 2 * after + (virtualStages - 1) * microBatchGroup);
    case 'zb-h2':
    case 'zb-v':
    case 'v-half':
    case 'dualpipe-v':
      throw new RangeError(`${schedule} has no fixed order`);
  }
};

/** Micro-batches of one chunk in groups, chunk after chunk: Megatron's schedule table. */
const interleavedTable = (shape: ScheduleShape): { chunk: number; microBatch: number }[] => {
  const table: { chunk: number; microBatch: number }[] = [];
  for (let first = 0; first < shape.microBatches; first += shape.microBatchGroup) {
    const end = Math.min(shape.microBatches, first + shape.microBatchGroup);
    for (let chunk = 0; chunk < shape.virtualStages; chunk += 1)
      for (let microBatch = first; microBatch < end; microBatch += 1) table.push({ chunk, microBatch });
  }
  return table;
};

/**
 * Passes of one stage in the order in which the runtime issues them: forwards of the warm-up, then forward and
 * backward in turn, then the backwards that are left. ZB-H1 puts off weight gradients by as many micro-batches as
 * there are stages before this one, and fills the flush with them.
 */
export const stageOrder = (shape: ScheduleShape, stage: number): Pass[] => {
  const table = interleavedTable(
    shape.schedule === 'interleaved'
      ? shape
      : { ...shape, virtualStages: 1, microBatchGroup: shape.microBatches },
  );
  const warmup = warmupPasses(shape, stage);
  const delay = shape.schedule === 'zb-h1' ? stage : null;
  const order: Pass[] = [];
  const forward = (index: number): void => {
    const at = table[index];
    if (at !== undefined) order.push({ kind: 'forward', ...at });
  };
  let weights = 0;
  const weightGradient = (): void => {
    order.push({ kind: 'weight-gradient', chunk: 0, microBatch: weights });
    weights += 1;
  };
  for (let index = 0; index < warmup; index += 1) forward(index);
  for (const [index, { chunk, microBatch }] of table.entries()) {
    forward(warmup + index);
    order.push({
      kind: 'backward',
      chunk: shape.schedule === 'interleaved' ? shape.virtualStages - 1 - chunk : chunk,
      microBatch,
    });
    if (delay !== null && index >= delay) weightGradient();
  }
  if (delay !== null) while (weights < shape.microBatches) weightGradient();
  return order;
};
