import type { Model } from '../model/model.ts';
import type { Rule, RuleContext } from '../runtimes/rule.ts';
import { unchecked } from './finding.ts';
import type { RawFinding } from './finding.ts';

/** Thrown when a rule reads what is not known; caught by `askRules` alone. */
class MissingFact extends Error {
  readonly fact: string;
  constructor(fact: string) {
    super(`not known: ${fact}`);
    this.name = 'MissingFact';
    this.fact = fact;
  }
}

/** An object of which some properties are not known: whoever reads one of them learns which. */
export const withMissing = <T extends object>(
  value: T,
  missing: Readonly<Partial<Record<keyof T, string>>>,
): T =>
  Object.keys(missing).length === 0
    ? value
    : new Proxy(value, {
        get: (target, property, receiver) => {
          const fact = Object.hasOwn(missing, property) ? missing[property as keyof T] : undefined;
          if (fact !== undefined) throw new MissingFact(fact);
          return Reflect.get(target, property, receiver) as unknown;
        },
      });

/** A model of which nothing is known but its absence. */
export const missingModel = (fact: string): Model =>
  new Proxy({} as Model, {
    get: () => {
      throw new MissingFact(fact);
    },
  });

const sizeOf = (context: RuleContext, key: keyof RuleContext['strategy']): unknown => {
  try {
    return context.strategy[key];
  } catch {
    return null;
  }
};

/** Asks each rule; one that reads what is not known is unchecked, and says what is missing. Settings: strategy keys. */
export const askRules = (
  rules: readonly Rule[],
  context: RuleContext,
  settingsOf: (key: string) => readonly string[],
): RawFinding[] =>
  rules.flatMap((rule): RawFinding[] => {
    try {
      const verdict = rule.check(context);
      if (verdict.ok) return [];
      return [
        {
          rule: rule.id,
          level: rule.severity,
          stage: rule.stage,
          settings: verdict.at.flatMap((key) => settingsOf(key)),
          message: verdict.message,
          found: verdict.found,
          expected: verdict.expected,
          missing: [],
        },
      ];
    } catch (error) {
      if (!(error instanceof MissingFact)) throw error;
      // An axis of one rank splits nothing: no size of the model could break the rule.
      const neutral = rule.reads.length > 0 && rule.reads.every((key) => sizeOf(context, key) === 1);
      if (rule.severity === 'warning' || (neutral && error.fact.startsWith('the '))) return [];
      return [
        unchecked(
          rule.id,
          rule.stage,
          rule.reads.flatMap((key) => settingsOf(key)),
          [error.fact],
          rule.why,
        ),
      ];
    }
  });
