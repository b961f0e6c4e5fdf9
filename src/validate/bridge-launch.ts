import type { Launch } from '../runtimes/shell-parse/launch.ts';
import { shownText } from '../runtimes/shell-parse/values.ts';
import type { ShellWord } from '../runtimes/shell-parse/values.ts';
import { flagNames } from './flag-names.ts';

const keyValue = /^[+~]{0,2}[A-Za-z_]\w*(?:\.\w+)+=/u;

export const isOverride = (word: ShellWord): boolean => keyValue.test(shownText(word.fragments));

export const isBridge = ({ program, arguments: words }: Launch): boolean =>
  /(?:run_recipe|run_script|train)\.(?:py|sh)$/u.test(program) &&
  (flagNames(words).includes('--recipe') || words.filter(isOverride).length >= 2);

/** Hydra's overrides of NeMo's training programs; its launcher puts them a section deeper. */
export const isNemo = ({ arguments: words }: Launch): boolean => {
  const keys = words.filter(isOverride).map(({ fragments }) => shownText(fragments));
  return (
    keys.some((key) => /^[+~]{0,2}(?:training\.)?trainer\.(?:devices|num_nodes)=/u.test(key)) &&
    keys.some((key) => /^[+~]{0,2}(?:training\.)?model\./u.test(key))
  );
};
