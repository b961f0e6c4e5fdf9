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
   * The same over a frame. Full recomputation keeps least, but where a stage holds a single layer none keeps less; other
   * kinds, whose partition may differ, are tried where one of these two missed by its partition alone.
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
  // Whether every choice since it was set was hopeless.
  let hopeless = true;
  const layout = (of: Strategy, enough = -Infinity): number => {
    let least = Infinity;
    for (const flags of smaller(space.flagChoices(of))) {
      const strategy = { ...of, ...flags };
      const choice = partition(strategy);
      if (choice === null) continue;
      if (choice.shortage > 0) missed(strategy, choice);
      hopeless &&= choice.hopeless;
      least = Math.min(least, choice.shortage);
      if (least <= enough) return least;
    }
    return least;
  };
  const frame: MemoryFloor['frame'] = ({ strategy, recomputes }, enough) => {
    const extremes = recomputes.filter(({ kind }) => kind === 'full' || kind === 'none').reverse();
    const others = recomputes.filter((recompute) => !extremes.includes(recompute));
    let least = Infinity;
    hopeless = extremes.some(({ kind }) => kind === 'full');
    for (const recompute of extremes) {
      least = Math.min(least, layout({ ...strategy, recompute }, enough));
      if (least <= enough) return least;
    }
    if (hopeless && enough > -Infinity) return least;
    for (const recompute of others) {
      least = Math.min(least, layout({ ...strategy, recompute }, enough));
      if (least <= enough) return least;
    }
    return least;
  };
  return { layout, frame };
};
