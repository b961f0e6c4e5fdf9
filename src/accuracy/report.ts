/** The report of `planner accuracy` as a value: what the JSON format holds. */
import type { Calibration } from '../cost/calibration.ts';
import type { MeasuredLine } from '../ingest/measured-runs.ts';
import { compareLines } from './compare.ts';
import type { Comparison } from './compare.ts';
import { createPredictor } from './predict.ts';
import { summarize } from './summary.ts';
import type { Summary } from './summary.ts';

export interface AccuracyReport {
  readonly calibration: string;
  readonly records: readonly Comparison[];
  readonly summary: Summary;
}

export interface MeasuredFile {
  readonly name: string;
  readonly lines: readonly MeasuredLine[];
}

export const accuracyReport = (files: readonly MeasuredFile[], calibration: Calibration): AccuracyReport => {
  const predict = createPredictor(calibration);
  const records = files.flatMap((file) => compareLines(file.name, file.lines, predict));
  return { calibration: calibration.name, records, summary: summarize(records) };
};
