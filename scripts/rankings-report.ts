/**
 * Rankings in sweeps, what noise allows and how firm they are: `npx tsx scripts/rankings-report.ts RUNS.jsonl [DRAWS]`.
 * Prints the tables of docs/rankings.md. Every draw has a fixed seed.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { generator } from '../src/accuracy/cross-validation.ts';
import { adopt, holder, PARAMETERS, rangeOf } from '../src/accuracy/fit-parameters.ts';
import type { Tree } from '../src/accuracy/fit-parameters.ts';
import { mean } from '../src/accuracy/metrics.ts';
import type { Pair } from '../src/accuracy/metrics.ts';
import { percent } from '../src/accuracy/report-tables.ts';
import { accuracyReport } from '../src/accuracy/report.ts';
import { timePair } from '../src/accuracy/summary.ts';
import { groupBy, summarizeSweeps } from '../src/accuracy/sweeps.ts';
import type { Sweep, SweepSummary } from '../src/accuracy/sweeps.ts';
import type { Calibration } from '../src/cost/calibration.ts';
import { calibrationOf } from '../src/ingest/calibration.ts';
import { readMeasuredRuns } from '../src/ingest/measured-runs.ts';
import type { MeasuredLine } from '../src/ingest/measured-runs.ts';

type SourceSweep = Sweep & { readonly source: string };

/** Headline rows by sweep. */
const sweepsOf = (lines: readonly MeasuredLine[], calibration: Calibration): readonly SourceSweep[] => {
  const rows = accuracyReport([{ name: 'runs', lines }], calibration).records.flatMap((row) => {
    const pair = row.scores.timing && row.apart === null ? timePair(row) : null;
    return pair === null ? [] : [{ key: row.traits.sweep, source: row.source, pair }];
  });
  return [...groupBy(rows, ({ key }) => key)].map(([key, group]) => ({
    key,
    source: group[0]?.source ?? '',
    rows: group.map(({ pair }) => pair),
  }));
};

const scoreOf = (sweeps: readonly Sweep[]): SweepSummary => summarizeSweeps(sweeps).summary;

const cells = ({ sweeps, kendallTau, regret }: SweepSummary): string =>
  `${String(sweeps)} | ${kendallTau?.toFixed(3) ?? '–'} | ${percent(regret, 2)}`;

/** Box and Muller. */
const normal = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

const spread = (values: readonly number[]): string => {
  const middle = mean(values) ?? 0;
  const deviation = Math.sqrt(mean(values.map((value) => (value - middle) ** 2)) ?? 0);
  return `${middle.toFixed(3)} ± ${deviation.toFixed(3)}`;
};

const drawn = (label: string, summaries: readonly SweepSummary[]): string => {
  const taus = summaries.flatMap(({ kendallTau }) => kendallTau ?? []);
  const regrets = summaries.flatMap(({ regret }) => (regret === null ? [] : [100 * regret]));
  const low = regrets.filter((regret) => regret <= 1).length / Math.max(1, regrets.length);
  return `| ${label} | ${spread(taus)} | ${spread(regrets)} % | ${percent(low, 0)} |`;
};

/** The median difference of two runs of one setting, each with normal noise of unit deviation on its logarithm. */
const MEDIAN_DIFFERENCE = 0.954;

/** Variants that one record stands for tie whatever is predicted: their sweeps keep their measured times. */
const TOLD_APART_BY_NAME = /vocabulary ?parallelism/i;

/** A perfect model's score: every run takes what is predicted, and noise. */
const withNoise = (sweeps: readonly SourceSweep[], repeats: number, random: () => number): SweepSummary => {
  const noisy = ({ predicted }: Pair): Pair => ({
    measured: predicted * Math.exp((repeats / MEDIAN_DIFFERENCE) * normal(random)),
    predicted,
  });
  return scoreOf(
    sweeps.map((sweep) =>
      TOLD_APART_BY_NAME.test(sweep.source) ? sweep : { ...sweep, rows: sweep.rows.map(noisy) },
    ),
  );
};

/** Every constant that is fitted, moved at random by up to `size` of itself, within its range. */
const perturbed = (root: Tree, size: number, random: () => number): Calibration => {
  const moved = structuredClone(root);
  for (const path of PARAMETERS) {
    const value = adopt(moved, path);
    const [node, key] = holder(moved, path);
    const [low, high] = rangeOf(moved, path);
    node[key] = Math.min(high, Math.max(low, value * Math.exp(size * (2 * random() - 1))));
  }
  return calibrationOf(moved);
};

const main = (): void => {
  const [file, draws = '20'] = process.argv.slice(2);
  if (file === undefined) throw new Error('usage: rankings-report RUNS.jsonl [DRAWS]');
  const lines = readMeasuredRuns(file);
  if (!lines.ok) throw new Error(`cannot read ${file}`);
  const shipped = fileURLToPath(new URL('../configs/calibration/default.yaml', import.meta.url));
  const root = parse(readFileSync(shipped, 'utf8')) as Tree;
  const sweeps = sweepsOf(lines.value, calibrationOf(root));
  const scored = sweeps.filter(({ rows }) => rows.length >= 5);
  const random = generator(1);
  const times = (count: number, draw: () => SweepSummary): readonly SweepSummary[] =>
    Array.from({ length: count }, draw);
  const table = (head: string, rows: readonly string[]): readonly string[] => [
    `| ${head} |`,
    `|${'---|'.repeat(head.split('|').length)}`,
    ...rows,
    '',
  ];
  const text = [
    ...table('source | sweeps | tau | regret', [
      ...[...groupBy(scored, ({ source }) => source)].map(
        ([source, own]) => `| ${source} | ${cells(scoreOf(own))} |`,
      ),
      `| **mean over sweeps** | ${cells(scoreOf(scored))} |`,
    ]),
    ...table(
      'repeats differ by | tau | regret | regret of 1 % and less',
      [0.02, 0.03, 0.04, 0.05].map((repeats) =>
        drawn(
          percent(repeats, 0),
          times(400, () => withNoise(scored, repeats, random)),
        ),
      ),
    ),
    ...table(
      'constants moved by up to | tau | regret | regret of 1 % and less',
      [0.03, 0.1].map((size) =>
        drawn(
          percent(size, 0),
          times(Number(draws), () => scoreOf(sweepsOf(lines.value, perturbed(root, size, random)))),
        ),
      ),
    ),
  ];
  process.stdout.write(text.join('\n'));
};

main();
