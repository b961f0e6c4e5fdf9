import type { FlagChoice } from './flag-space.ts';
import { flagKeys, spell, type FlagKey } from './keys.ts';

/**
 * What is known of a switch without evaluating it: pairs [at least as good, other], closed under transitivity. A key that
 * is absent is not comparable. Each claim is a property of the cost model and tested as one.
 */
export type Preference = Readonly<Partial<Record<FlagKey, readonly (readonly [string, string])[]>>>;

/**
 * The bound on iteration time without exposed exchanges: overlap hides, never adds; a sharded optimizer steps on its shard;
 * offloading adds host time. Sequence parallelism is no such switch: it shares out memory-bound work but gathers once more
 * in backward, which outweighs it where tensor groups cross slow links. Nor is sharding of parameters, whose step and
 * gathers count for other shards.
 */
export const fasterFirst: Preference = {
  overlapTensor: [['true', 'false']],
  overlapGradients: [['true', 'false']],
  overlapParameters: [['true', 'false']],
  sharding: [['optimizer', 'none']],
  offload: [['none', 'optimizer']],
};

const alike = (...values: readonly string[]): readonly (readonly [string, string])[] =>
  values.flatMap((a) => values.filter((b) => b !== a).map((b) => [a, b] as const));

/**
 * Memory bound: what is divided over more ranks or moved to the host takes less; overlap may need buffers. Ways of context
 * communication are not comparable: which of them keeps more depends on heads and on what is recomputed.
 */
export const smallerFirst: Preference = {
  sequenceParallel: [['true', 'false']],
  overlapTensor: [['false', 'true']],
  overlapExpert: [['false', 'true']],
  sharding: [['optimizer', 'none']],
  overlapGradients: alike('true', 'false'),
  overlapParameters: alike('true', 'false'),
  rankOrder: alike('tp-cp-ep-dp-pp', 'tp-cp-ep-pp-dp'),
  offload: [['optimizer', 'none']],
  dispatcher: [
    ['all-to-all', 'deepep'],
    ['all-to-all', 'hybridep'],
    ['all-to-all', 'all-gather'],
  ],
};

/** Claims that hold for time and memory at once, so that the other value need not be tried. */
export const neverWorse: Preference = {
  overlapGradients: [['true', 'false']],
  overlapParameters: [['true', 'false']],
};

/** Whether `a` is at least as good as `b` in every key. */
export const dominates = (preference: Preference, a: FlagChoice, b: FlagChoice): boolean =>
  flagKeys.every((key) => {
    const [left, right] = [a[key], b[key]];
    if (left === undefined || right === undefined || left === right) return true;
    const [better, other] = [spell(left), spell(right)];
    return preference[key]?.some((pair) => pair[0] === better && pair[1] === other) === true;
  });

/** Choices that no other one is sure to equal or beat; of equals the first stays. */
export const undominated = (preference: Preference, choices: readonly FlagChoice[]): readonly FlagChoice[] =>
  choices.filter(
    (choice, index) =>
      !choices.some(
        (other, place) =>
          place !== index &&
          dominates(preference, other, choice) &&
          (place < index || !dominates(preference, choice, other)),
      ),
  );
