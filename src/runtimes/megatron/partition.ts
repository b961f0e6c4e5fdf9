import type { Partition } from '../../strategy/strategy.ts';

/** Every virtual stage holds the same number of layers. */
export const isEven = (partition: Partition): boolean => new Set(partition.flat()).size <= 1;

/** Layers of the first and of the last stage where those two alone may differ (flags decoder-first and -last). */
export interface FirstLast {
  readonly first: number;
  readonly last: number;
}

/**
 * The partition as `--decoder-first/last-pipeline-num-layers` states it, or null where those flags cannot.
 *
 * Within a stage the virtual stages are equal, as Megatron divides each stage by their number
 * (megatron/core/transformer/transformer_config.py:2294-2368), and the middle stages equal each other.
 */
export const uniformUneven = (partition: Partition, virtualStages: number): FirstLast | null => {
  const totals = partition.map((stage) => stage.reduce((sum, layers) => sum + layers, 0));
  const first = totals[0];
  const last = totals.at(-1);
  if (partition.length < 2 || first === undefined || last === undefined) return null;
  if (partition.some((stage) => new Set(stage).size !== 1 || stage.length !== virtualStages)) return null;
  if (totals.some((total) => total === 0)) return null;
  return new Set(totals.slice(1, -1)).size <= 1 ? { first, last } : null;
};
