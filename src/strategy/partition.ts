import type { Schedule } from './strategy.ts';

/** A model chunk: virtual stage `virtualStage` of pipeline stage `stage`. */
export interface ChunkPlace {
  readonly stage: number;
  readonly virtualStage: number;
}

/** Schedules whose second chunk runs back from the last stage to the first, so that both ends of the model meet on stage 0. */
export const isVShaped = (schedule: Schedule): boolean =>
  schedule === 'zb-v' || schedule === 'v-half' || schedule === 'dualpipe-v';

/**
 * Chunks in the order of the layers they hold: all stages of virtual stage 0, then of 1, …; in V-shaped schedules
 * every second virtual stage runs backwards.
 *
 * Source: NVIDIA/Megatron-LM @ d98e8a64 megatron/core/transformer/transformer_layer.py, get_transformer_layer_offset;
 * Qi et al., Pipeline Parallelism with Controllable Memory (arXiv 2405.15362), figure 4 (V shape).
 */
export const chunkOrder = (
  pipeline: number,
  virtualStages: number,
  schedule: Schedule,
): readonly ChunkPlace[] =>
  Array.from({ length: pipeline * virtualStages }, (_, chunk) => {
    const virtualStage = Math.floor(chunk / pipeline);
    const index = chunk % pipeline;
    const backwards = isVShaped(schedule) && virtualStage % 2 === 1;
    return { stage: backwards ? pipeline - 1 - index : index, virtualStage };
  });

/**
 * The stages that hold the first and the last layer: embedding and head stand there. A V of an even number of virtual
 * stages ends where it began.
 */
export const modelEnds = (
  pipeline: number,
  virtualStages: number,
  schedule: Schedule,
): { readonly first: number; readonly last: number } => ({
  first: 0,
  last: virtualStages % 2 === 0 && isVShaped(schedule) ? 0 : pipeline - 1,
});
