import type { Problem } from '../plan/problem.ts';
import type { Strategy } from '../strategy/strategy.ts';
import type { Domain, Domains } from './domain.ts';
import { spell } from './keys.ts';
import { parseRecompute } from '../strategy/recompute.ts';

/** Sizes that must divide something: a limit selects among the values that do. */
const dividing: ReadonlySet<keyof Strategy> = new Set(['tensor', 'pipeline', 'context', 'data']);

const parsed = (key: keyof Strategy, value: string | number | boolean): Strategy[keyof Strategy] => {
  if (key !== 'recompute') return value as Strategy[keyof Strategy];
  const recompute = parseRecompute(String(value));
  if (recompute === null) throw new RangeError(`recompute: ${String(value)} is not a kind of recomputation`);
  return recompute;
};

/** Domains with `search.fix` and `search.limit` applied. What the user asks for replaces our choice of values. */
export const limitDomains = (problem: Problem, domains: Domains): Domains => {
  const limited: Record<keyof Strategy, Domain> = { ...domains };
  for (const [name, allowed] of Object.entries(problem.search.limits)) {
    const key = name as keyof Strategy;
    const values = allowed.map((value) => parsed(key, value));
    const spelled = new Set(values.map(spell));
    const domain = domains[key];
    limited[key] = dividing.has(key)
      ? {
          reads: domain.reads,
          values: (draft) => domain.values(draft).filter((value) => spelled.has(spell(value))),
        }
      : { reads: [], values: () => values };
  }
  return limited;
};
