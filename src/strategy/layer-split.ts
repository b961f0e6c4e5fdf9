import { chunkOrder } from './partition.ts';
import type { Partition, Schedule } from './strategy.ts';

const filled = <T>(length: number, value: T): T[] => Array.from({ length }, () => value);

/** The same number of layers in every chunk; null where the chunks do not divide the layers. */
export const evenPartition = (layers: number, pipeline: number, virtualStages: number): Partition | null => {
  const perChunk = layers / (pipeline * virtualStages);
  return Number.isInteger(perChunk) ? filled(pipeline, filled(virtualStages, perChunk)) : null;
};

/**
 * Chunks that differ by at most one layer, for layer counts that the chunks do not divide. Lighter by one layer are
 * first the last chunk, then the first (head and embedding stand there), then those before the last.
 */
export const nearEvenPartition = (
  layers: number,
  pipeline: number,
  virtualStages: number,
  schedule: Schedule,
): Partition => {
  const order = chunkOrder(pipeline, virtualStages, schedule);
  const last = order.length - 1;
  const least = Math.floor(layers / order.length);
  const lighter = order.length - (layers % order.length);
  const isLighter = (chunk: number): boolean =>
    chunk === last || (chunk === 0 ? lighter > 1 : chunk >= order.length + 1 - lighter);
  const partition = Array.from({ length: pipeline }, () => filled(virtualStages, least));
  for (const [chunk, { stage, virtualStage }] of order.entries()) {
    const row = partition[stage];
    if (row !== undefined && !isLighter(chunk)) row[virtualStage] = least + 1;
  }
  return partition;
};
