import { parseShell } from './commands.ts';
import { isLaunch } from './invocation.ts';
import type { Invocation } from './invocation.ts';
import { ScriptRunner } from './runner.ts';
import type { Variable } from './values.ts';

export interface ScriptRun {
  readonly invocations: readonly Invocation[];
  readonly variables: ReadonlyMap<string, Variable>;
  readonly exported: ReadonlySet<string>;
  /** Files that the script reads commands from. */
  readonly sourced: readonly string[];
}

/**
 * Follows a script without running anything: assignments, arrays, functions, tests on strings and numbers, loops over
 * known words. What only a run knows becomes a gap with its name. Bounded in commands and characters.
 *
 * @throws ShellSyntaxError for text that is no script, ShellLimitError for one that asks for too much.
 */
export const runShell = (
  text: string,
  environment: ReadonlyMap<string, string>,
  wanted: RegExp,
): ScriptRun => {
  const runner = new ScriptRunner(environment);
  runner.run(parseShell(text));
  if (!runner.invocations.some((invocation) => isLaunch(wanted, invocation))) runner.runUncalled();
  const { invocations, sourced, scope } = runner;
  return { invocations, variables: scope.variables, exported: scope.exported, sourced };
};
