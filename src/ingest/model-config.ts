/** A Hugging Face config.json, or a map with its keys, as a Model. */
import { closest } from 'fastest-levenshtein';
import { parameterCount } from '../model/count.ts';
import type { Model } from '../model/model.ts';
import { ALIASES, ARCHITECTURES } from './model-architectures.ts';
import type { ArchitectureReader } from './model-architectures.ts';
import { toModel } from './model-draft.ts';
import { Fields, describe, isMap } from './model-fields.ts';
import type { ModelMap, ModelProblem } from './model-fields.ts';

export type { ModelProblem } from './model-fields.ts';

export type ModelConfigResult =
  | { readonly ok: true; readonly model: Model; readonly notes: readonly string[] }
  | { readonly ok: false; readonly problems: readonly ModelProblem[] };

/** Names that `model_type` may take. */
export const modelTypes = (): readonly string[] => [...ARCHITECTURES.keys()];

/** Where multimodal configs keep the language model. */
const NESTED = ['text_config', 'language_config', 'llm_config'] as const;
const HIDDEN = ['hidden_size', 'n_embd', 'n_embed', 'd_model'];

const has = (map: ModelMap, key: string): boolean =>
  Object.hasOwn(map, key) && map[key] !== null && map[key] !== undefined;

interface Located {
  readonly values: ModelMap;
  readonly path: readonly string[];
}

/** The map that describes the language model: the config itself where it states a hidden size, else a nested one. */
const locate = (config: ModelMap): Located => {
  if (HIDDEN.some((key) => has(config, key))) return { values: config, path: [] };
  for (const key of NESTED) {
    const inner = has(config, key) ? config[key] : null;
    if (isMap(inner)) return { values: inner, path: [key] };
  }
  return { values: config, path: [] };
};

const textAt = (map: ModelMap, key: string): string | null => {
  const value = Object.hasOwn(map, key) ? map[key] : undefined;
  return typeof value === 'string' ? value : null;
};

const known = (name: string): string | null => {
  const plain = name.toLowerCase().replaceAll('-', '_');
  for (const candidate of [name, plain]) {
    const target = ALIASES.get(candidate) ?? candidate;
    if (ARCHITECTURES.has(target)) return target;
  }
  return null;
};

/** `DeepseekV3ForCausalLM` is `deepseek_v3`. */
const ofClass = (name: string): string | null => {
  const stem = name
    .replace(/(For[A-Z]\w*|LMHeadModel|Model)$/, '')
    .toLowerCase()
    .replaceAll('_', '');
  const matches = (type: string): boolean => type.replace(/_text$/, '').replaceAll(/[_-]/g, '') === stem;
  return [...ARCHITECTURES.keys()].find(matches) ?? null;
};

interface Architecture {
  readonly type: string;
  readonly reader: ArchitectureReader;
}

const LONGEST_SUGGESTED = 60;

/** By `model_type`, nested before outer; else by the class named in `architectures`. */
const architectureOf = (config: ModelMap, { values, path }: Located): Architecture | ModelProblem => {
  const maps = values === config ? [config] : [values, config];
  const classes = maps.flatMap((map) => {
    const list = Object.hasOwn(map, 'architectures') ? map['architectures'] : undefined;
    const first: unknown = Array.isArray(list) ? list[0] : undefined;
    return typeof first === 'string' ? [first] : [];
  });
  const types = maps.map((map) => textAt(map, 'model_type')).filter((type) => type !== null);
  const candidates = [...types.map(known), ...classes.map(ofClass)];
  const type = candidates.find((candidate) => candidate !== null) ?? '';
  const reader = ARCHITECTURES.get(type);
  if (reader !== undefined) return { type, reader };
  const expected = `one of ${modelTypes().join(', ')}`;
  const asked = types[0];
  const at = values !== config && textAt(values, 'model_type') === null ? [] : path;
  if (asked === undefined) {
    const inner = has(config, 'model_type') ? { found: describe(config['model_type']) } : {};
    return { path: at, message: 'model_type names no architecture', expected, ...inner };
  }
  const suggestion =
    asked.length > LONGEST_SUGGESTED ? {} : { suggestion: closest(asked, [...modelTypes()]) };
  const message = `planner does not know the architecture ${describe(asked)}`;
  return { path: [...at, 'model_type'], message, expected, found: describe(asked), ...suggestion };
};

/** Beyond a thousand times the largest published model, sizes are a mistake even where each value is in its range. */
const MOST_PARAMETERS = 1e16;

const tooLarge = (model: Model): ModelProblem | null => {
  const { total } = parameterCount(model);
  if (total <= MOST_PARAMETERS) return null;
  const found = total.toExponential(1);
  return { path: [], message: `the model would have ${found} parameters`, expected: 'at most 1e16', found };
};

const multimodal = (config: ModelMap, { path }: Located): readonly string[] =>
  path.length > 0 || ['vision_config', 'audio_config'].some((key) => has(config, key))
    ? ['Vision and audio towers and their projectors are left out: the language model alone is counted.']
    : [];

/**
 * Reads a model description: Hugging Face's config.json as parsed, or a map with the same keys, of which `model_type`
 * names the architecture. Keys that bear on no cost are ignored. Two keys are planner's own: `layer_attention` (the
 * span of each layer, see model-spans) and `zero_computation_experts` (MoE++).
 *
 * `name` is what results call the model. Never throws for any input; problems carry the path of the key at fault.
 * Notes say, one sentence each, what the description leaves out.
 */
export const modelFromConfig = (config: unknown, name: string): ModelConfigResult => {
  if (!isMap(config)) {
    const problem = {
      path: [],
      message: 'a model description is a map',
      expected: 'a map',
      found: describe(config),
    };
    return { ok: false, problems: [problem] };
  }
  const located = locate(config);
  const architecture = architectureOf(config, located);
  if ('message' in architecture) return { ok: false, problems: [architecture] };
  const outer = new Fields(config);
  const fields =
    located.values === config ? outer : new Fields(located.values, located.path, outer.problems, outer);
  const draft = architecture.reader(fields);
  if (fields.problems.length > 0) return { ok: false, problems: distinct(fields.problems) };
  const omitted = [...draft.omitted, ...multimodal(config, located)];
  const model = toModel({ ...draft, omitted }, name, architecture.type);
  const large = tooLarge(model);
  return large === null ? { ok: true, model, notes: omitted } : { ok: false, problems: [large] };
};

/** A key that two readers ask for is reported once. */
const distinct = (problems: readonly ModelProblem[]): readonly ModelProblem[] => {
  const seen = new Set<string>();
  return problems.filter((problem) => {
    const identity = JSON.stringify([problem.path, problem.message]);
    return seen.has(identity) ? false : (seen.add(identity), true);
  });
};
