import { Argument, Option } from 'commander';
import type { Command } from 'commander';
import { accuracyReport } from '../../accuracy/report.ts';
import type { AccuracyReport, MeasuredFile } from '../../accuracy/report.ts';
import { accuracyJson } from '../../accuracy/report-json.ts';
import { accuracyMarkdown, accuracyText } from '../../accuracy/report-text.ts';
import type { Diagnostic } from '../../diagnostics.ts';
import type { Calibration } from '../../cost/calibration.ts';
import { CalibrationError, defaultCalibration, readCalibration } from '../../ingest/calibration.ts';
import { readMeasuredRuns } from '../../ingest/measured-runs.ts';
import { MAXIMUM_REFERENCED_BYTES, readTextFile } from '../../ingest/read-file.ts';
import { diagnosticOfFile } from '../../ingest/source.ts';
import { failWith } from '../fail.ts';
import { addOutputOptions, checkOutput, writeAnswer } from '../output.ts';
import type { OutputOptions } from '../output.ts';

const FORMATS: Readonly<Record<string, (report: AccuracyReport) => string>> = {
  table: accuracyText,
  json: accuracyJson,
  md: accuracyMarkdown,
};

const HELP = `
Examples:
  $ planner accuracy runs.jsonl
  $ planner accuracy runs.jsonl more.jsonl --format json > accuracy.json
  $ planner accuracy runs.jsonl --format md -o accuracy.md
  $ planner accuracy runs.jsonl --calibration mine.yaml

Each line of a file is one measured run. A run that cannot be predicted is kept, with the reason, and counts as wrong.`;

interface Options extends OutputOptions {
  readonly format: string;
  readonly calibration?: string;
}

const calibrationOf = (file: string | undefined): Calibration => {
  if (file === undefined) return defaultCalibration();
  const source = readTextFile(file, file, MAXIMUM_REFERENCED_BYTES);
  if (!source.ok) return failWith(source.diagnostics);
  try {
    return readCalibration(source.value.text);
  } catch (error) {
    const message = error instanceof CalibrationError ? error.message : 'is no calibration in YAML';
    return failWith([diagnosticOfFile(file, 'calibration/value', message)]);
  }
};

/** All files are read before anything is predicted: every unreadable one is reported at once. */
const readFiles = (names: readonly string[]): readonly MeasuredFile[] => {
  const files: MeasuredFile[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const name of names) {
    const lines = readMeasuredRuns(name);
    if (lines.ok) files.push({ name, lines: lines.value });
    else diagnostics.push(...lines.diagnostics);
  }
  return diagnostics.length > 0 ? failWith(diagnostics) : files;
};

/** `planner accuracy FILE…`: the estimator against measured runs. */
export const registerAccuracy = (program: Command): void => {
  const command = program
    .command('accuracy')
    .description('compare the estimator with measured runs')
    .addArgument(new Argument('<files...>', 'measured runs, one JSON object a line'))
    .addOption(
      new Option('--format <format>', 'how to print the report')
        .choices(Object.keys(FORMATS))
        .default('table'),
    )
    .option('--calibration <file>', 'constants fitted by planner calibrate, in place of those that ship')
    .addHelpText('after', HELP);
  addOutputOptions(command).action((names: readonly string[], options: Options) => {
    checkOutput(options);
    const report = accuracyReport(readFiles(names), calibrationOf(options.calibration));
    const format = FORMATS[options.format] ?? accuracyText;
    writeAnswer(format(report), options);
  });
};
