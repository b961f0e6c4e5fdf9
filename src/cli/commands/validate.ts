import { Argument, Option } from 'commander';
import type { Command } from 'commander';
import type { Diagnostic } from '../../diagnostics.ts';
import { readTextFile } from '../../ingest/read-file.ts';
import { diagnosticAt } from '../../ingest/source.ts';
import type { Source } from '../../ingest/source.ts';
import { jsonText } from '../../report/document-text.ts';
import type { Paint } from '../../report/paint.ts';
import { plain } from '../../report/paint.ts';
import { unifiedDiff } from '../../report/diff.ts';
import { validationGithub } from '../../report/validation-github.ts';
import { validationDocument } from '../../report/validation-json.ts';
import { validationJunit } from '../../report/validation-junit.ts';
import { validationSarif } from '../../report/validation-sarif.ts';
import { validationTable } from '../../report/validation-table.ts';
import type { Validation } from '../../report/validation.ts';
import type { Launcher } from '../../runtimes/emit-types.ts';
import { writtenChange } from '../../validate/nearest.ts';
import type { checkAgainstSpec } from '../../validate/spec-check.ts';
import { specRules } from '../../validate/spec-rules.ts';
import { completed, isOff, validateSource, withFindings } from '../../validate/validate-file.ts';
import type { FileReport } from '../../validate/validate-file.ts';
import { painter } from '../colour.ts';
import { configFiles } from '../config-files.ts';
import { printDiagnostics } from '../diagnostic-text.ts';
import type { EmitChoice } from '../emit-plan.ts';
import { emitHelp, launchers, parseEmit } from '../emit-plan.ts';
import { answerNo, failUsage, failWith } from '../fail.ts';
import { addOutputOptions, checkOutput, rewriteFile, writeAnswer } from '../output.ts';
import type { OutputOptions } from '../output.ts';
import { checkCompanions, collect, parseCount, parseFraction, warnOfFormat } from '../option-values.ts';
import { loadProjectConfig, prepare, unreadable } from '../validation-input.ts';
import type { Prepared, ValidateOptions } from '../validation-input.ts';
import { packageVersion } from '../version.ts';

const HELP = `
A CONFIG is a launch script, a list of arguments, or a YAML, TOML or JSON configuration; patterns with * and ** are
expanded. Scripts are read, never run: what only a run knows is "unchecked", or given by --env NAME=value.
Defaults and rules that are switched off, each with its reason, stand in planner.config.yaml.

Examples:
  $ planner validate train.sh
  $ planner validate 'jobs/**/*.sh' --target megatron@0.20 --gpus 256 --format sarif -o planner.sarif
  $ planner validate train.sh --spec cluster.yaml
  $ planner validate train.sh --fix --write
  $ planner validate train.sh --spec cluster.yaml --emit torchtitan -o launch

Exit status: 0 valid; 1 some file is invalid (--strict: or unchecked); 2 unreadable input, or nothing was checked.`;

/** Largest file that is read: launch scripts are some kilobytes. */
const MAXIMUM_BYTES = 32_000_000;

/** More than any cluster has. */
const MOST_GPUS = 9_999_999;

const formats = ['table', 'json', 'sarif', 'github', 'junit'] as const;
type Format = (typeof formats)[number];

interface Options extends ValidateOptions, OutputOptions {
  readonly format: Format;
  readonly fix?: boolean;
  readonly write?: boolean;
  readonly emit?: EmitChoice;
  readonly launcher: Launcher;
  readonly only?: 'flags';
}

const sourcesOf = (files: readonly string[], diagnostics: Diagnostic[]): readonly Source[] =>
  files.flatMap((file) => {
    const source = readTextFile(file, file, MAXIMUM_BYTES);
    if (source.ok) return [source.value];
    diagnostics.push(...source.diagnostics);
    return [];
  });

type SpecChecker = typeof checkAgainstSpec;

/** The estimator is loaded where a SPEC asks for it alone: without one, a file is judged in a fraction of the time. */
const specChecker = async ({ spec }: Prepared): Promise<SpecChecker | null> =>
  spec === null ? null : (await import('../../validate/spec-check.ts')).checkAgainstSpec;

/** Rules, and with a SPEC the cluster, memory and time. */
const reportOf = (
  source: Source,
  prepared: Prepared,
  against: SpecChecker | null,
  withoutTime = false,
): FileReport => {
  const off = prepared.off.map(({ rule }) => rule);
  const report = validateSource(source, prepared.read, off);
  const { spec } = prepared;
  if (spec === null || against === null || report.subjects.length === 0) return report;
  const checks = report.subjects.map((judged) => ({
    judged,
    check: against(judged, {
      problem: spec.problem,
      calibration: spec.calibration,
      maxSlowdown: prepared.maxSlowdown,
      slowdownGiven: prepared.slowdownGiven,
      withoutTime,
    }),
  }));
  const findings = checks.flatMap(({ judged, check }) =>
    check.findings
      .filter(({ rule }) => !isOff(rule, off))
      .map((finding) => completed(judged.subject, finding, judged.decision)),
  );
  return withFindings(report, findings, specRules, checks[0]?.check.estimate ?? null);
};

const present = (validation: Validation, format: Format, paint: Paint): string => {
  switch (format) {
    case 'json':
      return jsonText(validationDocument(validation));
    case 'sarif':
      return jsonText(validationSarif(validation, packageVersion(), process.cwd()));
    case 'github':
      return validationGithub(validation);
    case 'junit':
      return validationJunit(validation);
    case 'table':
      return validationTable(validation, paint);
  }
};

/** The nearest legal configuration of each invalid file, as a diff; with --write in the file itself. */
const fixAll = async (
  sources: readonly Source[],
  reports: readonly FileReport[],
  options: Options,
  prepared: Prepared,
  against: SpecChecker | null,
  paint: Paint,
): Promise<string> => {
  const { findFix } = await import('../../validate/fix.ts');
  let output = '';
  for (const [index, report] of reports.entries()) {
    const source = sources[index];
    const judged =
      report.subjects.find(({ findings }) => findings.some(({ level }) => level === 'error')) ??
      report.subjects[0];
    if (source === undefined || judged === undefined || report.verdict !== 'invalid') continue;
    const { spec } = prepared;
    const fix = findFix(judged.subject, (changes) => {
      if (spec === null) return true;
      const text = judged.subject.rewrite(changes);
      return text !== null && reportOf({ ...source, text }, prepared, against, true).verdict !== 'invalid';
    });
    // What is written must read as what was meant.
    const proven =
      fix?.text === null || fix === null
        ? null
        : reportOf({ ...source, text: fix.text }, prepared, against, true);
    if (fix === null || fix.text === null || proven?.verdict === 'invalid' || proven === null) {
      printDiagnostics([
        unreadable(source.name, 'no legal configuration was found within six changed settings'),
      ]);
      continue;
    }
    const changes = [...fix.changes].map(([key, value]) => writtenChange(key, value)).join(', ');
    output += `${source.name}: ${changes}\n${unifiedDiff(source.name, source.text, fix.text, paint)}\n`;
    if (options.write === true) rewriteFile(source.name, fix.text);
  }
  return output;
};

const checkUsage = (options: Options, command: Command): void => {
  checkCompanions(command, { write: 'fix', only: 'emit', launcher: 'emit' });
  warnOfFormat(command, 'emit');
  if (options.fix === true && options.emit !== undefined)
    failUsage('--fix', 'and --emit are two answers', { expected: 'one of them' });
  if (options.emit === undefined) checkOutput(options);
};

/** `planner validate CONFIG…`: would these launches start, fit and be fast. */
export const registerValidate = (program: Command): void => {
  const command = program
    .command('validate')
    .description('check launch scripts and configurations that a team has')
    .addArgument(
      new Argument(
        '[configs...]',
        'launch scripts, lists of arguments, YAML, TOML or JSON (default: files of planner.config.yaml)',
      ),
    )
    .option('--spec <file>', 'a SPEC: then memory, time and the cluster are checked too')
    .option(
      '--target <runtime>',
      'whose configuration it is, such as megatron@0.20, where the file does not tell',
    )
    .option('--gpus <n>', 'number of GPUs', parseCount('--gpus', MOST_GPUS))
    .option('--env <name=value>', 'a variable that only the run knows; may be repeated', collect, [])
    .option('--set <key=value>', 'override a key of the SPEC; may be repeated', collect, [])
    .option('--strict', 'unchecked files fail too')
    .option(
      '--max-slowdown <fraction>',
      'how much slower than the best plan, with --spec; given: slower is an error',
      parseFraction('--max-slowdown', '0.1'),
    )
    .option('--config <file>', 'the project configuration (default: planner.config.yaml where it exists)')
    .addOption(new Option('--format <format>', 'how to print').choices(formats).default('table'))
    .option('--fix', 'print the fewest changes that make the configuration legal, as a diff')
    .option('--write', 'with --fix: change the files')
    .option('--emit <target>', `carry the layout to another runtime: ${emitHelp}`, parseEmit)
    .addOption(
      new Option('--launcher <launcher>', 'with --emit: what starts the job')
        .choices(launchers)
        .default('torchrun'),
    )
    .addOption(new Option('--only <part>', 'with --emit: the flags alone').choices(['flags']))
    .addHelpText('after', HELP);
  addOutputOptions(command).action(async (given: readonly string[], options: Options) => {
    checkUsage(options, command);
    const config = loadProjectConfig(options.config);
    const files = configFiles(given.length > 0 ? given : config.files);
    if (files.length === 0)
      failUsage('<configs>', 'nothing to check', { expected: 'files, or "files" in planner.config.yaml' });
    const prepared = await prepare(options, config);
    const against = await specChecker(prepared);
    const diagnostics: Diagnostic[] = [];
    const sources = sourcesOf(files, diagnostics);
    const reports = sources.map((source) => reportOf(source, prepared, against));
    for (const { file, unreadable: reason } of reports)
      if (reason !== null)
        diagnostics.push(
          reason.range === null
            ? unreadable(file, reason.message)
            : diagnosticAt(reason.range, 'validate/unreadable', reason.message),
        );
    if (diagnostics.length > 0) failWith(diagnostics);
    if (reports.every(({ rules }) => rules.length === 0))
      failUsage('<configs>', 'no rule was checked: every rule is switched off');
    const bad = reports.some(
      ({ verdict }) => verdict === 'invalid' || (prepared.strict && verdict !== 'valid'),
    );
    if (bad) answerNo();
    if (options.emit !== undefined) {
      const { emitConfiguration } = await import('../emit-configuration.ts');
      emitConfiguration(reports, prepared, {
        choice: options.emit,
        launcher: options.launcher,
        onlyFlags: options.only === 'flags',
        output: options.output,
        force: options.force === true,
      });
      return;
    }
    const paint = options.output === undefined ? painter(program.opts<{ color?: boolean }>().color) : plain;
    const validation: Validation = { files: reports, off: prepared.off };
    const answer =
      options.fix === true ? await fixAll(sources, reports, options, prepared, against, paint) : '';
    writeAnswer(
      options.fix === true && answer !== '' ? answer : present(validation, options.format, paint),
      options,
    );
  });
};
