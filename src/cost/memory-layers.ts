/** Which decoder layers stand on which stage, and how many of their activations are alive. */
import type { Model } from '../model/model.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import { chunkPosition } from './schedule-order.ts';
import type { ScheduleShape } from './schedule-order.ts';

/** prefix[kind][i]: layers of that kind among the first i. */
export const kindPrefixes = (model: Model): readonly Int32Array[] =>
  model.kinds.map((_, kind) => {
    const prefix = new Int32Array(model.layers.length + 1);
    for (const [index, of] of model.layers.entries())
      prefix[index + 1] = (prefix[index] ?? 0) + (of === kind ? 1 : 0);
    return prefix;
  });

/** Index of the first decoder layer at each position of the model's chunks. */
export const firstLayers = (
  strategy: Strategy,
  shape: ScheduleShape,
  partition: Partition,
  first: Int32Array,
): void => {
  const { pipeline, virtualStages } = strategy;
  for (let stage = 0; stage < pipeline; stage += 1)
    for (let chunk = 0; chunk < virtualStages; chunk += 1)
      first[chunkPosition(shape, stage, chunk) + 1] = partition[stage]?.[chunk] ?? 0;
  first[0] = 0;
  for (let position = 1; position <= pipeline * virtualStages; position += 1)
    first[position] = (first[position] ?? 0) + (first[position - 1] ?? 0);
};

/**
 * Live passes of one chunk when `live` chunk passes of the stage are alive: interleaved warm-up runs G micro-batches
 * of each chunk in turn; V-shaped schedules hold both chunks alike.
 */
export const liveOfChunk = (shape: ScheduleShape, live: number, chunk: number): number => {
  const { virtualStages, microBatchGroup } = shape;
  if (virtualStages === 1) return live;
  if (shape.schedule !== 'interleaved') return live / virtualStages;
  const round = microBatchGroup * virtualStages;
  const whole = Math.floor(live / round);
  const rest = live - whole * round - chunk * microBatchGroup;
  return whole * microBatchGroup + Math.max(0, Math.min(microBatchGroup, rest));
};
