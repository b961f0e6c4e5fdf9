import { ShellLimitError } from './expand.ts';
import { launchWords, readBatchHeader, readLaunch, slurmVariables } from './launch.ts';
import type { Launch } from './launch.ts';
import { runShell } from './run.ts';
import { ShellSyntaxError } from './syntax.ts';
import type { ShellWord } from './values.ts';

export interface ScriptFacts {
  readonly launches: readonly Launch[];
  readonly header: ReadonlyMap<string, ShellWord>;
  /** Files that the script reads commands from, and planner does not. */
  readonly sourced: readonly string[];
}

export type ScriptResult =
  | ({ readonly kind: 'read' } & ScriptFacts)
  /** Bash itself would refuse the text. */
  | { readonly kind: 'syntax'; readonly message: string; readonly at: number }
  | { readonly kind: 'limit'; readonly message: string };

/** Launches of a shell script, found without running any of it. Total: whatever the text, an answer in bounded time. */
export const readScript = (text: string, environment: ReadonlyMap<string, string>): ScriptResult => {
  const header = readBatchHeader(text);
  try {
    const run = runShell(text, new Map([...slurmVariables(header), ...environment]), launchWords);
    const launches = run.invocations.map(readLaunch).filter((launch) => launch !== null);
    return { kind: 'read', launches, header, sourced: run.sourced };
  } catch (error) {
    if (error instanceof ShellSyntaxError) return { kind: 'syntax', message: error.message, at: error.at };
    if (error instanceof ShellLimitError) return { kind: 'limit', message: error.message };
    throw error;
  }
};
