import { modelPresetNames, readModelPreset } from '../ingest/model-presets.ts';
import type { Model } from '../model/model.ts';

/** Words of a name joined by dashes, without the organisation; Llama 3, 3.1 and 3.3 are of one shape. */
const plain = (name: string): string =>
  name
    .slice(name.lastIndexOf('/') + 1)
    .toLowerCase()
    .replace(/[^a-z0-9]+/gu, '-')
    .replace(/^(?:meta-)?llama-?3(?:-?[13])?(?=-)/u, 'llama3')
    .replace(/^llama-2(?=-)/u, 'llama2');

/** The preset that a model's name in a configuration means (`meta-llama/Llama-3.1-8B`, `qwen3_30b_a3b`); null for others. */
export const modelNamed = (name: string): Model | null => {
  if (name.length > 200) return null;
  const wanted = plain(name);
  const best = modelPresetNames()
    .filter((preset) => wanted === plain(preset) || wanted.startsWith(`${plain(preset)}-`))
    .toSorted((a, b) => b.length - a.length)[0];
  return best === undefined ? null : readModelPreset(best).model;
};
