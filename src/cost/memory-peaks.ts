/**
 * Peaks of memory remembered for the strategies that are asked about next: what hides behind what changes no byte, and a
 * search asks for all switches of a layout in turn.
 */
import type { Partition, Recompute, Strategy } from '../strategy/strategy.ts';
import type { Bytes } from '../units.ts';

/** The largest bound on device memory over stages, and the largest excess over capacity. */
export interface MemoryPeak {
  readonly bound: Bytes;
  readonly excess: Bytes;
}

export type PeakOf = (strategy: Strategy, partition: Partition) => MemoryPeak;

interface Entry {
  readonly strategy: Strategy;
  readonly partition: Partition;
  readonly peak: MemoryPeak;
}

/** The switches of a layout lead to about so many different peaks in turn. */
const REMEMBERED = 16;

/** Modules are lists of the space that layouts share: those of another list count as others. */
const sameRecompute = (a: Recompute, b: Recompute): boolean => {
  if (a === b) return true;
  if (a.kind === 'selective') return b.kind === 'selective' && a.modules === b.modules;
  if (a.kind === 'full-block' || a.kind === 'full-uniform') return a.kind === b.kind && a.layers === b.layers;
  return a.kind === b.kind;
};

/**
 * Same bytes on every stage of one partition, whose shape says how many stages there are: all keys but what overlaps, and
 * the order of ranks where nodes are equal.
 */
const sameBytes = (a: Strategy, b: Strategy, equalNodes: boolean): boolean =>
  a.sharding === b.sharding &&
  a.offload === b.offload &&
  a.dispatcher === b.dispatcher &&
  a.contextCommunication === b.contextCommunication &&
  a.sequenceParallel === b.sequenceParallel &&
  a.microBatchSize === b.microBatchSize &&
  a.microBatchGroup === b.microBatchGroup &&
  sameRecompute(a.recompute, b.recompute) &&
  a.tensor === b.tensor &&
  a.context === b.context &&
  a.data === b.data &&
  a.expert === b.expert &&
  a.expertTensor === b.expertTensor &&
  a.shardingGroup === b.shardingGroup &&
  a.schedule === b.schedule &&
  a.vocabulary === b.vocabulary &&
  (equalNodes || a.rankOrder === b.rankOrder);

/** `compute`, or what it said of the same bytes a few calls before. Strategies and partitions never change. */
export const rememberPeaks = (compute: PeakOf, equalNodes: boolean): PeakOf => {
  const entries: Entry[] = [];
  let oldest = 0;
  return (strategy, partition) => {
    for (const entry of entries)
      if (entry.partition === partition && sameBytes(entry.strategy, strategy, equalNodes)) return entry.peak;
    const peak = compute(strategy, partition);
    entries[oldest] = { strategy, partition, peak };
    oldest = (oldest + 1) % REMEMBERED;
    return peak;
  };
};
