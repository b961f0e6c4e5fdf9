import { evenPartition } from '../strategy/layer-split.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';

/** Units per stage up to which all sizes of the ends are tried; beyond, ends of at most one unit more than a middle stage. */
const FREE_ENDS = 128;

/**
 * Partitions that runtimes without a free layout can state: equal chunks, or a first and a last stage that differ from
 * equal middle ones.
 */
export const simplePartitions = (layers: number, { pipeline, virtualStages }: Strategy): Partition[] => {
  const even = evenPartition(layers, pipeline, virtualStages);
  const found: Partition[] = even === null ? [] : [even];
  const units = layers / virtualStages;
  if (pipeline < 3 || !Number.isInteger(units)) return found;
  for (let middle = 1; middle * (pipeline - 2) < units; middle += 1) {
    const ends = units - middle * (pipeline - 2);
    const most = units <= FREE_ENDS ? Infinity : middle + 1;
    for (let first = Math.max(1, ends - most); first < ends && first <= most; first += 1)
      found.push(
        Array.from({ length: pipeline }, (_, stage) => {
          const count = stage === 0 ? first : stage === pipeline - 1 ? ends - first : middle;
          return Array.from({ length: virtualStages }, () => count);
        }),
      );
  }
  return found;
};
