import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Argument } from 'commander';
import type { Command } from 'commander';
import { addOutputOptions, checkOutput, writeAnswer } from '../output.ts';
import type { OutputOptions } from '../output.ts';
import { packageRoot } from '../version.ts';

/** Formats whose JSON Schema is part of the package. */
export const SCHEMA_NAMES = ['spec', 'results', 'accuracy', 'placement', 'probe', 'validation'] as const;

const HELP = `
Examples:
  $ planner schema spec > spec.schema.json
  $ planner schema results -o results.schema.json`;

/** `planner schema NAME`: prints the JSON Schema (draft-07) of a format. */
export const registerSchema = (program: Command): void => {
  const command = program
    .command('schema')
    .description('print the JSON Schema of a format')
    .addArgument(new Argument('<name>', 'which format').choices(SCHEMA_NAMES))
    .addHelpText('after', HELP);
  addOutputOptions(command).action((name: string, options: OutputOptions) => {
    checkOutput(options);
    writeAnswer(readFileSync(path.join(packageRoot(), 'schema', `${name}.schema.json`), 'utf8'), options);
  });
};
