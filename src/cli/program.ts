/** The command tree. */
import { Command } from 'commander';
import { packageVersion } from './version.ts';

const HELP = `
Examples:
  $ planner search configs/examples/llama2-7b-8-a100-pcie.yaml
  $ planner search cluster.yaml --emit megatron -o launch
  $ planner presets accelerators
  $ planner schema spec > spec.schema.json

Exit status: 0 yes; 1 no (nothing feasible, illegal); 2 unreadable input or usage; 70 a defect of planner.`;

type Register = (program: Command) => void;

interface Entry {
  readonly name: string;
  /** Its options and arguments, and what it does, as the list of commands says it; the command says the same. */
  readonly usage: string;
  readonly summary: string;
  readonly load: () => Promise<Register>;
}

/** Commands by name: the module of one is loaded where it is called, the others stand in the list alone. */
export const commands: readonly Entry[] = [
  {
    name: 'search',
    usage: '[options] <specs...>',
    summary: 'rank the ways to train a model on a cluster',
    load: async () => (await import('./commands/search.ts')).registerSearch,
  },
  {
    name: 'estimate',
    usage: '[options] <specs...>',
    summary: 'time and memory of one strategy',
    load: async () => (await import('./commands/estimate.ts')).registerEstimate,
  },
  {
    name: 'validate',
    usage: '[options] [configs...]',
    summary: 'check launch scripts and configurations that a team has',
    load: async () => (await import('./commands/validate.ts')).registerValidate,
  },
  {
    name: 'accuracy',
    usage: '[options] <files...>',
    summary: 'compare the estimator with measured runs',
    load: async () => (await import('./commands/accuracy.ts')).registerAccuracy,
  },
  {
    name: 'calibrate',
    usage: '[options] [files...]',
    summary: 'fit the few constants of a machine to measured runs or to a probe',
    load: async () => (await import('./commands/calibrate.ts')).registerCalibrate,
  },
  {
    name: 'cluster',
    usage: '',
    summary: 'measured links of a cluster: import them, show them',
    load: async () => (await import('./commands/cluster.ts')).registerCluster,
  },
  {
    name: 'place',
    usage: '[options] <spec>',
    summary: 'place experts on GPUs from measured routing, with a proof',
    load: async () => (await import('./commands/place.ts')).registerPlace,
  },
  {
    name: 'presets',
    usage: '[options] [kind]',
    summary: 'list the accelerators, links, NICs and models that a SPEC may name',
    load: async () => (await import('./commands/presets.ts')).registerPresets,
  },
  {
    name: 'schema',
    usage: '[options] <name>',
    summary: 'print the JSON Schema of a format',
    load: async () => (await import('./commands/schema.ts')).registerSchema,
  },
];

/**
 * Builds the command tree for one call: each command that a word of it names is whole. exitOverride stands before the
 * subcommands, which inherit it.
 */
export const createProgram = async (argv: readonly string[]): Promise<Command> => {
  const program = new Command('planner')
    .description(
      'Parallelism configurator for training large language models: time, memory and ranked plans that launch.',
    )
    .version(packageVersion(), '-V, --version', 'print the version')
    .option('--color', 'colour the output even where it is no terminal')
    .option('--no-color', 'never colour the output')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', HELP)
    .showSuggestionAfterError(true)
    .exitOverride()
    // Usage errors are printed by main.ts, in the form of every other diagnostic.
    .configureOutput({ outputError: () => undefined });
  for (const { name, usage, summary, load } of commands) {
    if (argv.includes(name)) (await load())(program);
    else program.command(`${name} ${usage}`.trim()).description(summary);
  }
  return program;
};
