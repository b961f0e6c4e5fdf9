/** `planner calibrate`: measured runs and probes of a machine → a calibration file that leans on the shipped one. */
import { parse, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import type { Probe } from '../formats/probe.ts';
import { calibrationOf } from '../ingest/calibration.ts';
import { excludedRecords } from '../ingest/excluded-records.ts';
import type { MeasuredLine } from '../ingest/measured-runs.ts';
import { touchedPaths } from './calibrate-paths.ts';
import { fitProbe } from './calibrate-probe.ts';
import type { ProbeFit } from './calibrate-probe.ts';
import { fitRuns } from './calibrate-runs.ts';
import type { RunFit } from './calibrate-runs.ts';
import type { Path, Tree } from './fit-parameters.ts';
import { sortRuns } from './fit-rows.ts';
import type { LeftOut } from './fit-rows.ts';
import { mean, median } from './metrics.ts';

/** Version of the procedure: a file of another version may have been fitted otherwise. */
export const CALIBRATE_VERSION = 1;

export interface CalibrationInput {
  /** Text of the calibration to start from. */
  readonly base: string;
  readonly name: string;
  readonly plannerVersion: string;
  readonly runs: readonly MeasuredLine[];
  readonly probes: readonly Probe[];
}

export interface CalibrationReport {
  /** The calibration file. */
  readonly text: string;
  readonly probes: readonly ProbeFit[];
  /** null without a run that can be used. */
  readonly fit: RunFit | null;
  readonly leftOut: readonly LeftOut[];
}

export interface Errors {
  readonly median: number;
  readonly mean: number;
}

export const errorsOf = (sizes: readonly number[]): Errors | null => {
  const [middle, average] = [median(sizes), mean(sizes)];
  return middle === null || average === null ? null : { median: middle, mean: average };
};

/** So many runs of an architecture make the range of an estimate; fewer leave the shipped one. */
const LEAST_RUNS_FOR_RANGE = 5;

const rounded = (value: number, digits = 4): number => Number(value.toPrecision(digits));

const errorEntry = (sizes: readonly number[]): { median: number; mean: number } | null => {
  const errors = errorsOf(sizes);
  return errors === null ? null : { median: rounded(errors.median, 3), mean: rounded(errors.mean, 3) };
};

interface Change {
  readonly path: Path;
  readonly shipped: number;
  readonly value: number;
  readonly meaning: string;
  readonly unit: string;
  readonly range: readonly [number, number];
}

/** What changed, once for each constant: a probe's value may have been moved on by runs. */
const changesOf = (probes: readonly ProbeFit[], fit: RunFit | null): readonly Change[] => {
  const found = new Map<string, Change>();
  for (const each of [...probes.flatMap(({ constants }) => constants), ...(fit?.constants ?? [])]) {
    const key = JSON.stringify(each.path);
    const { path, shipped, value, meaning, unit, range } = each;
    found.set(key, { path, shipped: found.get(key)?.shipped ?? shipped, value, meaning, unit, range });
  }
  return [...found.values()];
};

const provenance = (input: CalibrationInput, report: Omit<CalibrationReport, 'text'>): unknown => ({
  script: 'planner calibrate',
  script_version: CALIBRATE_VERSION,
  planner_version: input.plannerVersion,
  probes: report.probes.map(({ accelerator, errors }) => ({
    accelerator,
    median_errors: errors.map(({ what, before, after }) => ({
      what,
      shipped: rounded(before, 3),
      fitted: rounded(after, 3),
    })),
  })),
  ...(report.fit === null
    ? {}
    : {
        runs: report.fit.runs,
        left_out: report.leftOut.length,
        folds: report.fit.folds,
        error_shipped: errorEntry(report.fit.before),
        error_fitted_in_sample: errorEntry(report.fit.inSample),
        error_cross_validated: errorEntry(report.fit.crossValidated),
        adopted: report.fit.adopted,
      }),
  constants: changesOf(report.probes, report.fit).map(({ path, shipped, value, meaning, unit, range }) => ({
    constant: path.join('.'),
    meaning,
    unit,
    range: [...range],
    before: shipped,
    value: rounded(value),
  })),
});

/** Entries of accelerators that the tree gained, and the names that others lost to them. */
const copyEntries = (document: Document, root: Tree): void => {
  const entries = root['accelerators'] as Record<string, Tree>;
  for (const [key, entry] of Object.entries(entries)) {
    if (!document.hasIn(['accelerators', key]))
      document.setIn(['accelerators', key], document.createNode(entry));
    else document.setIn(['accelerators', key, 'names'], document.createNode(entry['names'], { flow: true }));
  }
};

/**
 * Probes first, then runs: the constants of the accelerators, links and software that they touch, each pulled to its
 * value before by its prior width, held to the range that the file states. Deterministic; one start, a fixed number of
 * rounds; where runs left out of the fit come out no better by it, nothing moves. The file's `error` becomes the cross-validated median of the kinds of model that have five runs or more.
 */
export const calibrate = (input: CalibrationInput): CalibrationReport => {
  const root = parse(input.base) as Tree;
  const probes = input.probes.map((probe) => fitProbe(root, probe, calibrationOf));
  const { rows, leftOut } = sortRuns(input.runs, calibrationOf(root), excludedRecords());
  const settings = rows.map(({ problem }) => problem);
  const paths = touchedPaths(root, calibrationOf(root), settings);
  const fit = rows.length === 0 ? null : fitRuns(root, rows, paths, calibrationOf);
  const moe = rows.filter(({ problem }) =>
    problem.model.kinds.some((kind) => kind.feedForward.kind === 'moe'),
  ).length;
  const document = parseDocument(input.base);
  copyEntries(document, root);
  for (const { path, value } of changesOf(probes, fit)) document.setIn(path, rounded(value));
  const expected =
    errorsOf((fit?.adopted === false ? fit.before : fit?.crossValidated) ?? [])?.median ?? null;
  if (expected !== null && rows.length - moe >= LEAST_RUNS_FOR_RANGE && moe === 0)
    document.setIn(['error', 'dense'], rounded(expected, 3));
  if (expected !== null && moe >= LEAST_RUNS_FOR_RANGE && moe === rows.length)
    document.setIn(['error', 'moe'], rounded(expected, 3));
  document.set('name', input.name);
  const parts = { probes, fit, leftOut };
  document.set('provenance', document.createNode(provenance(input, parts)));
  const text = document.toString({ lineWidth: 0 });
  // What is written must be what a SPEC can load.
  calibrationOf(parse(text));
  return { text, ...parts };
};
