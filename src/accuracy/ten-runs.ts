/**
 * What ten runs of a user are worth: a stack is made a stranger (strangers.ts), ten of its runs drawn at random
 * calibrate the constants of the machines, links and software that they touch, and the rest is predicted with and
 * without. Several draws: one could be lucky.
 */
import type { MeasuredLine } from '../ingest/measured-runs.ts';
import type { ExcludedRecords } from '../ingest/excluded-records.ts';
import type { Calibration } from '../cost/calibration.ts';
import type { SoftwareProfile } from '../plan/conditions.ts';
import { softwareProfile } from '../runtimes/time-behaviour.ts';
import { touchedPaths } from './calibrate-paths.ts';
import { fitRuns } from './calibrate-runs.ts';
import { generator } from './cross-validation.ts';
import type { Tree } from './fit-parameters.ts';
import { groupErrors, groupRows, sortRuns } from './fit-rows.ts';
import type { FitRow } from './fit-rows.ts';
import { setGenericProfile } from './generic-profile.ts';
import type { LinearisedFit } from './linearised-fit.ts';
import { median } from './metrics.ts';
import { createPredictor } from './predict.ts';
import { softwareOf } from './record/software.ts';
import { nameless, strangerOf } from './strangers.ts';

const RUNS = 10;
/** Runs that must be left to test on. */
const LEAST_TESTED = 10;

export interface TenRuns {
  readonly profile: SoftwareProfile;
  readonly tested: number;
  /** Median absolute error of each draw on the runs left, before and after. */
  readonly draws: readonly { readonly before: number; readonly after: number }[];
}

type Read = (root: Tree) => Calibration;

const errorOf = (rows: readonly FitRow[], calibration: Calibration): number =>
  median(
    groupRows(rows).flatMap((group) =>
      groupErrors(group, calibration).map((error) => Math.abs(Math.exp(error) - 1)),
    ),
  ) ?? 0;

/** One draw: `root` is a calibration fitted without the stack. */
const draw = (
  root: Tree,
  rows: readonly FitRow[],
  random: () => number,
  read: Read,
): { readonly before: number; readonly after: number } => {
  const order = rows.map((row) => ({ row, key: random() })).sort((a, b) => a.key - b.key);
  const given = order.slice(0, RUNS).map(({ row }) => ({ ...row, weight: 1 }));
  const tested = order.slice(RUNS).map(({ row }) => row);
  const own = structuredClone(root);
  const before = errorOf(tested, read(own));
  const paths = touchedPaths(
    own,
    read(own),
    given.map(({ problem }) => problem),
  );
  fitRuns(own, given, paths, read);
  return { before, after: errorOf(tested, read(own)) };
};

/** For each stack with twenty runs or more. `lines` and `excluded` as for the fit. */
export const validateTenRuns = (
  fit: LinearisedFit,
  lines: readonly MeasuredLine[],
  excluded: readonly ExcludedRecords[],
  read: Read,
  draws = 4,
): readonly TenRuns[] => {
  const random = generator(1);
  const byProfile = new Map<SoftwareProfile, MeasuredLine[]>();
  for (const line of lines)
    if (line.kind === 'run') {
      const { profile } = softwareOf(line.run.configuration);
      byProfile.set(profile, [...(byProfile.get(profile) ?? []), line]);
    }
  return [...byProfile].flatMap(([profile, own]) => {
    const others = fit.rows.filter(({ problem }) => softwareProfile(problem.training) !== profile);
    let root: Tree = {};
    const rows = fit.under(
      fit.fit(new Map(others.map((row) => [row, row.weight]))),
      (calibration) => {
        const predict = createPredictor(calibration);
        return sortRuns(own, calibration, excluded, (configuration) =>
          predict(nameless(configuration), strangerOf(configuration, profile)),
        ).rows;
      },
      (tree) => {
        setGenericProfile(tree, profile);
        root = tree;
      },
    );
    if (rows.length < RUNS + LEAST_TESTED) return [];
    return [
      {
        profile,
        tested: rows.length - RUNS,
        draws: Array.from({ length: draws }, () => draw(root, rows, random, read)),
      },
    ];
  });
};
