/** Measured runs as a fit sees them: problem, strategy, time, weight. */
import type { Calibration } from '../cost/calibration.ts';
import { createEstimator } from '../cost/estimator.ts';
import { machineOf } from '../cost/machine.ts';
import { exclusionOf } from '../ingest/excluded-records.ts';
import type { ExcludedRecords } from '../ingest/excluded-records.ts';
import type { MeasuredLine, MeasuredRun } from '../ingest/measured-runs.ts';
import type { Problem } from '../plan/problem.ts';
import { softwareProfile } from '../runtimes/time-behaviour.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import { compareRun } from './compare.ts';
import { createPredictor } from './predict.ts';
import type { Predictor } from './predict.ts';

export interface FitRow {
  readonly source: string;
  readonly problem: Problem;
  readonly strategy: Strategy;
  readonly partition: Partition;
  /** Seconds per iteration. */
  readonly measured: number;
  /** Sources weigh the same; one of fewer than five rows less. */
  readonly weight: number;
}

/** Rows of one problem share its estimator. */
export interface FitGroup {
  readonly problem: Problem;
  readonly rows: readonly FitRow[];
}

const WHOLE_SOURCE = 5;

/** A run that no fit uses, and why. */
export interface LeftOut {
  readonly id: string;
  readonly reason: string;
}

type Judged = Omit<FitRow, 'weight'> | string;

const judge = (run: MeasuredRun, predict: Predictor, excluded: readonly ExcludedRecords[]): Judged => {
  const comparison = compareRun(run, predict);
  const measured = comparison.measured.iterationTimeS;
  if (comparison.skipped !== null) return comparison.skipped;
  if (measured === null) return 'no iteration time';
  if (!comparison.scores.timing) return 'not usable for timing';
  if (comparison.apart !== null) return comparison.apart;
  const reason = exclusionOf(excluded, comparison.id);
  if (reason !== null) return reason;
  const predicted = predict(run.configuration);
  if (!predicted.ok) return predicted.reason;
  const { problem, partition } = predicted.recorded;
  return { source: comparison.source, problem, strategy: predicted.strategy, partition, measured };
};

/** Headline timing rows, and what is left out of a fit. */
export const sortRuns = (
  lines: readonly MeasuredLine[],
  calibration: Calibration,
  excluded: readonly ExcludedRecords[],
  predict: Predictor = createPredictor(calibration),
): { readonly rows: readonly FitRow[]; readonly leftOut: readonly LeftOut[] } => {
  const found: Omit<FitRow, 'weight'>[] = [];
  const leftOut: LeftOut[] = [];
  for (const line of lines) {
    if (line.kind !== 'run') leftOut.push({ id: `line ${line.line}`, reason: line.reason });
    else {
      const judged = judge(line.run, predict, excluded);
      if (typeof judged === 'string') leftOut.push({ id: line.run.id, reason: judged });
      else found.push(judged);
    }
  }
  const counts = new Map<string, number>();
  for (const { source } of found) counts.set(source, (counts.get(source) ?? 0) + 1);
  const rows = found.map((row) => ({
    ...row,
    weight: 1 / Math.max(WHOLE_SOURCE, counts.get(row.source) ?? 1),
  }));
  return { rows, leftOut };
};

/** Headline timing rows without those that no fit uses. */
export const fitRows = (
  lines: readonly MeasuredLine[],
  calibration: Calibration,
  excluded: readonly ExcludedRecords[],
): readonly FitRow[] => sortRuns(lines, calibration, excluded).rows;

export const groupRows = (rows: readonly FitRow[]): readonly FitGroup[] => {
  const groups = new Map<string, FitRow[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.problem.cluster, row.problem.model, row.problem.training]);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].flatMap((list) =>
    list[0] === undefined ? [] : [{ problem: list[0].problem, rows: list }],
  );
};

/** All that an estimate of a problem takes from a calibration: equal texts, equal times. */
export const constantsOf = ({ cluster, training }: Problem, calibration: Calibration): string =>
  JSON.stringify([
    cluster.groups.map((group) => {
      const { constants, intraNodeConstants, networkConstants } = machineOf(group, calibration);
      return [constants, intraNodeConstants, networkConstants];
    }),
    calibration.runtimes[softwareProfile(training)],
  ]);

/** ln(predicted ∕ measured) of each row of a group. */
export const groupErrors = (group: FitGroup, calibration: Calibration): readonly number[] => {
  const estimator = createEstimator(group.problem, calibration);
  return group.rows.map((row) =>
    Math.log(estimator.iterationTime(row.strategy, row.partition) / row.measured),
  );
};
