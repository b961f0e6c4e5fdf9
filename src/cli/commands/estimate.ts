import { Argument, Option } from 'commander';
import type { Command } from 'commander';
import { gpuCount } from '../../cluster/cluster.ts';
import type { Diagnostic } from '../../diagnostics.ts';
import type { Plan, SearchResult } from '../../plan/plan.ts';
import type { Problem } from '../../plan/problem.ts';
import { rankTableCsv } from '../../report/rank-table-csv.ts';
import { completeStrategy } from '../../runtimes/complete.ts';
import { runtimeOf } from '../../runtimes/registry.ts';
import type { Violation } from '../../runtimes/rule.ts';
import { createSearchCosts } from '../../search/costs.ts';
import { judgeStrategy } from '../../search/estimate.ts';
import { echoProblem } from '../../spec/echo.ts';
import { parseStrategy } from '../../strategy/format.ts';
import { rankTable } from '../../strategy/rank-table.ts';
import type { Strategy } from '../../strategy/strategy.ts';
import { bytes, seconds } from '../../units.ts';
import { printDiagnostics } from '../diagnostic-text.ts';
import { answerNo, failUsage, failWith } from '../fail.ts';
import { addOutputOptions, checkOutput, writeAnswer, type OutputOptions } from '../output.ts';
import { launchedProblem, readPlanFile, type PlanFile } from '../plan-file.ts';
import { presentResults, resultFormats, type NamedResults, type ResultFormat } from '../results-output.ts';
import { collect, warnOfFormat } from '../option-values.ts';
import { loadSpecs, type NamedSpec } from '../specs.ts';

const HELP = `
What the strategy leaves out takes the value that the runtime would take; the layers are partitioned as a search would.

Examples:
  $ planner estimate cluster.yaml --strategy tensor=8,pipeline=4,virtual_stages=5,sharding=optimizer
  $ planner estimate cluster.yaml --plan plan.json --format json
  $ planner estimate cluster.yaml --strategy tensor=8,pipeline=2 --ranks > ranks.csv

Exit status: 0 the strategy is legal and fits; 1 it is illegal or does not fit (with the reasons); 2 unreadable input.`;

interface Options extends OutputOptions {
  readonly strategy?: string;
  readonly plan?: string;
  readonly format: ResultFormat;
  readonly ranks?: boolean;
  readonly set: readonly string[];
}

const readInput = (options: Options): PlanFile => {
  if ((options.strategy === undefined) === (options.plan === undefined))
    failUsage('--strategy', 'give either --strategy or --plan', { expected: 'one of the two' });
  if (options.plan !== undefined) return readPlanFile(options.plan);
  const parsed = parseStrategy(options.strategy ?? '');
  if (parsed.ok) return { strategy: parsed.value, partition: null, hosts: null, devices: null };
  return failWith(
    parsed.faults.map(({ id, message, offset, length, found, expected }): Diagnostic => ({
      id,
      severity: 'error',
      file: '--strategy',
      position: { line: 1, column: offset + 1, length: Math.max(1, length) },
      message,
      found,
      expected,
    })),
  );
};

const ofRule =
  (file: string) =>
  ({ rule, message, found, expected }: Violation): Diagnostic => ({
    id: rule.id,
    severity: rule.severity,
    file,
    position: { line: 1, column: 1 },
    message: `${message} (${rule.id}: ${rule.why})`,
    found,
    expected,
  });

const statistics: SearchResult['search'] = {
  strategies: 1,
  pruned: {},
  evaluated: 1,
  provenOptimal: true,
  gap: 0,
  reproducible: true,
};

const withoutPlan = (
  strategy: Strategy,
  pruned: readonly string[],
  reasons: readonly string[],
): SearchResult => ({
  search: {
    ...statistics,
    strategies: 0,
    evaluated: 0,
    pruned: Object.fromEntries(pruned.map((id) => [id, 1])),
  },
  plans: [],
  nearestMisses: [{ strategy, stage: 0, missing: bytes(0), reasons }],
});

const estimateOne = (given: Problem, spec: NamedSpec, input: PlanFile, source: string): SearchResult => {
  const problem = launchedProblem(given, input, source);
  const { name, version } = problem.training.runtime;
  const strategy = completeStrategy(input.strategy, {
    gpus: gpuCount(problem.cluster),
    runtime: runtimeOf(name),
    version,
    model: problem.model,
  });
  const judgement = judgeStrategy(
    problem,
    createSearchCosts(problem, spec.calibration),
    strategy,
    input.partition,
  );
  switch (judgement.kind) {
    case 'legal': {
      printDiagnostics(judgement.warnings.map(ofRule(source)));
      const plan: Plan = { ...judgement.plan, hosts: input.hosts, devices: input.devices };
      return { search: statistics, plans: [plan], nearestMisses: [] };
    }
    case 'illegal': {
      const diagnostics = judgement.violations.map(ofRule(source));
      printDiagnostics(diagnostics);
      const ids = judgement.violations.map(({ rule }) => rule.id);
      return withoutPlan(
        strategy,
        ids,
        diagnostics.map(({ message }) => message),
      );
    }
    case 'unsplittable':
      return withoutPlan(
        strategy,
        [],
        ['the layers cannot be split over these stages in a way that the runtime takes'],
      );
  }
};

const ranksOf = ({ problem, result }: NamedResults): string => {
  const plan = result.plans[0];
  if (plan === undefined) return '';
  const { strategy, hosts, devices } = plan;
  return rankTableCsv(rankTable(problem.cluster, { strategy, hosts, devices }));
};

/** `planner estimate SPEC…`: time and memory of one strategy. */
export const registerEstimate = (program: Command): void => {
  const command = program
    .command('estimate')
    .description('time and memory of one strategy')
    .addArgument(new Argument('<specs...>', 'cluster, model and training, as YAML or JSON'))
    .option('--strategy <keys>', 'the strategy: tensor=8,pipeline=4,…')
    .option(
      '--plan <file>',
      'the strategy and order of hosts of a plan file, one element of plans[] of a result; its dedication, which only a search finds, is not judged again',
    )
    .addOption(new Option('--format <format>', 'how to print').choices(resultFormats).default('table'))
    .option('--ranks', 'print where every rank runs, as CSV, instead')
    .option('--set <key=value>', 'override a key of the SPEC; may be repeated', collect, [])
    .addHelpText('after', HELP);
  addOutputOptions(command).action((files: readonly string[], options: Options) => {
    checkOutput(options);
    warnOfFormat(command, 'ranks');
    if (options.ranks === true && files.length > 1)
      failUsage('--ranks', 'takes one SPEC', { found: String(files.length), expected: '1' });
    const input = readInput(options);
    const all = loadSpecs(files, options.set).map((spec): NamedResults => {
      const { problem, file } = spec;
      const start = performance.now();
      const result = estimateOne(problem, spec, input, options.plan ?? '--strategy');
      const wallTime = seconds((performance.now() - start) / 1000);
      return { file, problem, echo: echoProblem(problem), result, wallTime };
    });
    if (!all.every(({ result }) => result.plans[0]?.estimate.feasible === true)) answerNo();
    const [first] = all;
    if (options.ranks === true && first !== undefined) {
      writeAnswer(ranksOf(first), options);
      return;
    }
    const colour = program.opts<{ color?: boolean }>().color;
    const toFile = options.output !== undefined;
    writeAnswer(
      presentResults(all, { command: 'estimate', format: options.format, toFile, colour }),
      options,
    );
  });
};
