import { isDataMap, keyRange, pointerTo, valueRange } from '../ingest/document.ts';
import type { Data, DataDocument, DataMap } from '../ingest/document.ts';
import type { Source } from '../ingest/source.ts';
import { megatronFlags } from '../runtimes/megatron/flags.ts';
import { splitWords } from '../runtimes/shell.ts';
import { valueWithVariables } from '../runtimes/shell-parse/arguments.ts';
import { textFragment, wordOf } from '../runtimes/shell-parse/values.ts';
import type { Fragment, ShellWord } from '../runtimes/shell-parse/values.ts';
import { bridgeSubject } from './bridge-subject.ts';
import type { BridgeSetting } from './bridge-subject.ts';
import { dataFile, rewriteData } from './data-file.ts';
import { deepspeedSubject } from './deepspeed-subject.ts';
import { applyEdits } from './edit.ts';
import type { Edit } from './edit.ts';
import { accelerateSubject, axolotlSubject } from './fsdp-subjects.ts';
import { megatronSubject } from './megatron-subject.ts';
import { nanotronSubject } from './nanotron-subject.ts';
import type { ReadResult } from './read-result.ts';
import { subjectOfWords } from './read-shell.ts';
import type { Changes, ReadOptions, Subject } from './subject.ts';
import { targetOf } from './target.ts';
import type { TargetName } from './target.ts';
import { torchtitanSubject } from './torchtitan-subject.ts';

const has = (map: DataMap, ...keys: readonly string[]): boolean =>
  keys.some((key) => Object.hasOwn(map, key));

const mapAt = (map: DataMap, key: string): DataMap | null => {
  const value = map[key];
  return isDataMap(value) ? value : null;
};

const flagLike = (key: string): boolean =>
  key.startsWith('--') || megatronFlags.has(`--${key.replaceAll('_', '-')}`);

/** Where the arguments of Megatron stand in a file: under MODEL_ARGS, or at its root. */
const argumentsPointer = (root: DataMap): string | null => {
  if (has(root, 'MODEL_ARGS')) return '/MODEL_ARGS';
  const keys = Object.keys(root);
  if (keys.some((key) => key.startsWith('--'))) return '';
  return has(root, 'tensor_model_parallel_size', 'num_layers') && keys.filter(flagLike).length >= 3
    ? ''
    : null;
};

/** Whose configuration a parsed file is, by the keys that nobody else has; null where none speaks. */
export const targetOfData = (root: DataMap, format: 'yaml' | 'json'): TargetName | null => {
  if (argumentsPointer(root) !== null) return 'megatron';
  const parallelism = mapAt(root, 'parallelism');
  if (
    parallelism !== null &&
    has(parallelism, 'tp', 'dp', 'pp') &&
    !has(parallelism, 'tensor_parallel_degree')
  )
    return 'nanotron';
  if (parallelism !== null && Object.keys(parallelism).some((key) => key.endsWith('_degree')))
    return 'torchtitan';
  const model = mapAt(root, 'model');
  if (has(root, 'trainer') && (model !== null || has(root, 'data', 'resume', 'log'))) return 'nemo';
  if (model !== null && has(model, 'tensor_model_parallel_size', 'pipeline_model_parallel_size'))
    return 'bridge';
  if (
    has(
      root,
      'distributed_type',
      'parallelism_config',
      'compute_environment',
      'fsdp_config',
      'deepspeed_config',
    ) &&
    !has(root, 'base_model')
  )
    return 'accelerate';
  if (has(root, 'base_model')) return 'axolotl';
  if (
    has(root, 'zero_optimization', 'train_batch_size', 'train_micro_batch_size_per_gpu') ||
    (format === 'json' && has(root, 'gradient_accumulation_steps'))
  )
    return 'deepspeed';
  if (Object.keys(root).some((key) => key.startsWith('model.') || key.startsWith('train.'))) return 'bridge';
  return null;
};

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
        wordOf(String(item), valueRange(document, pointerTo(pointer, index)).start),
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

const megatronYaml = (document: DataDocument, root: DataMap, options: ReadOptions): Subject => {
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

const bridgeYaml = (document: DataDocument, name: 'bridge' | 'nemo', options: ReadOptions): Subject => {
  const file = dataFile(document, 'yaml');
  const settings: BridgeSetting[] = [];
  for (const [key, { value, key: keyAt, range }] of file.entries) {
    if (isDataMap(value)) continue;
    const start = range?.start ?? 0;
    const text = Array.isArray(value) ? `[${value.map(String).join(',')}]` : String(value);
    const word =
      typeof value === 'string' ? valueWithVariables(text, start, options.environment) : wordOf(text, start);
    settings.push({
      key: key.replace(/^trainer\.strategy\./u, 'model.'),
      value: word,
      at: keyAt?.start ?? start,
    });
  }
  const count = (...keys: readonly string[]): ShellWord | null =>
    settings.find(({ key }) => keys.includes(key))?.value ?? null;
  const nodes = count('trainer.num_nodes');
  const devices = count('trainer.devices');
  return bridgeSubject(
    {
      source: document.source,
      target: options.target ?? targetOf(name),
      notes: [],
      environment: null,
      world:
        devices === null
          ? null
          : { factors: nodes === null ? [devices] : [nodes, devices], perNode: devices },
      settings,
      rewrite: rewriteData(file),
    },
    options,
  );
};

/** A parsed YAML or JSON file as the configuration of whoever its keys name. */
export const readDataConfig = (
  document: DataDocument,
  format: 'yaml' | 'json',
  options: ReadOptions,
): ReadResult => {
  const { root, source } = document;
  if (Array.isArray(root) && root.every((item) => typeof item === 'string' || typeof item === 'number')) {
    const words = (root as readonly Data[]).map((item, index) => {
      const range = valueRange(document, pointerTo('', index));
      const quote = /^["']/u.test(source.text.slice(range.start, range.start + 1)) ? 1 : 0;
      return wordOf(String(item), range.start + quote);
    });
    const result = subjectOfWords(source, words, options);
    if (result !== null) return result;
  }
  if (!isDataMap(root)) return { kind: 'unreadable', message: 'is no map of settings', range: null };
  const name = options.target?.name ?? targetOfData(root, format);
  if (name === null)
    return {
      kind: 'unreadable',
      message: 'its keys are those of no runtime that planner knows (--target names one)',
      range: null,
    };
  const subject = subjectOf(document, root, name, format, options);
  return subject === null
    ? { kind: 'unreadable', message: `${name} has no configuration of this form`, range: null }
    : { kind: 'subjects', subjects: [subject] };
};

const subjectOf = (
  document: DataDocument,
  root: DataMap,
  name: TargetName,
  format: 'yaml' | 'json',
  options: ReadOptions,
): Subject | null => {
  const target = options.target ?? targetOf(name);
  const file = dataFile(document, format);
  switch (name) {
    case 'megatron':
      return megatronYaml(document, root, options);
    case 'bridge':
    case 'nemo':
      return bridgeYaml(document, name, options);
    case 'torchtitan':
      return torchtitanSubject(file, target, options);
    case 'nanotron':
      return nanotronSubject(file, target, options);
    case 'deepspeed':
      return deepspeedSubject(file, target, options);
    case 'accelerate':
      return accelerateSubject(file, target, options);
    case 'axolotl':
      return axolotlSubject(file, target, options);
    default:
      return null;
  }
};

/** What the source is named after. */
export const formatOf = ({ name, text }: Source): 'yaml' | 'json' | 'toml' | 'shell' => {
  const ending = /\.([A-Za-z0-9]{1,8})$/u.exec(name)?.[1]?.toLowerCase();
  if (ending === 'toml') return 'toml';
  if (ending === 'json') return 'json';
  if (ending === 'yaml' || ending === 'yml') return 'yaml';
  if (ending !== undefined && ['sh', 'bash', 'slurm', 'sbatch', 'args', 'sub', 'job'].includes(ending))
    return 'shell';
  if (/^\s*[[{]/u.test(text.slice(0, 200)) && !/^\s*\[\[?\s/u.test(text.slice(0, 200))) return 'json';
  return 'shell';
};
