import type { Rule } from '../runtimes/rule.ts';
import type { Strategy } from '../strategy/strategy.ts';
import type { Domains } from './domain.ts';
import { flagKeys, isFlagKey, spell, type Draft, type FlagKey } from './keys.ts';
import { passes, type OpenContext } from './legality.ts';

/** Values of the switches of one component. */
export type FlagChoice = Partial<Pick<Strategy, FlagKey>>;

/**
 * Switches that some rule reads together. Components do not constrain each other, so the legal switches of a layout are
 * the product of the legal choices of its components, and each choice list depends on the few layout keys that the
 * component's rules and values read: it is made once for every combination of those.
 */
export interface FlagComponent {
  readonly keys: readonly FlagKey[];
  /** Layout keys that decide which choices are legal. */
  readonly reads: readonly (keyof Strategy)[];
  readonly choices: (draft: Draft) => readonly FlagChoice[];
}

/** Groups switches that share a rule (union-find by relabelling; there are ten of them). */
const groupKeys = (rules: readonly Rule[]): readonly (readonly FlagKey[])[] => {
  const label = new Map<FlagKey, number>(flagKeys.map((key, index) => [key, index]));
  for (const rule of rules) {
    const touched = rule.reads.filter(isFlagKey);
    const labels = new Set(touched.map((key) => label.get(key)));
    const target = label.get(touched[0] ?? 'offload') ?? 0;
    for (const [key, value] of label) if (labels.has(value)) label.set(key, target);
  }
  return [...new Set(label.values())].map((value) => flagKeys.filter((key) => label.get(key) === value));
};

const createComponent = (
  keys: readonly FlagKey[],
  rules: readonly Rule[],
  domains: Domains,
  contexts: readonly OpenContext[],
  reject: (rule: string) => void,
): FlagComponent => {
  const own = rules.filter((rule) => rule.reads.some((key) => isFlagKey(key) && keys.includes(key)));
  const reads = [
    ...new Set([...own.flatMap((rule) => rule.reads), ...keys.flatMap((key) => domains[key].reads)]),
  ].filter((key) => !isFlagKey(key));
  // A rule is asked as soon as the last switch that it reads is set.
  const due = keys.map((_, index) =>
    own.filter(
      (rule) => Math.max(...rule.reads.map((key) => (isFlagKey(key) ? keys.indexOf(key) : -1))) === index,
    ),
  );
  const known = new Map<string, readonly FlagChoice[]>();
  const enumerate = (draft: Draft, index: number, found: FlagChoice[]): void => {
    const key = keys[index];
    if (key === undefined) {
      found.push(Object.fromEntries(keys.map((name) => [name, draft[name]])));
      return;
    }
    for (const value of domains[key].values(draft)) {
      (draft as Record<FlagKey, unknown>)[key] = value;
      const broken = (due[index] ?? []).find((rule) => !passes(rule, contexts));
      if (broken === undefined) enumerate(draft, index + 1, found);
      else reject(broken.id);
    }
  };
  return {
    keys,
    reads,
    choices: (draft) => {
      const signature = reads.map((key) => spell(draft[key])).join(' ');
      const before = known.get(signature);
      if (before !== undefined) return before;
      const found: FlagChoice[] = [];
      enumerate(draft, 0, found);
      known.set(signature, found);
      return found;
    },
  };
};

/** `contexts` hold the draft that `choices` will be asked about. */
export const createFlagComponents = (
  rules: readonly Rule[],
  domains: Domains,
  contexts: readonly OpenContext[],
  reject: (rule: string) => void,
): readonly FlagComponent[] => {
  const flagRules = rules.filter((rule) => rule.reads.some(isFlagKey));
  return groupKeys(flagRules).map((keys) => createComponent(keys, flagRules, domains, contexts, reject));
};
