/** Error statistics of predictions. An error is predicted ∕ measured − 1. */

export interface ErrorStatistics {
  readonly count: number;
  /** Of the absolute error; null without rows. */
  readonly median: number | null;
  readonly mean: number | null;
  /** Mean of the signed error: above 0, predictions are too large. */
  readonly bias: number | null;
}

export interface Pair {
  readonly predicted: number;
  readonly measured: number;
}

export const relativeError = ({ predicted, measured }: Pair): number => predicted / measured - 1;

export const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;

/** Mean of the two middle values of an even number. */
export const median = (values: readonly number[]): number | null => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) return null;
  const lower = sorted.length % 2 === 0 ? (sorted[middle - 1] ?? upper) : upper;
  return (lower + upper) / 2;
};

export const errorStatistics = (pairs: readonly Pair[]): ErrorStatistics => {
  const errors = pairs.map(relativeError);
  const sizes = errors.map(Math.abs);
  return { count: pairs.length, median: median(sizes), mean: mean(sizes), bias: mean(errors) };
};

export interface Detection {
  readonly positives: number;
  readonly found: number;
  readonly falseAlarms: number;
  /** found ∕ positives; null without positives. */
  readonly recall: number | null;
  /** found ∕ (found + false alarms); null without alarms. */
  readonly precision: number | null;
}

/** `real`: it ran out of memory; `alarm`: it was predicted to. */
export const detection = (
  cases: readonly { readonly real: boolean; readonly alarm: boolean }[],
): Detection => {
  const positives = cases.filter((each) => each.real).length;
  const found = cases.filter((each) => each.real && each.alarm).length;
  const falseAlarms = cases.filter((each) => !each.real && each.alarm).length;
  const alarms = found + falseAlarms;
  return {
    positives,
    found,
    falseAlarms,
    recall: positives === 0 ? null : found / positives,
    precision: alarms === 0 ? null : found / alarms,
  };
};

/**
 * Limit that one more value stays below with probability `confidence`, if it is drawn as those were: the order statistic
 * ⌈confidence · (n + 1)⌉; of fewer values than that takes, the largest. null without values.
 */
export const upperLimit = (values: readonly number[], confidence: number): number | null => {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.ceil(confidence * (sorted.length + 1) - 1e-9);
  return sorted[Math.min(rank, sorted.length) - 1] ?? null;
};
