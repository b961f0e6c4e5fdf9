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

interface Option {
  readonly key: string;
  readonly value: string | null;
  /** Place in its setting's list, which is by distance. */
  readonly cost: number;
}

const optionsOf = (subject: Subject): readonly Option[] =>
  subject.settings.flatMap(({ key, candidates }) =>
    candidates.map((value, index) => ({ key, value, cost: index + (value === null ? 4 : 0) })),
  );

/**
 * The fewest settings to change so that no rule fails: all single changes by distance, then pairs, then triples of
 * settings that touch a finding. `accept` asks more of a candidate (that it fits in memory, with a SPEC). Null when
 * nothing within the bound is legal.
 */
export const findFix = (subject: Subject, accept: Accept): Fix | null => {
  const base = new Map(subject.open.map(({ key, candidates }) => [key, candidates[0] ?? '']));
  const errorsOf = (
    changes: Changes,
  ): readonly { readonly rule: string; readonly settings: readonly string[] }[] =>
    subject.judge(new Map([...base, ...changes])).findings.filter(({ level }) => level === 'error');
  const initial = errorsOf(noChanges);
  let left = MOST_JUDGEMENTS;
  const legal = (changes: Changes): boolean => {
    left -= 1;
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
  for (const { key, value } of options) {
    const changes = new Map([[key, value]]);
    if (left > 0 && legal(changes)) return done(changes);
  }
  // Partners: changes that at least remove one error.
  const useful = options.filter(({ key, value }) => {
    // Nothing but the memory is wrong: any change may be half of the answer.
    if (initial.length === 0) return true;
    left -= 1;
    const errors = errorsOf(new Map([[key, value]]));
    return (
      initial.some(({ rule }) => errors.every((other) => other.rule !== rule)) ||
      errors.length < initial.length
    );
  });
  const partners = options.slice(0, 120);
  for (const first of useful.slice(0, 60))
    for (const second of partners) {
      if (left <= 0) return null;
      if (second.key === first.key) continue;
      const changes = new Map([
        [first.key, first.value],
        [second.key, second.value],
      ]);
      if (legal(changes)) return done(changes);
    }
  for (const first of useful.slice(0, 16))
    for (const second of partners.slice(0, 30))
      for (const third of partners.slice(0, 30)) {
        if (left <= 0) return null;
        const changes = new Map([
          [first.key, first.value],
          [second.key, second.value],
          [third.key, third.value],
        ]);
        if (changes.size === 3 && legal(changes)) return done(changes);
      }
  return null;
};
