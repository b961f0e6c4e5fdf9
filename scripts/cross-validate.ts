/**
 * What the constants are worth on a source that the fit did not see: `npx tsx scripts/cross-validate.ts RUNS.jsonl`.
 * Writes docs/accuracy-cross-validation.md. The fit is the robust one of fit-calibration.ts, linearised at the
 * constants that ship; the test predicts anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import {
  acceleratorOf,
  crossValidate,
  crossValidateGroups,
  familyOf,
} from '../src/accuracy/cross-validation.ts';
import { BOUND_CONFIDENCE, validateBounds } from '../src/accuracy/bound-validation.ts';
import type { BoundValidation } from '../src/accuracy/bound-validation.ts';
import { compareRun } from '../src/accuracy/compare.ts';
import { createPredictor } from '../src/accuracy/predict.ts';
import type { GroupValidation, SourceValidation } from '../src/accuracy/cross-validation.ts';
import type { Tree } from '../src/accuracy/fit-parameters.ts';
import { fitRows } from '../src/accuracy/fit-rows.ts';
import { LinearisedFit } from '../src/accuracy/linearised-fit.ts';
import { mean, median } from '../src/accuracy/metrics.ts';
import { validateStrangers } from '../src/accuracy/strangers.ts';
import type { StrangerResult, StrangerValidation } from '../src/accuracy/strangers.ts';
import { validateTenRuns } from '../src/accuracy/ten-runs.ts';
import type { TenRuns } from '../src/accuracy/ten-runs.ts';
import { percent } from '../src/accuracy/report-tables.ts';
import { calibrationOf } from '../src/ingest/calibration.ts';
import { excludedRecords } from '../src/ingest/excluded-records.ts';
import { readMeasuredRuns } from '../src/ingest/measured-runs.ts';

const fileOf = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

const cells = (sizes: readonly number[]): string => `${percent(median(sizes))} | ${percent(mean(sizes))}`;

const averages = (
  table: readonly Pick<SourceValidation, 'inside' | 'outside'>[],
  key: 'inside' | 'outside',
): string => {
  const medians = mean(table.flatMap((row) => median(row[key]) ?? []));
  const means = mean(table.flatMap((row) => mean(row[key]) ?? []));
  return `${percent(medians)} | ${percent(means)}`;
};

const groupTable = (name: string, table: readonly GroupValidation[]): readonly string[] => [
  `| ${name} | tested | in sample: median | mean | left out: median | mean |`,
  '|---|---:|---:|---:|---:|---:|',
  ...table.map((row) => `| ${row.group} | ${row.tested} | ${cells(row.inside)} | ${cells(row.outside)} |`),
  `| **mean** | | ${averages(table, 'inside')} | ${averages(table, 'outside')} |`,
  '',
];

const sizes = (errors: readonly number[]): readonly number[] => errors.map(Math.abs);

const violated = ({ bound }: StrangerResult): string =>
  percent(bound.filter((each) => each < 0).length / Math.max(1, bound.length));

const strangerTime = ({ profile, predictedAs, known, unknown }: StrangerValidation): readonly string[] =>
  known.time.length === 0
    ? []
    : [
        `| ${profile} | ${predictedAs.join(', ')} | ${known.time.length} | ${cells(sizes(known.time))} | ${cells(sizes(unknown.time))} | ${percent(mean(unknown.time))} |`,
      ];

const strangerMemory = ({ profile, known, unknown }: StrangerValidation): readonly string[] =>
  known.memory.length === 0
    ? []
    : [
        `| ${profile} | ${known.memory.length} | ${percent(mean(sizes(known.memory)))} | ${violated(known)} | ${percent(mean(known.bound))} | ${percent(mean(sizes(unknown.memory)))} | ${violated(unknown)} | ${percent(mean(unknown.bound))} |`,
      ];

const share = (value: number | null): string => (value === null ? '–' : value.toFixed(3));

const strangerOom = ({ profile, known, unknown }: StrangerValidation): readonly string[] =>
  known.oom.positives === 0
    ? []
    : [
        `| ${profile} | ${known.oom.positives} | ${share(known.oom.recall)} | ${share(known.oom.precision)} | ${share(unknown.oom.recall)} | ${share(unknown.oom.precision)} |`,
      ];

const tenRuns = ({ profile, tested, draws }: TenRuns): string => {
  const list = (key: 'before' | 'after'): readonly number[] => draws.map((each) => each[key]);
  const worst = Math.max(...draws.map(({ before, after }) => after - before));
  return `| ${profile} | ${tested} | ${percent(mean(list('before')))} | ${percent(mean(list('after')))} | ${worst >= 0 ? '+' : ''}${(100 * worst).toFixed(1)} |`;
};

const boundRow = (row: BoundValidation): string =>
  `| ${row.stack} | ${row.leftOut} | ${row.runs} | ${row.rest} | ${row.factor.toFixed(2)} | ${percent(row.above)} | ${(row.shipped ?? 0).toFixed(2)} | ${percent(row.aboveShipped)} |`;

interface Tables {
  readonly bounds: readonly BoundValidation[];
  readonly sources: readonly SourceValidation[];
  readonly accelerators: readonly GroupValidation[];
  readonly families: readonly GroupValidation[];
  readonly strangers: readonly StrangerValidation[];
  readonly ten: readonly TenRuns[];
}

const page = ({ sources, accelerators, families, strangers, ten, bounds }: Tables): string =>
  [
    '# Cross-validation by source',
    '',
    'Generated by `scripts/cross-validate.ts`; do not edit. Absolute error of iteration time, median and mean, on the runs',
    'of each source of five or more: with constants fitted on all sources, and with constants fitted without that source.',
    'A software profile that one source alone has is given ten of its runs (half of them where it has under twenty) and',
    'tested on the rest. Records that no fit uses are left out of both columns.',
    '',
    '| source | tested | given | in sample: median | mean | left out: median | mean |',
    '|---|---:|---:|---:|---:|---:|---:|',
    ...sources.map(
      (row) =>
        `| ${row.source} | ${row.tested} | ${row.given} | ${cells(row.inside)} | ${cells(row.outside)} |`,
    ),
    `| **mean over sources** | | | ${averages(sources, 'inside')} | ${averages(sources, 'outside')} |`,
    '',
    '## Without an accelerator',
    '',
    'The same with constants fitted without any run on an accelerator: its efficiency under load falls back to the median of',
    'the others, its kernel curves stay as kernel tables give them.',
    '',
    ...groupTable('accelerator', accelerators),
    '## Without a family of models',
    '',
    'The same with constants fitted without any run of a kind of model.',
    '',
    ...groupTable('family', families),
    '## Without a runtime',
    '',
    'Each stack as a stranger: constants fitted without its runs, title and framework blanked, predicted as the nearest stack',
    'that is left; constants of `generic` are medians that leave it out, too. All headline rows, also those that no fit uses.',
    'Expected memory is that of the nearest stack, whose constants are read from code or fitted by hand once and do not move;',
    'its bound is, part by part, the most that the stacks which are left hold (`src/cost/memory-hull.ts`).',
    '',
    '| stack | predicted as | timed | known: median | mean | unknown: median | mean | bias |',
    '|---|---|---:|---:|---:|---:|---:|---:|',
    ...strangers.flatMap(strangerTime),
    '',
    'Peak memory: mean error, share of runs above the bound, mean size of the bound over the measured peak.',
    '',
    '| stack | runs | known: error | violated | size | unknown: error | violated | size |',
    '|---|---:|---:|---:|---:|---:|---:|---:|',
    ...strangers.flatMap(strangerMemory),
    '',
    'Out of memory:',
    '',
    '| stack | ran out | known: recall | precision | unknown: recall | precision |',
    '|---|---:|---:|---:|---:|---:|',
    ...strangers.flatMap(strangerOom),
    '',
    '## Bounds on memory without a source',
    '',
    `Measured over expected peak of the runs of a stack that are left, at their ${percent(BOUND_CONFIDENCE)} quantile (the largest of fewer`,
    'than 200), as the factor for the runs of the source that is left out; of a model, where the stack has one source alone.',
    'Beside it the bound that ships over the expected peak.',
    '',
    '| stack | left out | runs | rest | factor | above it | shipped | above it |',
    '|---|---|---:|---:|---:|---:|---:|---:|',
    ...bounds.map(boundRow),
    '',
    '## Ten runs of a user',
    '',
    'Each stack as a stranger again, and ten of its runs, drawn at random, given to what `planner calibrate` does: the',
    'constants of the machines, links and software that they touch move, held back by what they were. Median error on the',
    `runs that are left, mean over ${String(ten[0]?.draws.length ?? 0)} draws; the last column is the worst draw, in points.`,
    '',
    '| stack | tested | before | after | worst draw |',
    '|---|---:|---:|---:|---:|',
    ...ten.map(tenRuns),
    '',
  ].join('\n');

const main = (): void => {
  const [file] = process.argv.slice(2);
  if (file === undefined) throw new Error('usage: cross-validate RUNS.jsonl');
  const lines = readMeasuredRuns(file);
  if (!lines.ok) throw new Error(`cannot read ${file}`);
  const root = parse(readFileSync(fileOf('configs/calibration/default.yaml'), 'utf8')) as Tree;
  const rows = fitRows(lines.value, calibrationOf(root), excludedRecords());
  const fit = new LinearisedFit(root, rows, calibrationOf);
  const predict = createPredictor(calibrationOf(root));
  const text = page({
    sources: crossValidate(fit),
    accelerators: crossValidateGroups(fit, acceleratorOf),
    families: crossValidateGroups(fit, familyOf),
    strangers: validateStrangers(fit, lines.value),
    bounds: validateBounds(
      lines.value.flatMap((line) => (line.kind === 'run' ? [compareRun(line.run, predict)] : [])),
    ),
    ten: validateTenRuns(fit, lines.value, excludedRecords(), calibrationOf),
  });
  writeFileSync(fileOf('docs/accuracy-cross-validation.md'), text);
  process.stdout.write(text);
};

main();
