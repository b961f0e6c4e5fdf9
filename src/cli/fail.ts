/** How a command ends without an answer. Thrown by commands, turned into stderr and an exit status by main.ts alone. */
import type { Diagnostic } from '../diagnostics.ts';

/** 0 yes; 1 no (nothing feasible, illegal, invalid); 2 unreadable input or usage; 70 a defect of ours. */
export const EXIT = { yes: 0, no: 1, input: 2, interrupted: 130, brokenPipe: 141, defect: 70 } as const;

/** Ends the command: the diagnostics go to stderr, nothing to stdout. */
export class CommandFailure extends Error {
  readonly diagnostics: readonly Diagnostic[];
  readonly exitCode: number;

  constructor(diagnostics: readonly Diagnostic[], exitCode: number = EXIT.input) {
    super(diagnostics[0]?.message ?? 'failed');
    this.name = 'CommandFailure';
    this.diagnostics = diagnostics;
    this.exitCode = exitCode;
  }
}

/** Ends the command because its input is at fault: exit status 2. */
export const failWith = (diagnostics: readonly Diagnostic[]): never => {
  throw new CommandFailure(diagnostics);
};

/** A fault of the command line itself, at the option or argument that is wrong: `--format:1:1: error: …`, exit status 2. */
export const failUsage = (
  option: string,
  message: string,
  details: Pick<Diagnostic, 'found' | 'expected' | 'suggestion'> = {},
): never =>
  failWith([
    {
      id: 'cli/usage',
      severity: 'error',
      file: option,
      position: { line: 1, column: 1 },
      message,
      ...details,
    },
  ]);

/** Sets the exit status of a command that has an answer, and the answer is no. */
export const answerNo = (): void => {
  process.exitCode = EXIT.no;
};
