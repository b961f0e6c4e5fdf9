/** How values of options are read, and which options say something about another one alone. */
import type { Command } from 'commander';
import { printDiagnostics } from './diagnostic-text.ts';
import { failUsage } from './fail.ts';

/** For an option that may be given several times. */
export const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

/** A whole number from 1 to `most`. */
export const parseCount =
  (option: string, most: number) =>
  (text: string): number => {
    const value = /^[1-9]\d{0,6}$/u.test(text) ? Number(text) : Number.NaN;
    return value <= most
      ? value
      : failUsage(option, 'not a valid count', {
          found: text,
          expected: `a whole number from 1 to ${String(most)}`,
        });
  };

export const parseFraction =
  (option: string, example: string) =>
  (text: string): number =>
    /^\d{1,3}(?:\.\d{1,6})?$/u.test(text)
      ? Number(text)
      : failUsage(option, 'not a fraction', { found: text, expected: `a number such as ${example}` });

const flagOf = (command: Command, key: string): string =>
  command.options.find((option) => option.attributeName() === key)?.long ?? key;

/** Whether the user wrote the option; one that has its default says nothing. */
const isGiven = (command: Command, key: string): boolean => command.getOptionValueSource(key) === 'cli';

/** Ends the command where an option is given without the one that it belongs to: it would be ignored. */
export const checkCompanions = (command: Command, companions: Readonly<Record<string, string>>): void => {
  for (const [key, companion] of Object.entries(companions))
    if (isGiven(command, key) && !isGiven(command, companion))
      failUsage(flagOf(command, key), `has a meaning together with ${flagOf(command, companion)} alone`);
};

/** Says that --format changes nothing where another option decides what is printed. */
export const warnOfFormat = (command: Command, deciding: string): void => {
  if (isGiven(command, 'format') && isGiven(command, deciding))
    printDiagnostics([
      {
        id: 'cli/usage',
        severity: 'warning',
        file: '--format',
        position: { line: 1, column: 1 },
        message: `changes nothing: ${flagOf(command, deciding)} decides what is printed`,
      },
    ]);
};
