/** Errors of measured runs as a linear function of the logarithms of the constants, and fits of subsets of the runs on it. */
import type { Calibration } from '../cost/calibration.ts';
import { adopt, holder, PARAMETERS, rangeOf } from './fit-parameters.ts';
import type { Path, Tree } from './fit-parameters.ts';
import { constantsOf, groupErrors, groupRows } from './fit-rows.ts';
import type { FitGroup, FitRow } from './fit-rows.ts';
import { robustFit } from './least-squares.ts';
import { median } from './metrics.ts';

/** Relative step of the finite differences. */
const STEP = 0.04;
/** Errors beyond it count linearly. */
const SOFT = 0.04;
/** A linearised fit is not trusted further than this factor. */
const FARTHEST = Math.log(2);

export interface FitRule {
  /** Where constants that no row fixes fall back to: what the same constant is elsewhere, or given log factors. */
  readonly centre: 'siblings' | readonly number[];
  /** Weight of the pull to the centre, per squared log distance: of each constant. */
  readonly pull: (path: Path) => number;
}

/** What stands in the file is no evidence for a fit that leaves a source out: the siblings are. */
const FROM_SIBLINGS: FitRule = { centre: 'siblings', pull: () => 2e-4 };

const clamp = (value: number): number => Math.min(FARTHEST, Math.max(-FARTHEST, value));

export class LinearisedFit {
  /** Rows in the order of the linearisation. */
  readonly rows: readonly FitRow[];
  readonly #paths: readonly Path[];
  readonly #root: Tree;
  readonly #calibrationOf: (root: Tree) => Calibration;
  readonly #values: readonly number[];
  readonly #constants: readonly string[];
  readonly #base: readonly number[];
  readonly #columns: readonly (readonly number[])[];

  /** `root`: tree of a calibration file; it is changed and restored while the object works. */
  constructor(
    root: Tree,
    rows: readonly FitRow[],
    calibrationOf: (root: Tree) => Calibration,
    paths: readonly Path[] = PARAMETERS,
  ) {
    this.#root = root;
    this.#paths = paths;
    this.#calibrationOf = calibrationOf;
    this.#values = paths.map((path) => adopt(root, path));
    const groups = groupRows(rows);
    this.rows = groups.flatMap((group) => group.rows);
    const calibration = calibrationOf(root);
    this.#constants = groups.map(({ problem }) => constantsOf(problem, calibration));
    this.#base = groups.flatMap((group) => groupErrors(group, calibration));
    this.#columns = paths.map((path, j) => this.#column(groups, path, j));
  }

  #set(index: number, value: number): void {
    const path = this.#paths[index];
    if (path === undefined) return;
    const [node, key] = holder(this.#root, path);
    node[key] = value;
  }

  /** Slopes of the errors of each group, over `distance`; groups whose constants are as before are not asked again. */
  #slopes(groups: readonly FitGroup[], distance: number): readonly number[] {
    const calibration = this.#calibrationOf(this.#root);
    let first = 0;
    return groups.flatMap((group, g) => {
      const from = first;
      first += group.rows.length;
      if (constantsOf(group.problem, calibration) === this.#constants[g]) return group.rows.map(() => 0);
      return groupErrors(group, calibration).map(
        (error, i) => (error - (this.#base[from + i] ?? 0)) / distance,
      );
    });
  }

  #column(groups: readonly FitGroup[], path: Path, index: number): readonly number[] {
    const value = this.#values[index] ?? 0;
    const [low, high] = rangeOf(this.#root, path);
    const moved = value * (1 + STEP) <= high ? value * (1 + STEP) : Math.max(low, value / (1 + STEP));
    const distance = value > 0 && moved > 0 ? Math.log(moved / value) : 0;
    if (distance === 0) return this.#base.map(() => 0);
    this.#set(index, moved);
    const slopes = this.#slopes(groups, distance);
    this.#set(index, value);
    return slopes;
  }

  /** Median of the same constant over other accelerators, links or profiles; null where there is none. */
  #siblings([section, own, ...rest]: Path): number | null {
    const entries = this.#root[section ?? ''] as Record<string, unknown>;
    const found = Object.keys(entries).flatMap((name) => {
      let node: unknown = name === own ? undefined : entries[name];
      for (const key of rest) node = (node as Tree | undefined)?.[key];
      return typeof node === 'number' && node > 0 ? [node] : [];
    });
    return median(found);
  }

  /**
   * Log factors on the constants, fitted on the rows of `chosen` with the weights that it gives. By default each
   * constant is pulled weakly to the median of its siblings, so that what no chosen row fixes falls back to what is
   * known elsewhere.
   */
  fit(chosen: ReadonlyMap<FitRow, number>, rule: FitRule = FROM_SIBLINGS): readonly number[] {
    const { centre } = rule;
    const factor = (j: number, to: number | null): number => {
      const value = this.#values[j] ?? 0;
      return to === null || value <= 0 ? 0 : clamp(Math.log(Math.max(to, 1e-15) / value));
    };
    return robustFit({
      rows: this.rows.flatMap((row, i) => {
        const weight = chosen.get(row);
        const slopes = this.#columns.map((column) => column[i] ?? 0);
        return weight === undefined ? [] : [{ error: this.#base[i] ?? 0, slopes, weight }];
      }),
      centre: this.#paths.map((path, j) =>
        centre === 'siblings' ? factor(j, this.#siblings(path)) : (centre[j] ?? 0),
      ),
      low: this.#paths.map((path, j) => factor(j, rangeOf(this.#root, path)[0])),
      high: this.#paths.map((path, j) => factor(j, rangeOf(this.#root, path)[1])),
      pull: this.#paths.map((path) => rule.pull(path)),
      soft: SOFT,
    });
  }

  /** Largest change of any row's log error over the log change of a constant: 0 where no row notices it. */
  get sensitivities(): readonly number[] {
    return this.#columns.map((column) => column.reduce((most, slope) => Math.max(most, Math.abs(slope)), 0));
  }

  /** What `use` makes of the calibration with shifted constants; `prepare` may change the tree's copy before. */
  under<T>(
    shift: readonly number[],
    use: (calibration: Calibration) => T,
    prepare: (root: Tree) => void = () => undefined,
  ): T {
    this.#values.forEach((value, j) => {
      // The exponential of a bound's logarithm may lie a rounding beyond the bound.
      const [low, high] = rangeOf(this.#root, this.#paths[j] ?? []);
      this.#set(j, Math.min(high, Math.max(low, value * Math.exp(shift[j] ?? 0))));
    });
    const copy = structuredClone(this.#root);
    this.#values.forEach((value, j) => {
      this.#set(j, value);
    });
    prepare(copy);
    return use(this.#calibrationOf(copy));
  }

  /** Absolute relative errors of rows under shifted constants: predicted anew, not linearised. */
  test(shift: readonly number[], rows: readonly FitRow[]): readonly number[] {
    return this.under(shift, (calibration) =>
      groupRows(rows).flatMap((group) =>
        groupErrors(group, calibration).map((error) => Math.abs(Math.exp(error) - 1)),
      ),
    );
  }
}
