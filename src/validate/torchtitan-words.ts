import type { Source } from '../ingest/source.ts';
import { knownText, shownText } from '../runtimes/shell-parse/values.ts';
import type { ShellWord } from '../runtimes/shell-parse/values.ts';
import type { DataFile, Entry } from './data-file.ts';
import { fragmentRange } from './places.ts';

const option =
  /^--((?:parallelism|training|activation_checkpoint|compile|model)\.)(no[-_])?([\w-]+)(?:=(.*))?$/su;

/** Whether words are options of torchtitan's sections. */
export const looksLikeTorchtitan = (words: readonly ShellWord[]): boolean =>
  words.some(({ fragments }) => /^--parallelism\.\w/u.test(shownText(fragments)));

const valueOf = (text: string): string | number | boolean => {
  if (/^-?\d{1,15}$/u.test(text)) return Number(text);
  return /^true$/iu.test(text) ? true : /^false$/iu.test(text) ? false : text;
};

/**
 * Options of torchtitan's command line (`--parallelism.tensor_parallel_degree 8`, `--section.no-flag`) as the sections
 * of its configuration. Null where a value is known to a run alone.
 */
export const torchtitanFile = (source: Source, words: readonly ShellWord[]): DataFile | null => {
  const entries = new Map<string, Entry>();
  for (let index = 0; index < words.length; index++) {
    const word = words[index];
    const text = word === undefined ? null : knownText(word.fragments);
    const match = text === null ? null : option.exec(text);
    if (word === undefined || match === null) continue;
    const path = `${match[1] ?? ''}${(match[3] ?? '').replaceAll('-', '_')}`;
    const key = fragmentRange(source, word.fragments);
    if (match[2] !== undefined) {
      entries.set(path, { value: false, key, range: null });
      continue;
    }
    if (match[4] !== undefined) {
      entries.set(path, { value: valueOf(match[4]), key, range: null });
      continue;
    }
    const next = words[index + 1];
    // "$@" may be no word at all: what stands before it is a switch.
    if (next === undefined || next.many || /^(?:--|\$@|\$\*)/u.test(shownText(next.fragments))) {
      entries.set(path, { value: true, key, range: null });
      continue;
    }
    const value = knownText(next.fragments);
    if (value === null) return null;
    index += 1;
    entries.set(path, { value: valueOf(value), key, range: fragmentRange(source, next.fragments) });
  }
  return { source, entries, format: 'toml' };
};
