import type { Strategy } from '../strategy/strategy.ts';
import { createCombiner } from './combinations.ts';
import { smallerFirst } from './dominance.ts';
import type { PartitionChoice, Partitioner } from './partition-choice.ts';
import type { Frame, Space } from './space.ts';

export interface MemoryFloor {
  /**
   * The least shortage of memory over the switches of a layout; its most frugal ones are tried, until one has a shortage
   * of at most `enough`.
   */
  readonly layout: (layout: Strategy, enough?: number) => number;
  /**
   * The same over a frame: full recomputation keeps least, but where a stage holds a single layer none keeps less.
   * −Infinity (may fit) where the frame cannot recompute in full.
   */
  readonly frame: (frame: Frame, enough: number) => number;
}

/** `missed` hears of every strategy that does not fit. */
export const createMemoryFloor = (
  space: Space,
  partition: Partitioner,
  missed: (strategy: Strategy, choice: PartitionChoice) => void,
): MemoryFloor => {
  const smaller = createCombiner(smallerFirst);
  const layout = (of: Strategy, enough = -Infinity): number => {
    let least = Infinity;
    for (const flags of smaller(space.flagChoices(of))) {
      const strategy = { ...of, ...flags };
      const choice = partition(strategy);
      if (choice === null) continue;
      if (choice.shortage > 0) missed(strategy, choice);
      least = Math.min(least, choice.shortage);
      if (least <= enough) return least;
    }
    return least;
  };
  return {
    layout,
    frame: ({ strategy, recomputes }, enough) => {
      const full = recomputes.find(({ kind }) => kind === 'full');
      if (full === undefined) return -Infinity;
      const least = layout({ ...strategy, recompute: full }, enough);
      const none = recomputes.find(({ kind }) => kind === 'none');
      if (least <= enough || none === undefined) return least;
      return Math.min(least, layout({ ...strategy, recompute: none }, enough));
    },
  };
};
