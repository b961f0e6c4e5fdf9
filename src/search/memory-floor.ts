import type { Recompute, RecomputeModule, Strategy } from '../strategy/strategy.ts';
import { createCombiner } from './combinations.ts';
import { smallerFirst } from './dominance.ts';
import type { PartitionChoice, Partitioner } from './partition-choice.ts';
import type { Frame, Space } from './space.ts';

export interface MemoryFloor {
  /**
   * Whether some switches of a layout may fit. Where `no`, none do: the most frugal ones, which take no more than the
   * others in any partition, do not fit in any.
   */
  readonly layoutMayFit: (layout: Strategy) => boolean;
  /** The same for a recomputation of a frame, whose answers on other recomputations of the frame are remembered. */
  readonly recomputeMayFit: (frame: Frame, recompute: Recompute) => boolean;
  /** The same over a frame: in every partition full recomputation or none takes no more than any other kind. */
  readonly frameMayFit: (frame: Frame) => boolean;
  /** The least shortage of memory over the switches of a layout. */
  readonly layoutShortage: (layout: Strategy) => number;
  readonly frameShortage: (frame: Frame) => number;
}

/** Sets of modules of a frame that were asked about. */
interface SelectiveRecord {
  readonly impossible: (readonly RecomputeModule[])[];
  readonly possible: (readonly RecomputeModule[])[];
}

const nothing: readonly RecomputeModule[] = [];

/** Modules that are repeated; null where whole layers are. */
const modulesOf = (recompute: Recompute): readonly RecomputeModule[] | null => {
  if (recompute.kind === 'none') return nothing;
  return recompute.kind === 'selective' ? recompute.modules : null;
};

const isPart = (set: readonly RecomputeModule[], of: readonly RecomputeModule[]): boolean =>
  set.every((module) => of.includes(module));

/** `missed` hears of every strategy that does not fit. */
export const createMemoryFloor = (
  space: Space,
  partitioner: Partitioner,
  missed: (strategy: Strategy, choice: PartitionChoice) => void,
): MemoryFloor => {
  const smaller = createCombiner(smallerFirst);
  const layoutMayFit = (layout: Strategy): boolean => {
    for (const flags of smaller(space.flagChoices(layout))) {
      const strategy = { ...layout, ...flags };
      const choice = partitioner.choose(strategy);
      if (choice === null) continue;
      if (choice.shortage > 0) missed(strategy, choice);
      if (!choice.impossible) return true;
    }
    return false;
  };
  const layoutShortage = (layout: Strategy): number => {
    let least = Infinity;
    for (const flags of smaller(space.flagChoices(layout))) {
      const strategy = { ...layout, ...flags };
      const choice = partitioner.choose(strategy);
      if (choice === null) continue;
      if (choice.shortage > 0) missed(strategy, choice);
      least = Math.min(least, choice.shortage);
    }
    return least;
  };
  const records = new WeakMap<Frame, SelectiveRecord>();
  // Who repeats more modules keeps no more: of a set that does not fit no part fits, so the largest sets are asked first.
  const recomputeMayFit = (frame: Frame, recompute: Recompute): boolean => {
    const modules = modulesOf(recompute);
    if (modules === null) return layoutMayFit({ ...frame.strategy, recompute });
    const record = records.get(frame) ?? { impossible: [], possible: [] };
    records.set(frame, record);
    const ask = (set: readonly RecomputeModule[], of: Recompute): boolean => {
      if (record.possible.includes(set)) return true;
      if (record.impossible.some((larger) => isPart(set, larger))) return false;
      const may = layoutMayFit({ ...frame.strategy, recompute: of });
      (may ? record.possible : record.impossible).push(set);
      return may;
    };
    let largest: { readonly set: readonly RecomputeModule[]; readonly of: Recompute } | null = null;
    for (const other of frame.recomputes) {
      const set = modulesOf(other);
      if (set !== null && isPart(modules, set) && set.length > (largest?.set ?? modules).length)
        largest = { set, of: other };
    }
    return (largest === null || ask(largest.set, largest.of)) && ask(modules, recompute);
  };
  const extremes = ({ recomputes }: Frame) => ({
    full: recomputes.find(({ kind }) => kind === 'full'),
    none: recomputes.find(({ kind }) => kind === 'none'),
  });
  return {
    layoutMayFit,
    recomputeMayFit,
    layoutShortage,
    frameMayFit: (frame) => {
      const { strategy, recomputes } = frame;
      const { full, none } = extremes(frame);
      const asked = full === undefined || none === undefined ? recomputes : [full, none];
      return asked.some((recompute) => layoutMayFit({ ...strategy, recompute }));
    },
    frameShortage: (frame) => {
      const { strategy, recomputes } = frame;
      const { full, none } = extremes(frame);
      const asked = full === undefined || none === undefined ? recomputes : [full, none];
      return Math.min(...asked.map((recompute) => layoutShortage({ ...strategy, recompute })));
    },
  };
};
