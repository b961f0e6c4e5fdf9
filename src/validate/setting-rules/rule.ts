import type { FailureStage } from '../../runtimes/rule.ts';
import type { Values } from '../data-file.ts';
import { error, warning } from '../finding.ts';
import type { RawFinding } from '../finding.ts';

/** What a rule about the settings of one file may look at. */
export interface SettingContext {
  readonly values: Values;
  /** Ranks of the job. */
  readonly world: number;
}

export interface SettingFault {
  /** Dotted keys at fault. */
  readonly settings: readonly string[];
  readonly message: string;
  readonly found: string | number;
  readonly expected: string;
}

/** A condition on the settings of a structured file that no strategy key expresses, as data. Ids are API. */
export interface SettingRule {
  /** `accelerate/world-product`. */
  readonly id: string;
  readonly severity?: 'error' | 'warning';
  readonly stage: FailureStage;
  readonly why: string;
  /** repository @ commit path:line. */
  readonly source: string;
  readonly check: (context: SettingContext) => SettingFault | null;
}

export const fault = (
  settings: readonly string[],
  message: string,
  found: string | number,
  expected: string,
): SettingFault => ({ settings, message, found, expected });

export const askSettings = (rules: readonly SettingRule[], context: SettingContext): RawFinding[] =>
  rules.flatMap(({ id, severity, stage, check }) => {
    const found = check(context);
    if (found === null) return [];
    const make = severity === 'warning' ? warning : error;
    return [make(id, stage, found.settings, found.message, found.found, found.expected)];
  });

/** The first of the keys whose count is below `least`, where the file states it. */
export const firstBelow = (values: Values, keys: readonly string[], least: number): string | null =>
  keys.find((key) => (values.count(key) ?? least) < least) ?? null;
