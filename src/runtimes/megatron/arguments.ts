import { megatronFlags } from './flags.ts';
import type { FlagSpec } from './flags.ts';

/** What Megatron's parser would say of an argument, before anything is checked. */
export interface ArgumentProblem {
  readonly kind: 'unknown-flag' | 'missing-value' | 'bad-value' | 'stray-value';
  readonly flag: string;
  readonly message: string;
  readonly found: string;
  readonly expected: string;
}

/** Flags by their first name, with the values that they were given last. */
export type ArgumentMap = ReadonlyMap<string, readonly string[]>;

export interface ParsedArguments {
  readonly values: ArgumentMap;
  readonly problems: readonly ArgumentProblem[];
}

const looksLikeFlag = (word: string): boolean => word.startsWith('-') && !/^-\d/u.test(word) && word !== '-';

const fitsType = (value: string, { type }: FlagSpec): boolean => {
  if (type === 'text') return true;
  const trimmed = value.trim();
  if (type === 'integer') return /^[+-]?\d+(_\d+)*$/u.test(trimmed);
  return trimmed !== '' && /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$|^[+-]?(inf|infinity|nan)$/iu.test(trimmed);
};

/** An enum of the parser also answers to its qualified name. */
const plain = (value: string): string => value.replace(/^AttnBackend\./u, '');

const describe = (spec: FlagSpec): string => {
  const what =
    spec.choices?.join(', ') ?? { integer: 'an integer', number: 'a number', text: 'a value' }[spec.type];
  return spec.values === null ? `one or more of: ${what}` : what;
};

/**
 * Splits words into flags and values as Megatron's argparse does: no abbreviations, `--flag=value` admitted, the last
 * of repeated flags wins, a list flag takes all words up to the next flag. Nothing is executed and no value is
 * interpreted beyond its type.
 */
export const parseArguments = (words: readonly string[]): ParsedArguments => {
  const values = new Map<string, readonly string[]>();
  const problems: ArgumentProblem[] = [];
  let index = 0;
  while (index < words.length) {
    const word = words[index++] ?? '';
    if (!looksLikeFlag(word)) {
      problems.push({
        kind: 'stray-value',
        flag: word,
        message: `${word} belongs to no flag`,
        found: word,
        expected: 'a flag',
      });
      continue;
    }
    const equals = word.indexOf('=');
    const flag = equals < 0 ? word : word.slice(0, equals);
    const spec = megatronFlags.get(flag);
    const given: string[] = equals < 0 ? [] : [word.slice(equals + 1)];
    const limit = spec === undefined ? 0 : (spec.values ?? Number.POSITIVE_INFINITY);
    while (equals < 0 && given.length < limit && index < words.length && !looksLikeFlag(words[index] ?? ''))
      given.push(words[index++] ?? '');
    if (spec === undefined) {
      // Its values follow it out of the line: the flag is the fault, not they.
      while (index < words.length && !looksLikeFlag(words[index] ?? '')) given.push(words[index++] ?? '');
      problems.push({
        kind: 'unknown-flag',
        flag,
        message: `${flag} is not a flag of Megatron`,
        found: [flag, ...given].join(' '),
        expected: 'a flag of Megatron, not abbreviated',
      });
      continue;
    }
    if (spec.values === null ? given.length === 0 : given.length !== spec.values)
      problems.push({
        kind: spec.values === 0 ? 'bad-value' : 'missing-value',
        flag,
        message: spec.values === 0 ? `${flag} takes no value` : `${flag} lacks a value`,
        found: given.join(' '),
        expected: spec.values === 0 ? 'the flag alone' : describe(spec),
      });
    const bad = given.find(
      (value) => !fitsType(value, spec) || (spec.choices !== null && !spec.choices.includes(plain(value))),
    );
    if (bad !== undefined && spec.values !== 0)
      problems.push({
        kind: 'bad-value',
        flag,
        message: `${flag} cannot take ${bad}`,
        found: bad,
        expected: describe(spec),
      });
    values.set(spec.name, given.map(plain));
  }
  return { values, problems };
};

export const has = (given: ArgumentMap, flag: string): boolean => given.has(flag);

export const textOf = (given: ArgumentMap, flag: string): string | null => given.get(flag)?.[0] ?? null;

/** The integer after a flag; null when it is absent or no integer (which parsing has reported). */
export const integerOf = (given: ArgumentMap, flag: string): number | null => {
  const text = textOf(given, flag);
  if (text === null || !/^\s*[+-]?\d[\d_]*\s*$/u.test(text)) return null;
  const value = Number(text.replaceAll('_', ''));
  return Number.isSafeInteger(value) ? value : null;
};

/** The number after a flag; null when it is absent or no number. */
export const numberOf = (given: ArgumentMap, flag: string): number | null => {
  const value = Number(textOf(given, flag) ?? Number.NaN);
  return Number.isNaN(value) ? null : value;
};

export const listOf = (given: ArgumentMap, flag: string): readonly string[] => given.get(flag) ?? [];
