import { applyEdits } from './edit.ts';
import type { Edit } from './edit.ts';
import { isDataMap, keyRange, pointerTo, valueRange } from '../ingest/document.ts';
import type { Data, DataDocument, DataMap } from '../ingest/document.ts';
import { megatronFlags } from '../runtimes/megatron/flags.ts';
import { splitWords } from '../runtimes/shell.ts';
import { valueWithVariables } from '../runtimes/shell-parse/arguments.ts';
import { textFragment, wordOf } from '../runtimes/shell-parse/values.ts';
import type { Fragment, ShellWord } from '../runtimes/shell-parse/values.ts';
import { megatronSubject } from './megatron-subject.ts';
import type { Changes, ReadOptions, Subject } from './subject.ts';
import { targetOf } from './target.ts';

export const has = (map: DataMap, ...keys: readonly string[]): boolean =>
  keys.some((key) => Object.hasOwn(map, key));

export const mapAt = (map: DataMap, key: string): DataMap | null => {
  const value = map[key];
  return isDataMap(value) ? value : null;
};

const flagLike = (key: string): boolean =>
  key.startsWith('--') || megatronFlags.has(`--${key.replaceAll('_', '-')}`);

/** Where the arguments of Megatron stand in a file: under MODEL_ARGS, or at its root. */
export const argumentsPointer = (root: DataMap): string | null => {
  if (has(root, 'MODEL_ARGS')) return '/MODEL_ARGS';
  const keys = Object.keys(root);
  if (keys.some((key) => key.startsWith('--'))) return '';
  return has(root, 'tensor_model_parallel_size', 'num_layers') && keys.filter(flagLike).length >= 3
    ? ''
    : null;
};

/** An item of a list as one word. */
export const itemText = (item: Data): string =>
  typeof item === 'object' ? JSON.stringify(item) : String(item);

interface ArgumentEntry {
  readonly flag: string;
  readonly pointer: string;
  readonly value: Data;
}

const argumentEntries = (map: DataMap, pointer: string): readonly ArgumentEntry[] =>
  Object.entries(map).flatMap(([key, value]): ArgumentEntry[] => {
    if (pointer === '' && !key.startsWith('--') && !flagLike(key)) return [];
    const flag = key.startsWith('--') ? key : `--${key.replaceAll('_', '-')}`;
    return [{ flag, pointer: pointerTo(pointer, key), value }];
  });

const wordsOfEntry = (
  document: DataDocument,
  { flag, pointer, value }: ArgumentEntry,
  environment: ReadonlyMap<string, string>,
): readonly ShellWord[] => {
  const key = keyRange(document, pointer);
  const range = valueRange(document, pointer);
  const word = wordOf(flag, key.start);
  if (value === true) return [word];
  if (value === false || value === null) return [];
  const quote = /^["']/u.test(range.source.text.slice(range.start, range.start + 1)) ? 1 : 0;
  if (typeof value === 'string' || typeof value === 'number') {
    const written = range.source.text.slice(range.start + quote, range.end - quote);
    const text = typeof value === 'number' ? written : value;
    const many = megatronFlags.get(flag)?.values !== 1;
    const whole = valueWithVariables(text, range.start + quote, environment);
    // A switch is given or not: which of them, only a run knows.
    if (megatronFlags.get(flag)?.values === 0 && whole.fragments.some(({ gap }) => gap !== null))
      return [{ ...whole, many: true }];
    if (!many || whole.fragments.some(({ gap }) => gap !== null)) return [word, whole];
    const parts = splitWords(text) ?? [text];
    let from = 0;
    return [
      word,
      ...parts.map((part) => {
        const at = written.indexOf(part, from);
        from = at < 0 ? from : at + part.length;
        return wordOf(part, at < 0 ? range.start : range.start + quote + at);
      }),
    ];
  }
  if (Array.isArray(value))
    return [
      word,
      ...(value as readonly Data[]).map((item, index) =>
        wordOf(itemText(item), valueRange(document, pointerTo(pointer, index)).start),
      ),
    ];
  return [word];
};

const variablesOf = (
  document: DataDocument,
  root: DataMap,
  environment: ReadonlyMap<string, string>,
): ReadonlyMap<string, readonly Fragment[]> | null => {
  const map = mapAt(root, 'ENV_VARS');
  if (map === null) return null;
  return new Map(
    Object.entries(map).flatMap(([name, value]): [string, readonly Fragment[]][] => {
      if (value === null || typeof value === 'object') return [];
      const range = valueRange(document, pointerTo('/ENV_VARS', name));
      return [
        [
          name,
          typeof value === 'string'
            ? valueWithVariables(value, range.start, environment).fragments
            : [textFragment(String(value), range.start)],
        ],
      ];
    }),
  );
};

/** Changed values in place; new flags on lines of their own after the first, taken-out ones with their line. */
const rewriteArguments =
  (document: DataDocument, entries: readonly ArgumentEntry[]) =>
  (changes: Changes): string | null => {
    const { text } = document.source;
    const edits: Edit[] = [];
    const [anchor] = entries;
    for (const [flag, value] of changes) {
      const entry = entries.find((one) => one.flag === flag);
      if (entry === undefined) {
        if (value === null) continue;
        if (anchor === undefined) return null;
        const key = keyRange(document, anchor.pointer);
        const start = text.lastIndexOf('\n', key.start) + 1;
        const name =
          text.slice(key.start, key.end).startsWith('-') || text.slice(key.start, key.end).includes('--')
            ? flag
            : flag.slice(2).replaceAll('-', '_');
        edits.push({
          start,
          end: start,
          text: `${text.slice(start, key.start)}${name}: ${value === '' ? 'true' : value}\n`,
        });
        continue;
      }
      const range = valueRange(document, entry.pointer);
      if (value === null) {
        const key = keyRange(document, entry.pointer);
        const start = text.lastIndexOf('\n', key.start) + 1;
        const next = text.indexOf('\n', range.end);
        edits.push({ start, end: next < 0 ? text.length : next + 1, text: '' });
      } else edits.push({ start: range.start, end: range.end, text: value === '' ? 'true' : value });
    }
    return applyEdits(text, edits);
  };

/** A YAML of Megatron's arguments, at its root or under MODEL_ARGS (functional tests, ModelZoo). */
export const megatronYaml = (document: DataDocument, root: DataMap, options: ReadOptions): Subject => {
  const pointer = argumentsPointer(root) ?? '';
  const map = pointer === '' ? root : (mapAt(root, 'MODEL_ARGS') ?? root);
  const entries = argumentEntries(map, pointer);
  return megatronSubject(
    {
      source: document.source,
      target: options.target ?? targetOf('megatron'),
      words: entries.flatMap((entry) => wordsOfEntry(document, entry, options.environment)),
      world: null,
      environment: variablesOf(document, root, options.environment),
      ownProgram: true,
      rewrite: rewriteArguments(document, entries),
      notes: [],
    },
    options,
  );
};
