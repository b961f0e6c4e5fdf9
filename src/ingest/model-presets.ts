/** Models that planner knows by name: one YAML file each in `configs/models/`, field values with their source. */
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { Model } from '../model/model.ts';
import { modelFromConfig } from './model-config.ts';
import { PresetFile } from './preset-file.ts';

/** What its authors print of a model's size. */
export interface PublishedSize {
  readonly parameters: number;
  /** Null where they print none. */
  readonly activeParameters: number | null;
  /** What the figures include, and whether they are rounded. */
  readonly counts: string;
  readonly source: string;
}

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

const read = (name: string): ModelPreset => {
  if (!isModelPreset(name)) throw new RangeError(`no model preset is named ${name}`);
  const path = `configs/models/${name}${ENDING}`;
  const value = parse(readFileSync(`${FOLDER}${name}${ENDING}`, 'utf8')) as Record<string, unknown>;
  const file = new PresetFile(path, value);
  file.closed(['source', 'published', 'config']);
  const published = file.map('published');
  published.closed(['parameters', 'active_parameters', 'counts', 'source']);
  const result = modelFromConfig(value['config'], name);
  if (!result.ok) {
    const problems = result.problems.map((problem) => `${problem.path.join('.')}: ${problem.message}`);
    throw new Error(`${path}: ${problems.join('; ')}`);
  }
  return {
    model: result.model,
    source: file.text('source'),
    published: {
      parameters: published.count('parameters'),
      activeParameters: published.has('active_parameters') ? published.count('active_parameters') : null,
      counts: published.text('counts'),
      source: published.text('source'),
    },
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
