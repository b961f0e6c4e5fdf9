import type { Changes, Subject } from './subject.ts';
import { decide } from './decide.ts';
import { noChanges } from './subject.ts';

/** Judgements that one search may ask for: seconds at most. */
const MOST_JUDGEMENTS = 30_000;

export interface Fix {
  readonly changes: Changes;
  /** The file with the changes; null where they cannot be written in place. */
  readonly text: string | null;
}

export type Accept = (changes: Changes) => boolean;

/** Settings that one fix may change. */
const MOST_CHANGES = 6;
/** States of one depth that are followed. */
const WIDTH = 32;
/** Of those, with the same rules failing: else one error with many idle changes would crowd out all others. */
const WIDTH_ALIKE = 8;

interface Broken {
  readonly rule: string;
  readonly settings: readonly string[];
}

interface State {
  readonly changes: Changes;
  readonly errors: readonly Broken[];
  readonly cost: number;
}

interface Option {
  readonly key: string;
  readonly value: string | null;
  /** Place in its setting's list, which is by distance. */
  readonly cost: number;
}

const nearestStates = (states: readonly State[]): readonly State[] => {
  const alike = new Map<string, number>();
  return states
    .toSorted((a, b) => a.errors.length - b.errors.length || a.cost - b.cost)
    .filter(({ errors }) => {
      const rules = JSON.stringify(errors.map(({ rule }) => rule).sort());
      const count = (alike.get(rules) ?? 0) + 1;
      alike.set(rules, count);
      return count <= WIDTH_ALIKE;
    })
    .slice(0, WIDTH);
};

const optionsOf = (subject: Subject): readonly Option[] =>
  subject.settings.flatMap(({ key, candidates }) =>
    candidates.map((value, index) => ({ key, value, cost: index + (value === null ? 4 : 0) })),
  );

/**
 * The fewest settings to change so that no rule fails: all single changes by distance, then pairs, then up to
 * MOST_CHANGES settings, each of which is at fault in what the others leave. `accept` asks more of a candidate (that it fits in memory, with a SPEC). Null when
 * nothing within the bound is legal.
 */
export const findFix = (subject: Subject, accept: Accept): Fix | null => {
  const base = new Map(subject.open.map(({ key, candidates }) => [key, candidates[0] ?? '']));
  const judged = new Map<string, readonly Broken[]>();
  let left = MOST_JUDGEMENTS;
  /** Each set of changes is judged once, whichever way leads to it. */
  const errorsOf = (changes: Changes): readonly Broken[] => {
    const key = JSON.stringify([...changes].sort());
    const known = judged.get(key);
    if (known !== undefined) return known;
    left -= 1;
    const errors = subject
      .judge(new Map([...base, ...changes]))
      .findings.filter(({ level }) => level === 'error');
    judged.set(key, errors);
    return errors;
  };
  const initial = errorsOf(noChanges);
  const legal = (changes: Changes): boolean => {
    if (errorsOf(changes).length > 0) return false;
    return (
      decide(subject, changes).findings.every(({ level }) => level !== 'error') &&
      subject.rewrite(changes) !== null &&
      accept(changes)
    );
  };
  if (initial.length === 0 && accept(noChanges)) return { changes: noChanges, text: subject.source.text };
  const atFault = new Set(initial.flatMap(({ settings }) => settings));
  const rank = ({ key, cost }: Option): number => cost + (atFault.has(key) ? 0 : 6);
  const options = optionsOf(subject).toSorted((a, b) => rank(a) - rank(b));
  const done = (changes: Changes): Fix => ({ changes, text: subject.rewrite(changes) });
  /** The states with the fewest errors are followed, each by changes of what is at fault in it, or helped before. */
  const deeper = (helpful: ReadonlySet<string>): Fix | null => {
    let states: readonly State[] = [{ changes: noChanges, errors: initial, cost: 0 }];
    for (let depth = 1; depth <= MOST_CHANGES && states.length > 0; depth++) {
      const next = new Map<string, State>();
      for (const { changes, errors, cost } of states) {
        const fault = new Set(errors.flatMap(({ settings }) => settings));
        for (const option of options) {
          if (changes.has(option.key) || !(fault.has(option.key) || helpful.has(option.key))) continue;
          if (left <= 0) return null;
          const changed = new Map([...changes, [option.key, option.value]]);
          const state = { changes: changed, errors: errorsOf(changed), cost: cost + option.cost };
          if (depth > 1 && state.errors.length === 0 && legal(changed)) return done(changed);
          next.set(JSON.stringify([...changed].sort()), state);
        }
      }
      states = nearestStates([...next.values()]);
    }
    return null;
  };
  for (const { key, value } of options) {
    const changes = new Map([[key, value]]);
    if (left > 0 && legal(changes)) return done(changes);
  }
  // Partners: changes that at least remove one error.
  const useful = options.filter(({ key, value }) => {
    // Nothing but the memory is wrong: any change may be half of the answer.
    if (initial.length === 0) return true;
    const errors = errorsOf(new Map([[key, value]]));
    return (
      initial.some(({ rule }) => errors.every((other) => other.rule !== rule)) ||
      errors.length < initial.length
    );
  });
  const partners = options.slice(0, 100);
  const errorsAlone = ({ key, value }: Option): readonly Broken[] => errorsOf(new Map([[key, value]]));
  /** Whether a change may mend an error that another leaves: the error names its setting, or goes with it alone. */
  const mayMend = (option: Option, { rule, settings }: Broken): boolean =>
    settings.includes(option.key) ||
    (initial.some((one) => one.rule === rule) && errorsAlone(option).every((one) => one.rule !== rule));
  for (const first of useful.slice(0, 40))
    for (const second of partners) {
      if (left <= 0) return null;
      if (second.key === first.key) continue;
      // Most pairs need no judgement: they leave what neither touches.
      if (!errorsAlone(first).every((error) => mayMend(second, error))) continue;
      const changes = new Map([
        [first.key, first.value],
        [second.key, second.value],
      ]);
      if (legal(changes)) return done(changes);
    }
  return deeper(new Set((initial.length === 0 ? partners.slice(0, 30) : useful).map(({ key }) => key)));
};
