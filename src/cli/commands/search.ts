import { Argument, Option } from 'commander';
import type { Command } from 'commander';
import type { SearchResult } from '../../plan/plan.ts';
import type { Problem } from '../../plan/problem.ts';
import { parseQuantity } from '../../quantity.ts';
import type { Launcher } from '../../runtimes/emit-types.ts';
import { createSearchCosts } from '../../search/costs.ts';
import { searchPlans } from '../../search/search.ts';
import { defaultControls, type SearchOutcome } from '../../search/search-types.ts';
import { echoProblem } from '../../spec/echo.ts';
import { seconds } from '../../units.ts';
import { compareWithBaseline, readBaseline } from '../against.ts';
import { escapeText, printDiagnostics } from '../diagnostic-text.ts';
import type { EmitChoice } from '../emit-plan.ts';
import { emitHelp, emitPlan, launchers, parseEmit } from '../emit-plan.ts';
import { answerNo, failUsage } from '../fail.ts';
import {
  addOutputOptions,
  checkOutput,
  checkOutputFolder,
  writeAnswer,
  type OutputOptions,
} from '../output.ts';
import { startProgress } from '../progress.ts';
import { presentResults, resultFormats, type NamedResults, type ResultFormat } from '../results-output.ts';
import { checkCompanions, collect, parseCount, parseFraction, warnOfFormat } from '../option-values.ts';
import { loadSpecs, type NamedSpec } from '../specs.ts';

const HELP = `
The plans use every GPU of the cluster, unless the objective is cost (then also the first nodes alone are tried) or
search.fix or search.limit sets data. Without --time-limit the same SPEC gives the same bytes, but for wall_time_s.

Examples:
  $ planner search cluster.yaml
  $ planner search cluster.yaml --top 20 --format csv -o plans.csv
  $ planner search cluster.yaml --set training.global_batch_size=2048 --set search.fix.tensor=8
  $ planner search cluster.yaml --against plan.json --max-change 0.05
  $ planner search cluster.yaml --emit megatron --launcher slurm --plan 2 -o launch
  $ planner search cluster.yaml --emit bridge > train.sh
  $ planner search a.yaml b.yaml --format json

Exit status: 0 a plan was found; 1 nothing is feasible (the nearest misses are printed); 2 unreadable input or usage.`;

interface Options extends OutputOptions {
  readonly format: ResultFormat;
  readonly top?: number;
  readonly emit?: EmitChoice;
  readonly launcher: Launcher;
  readonly only?: 'flags';
  readonly plan?: number;
  readonly set: readonly string[];
  readonly exhaustive?: boolean;
  readonly timeLimit?: number;
  readonly against?: string;
  readonly maxChange: number;
}

/** As many as search.top may say. */
const MOST_PLANS = 10_000;

const parseSeed = (text: string): number =>
  /^\d{1,15}$/u.test(text)
    ? Number(text)
    : failUsage('--seed', 'not a valid seed', { found: text, expected: 'a whole number from 0' });

const parseLimit = (text: string): number => {
  const limit = parseQuantity(/^[\d.]+$/u.test(text) ? Number(text) : text, 'time');
  return limit.ok && limit.value > 0
    ? limit.value
    : failUsage('--time-limit', 'not a valid time', { found: text, expected: 'a time such as 2s' });
};

/** Problem with the options of the command line that stand above the SPEC. */
const withTop = (problem: Problem, options: Options): Problem => {
  const top = Math.max(options.top ?? problem.search.top, options.plan ?? 1);
  return { ...problem, search: { ...problem.search, top } };
};

const run = (problem: Problem, spec: NamedSpec, options: Options): SearchOutcome => {
  const progress = startProgress();
  const deadline = options.timeLimit === undefined ? Infinity : performance.now() + options.timeLimit * 1000;
  try {
    return searchPlans(problem, createSearchCosts(problem, spec.calibration), {
      ...defaultControls,
      exhaustive: options.exhaustive === true,
      expired: () => performance.now() > deadline,
      progress: (evaluated, open) => {
        progress.update(
          () => `${spec.file}: ${String(evaluated)} strategies evaluated, ${String(open)} parts open`,
        );
      },
    });
  } finally {
    progress.done();
  }
};

/** A search under a time limit promises no bytes, whether or not the limit was reached. */
const limited = (outcome: SearchOutcome, { timeLimit }: Options): SearchOutcome =>
  timeLimit === undefined ? outcome : { ...outcome, search: { ...outcome.search, reproducible: false } };

/** What the order of hosts decided: nodes left out, groups that change places, orders that cannot matter. */
const reportNotes = (file: string, { notes = [] }: SearchOutcome): void => {
  for (const note of notes) process.stderr.write(`${escapeText(file)}: note: ${escapeText(note)}\n`);
};

/** Why there is no plan at all, beyond what the results say. */
const reportObstacles = (file: string, { obstacles, search, plans, nearestMisses }: SearchOutcome): void => {
  if (plans.length > 0) return;
  const messages = [...obstacles];
  if (obstacles.length === 0 && search.strategies === 0)
    messages.push(
      'no strategy satisfies the rules of the runtime; search.pruned counts what each removed, the nearest misses say what would allow one',
    );
  else if (nearestMisses.length === 0 && obstacles.length === 0)
    messages.push('the search ended before it found a plan');
  printDiagnostics(
    messages.map((message) => ({
      id: 'search/no-strategy',
      severity: 'error',
      file,
      position: { line: 1, column: 1 },
      message,
    })),
  );
};

const emitBest = (problem: Problem, result: SearchResult, emit: EmitChoice, options: Options): void => {
  const index = (options.plan ?? 1) - 1;
  const plan = result.plans[index];
  if (plan === undefined) {
    if (result.plans.length > 0)
      failUsage('--plan', 'there is no such plan', {
        found: String(index + 1),
        expected: `from 1 to ${String(result.plans.length)}`,
      });
    return;
  }
  emitPlan(plan, problem, {
    choice: emit,
    launcher: options.launcher,
    onlyFlags: options.only === 'flags',
    output: options.output,
    force: options.force === true,
  });
};

const checkUsage = (files: readonly string[], options: Options, command: Command): void => {
  checkCompanions(command, { launcher: 'emit', only: 'emit', plan: 'emit', maxChange: 'against' });
  warnOfFormat(command, 'emit');
  if (options.against !== undefined && files.length > 1)
    failUsage('--against', 'takes one SPEC', { found: String(files.length), expected: '1' });
  if (options.emit === undefined) {
    checkOutput(options);
    return;
  }
  if (files.length > 1) failUsage('--emit', 'takes one SPEC', { found: String(files.length), expected: '1' });
  if (options.output !== undefined) checkOutputFolder(options.output, [], options.force === true);
};

/** `planner search SPEC…`: ranked plans, or the launch files of one. */
export const registerSearch = (program: Command): void => {
  const command = program
    .command('search')
    .description('rank the ways to train a model on a cluster')
    .addArgument(
      new Argument('<specs...>', 'cluster, model and training, as YAML or JSON; several make one sweep'),
    )
    .option('--top <n>', 'plans to print (default: search.top of the SPEC)', parseCount('--top', MOST_PLANS))
    .addOption(new Option('--format <format>', 'how to print').choices(resultFormats).default('table'))
    .option('--emit <target>', `print launch files instead: ${emitHelp}`, parseEmit)
    .addOption(
      new Option('--launcher <launcher>', 'with --emit: what starts the job')
        .choices(launchers)
        .default('torchrun'),
    )
    .addOption(new Option('--only <part>', 'with --emit: the flags alone').choices(['flags']))
    .option('--plan <k>', 'with --emit: the plan of this rank (default: 1)', parseCount('--plan', MOST_PLANS))
    .option('--set <key=value>', 'override a key of the SPEC; may be repeated', collect, [])
    .option('--exhaustive', 'evaluate every legal strategy: the same answer, slower')
    .option('--time-limit <time>', 'stop after this time, such as 2s, with the best so far', parseLimit)
    .option(
      '--against <plan>',
      'fail when the best plan or its estimate moved since this plan file was written',
    )
    .option(
      '--max-change <fraction>',
      'with --against: by how much it may move',
      parseFraction('--max-change', '0.05'),
      0.05,
    )
    .option('--seed <n>', 'seed of random searches; this search is exact and draws nothing', parseSeed)
    .addHelpText('after', HELP);
  addOutputOptions(command).action((files: readonly string[], options: Options) => {
    checkUsage(files, options, command);
    const baseline = options.against === undefined ? null : readBaseline(options.against);
    const specs = loadSpecs(files, options.set);
    const all = specs.map((spec): NamedResults & { readonly result: SearchOutcome } => {
      const problem = withTop(spec.problem, options);
      const start = performance.now();
      const result = limited(run(problem, spec, options), options);
      const wallTime = seconds((performance.now() - start) / 1000);
      reportObstacles(spec.file, result);
      reportNotes(spec.file, result);
      return { file: spec.file, problem, echo: echoProblem(problem), result, wallTime };
    });
    if (all.some(({ result }) => result.plans.length === 0)) answerNo();
    const [first] = all;
    const [spec] = specs;
    if (baseline !== null && first !== undefined && spec !== undefined) {
      const moved = compareWithBaseline(spec, first.result.plans[0], baseline, options.maxChange);
      printDiagnostics(moved);
      if (moved.some(({ severity }) => severity === 'error')) answerNo();
    }
    if (options.emit !== undefined && first !== undefined && first.result.plans.length > 0) {
      emitBest(first.problem, first.result, options.emit, options);
      return;
    }
    if (options.emit !== undefined) {
      // A script on stdout may be piped into a shell: without a plan it stays empty, and stderr says why.
      process.stderr.write(
        presentResults(all, { command: 'search', format: 'table', toFile: true, colour: false }),
      );
      return;
    }
    const colour = program.opts<{ color?: boolean }>().color;
    writeAnswer(
      presentResults(all, {
        command: 'search',
        format: options.format,
        toFile: options.output !== undefined,
        colour,
      }),
      options,
    );
  });
};
