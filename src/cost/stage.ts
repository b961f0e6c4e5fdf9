/** The interface between operator costs, schedules and memory: what one pipeline stage does with one micro-batch. */
import type { Seconds } from '../units.ts';
import type { Schedule, VocabularyPlacement } from '../strategy/strategy.ts';

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
  /** Default `last`. `last` and `redistributed` put the vocabulary's time into the chunks of the stages that hold it. */
  readonly vocabulary?: VocabularyPlacement;
  /** vocab-1, vocab-2, interlaced: all passes of one micro-batch through the stage's shard of the vocabulary. */
  readonly vocabularyPasses?: readonly Seconds[];
  readonly stages: number;
  readonly virtualStages: number;
  readonly microBatches: number;
  /** Micro-batches per virtual stage before switching. */
  readonly microBatchGroup: number;
  /** chunk[stage][virtual stage]. */
  readonly chunks: readonly (readonly ChunkTime[])[];
  /** One-way transfer time between stage i and i+1; the last entry is from the last stage to the first (interleaved). */
  readonly links: readonly Seconds[];
  /** Where both directions of the links were measured: towards the last layer and back, of which `links` are the means. */
  readonly directed?: { readonly down: readonly Seconds[]; readonly up: readonly Seconds[] };
  /** Sends block the compute stream. */
  readonly blocking: boolean;
}

export interface PipelineTime {
  /**
   * From the first forward to the last backward. Zero-bubble and V-shaped schedules: longest time between first and
   * last pass of one stage, because their optimizer step does not wait for the other stages.
   */
  readonly makespan: Seconds;
  /** Work of the slowest stage: Σ over its chunks of (forward + backward) × micro-batches. */
  readonly busy: Seconds;
  /** The part of makespan that would vanish with links of zero transfer time; the rest of makespan − busy is bubble. */
  readonly transfer: Seconds;
}

/** When a pipeline ends, seconds from its start. */
export interface PipelineCourse {
  readonly makespan: number;
  /** The last pass of each stage. */
  readonly ends: readonly number[];
}
