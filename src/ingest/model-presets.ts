/** Models that planner knows by name: one YAML file each in `configs/models/`, field values with their source. */
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { Model } from '../model/model.ts';
import { modelFromConfig } from './model-config.ts';
import { ACTIVE_EXCLUDED, PREDICTION_COUNTED } from './model-published.ts';
import type { PublishedSize } from './model-published.ts';
import { PresetFile } from './preset-file.ts';

export interface ModelPreset {
  readonly model: Model;
  /** Where the dimensions come from. */
  readonly source: string;
  readonly published: PublishedSize;
  /** What the description leaves out. */
  readonly notes: readonly string[];
}

/** Both `src/ingest/` and `dist/ingest/` lie two folders below the package root. */
const FOLDER = fileURLToPath(new URL('../../configs/models/', import.meta.url));
const ENDING = '.yaml';

let names: readonly string[] | null = null;
const presets = new Map<string, ModelPreset>();

/** Names of the model presets, sorted. */
export const modelPresetNames = (): readonly string[] => {
  names ??= readdirSync(FOLDER)
    .filter((file) => file.endsWith(ENDING))
    .map((file) => file.slice(0, -ENDING.length))
    .sort();
  return names;
};

export const isModelPreset = (name: string): boolean => modelPresetNames().includes(name);

const readPublished = (file: PresetFile): PublishedSize => {
  const total = ['parameters', 'rounding', 'multi_token_prediction', 'not_counted', 'counts', 'source'];
  file.closed([...total, 'active_parameters', 'active_rounding', 'active_excludes']);
  const optional = (key: string): number => (file.has(key) ? file.count(key) : 0);
  return {
    parameters: file.count('parameters'),
    rounding: optional('rounding'),
    multiTokenPrediction: file.has('multi_token_prediction')
      ? file.oneOf('multi_token_prediction', PREDICTION_COUNTED)
      : 'none',
    notCounted: optional('not_counted'),
    active: file.has('active_parameters')
      ? {
          parameters: file.count('active_parameters'),
          rounding: file.count('active_rounding'),
          excludes: file.has('active_excludes') ? file.oneOf('active_excludes', ACTIVE_EXCLUDED) : 'nothing',
        }
      : null,
    counts: file.text('counts'),
    source: file.text('source'),
  };
};

const read = (name: string): ModelPreset => {
  if (!isModelPreset(name)) throw new RangeError(`no model preset is named ${name}`);
  const path = `configs/models/${name}${ENDING}`;
  const value = parse(readFileSync(`${FOLDER}${name}${ENDING}`, 'utf8')) as Record<string, unknown>;
  const file = new PresetFile(path, value);
  file.closed(['source', 'published', 'config']);
  const result = modelFromConfig(value['config'], name);
  if (!result.ok) {
    const problems = result.problems.map((problem) => `${problem.path.join('.')}: ${problem.message}`);
    throw new Error(`${path}: ${problems.join('; ')}`);
  }
  return {
    model: result.model,
    source: file.text('source'),
    published: readPublished(file.map('published')),
    notes: result.notes,
  };
};

/**
 * A model by its preset name; the same object every time. Throws RangeError for an unknown name (callers check user
 * input with `isModelPreset`), Error for a broken file, which is a defect of ours.
 */
export const readModelPreset = (name: string): ModelPreset => {
  const preset = presets.get(name) ?? read(name);
  presets.set(name, preset);
  return preset;
};
