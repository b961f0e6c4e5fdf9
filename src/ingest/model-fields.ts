/**
 * Typed access to the keys of a model description. Nothing throws: what is wrong is recorded with its path, and the
 * reader goes on with a small value, so that one pass finds all problems.
 */

export interface ModelProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly expected?: string;
  readonly found?: string;
  readonly suggestion?: string;
}

export type ModelMap = Readonly<Record<string, unknown>>;

export const isMap = (value: unknown): value is ModelMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const LONGEST_TEXT = 60;

/** A value as a message shows it; long ones and containers are cut. */
export const describe = (value: unknown): string => {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'a map';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
};

export interface Range {
  readonly min?: number;
  readonly max: number;
  /** For a key that is absent or null; without it the key is required. */
  readonly fallback?: number;
}

/** Keys that multimodal configs keep beside the nested language model. */
const OUTER_KEYS: readonly string[] = ['tie_word_embeddings', 'layer_attention', 'zero_computation_experts'];

interface Entry {
  readonly path: readonly (string | number)[];
  readonly value: unknown;
}

export class Fields {
  readonly path: readonly (string | number)[];
  readonly problems: ModelProblem[];
  readonly #values: ModelMap;
  readonly #outer: Fields | null;

  constructor(
    values: ModelMap,
    path: readonly (string | number)[] = [],
    problems: ModelProblem[] = [],
    outer: Fields | null = null,
  ) {
    this.#values = values;
    this.path = path;
    this.problems = problems;
    this.#outer = outer;
  }

  /** The first of the names that is there and not null. */
  #find(names: readonly string[]): Entry | null {
    for (const name of names) {
      if (!Object.hasOwn(this.#values, name)) continue;
      const value = this.#values[name];
      if (value !== null && value !== undefined) return { path: [...this.path, name], value };
    }
    const outer = names.filter((name) => OUTER_KEYS.includes(name));
    return this.#outer === null || outer.length === 0 ? null : this.#outer.#find(outer);
  }

  #refuse(entry: Entry, expected: string): void {
    const key = String(entry.path.at(-1));
    const found = describe(entry.value);
    this.problems.push({ path: entry.path, message: `${key} is not ${expected}`, expected, found });
  }

  report(name: string | null, message: string, details: Omit<ModelProblem, 'path' | 'message'> = {}): void {
    this.problems.push({ path: name === null ? this.path : [...this.path, name], message, ...details });
  }

  /** Tells later whether problems came up since: checks across keys wait for keys that are themselves right. */
  watch(): () => boolean {
    const before = this.problems.length;
    return () => this.problems.length === before;
  }

  has(...names: readonly string[]): boolean {
    return this.#find(names) !== null;
  }

  /** The value as it stands, or undefined. */
  raw(name: string): unknown {
    return this.#find([name])?.value;
  }

  /** A whole number within the range; names are alternatives, the first that exists counts. */
  integer(names: string | readonly string[], { min = 1, max, fallback }: Range): number {
    const all = typeof names === 'string' ? [names] : names;
    const entry = this.#find(all);
    if (entry === null) {
      if (fallback !== undefined) return fallback;
      this.report(null, `${all[0] ?? ''} is missing`, { expected: all.join(' or ') });
      return Math.max(1, min);
    }
    const { value } = entry;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    this.#refuse(entry, `a whole number from ${min} to ${max}`);
    return Math.max(1, min);
  }

  flag(names: string | readonly string[], fallback: boolean): boolean {
    const entry = this.#find(typeof names === 'string' ? [names] : names);
    if (entry === null) return fallback;
    if (typeof entry.value === 'boolean') return entry.value;
    this.#refuse(entry, 'true or false');
    return fallback;
  }

  text(name: string): string | null {
    const entry = this.#find([name]);
    if (entry === null) return null;
    if (typeof entry.value === 'string') return entry.value;
    this.#refuse(entry, 'a text');
    return null;
  }

  /** A list of at most `longest` entries, or null where there is none. */
  list(name: string, longest: number): readonly unknown[] | null {
    const entry = this.#find([name]);
    if (entry === null) return null;
    if (Array.isArray(entry.value) && entry.value.length <= longest) return entry.value as readonly unknown[];
    this.#refuse(entry, `a list of at most ${longest}`);
    return null;
  }

  /** A list of whole numbers within the range, or null. */
  integers(name: string, longest: number, { min = 0, max }: Range): readonly number[] | null {
    const list = this.list(name, longest);
    if (list === null) return null;
    const wrong = list.findIndex(
      (value) => typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max,
    );
    if (wrong < 0) return list as readonly number[];
    this.#refuse(
      { path: [...this.path, name, wrong], value: list[wrong] },
      `a whole number from ${min} to ${max}`,
    );
    return null;
  }

  /** A list with one of the allowed words for each layer, or null. */
  layerWords<T extends string>(name: string, layers: number, allowed: readonly T[]): readonly T[] | null {
    const list = this.list(name, MOST_LAYERS);
    if (list === null) return null;
    if (list.length !== layers) {
      this.report(name, `${name} has ${list.length} entries for ${layers} layers`, {
        expected: `${layers} entries`,
      });
      return null;
    }
    const words = list.map((value) => allowed.find((word) => word === value));
    const wrong = words.indexOf(undefined);
    if (wrong < 0) return words as readonly T[];
    this.#refuse({ path: [...this.path, name, wrong], value: list[wrong] }, `one of ${allowed.join(', ')}`);
    return null;
  }

  /** A nested map, or null where there is none. */
  section(name: string): Fields | null {
    const entry = this.#find([name]);
    if (entry === null) return null;
    if (isMap(entry.value)) return new Fields(entry.value, entry.path, this.problems, this);
    this.#refuse(entry, 'a map');
    return null;
  }
}

/**
 * Bounds beyond which a value is a mistake; the largest published models lie a factor of ten or more below. Partitions
 * are chosen layer by layer: the bound on layers also bounds the time of a search.
 */
export const MOST_LAYERS = 2000;
export const MOST_HIDDEN = 1_000_000;
export const MOST_WIDTH = 10_000_000;
export const MOST_HEADS = 10_000;
export const MOST_HEAD_DIM = 100_000;
export const MOST_VOCABULARY = 10_000_000;
export const MOST_EXPERTS = 100_000;
export const MOST_TOKENS = 1_000_000_000;
