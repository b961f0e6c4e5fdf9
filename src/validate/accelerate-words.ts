import type { Source } from '../ingest/source.ts';
import type { Launch } from '../runtimes/shell-parse/launch.ts';
import { knownText } from '../runtimes/shell-parse/values.ts';
import type { DataFile, Entry } from './data-file.ts';
import { fragmentRange } from './places.ts';

/** Kinds of run by the switch that asks for them, the strongest first (src/accelerate/commands/launch.py). */
const kinds: readonly (readonly [string, string])[] = [
  ['use-deepspeed', 'DEEPSPEED'],
  ['use-fsdp', 'FSDP'],
  ['use-megatron-lm', 'MEGATRON_LM'],
];

const plain = new Set(['num-processes', 'num-machines', 'mixed-precision']);

const deepspeed = new Set([
  'zero-stage',
  'offload-optimizer-device',
  'offload-param-device',
  'gradient-accumulation-steps',
  'gradient-clipping',
  'zero3-init-flag',
  'zero3-save-16bit-model',
  'deepspeed-config-file',
]);

/** The key of the configuration file that an option of the launcher stands for; null for what is none. */
const keyOf = (option: string): string | null => {
  const name = option.replaceAll('-', '_');
  if (plain.has(option)) return name;
  if (deepspeed.has(option)) return `deepspeed_config.${name}`;
  for (const section of ['parallelism_config', 'megatron_lm', 'fsdp'])
    if (name.startsWith(`${section}_`))
      return `${section === 'parallelism_config' ? section : `${section}_config`}.${name}`;
  return null;
};

const valueOf = (text: string): string | number | boolean => {
  if (/^-?\d{1,15}$/u.test(text)) return Number(text);
  return /^true$/iu.test(text) ? true : /^false$/iu.test(text) ? false : text;
};

/**
 * Options of `accelerate launch` as the keys of its configuration file. Null where they say nothing of ranks or of how
 * they share the work: then the file of its user's home says it, or the one that is named.
 */
export const accelerateFile = (source: Source, { launcher, options }: Launch): DataFile | null => {
  if (launcher !== 'accelerate' || options.has('config-file')) return null;
  const entries = new Map<string, Entry>();
  for (const [option, word] of options) {
    const key = keyOf(option);
    const text = knownText(word.fragments);
    if (key === null || text === null) continue;
    const range = fragmentRange(source, word.fragments);
    entries.set(key, { value: valueOf(text), key: null, range });
    const section = key.split('.')[0] ?? key;
    if (section !== key && !entries.has(section)) entries.set(section, { value: {}, key: null, range: null });
  }
  const kind = kinds.find(([option]) => options.has(option))?.[1];
  if (entries.size === 0 && kind === undefined) return null;
  entries.set('distributed_type', { value: kind ?? 'MULTI_GPU', key: null, range: null });
  return { source, entries, format: 'yaml' };
};
