import type { FlagChoice } from './flag-space.ts';
import { flagKeys, spell, type FlagKey } from './keys.ts';

/**
 * What is known of a switch without evaluating it: pairs [at least as good, other], closed under transitivity. A key that
 * is absent is not comparable. Each claim is a property of the cost model and tested as one.
 */
export type Preference = Readonly<Partial<Record<FlagKey, readonly (readonly [string, string])[]>>>;

/**
 * Iteration time and its bound: sequence parallelism shares out the memory-bound work; overlap hides, never adds; a
 * sharded optimizer steps on its shard; sharding more than the optimizer adds gathers; offloading adds host time.
 */
export const fasterFirst: Preference = {
  sequenceParallel: [['true', 'false']],
  overlapTensor: [['true', 'false']],
  overlapGradients: [['true', 'false']],
  overlapParameters: [['true', 'false']],
  sharding: [
    ['optimizer', 'none'],
    ['optimizer', 'gradients'],
    ['optimizer', 'parameters'],
    ['gradients', 'parameters'],
  ],
  offload: [['none', 'optimizer']],
};

const alike = (...values: readonly string[]): readonly (readonly [string, string])[] =>
  values.flatMap((a) => values.filter((b) => b !== a).map((b) => [a, b] as const));

/** Memory bound: what is divided over more ranks or moved to the host takes less; overlap may need buffers. */
export const smallerFirst: Preference = {
  sequenceParallel: [['true', 'false']],
  overlapTensor: [['false', 'true']],
  overlapExpert: [['false', 'true']],
  sharding: [['optimizer', 'none']],
  overlapGradients: alike('true', 'false'),
  overlapParameters: alike('true', 'false'),
  rankOrder: alike('tp-cp-ep-dp-pp', 'tp-cp-ep-pp-dp'),
  offload: [['optimizer', 'none']],
  contextCommunication: [
    ['p2p', 'a2a'],
    ['p2p', 'all-gather'],
    ['p2p', 'a2a+p2p'],
  ],
  dispatcher: [
    ['all-to-all', 'deepep'],
    ['all-to-all', 'hybridep'],
    ['all-to-all', 'all-gather'],
  ],
};

/** Claims that hold for time and memory at once, so that the other value need not be tried. */
export const neverWorse: Preference = {
  sequenceParallel: [['true', 'false']],
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
