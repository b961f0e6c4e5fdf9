import { isDataMap, pointerTo, valueRange } from '../ingest/document.ts';
import type { Data, DataDocument, DataMap } from '../ingest/document.ts';
import type { Source } from '../ingest/source.ts';
import { valueWithVariables } from '../runtimes/shell-parse/arguments.ts';
import { wordOf } from '../runtimes/shell-parse/values.ts';
import type { ShellWord } from '../runtimes/shell-parse/values.ts';
import { bridgeSubject } from './bridge-subject.ts';
import type { BridgeSetting } from './bridge-setting.ts';
import { dataFile, rewriteData } from './data-file.ts';
import { interpolated } from './interpolation.ts';
import { deepspeedSubject } from './deepspeed-subject.ts';
import { argumentsPointer, has, itemText, mapAt, megatronYaml } from './argument-yaml.ts';
import { accelerateSubject } from './accelerate-subject.ts';
import { axolotlSubject } from './axolotl-subject.ts';
import { wordsSubject } from './launch-subject.ts';
import { nanotronSubject } from './nanotron-subject.ts';
import type { ReadResult } from './read-result.ts';
import type { ReadOptions, Subject } from './subject.ts';
import { targetOf } from './target.ts';
import type { TargetName } from './target.ts';
import { torchtitanSubject } from './torchtitan-subject.ts';

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

const bridgeYaml = (document: DataDocument, name: 'bridge' | 'nemo', options: ReadOptions): Subject => {
  const file = dataFile(document, 'yaml');
  const settings: BridgeSetting[] = [];
  for (const [key, { value, key: keyAt, range }] of file.entries) {
    if (isDataMap(value)) continue;
    const start = range?.start ?? 0;
    const text = Array.isArray(value)
      ? `[${(value as readonly Data[]).map(itemText).join(',')}]`
      : itemText(value);
    const word =
      typeof value === 'string'
        ? (interpolated(text, key, start, (other) => file.entries.get(other)?.value) ??
          valueWithVariables(text, start, options.environment))
        : wordOf(text, start);
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
      return wordOf(itemText(item), range.start + quote);
    });
    const subject = wordsSubject(source, words, options);
    if (subject !== null) return { kind: 'subjects', subjects: [subject] };
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
