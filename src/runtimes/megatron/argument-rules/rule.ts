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
  /** Only what is in `environment` is known: the rest may be set around the launch. */
  readonly environmentPartial?: boolean;
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
  /** Releases that it holds in: from (inclusive), to (exclusive); absent: open. */
  readonly since?: string;
  readonly until?: string;
  readonly check: (context: ArgumentContext) => ArgumentVerdict;
}

/** A rule of the form "with A there must be B": most of what start-up checks say. */
export interface Need extends Omit<ArgumentRule, 'check' | 'stage'> {
  /** `startup` where it is not said. */
  readonly stage?: FailureStage;
  /** Whether the rule is about this configuration at all. */
  readonly when: (context: ArgumentContext) => boolean;
  readonly holds: (context: ArgumentContext) => boolean;
  readonly flags: readonly string[];
  readonly message: string;
  /** What stands there instead; `nothing` where it is not said. */
  readonly found?: (context: ArgumentContext) => string | number | null;
  readonly expected: string;
}

export const need = ({
  when,
  holds,
  flags,
  message,
  found,
  expected,
  stage,
  ...rest
}: Need): ArgumentRule => ({
  ...rest,
  stage: stage ?? 'startup',
  check: (context) =>
    !when(context) || holds(context) ? fine : bad(flags, message, found?.(context) ?? 'nothing', expected),
});

/** The environment variables that rules ask for. */
export const readVariables = [
  'CUDA_DEVICE_MAX_CONNECTIONS',
  'NVTE_CPU_OFFLOAD_V1',
  'PYTORCH_CUDA_ALLOC_CONF',
  'NCCL_GRAPH_REGISTER',
] as const;

/** Value of a variable: null where it is known to be unset, undefined where it is not known. */
export const variableOf = (
  { environment, environmentPartial }: Pick<ArgumentContext, 'environment' | 'environmentPartial'>,
  name: (typeof readVariables)[number],
): string | null | undefined =>
  environment?.[name] ?? (environment === undefined || environmentPartial === true ? undefined : null);

/**
 * Where checks were read that are not kept at the commit of the other sources: main of autumn 2026, whose flags are
 * those of 0.20 and a few more.
 */
const later = 'svcnemo-autobot/Megatron-LM';
export const laterFile = `${later} @ 37b95c51 megatron/training/arguments.py`;
export const laterConfig = `${later} @ 298c95ff megatron/core/transformer/transformer_config.py`;

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
