import type { Partition, Schedule } from './strategy.ts';

/** A model chunk: virtual stage `virtualStage` of pipeline stage `stage`. */
export interface ChunkPlace {
  readonly stage: number;
  readonly virtualStage: number;
}

/** Decoder layers first … end − 1, counted from 0. */
export interface LayerRange {
  readonly first: number;
  readonly end: number;
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

/** The stages that hold the first and the last layer: embedding and head stand there. */
export const modelEnds = (
  pipeline: number,
  virtualStages: number,
  schedule: Schedule,
): { readonly first: number; readonly last: number } => {
  const order = chunkOrder(pipeline, virtualStages, schedule);
  return { first: order[0]?.stage ?? 0, last: order[order.length - 1]?.stage ?? 0 };
};

/** Layers of each chunk: ranges[stage][virtual stage]. */
export const layerRanges = (partition: Partition, schedule: Schedule): readonly (readonly LayerRange[])[] => {
  const virtualStages = partition[0]?.length ?? 0;
  const ranges = partition.map((chunks) => chunks.map(() => ({ first: 0, end: 0 })));
  let first = 0;
  for (const { stage, virtualStage } of chunkOrder(partition.length, virtualStages, schedule)) {
    const end = first + (partition[stage]?.[virtualStage] ?? 0);
    const row = ranges[stage];
    if (row !== undefined) row[virtualStage] = { first, end };
    first = end;
  }
  return ranges;
};

/** Why the partition is none of `layers` layers over these stages; null where it is one. */
export const partitionFault = (
  partition: Partition,
  layers: number,
  pipeline: number,
  virtualStages: number,
): string | null => {
  if (partition.length !== pipeline)
    return `${partition.length} stages in the partition, pipeline=${pipeline}`;
  const odd = partition.findIndex((chunks) => chunks.length !== virtualStages);
  if (odd !== -1)
    return `${partition[odd]?.length ?? 0} chunks on stage ${odd}, virtual_stages=${virtualStages}`;
  const counts = partition.flat();
  const wrong = counts.find((count) => !Number.isInteger(count) || count < 0);
  if (wrong !== undefined) return `${wrong} is no number of layers`;
  const sum = counts.reduce((total, count) => total + count, 0);
  return sum === layers ? null : `the partition has ${sum} layers, the model ${layers}`;
};
