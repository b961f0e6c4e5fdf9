import type { Model } from '../model/model.ts';
import type { Training, RuntimeName } from '../plan/problem.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import type { AcceleratorArchitecture } from '../cluster/cluster.ts';

/** When a run that breaks the rule would die. */
export type FailureStage =
  'parse' | 'startup' | 'group creation' | 'model build' | 'first forward' | 'first step' | 'out of memory';

/** What a rule may look at. */
export interface RuleContext {
  readonly world: number;
  readonly perNode: number;
  readonly architecture: AcceleratorArchitecture;
  readonly model: Model;
  readonly training: Training;
  readonly strategy: Strategy;
  /** null: the runtime's even split. */
  readonly partition: Partition | null;
}

export type Verdict =
  | { readonly ok: true }
  | {
      readonly ok: false;
      /** Strategy keys at fault. */
      readonly at: readonly (keyof Strategy)[];
      readonly message: string;
      readonly found: string;
      readonly expected: string;
    };

/** One condition of a runtime, as data. Ids are API: retired, never renamed. */
export interface Rule {
  /** `megatron/world-divisible`. */
  readonly id: string;
  readonly runtime: RuntimeName;
  /** Versions it holds for: from (inclusive) to (exclusive); null: open. */
  readonly since: string | null;
  readonly until: string | null;
  readonly severity: 'error' | 'warning';
  readonly stage: FailureStage;
  readonly why: string;
  /** repository @ commit path:line. */
  readonly source: string;
  /** Keys of the strategy that it reads; the search tests a rule as soon as these are set. */
  readonly reads: readonly (keyof Strategy)[];
  readonly check: (context: RuleContext) => Verdict;
}

export const legal: Verdict = { ok: true };

/** A rule that a strategy breaks. */
export interface Violation {
  readonly rule: Rule;
  readonly at: readonly (keyof Strategy)[];
  readonly message: string;
  readonly found: string;
  readonly expected: string;
}

/** A failed verdict, in one line. */
export const illegal = (
  at: readonly (keyof Strategy)[],
  message: string,
  found: string | number,
  expected: string,
): Verdict => ({ ok: false, at, message, found: String(found), expected });
