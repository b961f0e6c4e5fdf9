/** The command tree. */
import { Command } from 'commander';
import { registerAccuracy } from './commands/accuracy.ts';
import { registerCalibrate } from './commands/calibrate.ts';
import { registerCluster } from './commands/cluster.ts';
import { registerEstimate } from './commands/estimate.ts';
import { registerPlace } from './commands/place.ts';
import { registerPresets } from './commands/presets.ts';
import { registerSchema } from './commands/schema.ts';
import { registerSearch } from './commands/search.ts';
import { registerValidate } from './commands/validate.ts';
import { packageVersion } from './version.ts';

const HELP = `
Examples:
  $ planner search configs/examples/llama2-7b-8-a100-pcie.yaml
  $ planner search cluster.yaml --emit megatron -o launch
  $ planner presets accelerators
  $ planner schema spec > spec.schema.json

Exit status: 0 yes; 1 no (nothing feasible, illegal); 2 unreadable input or usage; 70 a defect of planner.`;

/** Builds the whole command tree. exitOverride stands before the subcommands, which inherit it. */
export const createProgram = (): Command => {
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
  registerSearch(program);
  registerEstimate(program);
  registerValidate(program);
  registerAccuracy(program);
  registerCalibrate(program);
  registerCluster(program);
  registerPlace(program);
  registerPresets(program);
  registerSchema(program);
  return program;
};
