/** Peak memory of every pipeline stage, by category, at the moment of its peak. */
import type { StageMemory } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import { memoryBehaviour } from '../runtimes/memory-behaviour.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import { microBatches } from '../strategy/strategy.ts';
import type { Bytes } from '../units.ts';
import { bytes } from '../units.ts';
import { smallestAccelerator } from './memory-capacity.ts';
import { hullBehaviour, problemsOf, withHull } from './memory-hull.ts';
import { firstLayers, kindPrefixes } from './memory-layers.ts';
import { rememberPeaks } from './memory-peaks.ts';
import type { PeakOf } from './memory-peaks.ts';
import type { StageBytes } from './memory-stage.ts';
import { createStageMemory, emptyStage } from './memory-stage.ts';
import type { ScheduleShape } from './schedule-order.ts';

export interface MemoryModel {
  /** One stage by category, with its expected and bounding figures and its capacity. */
  readonly stage: (strategy: Strategy, partition: Partition, stage: number) => StageMemory;
  readonly stages: (strategy: Strategy, partition: Partition) => readonly StageMemory[];
  /** The largest bound on device memory over stages, and the largest excess over capacity, in one pass. */
  readonly peak: PeakOf;
  /** Largest of bound − capacity over stages: at most 0 when the plan fits. */
  readonly excess: (strategy: Strategy, partition: Partition) => Bytes;
  /** Bound − capacity of one stage. */
  readonly stageExcess: (strategy: Strategy, partition: Partition, stage: number) => Bytes;
  /** No more than that of a stage which holds so many layers of each kind, wherever they stand. */
  readonly leastExcess: (strategy: Strategy, counts: readonly number[], stage: number) => Bytes;
}

export type MemoryKind = 'allocated' | 'reserved' | 'device';

/** The expected figure of the kind that a source reports. */
export const memoryFigure = (memory: StageMemory, kind: MemoryKind): Bytes =>
  kind === 'allocated' ? memory.total : kind === 'reserved' ? memory.reserved : memory.device;

/** Reserved over its expectation: fragmentation differs from run to run (1.02 to 1.11 times the allocated figure). */
const RESERVED_MARGIN = 1.06;

/**
 * The bound in the same kind. What stands outside the allocator is part of the device's figure alone; what the
 * allocator reserves beyond need can be given back, so that it does not count for what must fit, but shows in the
 * figures of what is reserved and of what the device has in use. `margin`: of the software on what its allocator has
 * handed out, where that is less than it reserves beyond need.
 */
export const memoryBoundFigure = (memory: StageMemory, kind: MemoryKind, margin = Infinity): Bytes => {
  const outside = memory.device - memory.reserved;
  const allocated = memory.bound - outside;
  if (kind === 'allocated') return bytes(Math.min(allocated, memory.total * margin));
  const reserved = Math.max(allocated, memory.reserved * RESERVED_MARGIN);
  return bytes(kind === 'reserved' ? reserved : reserved + outside);
};

const scheduleShape = (problem: Problem, strategy: Strategy): ScheduleShape => ({
  schedule: strategy.schedule,
  stages: strategy.pipeline,
  virtualStages: strategy.virtualStages,
  microBatches: Math.max(1, microBatches(strategy, problem.training.globalBatchSize)),
  microBatchGroup: strategy.microBatchGroup,
});

/**
 * Memory of a problem's strategies. `reserve` of the SPEC is taken from the capacity: what planner never plans.
 * Throws RangeError for a partition that does not hold the model's layers.
 */
export const createMemoryModel = (problem: Problem): MemoryModel => {
  const { cluster, model, training } = problem;
  const prefixes = kindPrefixes(model);
  const computeByArchitecture = new Map<string, ReturnType<typeof createStageMemory>>();
  const compute = (strategy: Strategy, stage: number): ReturnType<typeof createStageMemory> => {
    const accelerator = smallestAccelerator(cluster, strategy, stage);
    let known = computeByArchitecture.get(accelerator.name);
    if (known === undefined) {
      const own = memoryBehaviour(training, accelerator.architecture);
      known = createStageMemory(problem, own, accelerator, prefixes);
      const others = problemsOf(problem, training.conditions?.boundedBy ?? []).map((other) =>
        createStageMemory(
          other,
          hullBehaviour(other.training, accelerator.architecture),
          accelerator,
          prefixes,
        ),
      );
      if (others.length > 0) known = withHull(known, others);
      computeByArchitecture.set(accelerator.name, known);
    }
    return known;
  };
  let first = new Int32Array(64);
  const scratch = emptyStage();
  const place = (strategy: Strategy, shape: ScheduleShape, partition: Partition): void => {
    const positions = strategy.pipeline * strategy.virtualStages;
    if (first.length <= positions) first = new Int32Array(2 * positions + 1);
    firstLayers(strategy, shape, partition, first);
    if (first[positions] !== model.layers.length)
      throw new RangeError(`partition holds ${first[positions] ?? 0} of ${model.layers.length} layers`);
  };
  const capacity = (strategy: Strategy, stage: number): number =>
    smallestAccelerator(cluster, strategy, stage).memory * (1 - problem.search.memoryReserve);
  const result = (of: StageBytes, strategy: Strategy, stage: number): StageMemory => ({
    stage,
    parameters: bytes(of.parameters),
    gradients: bytes(of.gradients),
    optimizerStates: bytes(of.optimizerStates),
    activations: bytes(of.activations),
    logits: bytes(of.logits),
    communicationBuffers: bytes(of.communicationBuffers),
    workspace: bytes(of.workspace),
    total: bytes(of.total),
    reserved: bytes(of.reserved),
    device: bytes(of.device),
    bound: bytes(of.bound),
    capacity: bytes(capacity(strategy, stage)),
  });
  const stage = (strategy: Strategy, partition: Partition, index: number): StageMemory => {
    const shape = scheduleShape(problem, strategy);
    place(strategy, shape, partition);
    compute(strategy, index).placed(strategy, shape, first, index, scratch);
    return result(scratch, strategy, index);
  };
  const peak = rememberPeaks((strategy, partition) => {
    const shape = scheduleShape(problem, strategy);
    place(strategy, shape, partition);
    let [bound, excess] = [0, -Infinity];
    for (let index = 0; index < strategy.pipeline; index += 1) {
      compute(strategy, index).placed(strategy, shape, first, index, scratch);
      bound = Math.max(bound, scratch.bound);
      excess = Math.max(excess, scratch.bound - capacity(strategy, index));
    }
    return { bound: bytes(bound), excess: bytes(excess) };
  }, cluster.groups.length === 1);
  return {
    stage,
    stages: (strategy, partition) =>
      Array.from({ length: strategy.pipeline }, (_, index) => stage(strategy, partition, index)),
    peak,
    excess: (strategy, partition) => peak(strategy, partition).excess,
    stageExcess: (strategy, partition, index) => {
      const shape = scheduleShape(problem, strategy);
      place(strategy, shape, partition);
      compute(strategy, index).placed(strategy, shape, first, index, scratch);
      return bytes(scratch.bound - capacity(strategy, index));
    },
    leastExcess: (strategy, counts, index) => {
      compute(strategy, index).counted(strategy, scheduleShape(problem, strategy), counts, index, scratch);
      return bytes(scratch.bound - capacity(strategy, index));
    },
  };
};
