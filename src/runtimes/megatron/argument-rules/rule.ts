import type { AcceleratorArchitecture } from '../../../cluster/cluster.ts';
import type { Strategy } from '../../../strategy/strategy.ts';
import type { FailureStage } from '../../rule.ts';
import type { ArgumentMap } from '../arguments.ts';

/** What a rule about flags may look at. */
export interface ArgumentContext {
  readonly given: ArgumentMap;
  readonly world: number;
  /** Environment that the job starts with; undefined where it is not known. */
  readonly environment: Readonly<Record<string, string>> | undefined;
  readonly architecture: AcceleratorArchitecture;
  readonly version: string;
  /** As far as the flags state it; `data` may be no integer. */
  readonly strategy: Strategy;
  /** Decoder layers; 0 when the flags do not say. */
  readonly layers: number;
}

export type ArgumentVerdict =
  | { readonly kind: 'ok' }
  | {
      readonly kind: 'bad';
      readonly severity: 'error' | 'warning';
      readonly flags: readonly string[];
      readonly message: string;
      readonly found: string;
      readonly expected: string;
    }
  /** Cannot be decided: what is missing. */
  | { readonly kind: 'unchecked'; readonly flags: readonly string[]; readonly missing: string };

/** A condition on flags that no strategy key expresses: combinations, spellings, environment. */
export interface ArgumentRule {
  readonly id: string;
  readonly stage: FailureStage;
  readonly why: string;
  readonly source: string;
  readonly check: (context: ArgumentContext) => ArgumentVerdict;
}

export const fine: ArgumentVerdict = { kind: 'ok' };

export const bad = (
  flags: readonly string[],
  message: string,
  found: string | number,
  expected: string,
  severity: 'error' | 'warning' = 'error',
): ArgumentVerdict => ({ kind: 'bad', severity, flags, message, found: String(found), expected });

/** Fails when all of `flags` are given. */
export const together = (given: ArgumentMap, first: string, second: string, why: string): ArgumentVerdict =>
  given.has(first) && given.has(second)
    ? bad([first, second], `${first} with ${second}: ${why}`, `${first} ${second}`, 'one of them')
    : fine;
