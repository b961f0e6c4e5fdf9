import { Argument, Option } from 'commander';
import type { Command } from 'commander';
import type { Effort } from '../../placement/placement.ts';
import { effortLimits } from '../../placement/place.ts';
import { parseQuantity } from '../../quantity.ts';
import { csv } from '../../report/csv.ts';
import { plain } from '../../report/paint.ts';
import { emitPlacement, PLACEMENT_TARGETS } from '../../report/placement-emit.ts';
import type { PlacementTarget } from '../../report/placement-emit.ts';
import { placementDocument, placementJson } from '../../report/placement-json.ts';
import type { PlacementEcho } from '../../report/placement-json.ts';
import { layerTable, placementText } from '../../report/placement-tables.ts';
import { markdownTable } from '../../report/text-table.ts';
import { loadHighs } from '../../solver/highs.ts';
import { javascriptLp } from '../../solver/javascript-lp.ts';
import type { SolverBackend } from '../../solver/solution.ts';
import { loadPlacement } from '../../spec/load-placement.ts';
import type { PlacementInput } from '../../spec/build-placement.ts';
import { printDiagnostics } from '../diagnostic-text.ts';
import { failUsage, failWith } from '../fail.ts';
import { addOutputOptions, checkOutput, writeAnswer } from '../output.ts';
import type { OutputOptions } from '../output.ts';
import { dispatchedValue, runPlacement } from '../placement-run.ts';
import { painter } from '../colour.ts';
import { collect, warnOfFormat } from '../option-values.ts';

const HELP = `
Examples:
  $ planner place placement.yaml
  $ planner place placement.yaml --format json -o placement.json
  $ planner place placement.yaml --emit sglang -o expert_location.json
  $ planner place placement.yaml --sweep
  $ planner place placement.yaml --score placement.json
  $ planner place placement.yaml --current placement.json --budget 200

The SPEC needs its placement section; cluster (links between tiers) and model (bytes of an expert) are optional.
The same SPEC gives the same bytes. Exit status: 0 a placement; 2 unreadable input or usage.`;

const SOLVERS: Readonly<Record<string, () => Promise<SolverBackend>>> = {
  highs: loadHighs,
  'javascript-lp-solver': () => Promise.resolve(javascriptLp),
};
/** Branch-and-bound nodes for each layer. */
const NODES: Readonly<Record<Effort, number>> = { normal: 500, high: 20_000 };

const FORMATS = ['table', 'json', 'csv', 'md'] as const;

interface Options extends OutputOptions {
  readonly format: (typeof FORMATS)[number];
  readonly emit?: PlacementTarget;
  readonly score?: string;
  readonly current?: string;
  readonly budget?: number;
  readonly budgetBytes?: number;
  readonly sweep?: readonly number[];
  readonly effort: Effort;
  readonly seed: number;
  readonly solver?: string;
  readonly crossValidation: boolean;
  readonly set: readonly string[];
}

const parseWhole =
  (option: string, most: number) =>
  (text: string): number => {
    const value = /^\d{1,9}$/u.test(text) ? Number(text) : Number.NaN;
    return value <= most
      ? value
      : failUsage(option, 'not a whole number', { found: text, expected: `0 to ${String(most)}` });
  };

const parseBytes = (text: string): number => {
  const parsed = parseQuantity(text, 'size');
  return parsed.ok
    ? parsed.value
    : failUsage('--budget-bytes', 'not a size', { found: text, expected: '"20 GiB"' });
};

const parseSweep = (text: string): readonly number[] => text.split(',').map(parseWhole('--sweep', 100_000));

const echoOf = (input: PlacementInput, options: Options, notes: readonly string[]): PlacementEcho => ({
  countFiles: input.countFiles,
  traceFile: input.traceFile,
  scenarios: input.scenarios,
  communication: input.communication,
  loadSlack: input.loadSlack,
  expertBytes: input.expertBytes,
  effort: options.effort,
  solver: options.solver ?? 'search',
  seed: options.seed,
  notes: [...input.notes, ...notes],
});

const note = (message: string): void => {
  process.stderr.write(`planner: note: ${message}\n`);
};

const place = async (file: string, options: Options, colour: boolean | undefined): Promise<void> => {
  checkOutput(options);
  if ((options.budget !== undefined || options.budgetBytes !== undefined) && options.current === undefined)
    failUsage('--budget', 'is a budget of moves from the placement that --current names');
  const loaded = loadPlacement(file, { set: options.set });
  if (!loaded.ok) return failWith(loaded.diagnostics);
  printDiagnostics(loaded.warnings);
  const input = loaded.value;
  const { objective } = input.task;
  if (options.current !== undefined && (objective === 'joint' || objective === 'locality'))
    failUsage('--current', `counts what load gains by moves; the objective is ${objective}`);
  if (options.budgetBytes !== undefined && input.expertBytes === null)
    failUsage('--budget-bytes', 'neither a model nor placement.expert_size says how large an expert is');
  const backend = options.solver === undefined ? null : ((await SOLVERS[options.solver]?.()) ?? null);
  const { outcome, proofs } = runPlacement(input, {
    limits: effortLimits(options.effort, options.seed),
    score: options.score ?? null,
    current: options.current ?? null,
    budget: { experts: options.budget ?? Infinity, bytes: options.budgetBytes ?? Infinity },
    sweep: options.sweep ?? null,
    crossValidate: options.crossValidation,
    solver: backend === null ? null : { backend, nodes: NODES[options.effort] },
  });
  if (options.solver !== undefined && proofs === null)
    note(`${options.solver} was not asked: it knows balance alone, without groups`);
  if (proofs !== null && proofs.tooLarge > 0)
    note(
      `${String(proofs.tooLarge)} layers are too large for ${options.solver ?? ''} and keep the bound of the search`,
    );
  const left = (options.sweep ?? []).filter(
    (asked) => outcome.sweep?.every(({ redundant }) => redundant !== asked) === true,
  );
  if (left.length > 0)
    note(
      `${left.join(', ')} redundant experts are left out of the sweep: they do not divide among the GPUs, or would put two replicas of one expert on one`,
    );
  if (options.emit !== undefined) {
    const emitted = emitPlacement(
      { experts: input.task.experts, rows: input.rows, layers: outcome.layers },
      options.emit,
    );
    if (!emitted.ok) return failUsage('--emit', emitted.reason, { found: options.emit });
    for (const warning of emitted.warnings) note(warning);
    const system = options.emit === 'sglang' || options.emit === 'vllm-ascend' ? options.emit : null;
    if (system !== null && input.task.replicas > input.task.experts)
      note(`max/mean so dispatched: ${dispatchedValue(outcome, system).toFixed(4)}`);
    writeAnswer(emitted.text, options);
    return;
  }
  const document = placementDocument(outcome, echoOf(input, options, []));
  const { layers } = document;
  switch (options.format) {
    case 'json':
      writeAnswer(placementJson(document), options);
      return;
    case 'csv':
      writeAnswer(
        csv([
          ['layer', 'max_over_mean', 'lower_bound', 'gap', 'bound', 'physical_to_logical'],
          ...layers.map(({ layer, load, physical_to_logical }) => [
            layer,
            load.max_over_mean,
            load.lower_bound,
            load.gap,
            load.bound ?? null,
            physical_to_logical.join(' '),
          ]),
        ]),
        options,
      );
      return;
    case 'md':
      writeAnswer(markdownTable(layerTable(layers)), options);
      return;
    default: {
      const toFile = options.output !== undefined;
      const width = toFile || !process.stdout.isTTY ? null : process.stdout.columns;
      writeAnswer(placementText(document, width, toFile ? plain : painter(colour)), options);
    }
  }
};

/** `planner place SPEC`: experts on GPUs from measured routing. */
export const registerPlace = (program: Command): void => {
  const command = program
    .command('place')
    .description('place experts on GPUs from measured routing, with a proof')
    .addArgument(new Argument('<spec>', 'a SPEC with a placement section'))
    .addOption(
      new Option('--format <format>', 'how to print the placement').choices(FORMATS).default('table'),
    )
    .addOption(new Option('--emit <target>', 'print the file that a system loads').choices(PLACEMENT_TARGETS))
    .option('--score <file>', 'judge this placement in place of making one')
    .option('--current <file>', 'the placement that runs now: count the moves, and their pay-back')
    .option(
      '--budget <experts>',
      'move at most so many experts from the current placement',
      parseWhole('--budget', 1e9),
    )
    .option('--budget-bytes <size>', 'move at most so many bytes', parseBytes)
    .option(
      '--sweep [redundant]',
      'max/mean and memory against the number of redundant experts (a comma-separated list)',
    )
    .addOption(
      new Option('--effort <effort>', 'how long to search').choices(['normal', 'high']).default('normal'),
    )
    .addOption(
      new Option('--seed <seed>', 'of the perturbations')
        .argParser(parseWhole('--seed', 2 ** 31 - 1))
        .default(1),
    )
    .addOption(
      new Option('--solver <solver>', 'prove layers that the search leaves open by a MILP').choices(
        Object.keys(SOLVERS),
      ),
    )
    .option('--no-cross-validation', 'leave out planning on all count files but one')
    .option('--set <key=value>', 'override a key of the SPEC (repeatable)', collect, [])
    .addHelpText('after', HELP);
  addOutputOptions(command).action(
    async (file: string, options: Omit<Options, 'sweep'> & { readonly sweep?: string | true }) => {
      warnOfFormat(command, 'emit');
      const { sweep, ...others } = options;
      const rows = sweep === undefined ? {} : { sweep: sweep === true ? [] : parseSweep(sweep) };
      await place(file, { ...others, ...rows }, program.opts<{ color?: boolean }>().color);
    },
  );
};
