import type { Range } from '../ingest/source.ts';
import type { Position } from '../diagnostics.ts';
import type { FailureStage } from '../runtimes/rule.ts';

/**
 * error: the run would fail; unchecked: it cannot be told; warning: it runs, to somebody's harm; note: what the reader
 * of the verdict should know.
 */
export type Level = 'error' | 'warning' | 'unchecked' | 'note';

/** What a rule says of a configuration, in the configuration's own words. */
export interface RawFinding {
  /** `megatron/world-divisible`. */
  readonly rule: string;
  readonly level: Level;
  readonly stage: FailureStage;
  /** Settings at fault under the names that the file uses: flags, dotted keys, environment variables. */
  readonly settings: readonly string[];
  readonly message: string;
  readonly found: string;
  readonly expected: string;
  /** What is not known, for `unchecked`: `$TP`, `the number of GPUs`. */
  readonly missing: readonly string[];
}

/** Where the value of a setting comes from. */
export interface Origin {
  readonly setting: string;
  readonly value: string;
  /** 1-based; null where no line of the file says it. */
  readonly line: number | null;
  /** `given`, `default of Megatron`, `inherited from --tensor-model-parallel-size`, `--gpus`. */
  readonly from: string;
}

/** A finding with its place. */
export interface Finding extends RawFinding {
  readonly position: Position;
  readonly lineText: string | null;
  readonly lineTextColumn: number;
  readonly range: Range | null;
  /** Repository, file, line and version that the rule was read from; null for rules of planner's own. */
  readonly source: string | null;
  readonly why: string | null;
  readonly origins: readonly Origin[];
  /** Single settings, nearest first, with which the rule would hold: `--tensor-model-parallel-size 8`. */
  readonly nearest: readonly string[];
}

export type Verdict = 'valid' | 'invalid' | 'unchecked';

export const error = (
  rule: string,
  stage: FailureStage,
  settings: readonly string[],
  message: string,
  found: string | number,
  expected: string,
): RawFinding => ({
  rule,
  level: 'error',
  stage,
  settings,
  message,
  found: String(found),
  expected,
  missing: [],
});

export const warning = (...given: Parameters<typeof error>): RawFinding => ({
  ...error(...given),
  level: 'warning',
});

export const note = (rule: string, settings: readonly string[], message: string): RawFinding => ({
  rule,
  level: 'note',
  stage: 'startup',
  settings,
  message,
  found: '',
  expected: '',
  missing: [],
});

export const unchecked = (
  rule: string,
  stage: FailureStage,
  settings: readonly string[],
  missing: readonly string[],
  expected: string,
): RawFinding => ({
  rule,
  level: 'unchecked',
  stage,
  settings,
  message: `cannot be decided without ${missing.join(' and ')}`,
  found: 'unknown',
  expected,
  missing,
});
