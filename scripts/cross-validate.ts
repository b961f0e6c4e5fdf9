/**
 * What the constants are worth on a source that the fit did not see: `npx tsx scripts/cross-validate.ts RUNS.jsonl`.
 *
 * For every source: constants are fitted without it and tested on it. A software profile that this source alone has is
 * calibrated on ten of its runs, drawn at random, and tested on the rest. The fit is the robust one of
 * fit-calibration.ts, linearised at the constants that ship; each constant is pulled, weakly, to the median of its
 * siblings (other accelerators, links, profiles), so that what only the left-out source fixes falls back to what is
 * known elsewhere. Writes docs/accuracy-cross-validation.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { adopt, holder, PARAMETERS, rangeOf } from '../src/accuracy/fit-parameters.ts';
import type { Path, Tree } from '../src/accuracy/fit-parameters.ts';
import { fitRows, groupErrors, groupRows } from '../src/accuracy/fit-rows.ts';
import type { FitGroup, FitRow } from '../src/accuracy/fit-rows.ts';
import { robustFit } from '../src/accuracy/least-squares.ts';
import { mean, median } from '../src/accuracy/metrics.ts';
import { percent } from '../src/accuracy/report-tables.ts';
import { calibrationOf } from '../src/ingest/calibration.ts';
import { excludedRecords } from '../src/ingest/excluded-records.ts';
import { readMeasuredRuns } from '../src/ingest/measured-runs.ts';
import { softwareProfile } from '../src/runtimes/time-behaviour.ts';

const fileOf = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

const STEP = 0.04;
const SOFT = 0.04;
const PULL = 2e-4;
/** A linearised fit is not trusted further than this factor. */
const FARTHEST = Math.log(2);
const CALIBRATION_RUNS = 10;
const MIN_ROWS = 5;

const main = (): void => {
  const [file] = process.argv.slice(2);
  if (file === undefined) throw new Error('usage: cross-validate RUNS.jsonl');
  const lines = readMeasuredRuns(file);
  if (!lines.ok) throw new Error(`cannot read ${file}`);
  const root = parse(readFileSync(fileOf('configs/calibration/default.yaml'), 'utf8')) as Tree;
  const values = PARAMETERS.map((path) => adopt(root, path));
  const rows = fitRows(lines.value, calibrationOf(root), excludedRecords());
  const groups = groupRows(rows);
  const order = groups.flatMap((group) => group.rows);

  const set = (index: number, value: number): void => {
    const path = PARAMETERS[index];
    if (path === undefined) return;
    const [node, key] = holder(root, path);
    node[key] = value;
  };
  const errorsNow = (some: readonly FitGroup[]): readonly number[] => {
    const calibration = calibrationOf(root);
    return some.flatMap((group) => groupErrors(group, calibration));
  };
  const base = errorsNow(groups);
  const columns = PARAMETERS.map((path, j) => {
    const value = values[j] ?? 0;
    const [low, high] = rangeOf(root, path);
    const up = value * (1 + STEP) <= high;
    const moved = value === 0 ? 0 : up ? value * (1 + STEP) : Math.max(low, value / (1 + STEP));
    const distance = moved > 0 && value > 0 ? Math.log(moved / value) : 0;
    if (distance === 0) return base.map(() => 0);
    set(j, moved);
    const errors = errorsNow(groups);
    set(j, value);
    process.stderr.write('.');
    return errors.map((error, i) => (error - (base[i] ?? 0)) / distance);
  });
  process.stderr.write('\n');

  const siblings = (path: Path): number | null => {
    const [sectionName, own, ...rest] = path;
    const section = root[sectionName ?? ''] as Record<string, Tree>;
    const found = Object.keys(section).flatMap((name) => {
      if (name === own) return [];
      let node: unknown = section[name];
      for (const key of rest) node = (node as Tree | undefined)?.[key];
      return typeof node === 'number' && node > 0 ? [node] : [];
    });
    return median(found);
  };
  const clamp = (value: number): number => Math.min(FARTHEST, Math.max(-FARTHEST, value));
  const centre = PARAMETERS.map((path, j) => {
    const known = siblings(path);
    const value = values[j] ?? 0;
    return known === null || value <= 0 ? 0 : clamp(Math.log(known / value));
  });
  const limit = (side: 0 | 1): readonly number[] =>
    PARAMETERS.map((path, j) => {
      const value = values[j] ?? 0;
      const bound = rangeOf(root, path)[side];
      return value <= 0 ? 0 : clamp(Math.log(Math.max(bound, 1e-15) / value));
    });
  const [low, high] = [limit(0), limit(1)];
  /** Constants, as log factors on those that ship, fitted on rows with a weight of their own. */
  const fitOn = (chosen: ReadonlyMap<FitRow, number>): readonly number[] =>
    robustFit({
      rows: order.flatMap((row, i) => {
        const weight = chosen.get(row);
        return weight === undefined
          ? []
          : [{ error: base[i] ?? 0, slopes: columns.map((column) => column[i] ?? 0), weight }];
      }),
      centre,
      pull: PULL,
      low,
      high,
      soft: SOFT,
    });
  const sizesOf = (shift: readonly number[], tested: readonly FitRow[]): readonly number[] => {
    values.forEach((value, j) => {
      set(j, value * Math.exp(shift[j] ?? 0));
    });
    const sizes = errorsNow(groupRows(tested)).map((error) => Math.abs(Math.exp(error) - 1));
    values.forEach((value, j) => {
      set(j, value);
    });
    return sizes;
  };

  // A small linear congruential generator (Numerical Recipes), so that two runs draw the same runs.
  let state = 1;
  const random = (): number => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
  const weights = (some: readonly FitRow[]): [FitRow, number][] => some.map((row) => [row, row.weight]);
  const whole = fitOn(new Map(weights(order)));
  const profile = (row: FitRow): string => softwareProfile(row.problem.training);
  const sources = [...new Set(order.map((row) => row.source))];
  const table = sources.flatMap((source) => {
    const own = order.filter((row) => row.source === source);
    if (own.length < MIN_ROWS) return [];
    const others = order.filter((row) => row.source !== source);
    const alone = own.some((row) => !others.some((other) => profile(other) === profile(row)));
    const shuffled = own.map((row) => ({ row, key: random() })).sort((a, b) => a.key - b.key);
    const given = alone
      ? shuffled.slice(0, Math.min(CALIBRATION_RUNS, own.length >> 1)).map(({ row }) => row)
      : [];
    const weight = 1 / Math.max(MIN_ROWS, given.length);
    const tested = own.filter((row) => !given.includes(row));
    const shift = fitOn(
      new Map([...weights(others), ...given.map((row): [FitRow, number] => [row, weight])]),
    );
    return [
      {
        source,
        count: tested.length,
        given: given.length,
        inside: sizesOf(whole, tested),
        outside: sizesOf(shift, tested),
      },
    ];
  });
  const averages = (key: 'inside' | 'outside'): readonly [number | null, number | null] => [
    mean(table.flatMap((row) => median(row[key]) ?? [])),
    mean(table.flatMap((row) => mean(row[key]) ?? [])),
  ];
  const cells = (sizes: readonly number[]): string => `${percent(median(sizes))} | ${percent(mean(sizes))}`;
  const [inside, outside] = [averages('inside'), averages('outside')];
  const lines2 = [
    '# Cross-validation by source',
    '',
    'Generated by `scripts/cross-validate.ts`; do not edit. Absolute error of iteration time, median and mean, on the runs',
    'of each source of five or more: with constants fitted on all sources, and with constants fitted without that source.',
    'A software profile that one source alone has is given ten of its runs (fewer where it has under twenty) and tested on',
    'the rest. Records that no fit uses are left out of both columns.',
    '',
    '| source | tested | given | in sample: median | mean | left out: median | mean |',
    '|---|---:|---:|---:|---:|---:|---:|',
    ...table.map(
      (row) =>
        `| ${row.source} | ${row.count} | ${row.given} | ${cells(row.inside)} | ${cells(row.outside)} |`,
    ),
    `| **mean over sources** | | | ${percent(inside[0])} | ${percent(inside[1])} | ${percent(outside[0])} | ${percent(outside[1])} |`,
    '',
  ];
  writeFileSync(fileOf('docs/accuracy-cross-validation.md'), lines2.join('\n'));
  process.stdout.write(`${lines2.join('\n')}\n`);
};

main();
