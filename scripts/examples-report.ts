/**
 * Every example of configs/examples: how long its search takes, what it finds, and how the published hand-made
 * configuration fares in the same model. Usage: tsx scripts/examples-report.ts [EXAMPLE…] > report.md
 * Each example runs in a process of its own, so that its memory is its own.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { parse } from 'yaml';
import { gpuCount } from '../src/cluster/cluster.ts';
import { layoutText } from '../src/report/layout-text.ts';
import { completeStrategy } from '../src/runtimes/complete.ts';
import { runtimeOf } from '../src/runtimes/registry.ts';
import { createSearchCosts } from '../src/search/costs.ts';
import { judgeStrategy } from '../src/search/estimate.ts';
import { searchPlans } from '../src/search/search.ts';
import type { Plan } from '../src/plan/plan.ts';
import { loadSpec } from '../src/spec/load.ts';
import { parseStrategy } from '../src/strategy/format.ts';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const folder = path.join(root, 'configs', 'examples');
/** Plans that are ranked to find the place of the published one. */
const RANKED = 300;

interface Published {
  readonly source: string;
  readonly note: string;
  readonly strategy: string;
  readonly measured: { readonly iteration_time?: number; readonly tflops_per_gpu?: number } | null;
}

interface Row {
  readonly name: string;
  readonly strategies: number;
  readonly evaluated: number;
  readonly proven: boolean;
  readonly cpuSeconds: number;
  readonly peakMegabytes: number;
  readonly best: string;
  readonly bestTime: number;
  readonly published: string;
  readonly publishedTime: number | null;
  readonly fits: boolean | null;
  readonly place: string;
  readonly measuredTime: number | null;
}

const published = parse(readFileSync(path.join(folder, 'published.yaml'), 'utf8')) as Readonly<
  Record<string, Published>
>;

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/** Seconds that the source measured, from its TFLOP/s where it prints those, by the FLOPs that the estimate counts. */
const measuredTime = ({ measured }: Published, plan: Plan | null): number | null => {
  if (measured === null) return null;
  if (measured.iteration_time !== undefined) return measured.iteration_time;
  if (measured.tflops_per_gpu === undefined || plan === null) return null;
  return (plan.estimate.modelTflopsPerGpu * plan.estimate.iterationTime) / measured.tflops_per_gpu;
};

const runExample = (name: string): Row => {
  const choice = published[name];
  const loaded = loadSpec(path.join(folder, `${name}.yaml`));
  if (choice === undefined || !loaded.ok) throw new Error(`${name}: no such example, or it does not read`);
  const { problem, calibration } = loaded.value;
  const before = cpuSeconds();
  const result = searchPlans(problem, createSearchCosts(problem, calibration));
  const spent = cpuSeconds() - before;
  const peakMegabytes = process.resourceUsage().maxRSS / 1024;
  const best = result.plans[0];
  if (best === undefined) throw new Error(`${name}: nothing fits`);

  const parsed = parseStrategy(choice.strategy);
  if (!parsed.ok) throw new Error(`${name}: ${parsed.faults.map(({ message }) => message).join('; ')}`);
  const { name: runtime, version } = problem.training.runtime;
  const strategy = completeStrategy(parsed.value, {
    gpus: gpuCount(problem.cluster),
    runtime: runtimeOf(runtime),
    version,
    model: problem.model,
  });
  const costs = createSearchCosts(problem, calibration);
  const judgement = judgeStrategy(problem, costs, strategy, null);
  const plan = judgement.kind === 'legal' ? judgement.plan : null;
  const many = searchPlans({ ...problem, search: { ...problem.search, top: RANKED } }, costs);
  const better =
    plan === null
      ? 0
      : many.plans.filter((each) => each.estimate.iterationTime < plan.estimate.iterationTime).length;
  const place =
    plan === null
      ? 'illegal'
      : better === RANKED
        ? `at least ${String(RANKED)} layouts are estimated better`
        : String(better + 1);
  return {
    name,
    strategies: result.search.strategies,
    evaluated: result.search.evaluated,
    proven: result.search.provenOptimal,
    cpuSeconds: spent,
    peakMegabytes,
    best: layoutText(best.strategy),
    bestTime: best.estimate.iterationTime,
    published: layoutText(strategy),
    publishedTime: plan?.estimate.iterationTime ?? null,
    fits: plan?.estimate.feasible ?? null,
    place,
    measuredTime: measuredTime(choice, plan),
  };
};

const figure = (value: number | null, digits = 2): string => (value === null ? '–' : value.toFixed(digits));
const ratio = (a: number | null, b: number | null): string =>
  a === null || b === null ? '–' : (a / b).toFixed(3);

const report = (rows: readonly Row[]): string =>
  [
    '| example | strategies covered | evaluated | search, CPU s | peak MB | best plan | s | published plan | s | fits | place | published / best | measured s | estimate / measured |',
    '|---|---|---|---|---|---|---|---|---|---|---|---|---|---|',
    ...rows.map((row) =>
      [
        '',
        row.name,
        String(row.strategies),
        `${String(row.evaluated)}${row.proven ? '' : ' (not proven)'}`,
        figure(row.cpuSeconds, 1),
        figure(row.peakMegabytes, 0),
        row.best,
        figure(row.bestTime),
        row.published,
        figure(row.publishedTime),
        row.fits === null ? '–' : row.fits ? 'yes' : 'no',
        row.place,
        ratio(row.publishedTime, row.bestTime),
        figure(row.measuredTime),
        ratio(row.publishedTime, row.measuredTime),
        '',
      ]
        .join(' | ')
        .trim(),
    ),
    '',
  ].join('\n');

const [flag, only] = process.argv.slice(2);
if (flag === '--one' && only !== undefined) process.stdout.write(JSON.stringify(runExample(only)));
else {
  const asked = process.argv.slice(2);
  const names = Object.keys(published).filter((name) => asked.length === 0 || asked.includes(name));
  const script = fileURLToPath(import.meta.url);
  const rows = names.map((name) => {
    process.stderr.write(`${name}\n`);
    const output = execFileSync(process.execPath, [...process.execArgv, script, '--one', name], {
      encoding: 'utf8',
    });
    return JSON.parse(output) as Row;
  });
  process.stdout.write(report(rows));
}
