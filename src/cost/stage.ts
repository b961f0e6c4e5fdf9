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

/** By place: [stage · virtual stages + chunk]. Only the first entries count where an array is longer. */
export interface PassTimes {
  readonly forward: Float64Array;
  readonly backward: Float64Array;
}

/** A pipeline of which many are asked about: passes in two arrays instead of a record for each chunk. */
export type FlatInput = Omit<PipelineInput, 'chunks'> & { readonly passes: PassTimes };

/** What schedules of forward and backward passes are simulated from. */
export type CourseInput = PipelineInput | FlatInput;

/** The passes of a pipeline, flat. Throws RangeError where a chunk is missing. */
export const passesOf = (input: CourseInput): PassTimes => {
  if ('passes' in input) return input.passes;
  const { stages, virtualStages, chunks } = input;
  const count = stages * virtualStages;
  const passes = { forward: new Float64Array(count), backward: new Float64Array(count) };
  for (let stage = 0; stage < stages; stage += 1)
    for (let chunk = 0; chunk < virtualStages; chunk += 1) {
      const times = chunks[stage]?.[chunk];
      if (times === undefined) throw new RangeError(`stage ${stage} has no chunk ${chunk}`);
      passes.forward[stage * virtualStages + chunk] = times.forward;
      passes.backward[stage * virtualStages + chunk] = times.backward;
    }
  return passes;
};

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

/** The course whose stages end at `count` entries of `ends` from `first` on. */
export const courseOfEnds = (ends: Float64Array, first: number, count: number): PipelineCourse => {
  const own: number[] = [];
  let makespan = 0;
  for (let index = first; index < first + count; index += 1) {
    const end = ends[index] ?? 0;
    own.push(end);
    if (end > makespan) makespan = end;
  }
  return { makespan, ends: own };
};
