/** Constants of a machine from a few of its runs: a fit that leans on the shipped ones, and what it is worth on runs it did not see. */
import type { Calibration } from '../cost/calibration.ts';
import { meaningOf, priorWidth } from './calibrate-paths.ts';
import { holder } from './fit-parameters.ts';
import type { Path, Tree } from './fit-parameters.ts';
import type { FitRow } from './fit-rows.ts';
import { groupErrors, groupRows } from './fit-rows.ts';
import { LinearisedFit } from './linearised-fit.ts';
import { mean } from './metrics.ts';

/** What one run tells: repeated runs and the model's own error, as standard deviation of the log of the time. */
const NOISE = 0.04;
/** Constants that move no run by more than this share of their own change stay as they are. */
const LEAST_SENSITIVITY = 0.01;
/** Each round starts from the constants of the one before: the model is not linear. */
const ROUNDS = 2;
/** Up to so many runs each is left out alone; above, runs are dealt to ten folds. */
const MOST_SINGLE = 30;
const FOLDS = 10;

type Read = (root: Tree) => Calibration;

const read = (root: Tree, path: Path): number => {
  const [node, key] = holder(root, path);
  return Number(node[key]);
};

const write = (root: Tree, path: Path, value: number): void => {
  const [node, key] = holder(root, path);
  node[key] = value;
};

/** Sources weigh the same; the sum of weights is the number of rows, so that more runs outweigh the prior. */
const weightsOf = (rows: readonly FitRow[]): ReadonlyMap<FitRow, number> => {
  const sum = rows.reduce((total, row) => total + row.weight, 0);
  return new Map(rows.map((row) => [row, (row.weight * rows.length) / sum]));
};

/** Values of the constants fitted on the rows; `prior` is where each leans. The tree holds them afterwards. */
const fitted = (
  root: Tree,
  rows: readonly FitRow[],
  paths: readonly Path[],
  prior: readonly number[],
  calibrationOf: Read,
): readonly number[] => {
  const pull = (path: Path): number => 0.5 * (NOISE / priorWidth(meaningOf(root, path).unit)) ** 2;
  let values = prior;
  for (let round = 0; round < ROUNDS; round += 1) {
    const fit = new LinearisedFit(root, rows, calibrationOf, paths);
    const centre = values.map((value, j) => (value > 0 ? Math.log((prior[j] ?? value) / value) : 0));
    const shift = fit.fit(weightsOf(fit.rows), { centre, pull });
    values = values.map((value, j) => value * Math.exp(shift[j] ?? 0));
    paths.forEach((path, j) => {
      write(root, path, values[j] ?? 0);
    });
  }
  return values;
};

/** Absolute relative errors of rows, in the order of their groups. */
const errorsOf = (root: Tree, rows: readonly FitRow[], calibrationOf: Read): readonly number[] => {
  const calibration = calibrationOf(root);
  return groupRows(rows).flatMap((group) =>
    groupErrors(group, calibration).map((error) => Math.abs(Math.exp(error) - 1)),
  );
};

export interface FittedConstant {
  readonly path: Path;
  readonly shipped: number;
  readonly value: number;
  readonly meaning: string;
  readonly unit: string;
  readonly range: readonly [number, number];
}

export interface RunFit {
  readonly runs: number;
  readonly folds: number;
  readonly constants: readonly FittedConstant[];
  /** Absolute relative errors of iteration time: as shipped, with the fit on all runs, on runs that a fit did not see. */
  readonly before: readonly number[];
  readonly inSample: readonly number[];
  readonly crossValidated: readonly number[];
  /** false: the fit is no better on runs that it did not see, and the constants stay as they were. */
  readonly adopted: boolean;
}

/** Runs that repeat one another would tell a fold its answer: they stay together. Folds follow the order of the runs. */
const foldsOf = (rows: readonly FitRow[]): readonly (readonly FitRow[])[] => {
  const kin = new Map<string, FitRow[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.problem, row.strategy, row.partition]);
    kin.set(key, [...(kin.get(key) ?? []), row]);
  }
  const families = [...kin.values()];
  if (families.length <= MOST_SINGLE) return families;
  return Array.from({ length: FOLDS }, (_, fold) =>
    families.filter((__, index) => index % FOLDS === fold).flat(),
  );
};

/** Of the candidates, those that the rows notice; and the shipped values that they lean on. */
const noticed = (
  root: Tree,
  rows: readonly FitRow[],
  candidates: readonly Path[],
  calibrationOf: Read,
): { readonly paths: readonly Path[]; readonly prior: readonly number[] } => {
  const { sensitivities } = new LinearisedFit(root, rows, calibrationOf, candidates);
  const paths = candidates.filter((_, j) => (sensitivities[j] ?? 0) >= LEAST_SENSITIVITY);
  return { paths, prior: paths.map((path) => read(root, path)) };
};

/** A single run cannot be left out; its fit leans on the prior alone. */
const helps = (before: readonly number[], crossValidated: readonly number[]): boolean =>
  crossValidated.length === 0 || (mean(crossValidated) ?? 0) < (mean(before) ?? 0);

/**
 * Fits constants among `candidates` on rows. `root` holds them afterwards, unless runs left out of the fit say that they
 * are worth nothing.
 */
export const fitRuns = (
  root: Tree,
  rows: readonly FitRow[],
  candidates: readonly Path[],
  calibrationOf: Read,
): RunFit => {
  const { paths, prior } = noticed(root, rows, candidates, calibrationOf);
  const reset = (): void => {
    paths.forEach((path, j) => {
      write(root, path, prior[j] ?? 0);
    });
  };
  const before = errorsOf(root, rows, calibrationOf);
  const folds = foldsOf(rows);
  const crossValidated =
    folds.length < 2
      ? []
      : folds.flatMap((held) => {
          const out = new Set(held);
          const kept = rows.filter((row) => !out.has(row));
          fitted(root, kept, paths, prior, calibrationOf);
          const errors = errorsOf(root, held, calibrationOf);
          reset();
          return errors;
        });
  const fit = fitted(root, rows, paths, prior, calibrationOf);
  const inSample = errorsOf(root, rows, calibrationOf);
  const adopted = helps(before, crossValidated);
  if (!adopted) reset();
  const values = adopted ? fit : prior;
  return {
    runs: rows.length,
    folds: folds.length,
    constants: paths.map((path, j) => ({
      path,
      shipped: prior[j] ?? 0,
      value: values[j] ?? 0,
      ...meaningOf(root, path),
    })),
    before,
    inSample,
    crossValidated,
    adopted,
  };
};
