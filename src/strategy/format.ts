import { STRATEGY_KEYS, strategyKey } from './keys.ts';
import type { StrategyKey } from './keys.ts';
import { nearest, parseStrategyValue } from './parse-value.ts';
import { recomputeToText } from './recompute.ts';
import type { Recompute, Strategy } from './strategy.ts';

/** A strategy as people write it: what is absent takes the value that the runtime would take. */
export type StrategyInput = Partial<Strategy>;

/** One thing wrong with a written strategy. */
export interface StrategyFault {
  readonly id:
    | 'strategy/unknown-key'
    | 'strategy/missing-key'
    | 'strategy/duplicate-key'
    | 'strategy/missing-value'
    | 'strategy/bad-value';
  /** As written, cut to a length that a message bears. */
  readonly key: string;
  /** Range at fault in the text, in characters from 0; 0 and 0 for a map. */
  readonly offset: number;
  readonly length: number;
  readonly message: string;
  readonly found: string;
  readonly expected: string;
  readonly suggestion: string | null;
}

/** The strategy, or all that is wrong with it. */
export type StrategyParse =
  | { readonly ok: true; readonly value: StrategyInput }
  | { readonly ok: false; readonly faults: readonly StrategyFault[] };

const SHOWN = 40;

const shown = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);

interface Entry {
  readonly key: string;
  /** undefined: nothing written. */
  readonly value: unknown;
  readonly keyOffset: number;
  readonly valueOffset: number;
  readonly valueLength: number;
}

const spelled = (value: unknown): string => shown(typeof value === 'string' ? value : JSON.stringify(value));

const didYouMean = (suggestion: string | null): string =>
  suggestion === null ? '' : `; did you mean ${suggestion}?`;

const keyFault = (
  entry: Entry,
  id: StrategyFault['id'],
  message: string,
  expected: string,
): StrategyFault => ({
  id,
  key: shown(entry.key),
  offset: entry.keyOffset,
  length: entry.key.length,
  message,
  found: shown(entry.key),
  expected,
  suggestion: null,
});

const unknownKey = (entry: Entry): StrategyFault => {
  const names = STRATEGY_KEYS.map((key) => key.key);
  const suggestion = nearest(entry.key, names);
  const message = `unknown strategy key ${JSON.stringify(shown(entry.key))}${didYouMean(suggestion)}`;
  return { ...keyFault(entry, 'strategy/unknown-key', message, `one of ${names.join(', ')}`), suggestion };
};

const readEntries = (entries: readonly Entry[]): StrategyParse => {
  const faults: StrategyFault[] = [];
  const value = new Map<keyof Strategy, Strategy[keyof Strategy]>();
  for (const entry of entries) {
    const key = strategyKey(entry.key);
    if (entry.key === '') {
      faults.push(
        keyFault(
          entry,
          'strategy/missing-key',
          'nothing stands before a comma or =, or at the end',
          'key=value',
        ),
      );
    } else if (key === undefined) {
      faults.push(unknownKey(entry));
    } else if (value.has(key.field)) {
      faults.push(keyFault(entry, 'strategy/duplicate-key', `${key.key} is set twice`, 'each key once'));
    } else if (entry.value === undefined || entry.value === '') {
      faults.push(keyFault(entry, 'strategy/missing-value', `${key.key} has no value`, `${key.key}=…`));
    } else {
      const result = parseStrategyValue(key, entry.value);
      if (result.ok) value.set(key.field, result.value);
      else {
        const found = spelled(entry.value);
        faults.push({
          id: 'strategy/bad-value',
          key: key.key,
          offset: entry.valueOffset,
          length: entry.valueLength,
          message: `${key.key}: expected ${result.expected}, found ${found}${didYouMean(result.suggestion)}`,
          found,
          expected: result.expected,
          suggestion: result.suggestion,
        });
      }
    }
  }
  return faults.length > 0 ? { ok: false, faults } : { ok: true, value: Object.fromEntries(value) };
};

/** Reads `tensor=8,pipeline=4,…`: keys in any order, each once, blanks around them allowed. Reports all faults at once. */
export const parseStrategy = (text: string): StrategyParse => {
  let start = 0;
  const entries = text.split(',').map((part): Entry => {
    const at = start;
    start += part.length + 1;
    const equals = part.indexOf('=');
    const rawKey = equals === -1 ? part : part.slice(0, equals);
    const rawValue = equals === -1 ? '' : part.slice(equals + 1);
    const value = rawValue.trim();
    return {
      key: rawKey.trim(),
      value,
      keyOffset: at + rawKey.length - rawKey.trimStart().length,
      valueOffset: at + equals + 1 + rawValue.length - rawValue.trimStart().length,
      valueLength: value.length,
    };
  });
  return readEntries(entries);
};

/** Reads a map of keys as they stand in a SPEC or a plan file. */
export const readStrategy = (map: Readonly<Record<string, unknown>>): StrategyParse =>
  readEntries(
    Object.entries(map).map(([key, value]) => ({ key, value, keyOffset: 0, valueOffset: 0, valueLength: 0 })),
  );

const isRecompute = (value: Strategy[keyof Strategy]): value is Recompute => typeof value === 'object';

/** One value in the spelling of the format: numbers and flags as they are. */
export const strategyValue = (strategy: Strategy, key: StrategyKey): string | number | boolean => {
  const value = strategy[key.field];
  return isRecompute(value) ? recomputeToText(value) : value;
};

/** Every key with its value, in the order of the format. */
export const strategyToJson = (strategy: Strategy): Readonly<Record<string, string | number | boolean>> =>
  Object.fromEntries(STRATEGY_KEYS.map((key) => [key.key, strategyValue(strategy, key)]));

/** `tensor=8,pipeline=4,…` with every key; `parseStrategy` reads it back. */
export const strategyToText = (strategy: Strategy): string =>
  STRATEGY_KEYS.map((key) => `${key.key}=${strategyValue(strategy, key)}`).join(',');
