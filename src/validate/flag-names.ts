import { shownText } from '../runtimes/shell-parse/values.ts';
import type { ShellWord } from '../runtimes/shell-parse/values.ts';

/** Names of the long options among words. */
export const flagNames = (words: readonly ShellWord[]): readonly string[] =>
  words
    .map(({ fragments }) => shownText(fragments).split('=')[0] ?? '')
    .filter((text) => text.startsWith('--'));
