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
  /** The same over a frame: in every partition full recomputation or a largest set of modules takes no more than any other. */
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

const fullFirst = (a: Recompute, b: Recompute): number =>
  Number(b.kind === 'full') - Number(a.kind === 'full');

/**
 * Of the recomputations of a frame those of which one keeps least, likeliest first: full, and the sets of modules that are
 * part of no other. Without full recomputation all of them.
 */
export const mostFrugal = (recomputes: readonly Recompute[]): readonly Recompute[] => {
  if (!recomputes.some(({ kind }) => kind === 'full')) return recomputes;
  return recomputes
    .filter((recompute) => {
      const modules = modulesOf(recompute);
      if (modules === null) return recompute.kind === 'full';
      return !recomputes.some((other) => {
        const larger = modulesOf(other);
        return larger !== null && larger.length > modules.length && isPart(modules, larger);
      });
    })
    .sort(fullFirst);
};

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
  return {
    layoutMayFit,
    recomputeMayFit,
    layoutShortage,
    frameMayFit: (frame) =>
      mostFrugal(frame.recomputes).some((recompute) => layoutMayFit({ ...frame.strategy, recompute })),
    frameShortage: (frame) =>
      Math.min(
        ...mostFrugal(frame.recomputes).map((recompute) => layoutShortage({ ...frame.strategy, recompute })),
      ),
  };
};
