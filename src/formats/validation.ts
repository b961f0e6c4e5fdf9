/* Generated from schema/validation.schema.json by scripts/generate-types.mjs; do not edit. */

/**
 * Of the first launch, by the keys of the strategy format; null for a key that the file leaves open; null
 * altogether where too little is known.
 */
export type ValidationStrategy = {
  [k: string]: string | number | boolean | null;
} | null;
/** With a SPEC: as in the results format. */
export type ValidationEstimate = {
  [k: string]: unknown;
} | null;

/** Output of `planner validate --format json`. */
export interface Validation {
  schema_version: 1;
  files: ValidationFile[];
  summary: ValidationSummary;
  rules_off: ValidationRuleOff[];
}

export interface ValidationFile {
  file: string;
  /** `megatron@0.20`. */
  target: string;
  verdict: 'valid' | 'invalid' | 'unchecked';
  strategy: ValidationStrategy;
  estimate: ValidationEstimate;
  findings: ValidationFinding[];
  rules_checked: number;
}

export interface ValidationFinding {
  rule: string;
  level: 'error' | 'warning' | 'unchecked' | 'note';
  line: number;
  column: number;
  /** Characters from the column on. */
  length: number;
  message: string;
  found: string;
  expected: string;
  /** When the run would have failed. */
  stage:
    'parse' | 'startup' | 'group creation' | 'model build' | 'first forward' | 'first step' | 'out of memory';
  /** At fault, as the file spells them. */
  settings: string[];
  /** What is not known, where the rule is unchecked. */
  missing: string[];
  /** Where each value comes from. */
  origins: ValidationOrigin[];
  /** Single changes with which the rule holds, nearest first. */
  nearest: string[];
  /** Repository, commit, file and line of the rule. */
  source: string | null;
}

export interface ValidationOrigin {
  setting: string;
  value: string;
  line: number | null;
  from: string;
}

export interface ValidationSummary {
  files: number;
  valid: number;
  invalid: number;
  unchecked: number;
  rules_checked: number;
}

export interface ValidationRuleOff {
  rule: string;
  reason: string;
}
