import { undominated, type Preference } from './dominance.ts';
import type { FlagChoice } from './flag-space.ts';

/** Every combination of one choice from each component, the first component varying slowest. */
export const combinations = (components: readonly (readonly FlagChoice[])[]): readonly FlagChoice[] =>
  components.reduce<readonly FlagChoice[]>(
    (products, choices) =>
      products.flatMap((product) => choices.map((choice) => ({ ...product, ...choice }))),
    [{}],
  );

/** Combinations of the undominated choices; all of them where no preference is given. */
export type Combiner = (components: readonly (readonly FlagChoice[])[]) => readonly FlagChoice[];

/**
 * Choice lists are few and shared by many layouts, so products are made once for every combination of lists
 * (recognised by identity).
 */
export const createCombiner = (preference: Preference | null): Combiner => {
  const numbers = new WeakMap<readonly FlagChoice[], number>();
  const known = new Map<string, readonly FlagChoice[]>();
  let lists = 0;
  const numberOf = (choices: readonly FlagChoice[]): number => {
    const before = numbers.get(choices);
    if (before !== undefined) return before;
    lists += 1;
    numbers.set(choices, lists);
    return lists;
  };
  return (components) => {
    const key = components.map(numberOf).join(' ');
    const before = known.get(key);
    if (before !== undefined) return before;
    const kept =
      preference === null ? components : components.map((choices) => undominated(preference, choices));
    const made = combinations(kept);
    known.set(key, made);
    return made;
  };
};
