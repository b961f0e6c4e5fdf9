/** The interface between operator costs, schedules and memory: what one pipeline stage does with one micro-batch. */
import type { Seconds } from '../units.ts';
import type { Schedule } from '../strategy/strategy.ts';

/** Passes of one micro-batch through one model chunk, exposed communication of the stage included. */
export interface ChunkTime {
  readonly forward: Seconds;
  /** Whole backward pass: input gradient, weight gradient, recomputation. */
  readonly backward: Seconds;
  /** The part of backward that computes weight gradients (for zero-bubble schedules). */
  readonly weightGradient: Seconds;
}

export interface PipelineInput {
  readonly schedule: Schedule;
  readonly stages: number;
  readonly virtualStages: number;
  readonly microBatches: number;
  /** Micro-batches per virtual stage before switching. */
  readonly microBatchGroup: number;
  /** chunk[stage][virtual stage]. */
  readonly chunks: readonly (readonly ChunkTime[])[];
  /** One-way transfer time between stage i and i+1; the last entry is from the last stage to the first (interleaved). */
  readonly links: readonly Seconds[];
  /** Sends block the compute stream. */
  readonly blocking: boolean;
}

export interface PipelineTime {
  /** From the first forward to the last backward. */
  readonly makespan: Seconds;
  /** Work of the slowest stage: Σ over its chunks of (forward + backward) × micro-batches. */
  readonly busy: Seconds;
}
