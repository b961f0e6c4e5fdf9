import { shownText } from './values.ts';
import type { Fragment, ShellWord } from './values.ts';

/** One command line as the shell would start it, and the variables that it exports to it. */
export interface Invocation {
  readonly words: readonly ShellWord[];
  /** Words of the commands that start the shell in which this one runs: `srun … bash -c`. */
  readonly outer: readonly ShellWord[];
  readonly environment: ReadonlyMap<string, readonly Fragment[]>;
  /** Whether a branch that only a run decides leads to it. */
  readonly certain: boolean;
}

export const isLaunch = (pattern: RegExp, { words }: Invocation): boolean =>
  words.some(({ fragments }) => pattern.test(shownText(fragments)));
