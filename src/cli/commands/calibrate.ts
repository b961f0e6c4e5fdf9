import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Argument } from 'commander';
import type { Command } from 'commander';
import { calibrate, errorsOf } from '../../accuracy/calibrate.ts';
import type { CalibrationReport } from '../../accuracy/calibrate.ts';
import type { Diagnostic } from '../../diagnostics.ts';
import type { Probe } from '../../formats/probe.ts';
import { parseMeasuredRuns } from '../../ingest/measured-runs.ts';
import type { MeasuredLine } from '../../ingest/measured-runs.ts';
import { isProbeText, readProbe } from '../../ingest/probe.ts';
import { MAXIMUM_REFERENCED_BYTES, readTextFile } from '../../ingest/read-file.ts';
import { diagnosticOfFile } from '../../ingest/source.ts';
import { failUsage, failWith } from '../fail.ts';
import { addOutputOptions, checkOutput, writeAnswer } from '../output.ts';
import type { OutputOptions } from '../output.ts';
import { packageRoot, packageVersion } from '../version.ts';

const HELP = `
FILE holds measured runs, one JSON object a line as for planner accuracy, or what the probe script wrote.
The answer is a calibration file; a SPEC loads it with  calibration: ./mine.yaml
How far constants moved, and the error on runs that a fit did not see, go to stderr and into the file.

Examples:
  $ planner calibrate runs.jsonl -o mine.yaml
  $ planner calibrate --probe > probe.py && torchrun --nproc-per-node 8 probe.py -o probe.json
  $ planner calibrate probe.json runs.jsonl -o mine.yaml

Exit status: 0 written; 2 unreadable input, or nothing in it that a fit can use.`;

interface Options extends OutputOptions {
  readonly probe?: boolean;
  readonly name: string;
}

interface Inputs {
  readonly runs: readonly MeasuredLine[];
  readonly probes: readonly Probe[];
}

/** All files are read before anything is fitted: every unreadable one is reported at once. */
const readInputs = (names: readonly string[]): Inputs => {
  const runs: MeasuredLine[] = [];
  const probes: Probe[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const name of names) {
    const source = readTextFile(name, name, MAXIMUM_REFERENCED_BYTES);
    if (!source.ok) diagnostics.push(...source.diagnostics);
    else if (isProbeText(source.value.text)) {
      const probe = readProbe(source.value);
      if (probe.ok) probes.push(probe.value);
      else diagnostics.push(...probe.diagnostics);
    } else {
      const lines = parseMeasuredRuns(source.value.text);
      if (lines.some(({ kind }) => kind === 'run')) runs.push(...lines);
      else
        diagnostics.push(
          diagnosticOfFile(
            name,
            'calibrate/no-records',
            'holds neither a measured run nor the result of a probe',
          ),
        );
    }
  }
  return diagnostics.length > 0 ? failWith(diagnostics) : { runs, probes };
};

const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;

const errorLine = (name: string, sizes: readonly number[]): string => {
  const errors = errorsOf(sizes);
  return errors === null
    ? `  ${name}: too few runs`
    : `  ${name}: median ${percent(errors.median)}, mean ${percent(errors.mean)}`;
};

/** Constants that moved by less are not worth a line. */
const LEAST_MOVE = 0.02;

const moves = (report: CalibrationReport): readonly string[] =>
  [...report.probes.flatMap(({ constants }) => constants), ...(report.fit?.constants ?? [])]
    .filter(({ shipped, value }) => Math.abs(Math.log(value / shipped)) >= LEAST_MOVE)
    .map(
      ({ path: keys, shipped, value, unit, meaning }) =>
        `  ${keys.join('.')}: ${String(Number(shipped.toPrecision(3)))} -> ${String(Number(value.toPrecision(3)))} ${unit} (${meaning})`,
    );

const summary = (report: CalibrationReport): string => {
  const { fit, probes, leftOut } = report;
  const lines = probes.flatMap(({ accelerator, errors, constants }) => [
    `probe of ${accelerator}, median error of the curves as shipped and as fitted:`,
    ...errors.map(({ what, before, after }) => `  ${what}: ${percent(before)} -> ${percent(after)}`),
    ...constants
      .filter(({ held }) => held)
      .map(({ path: keys, range }) => `  ${keys.join('.')}: held to its range ${range.join(' to ')}`),
  ]);
  if (fit !== null)
    lines.push(
      `iteration time of ${String(fit.runs)} runs, absolute error:`,
      errorLine('constants as shipped', fit.before),
      errorLine('fitted, on runs left out of the fit', fit.crossValidated),
      errorLine('fitted, on the same runs', fit.inSample),
      ...(fit.adopted
        ? []
        : ['  the fit does not help runs that it did not see: constants stay as they were']),
    );
  const reasons = new Map<string, number>();
  for (const { reason } of leftOut) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  for (const [reason, count] of reasons) lines.push(`left out: ${String(count)} (${reason})`);
  const moved = moves(report);
  lines.push(moved.length === 0 ? 'no constant moved by 2 %' : 'constants that moved:', ...moved);
  return `${lines.join('\n')}\n`;
};

const probeScript = (): string =>
  readFileSync(path.join(packageRoot(), 'configs', 'calibration', 'probe.py'), 'utf8');

const baseCalibration = (): string =>
  readFileSync(path.join(packageRoot(), 'configs', 'calibration', 'default.yaml'), 'utf8');

/** `planner calibrate FILE…`: the few constants of a machine, fitted to its runs or its probe. */
export const registerCalibrate = (program: Command): void => {
  const command = program
    .command('calibrate')
    .description('fit the few constants of a machine to measured runs or to a probe')
    .addArgument(new Argument('[files...]', 'measured runs, or results of the probe script'))
    .option('--probe', 'print a PyTorch script that measures a node')
    .option('--name <name>', 'what results call this calibration', 'calibrated')
    .addHelpText('after', HELP);
  addOutputOptions(command).action((names: readonly string[], options: Options) => {
    checkOutput(options);
    if (options.probe === true) {
      if (names.length > 0)
        failUsage('--probe', 'takes no files', { found: names.join(' '), expected: 'none' });
      writeAnswer(probeScript(), options);
      return;
    }
    if (names.length === 0)
      failUsage('FILE', 'nothing to calibrate with', { expected: 'measured runs, a probe, or --probe' });
    const inputs = readInputs(names);
    const report = calibrate({
      base: baseCalibration(),
      name: options.name,
      plannerVersion: packageVersion(),
      ...inputs,
    });
    if (report.fit === null && report.probes.length === 0)
      failWith([
        diagnosticOfFile(
          names[0] ?? 'FILE',
          'calibrate/nothing',
          `no run can be used: ${report.leftOut[0]?.reason ?? ''}`,
        ),
      ]);
    process.stderr.write(summary(report));
    writeAnswer(report.text, options);
  });
};
