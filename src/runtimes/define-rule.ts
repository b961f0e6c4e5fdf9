import type { RuntimeName } from '../plan/problem.ts';
import { illegal, legal } from './rule.ts';
import type { Rule, RuleContext, Verdict } from './rule.ts';
import type { Strategy } from '../strategy/strategy.ts';

type Given = Pick<Rule, 'id' | 'stage' | 'why' | 'source' | 'reads' | 'check'> & {
  readonly severity?: Rule['severity'];
};

/** Makes the rules of one runtime: errors, in every version, with the runtime's name before their ids. */
export const ruleMaker =
  (runtime: RuntimeName) =>
  ({ id, severity, ...rest }: Given): Rule => ({
    ...rest,
    id: `${runtime}/${id}`,
    runtime,
    since: null,
    until: null,
    severity: severity ?? 'error',
  });

/** A check that a key has one of the values that a runtime knows. */
export const oneOf =
  <K extends Exclude<keyof Strategy, 'recompute'>>(key: K, values: readonly Strategy[K][], message: string) =>
  ({ strategy }: RuleContext): Verdict =>
    values.includes(strategy[key])
      ? legal
      : illegal([key], message, String(strategy[key]), values.map(String).join(' or '));
