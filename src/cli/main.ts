/** The command line: reads arguments, calls one command, and turns every way to fail into a message and an exit status. */
import { CommanderError } from 'commander';
import { chalkFor } from './colour.ts';
import { escapeText, printDiagnostics } from './diagnostic-text.ts';
import { CommandFailure, EXIT } from './fail.ts';
import { createProgram } from './program.ts';

const colourFlag = (argv: readonly string[]): boolean | undefined => {
  if (argv.includes('--no-color')) return false;
  return argv.includes('--color') ? true : undefined;
};

const wantsJson = (argv: readonly string[]): boolean =>
  argv.some((word, index) => word === '--format=json' || (word === '--format' && argv[index + 1] === 'json'));

/** A defect of ours: one line (one JSON object under --format json), never a stack unless it is asked for. */
const reportDefect = (error: unknown, argv: readonly string[]): void => {
  const message = escapeText(
    error instanceof Error ? `${error.name}: ${error.message}` : String(error),
  ).slice(0, 500);
  const stack =
    error instanceof Error && process.env['PLANNER_DEBUG'] !== undefined ? error.stack : undefined;
  process.stderr.write(
    wantsJson(argv)
      ? `${JSON.stringify({ schema_version: 1, error: { kind: 'defect', exit_status: EXIT.defect, message, stack } })}\n`
      : `planner: internal error: ${message} (a defect of planner; PLANNER_DEBUG=1 shows where)\n`,
  );
  if (stack !== undefined && !wantsJson(argv)) process.stderr.write(`${stack}\n`);
};

/** The exit status for whatever a command threw, after it was reported. */
const reportFailure = (error: unknown, argv: readonly string[]): number => {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.yes;
    // Without a command commander has printed the help on stderr already.
    if (error.code === 'commander.help') return EXIT.input;
    error = new CommandFailure([
      {
        id: 'cli/usage',
        severity: 'error',
        file: 'planner',
        position: { line: 1, column: 1 },
        message: error.message.replace(/^error: /u, '').replace(/\s*\n\s*/gu, ' '),
      },
    ]);
  }
  if (error instanceof CommandFailure) {
    printDiagnostics(error.diagnostics, chalkFor(process.stderr, colourFlag(argv)));
    return error.exitCode;
  }
  reportDefect(error, argv);
  return EXIT.defect;
};

/** A reader that went away ends us quietly; a disk that is full must not look like success. */
const guardStream = (stream: NodeJS.WriteStream): void => {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.brokenPipe);
    process.exitCode = EXIT.input;
    if (stream !== process.stderr)
      process.stderr.write(`stdout:1:1: error: cannot write: ${error.code ?? error.message}\n`);
  });
};

/** Runs one command; never rejects. The exit status is left in process.exitCode, so that pending output is written first. */
export const main = async (argv: readonly string[]): Promise<void> => {
  guardStream(process.stdout);
  guardStream(process.stderr);
  process.on('uncaughtException', (error) => {
    process.exitCode = reportFailure(error, argv);
  });
  try {
    await (await createProgram(argv)).parseAsync([...argv], { from: 'user' });
  } catch (error) {
    process.exitCode = reportFailure(error, argv);
  }
};

await main(process.argv.slice(2));
