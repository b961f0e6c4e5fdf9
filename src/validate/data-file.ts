import type { Data, DataDocument } from '../ingest/document.ts';
import { isDataMap, pointerTo } from '../ingest/document.ts';
import type { Range, Source } from '../ingest/source.ts';
import { applyEdits } from './edit.ts';
import type { Edit } from './edit.ts';
import type { Changes, OpenValue, ReadOptions, Setting } from './subject.ts';
import { byDistance, near } from './sizes.ts';
import { worldValue } from './world.ts';

/** One value of a structured file. */
export interface Entry {
  readonly value: Data;
  readonly key: Range | null;
  readonly range: Range | null;
}

/** Values by dotted key, with their places: what YAML, JSON and TOML have in common. */
export interface DataFile {
  readonly source: Source;
  readonly entries: ReadonlyMap<string, Entry>;
  /** How a new value is written beside an old one. */
  readonly format: 'yaml' | 'json' | 'toml';
}

/** Most values of one file that are looked at. */
const MOST = 20_000;

/** Flattens a document: `parallelism.tp` → its value. Maps and lists have entries of their own too. */
export const dataFile = (document: DataDocument, format: 'yaml' | 'json'): DataFile => {
  const entries = new Map<string, Entry>();
  const visit = (data: Data, pointer: string, path: string): void => {
    if (entries.size > MOST) return;
    const range = document.ranges.get(pointer);
    if (path !== '') entries.set(path, { value: data, key: range?.key ?? null, range: range?.value ?? null });
    if (isDataMap(data))
      for (const [key, value] of Object.entries(data))
        visit(value, pointerTo(pointer, key), path === '' ? key : `${path}.${key}`);
  };
  visit(document.root, '', '');
  return { source: document.source, entries, format };
};

/** The values of a file under changes, by dotted key. */
export class Values {
  readonly #file: DataFile;
  readonly #changes: Changes;

  constructor(file: DataFile, changes: Changes) {
    this.#file = file;
    this.#changes = changes;
  }

  raw(key: string): Data | undefined {
    const changed = this.#changes.get(key);
    if (changed === null) return undefined;
    if (changed !== undefined)
      return /^-?\d+$/u.test(changed)
        ? Number(changed)
        : changed === 'true'
          ? true
          : changed === 'false'
            ? false
            : changed;
    return this.#file.entries.get(key)?.value;
  }

  /** The first of the keys that holds a count. */
  count(...keys: readonly string[]): number | null {
    for (const key of keys) {
      const value = this.raw(key);
      if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
      if (typeof value === 'string' && /^-?\d{1,12}$/u.test(value)) return Number(value);
    }
    return null;
  }

  text(...keys: readonly string[]): string | null {
    for (const key of keys) {
      const value = this.raw(key);
      if (typeof value === 'string') return value;
    }
    return null;
  }

  flag(key: string): boolean {
    const value = this.raw(key);
    return value === true || value === 'true';
  }

  has(key: string): boolean {
    const value = this.raw(key);
    return value !== undefined && value !== null;
  }

  /** The whole as nested maps, changes applied, for readers of parsed configurations. */
  tree(): Readonly<Record<string, unknown>> {
    const root: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    const put = (path: string, value: unknown): void => {
      const steps = path.split('.');
      let at = root;
      for (const step of steps.slice(0, -1)) {
        const next = at[step];
        if (typeof next === 'object' && next !== null && !Array.isArray(next))
          at = next as Record<string, unknown>;
        else {
          const made = Object.create(null) as Record<string, unknown>;
          at[step] = made;
          at = made;
        }
      }
      at[steps.at(-1) ?? ''] = value;
    };
    for (const [path, { value }] of this.#file.entries) if (!isDataMap(value)) put(path, value);
    for (const path of this.#changes.keys())
      if (path.includes('.') || this.#file.entries.has(path)) put(path, this.raw(path));
    return root;
  }
}

export const placeIn =
  ({ entries }: DataFile) =>
  (setting: string): Range | null => {
    const entry = entries.get(setting);
    if (entry === undefined) return null;
    const { key, range } = entry;
    if (key === null || range === null) return range ?? key;
    const joined = { ...key, end: range.end };
    return range.start < key.start || joined.source.text.slice(joined.start, joined.end).includes('\n')
      ? key
      : joined;
  };

export const textIn =
  ({ entries }: DataFile) =>
  (setting: string): string | null => {
    const value = entries.get(setting)?.value;
    if (value === undefined || value === null) return null;
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  };

/** Sizes of the file that a fix may change. */
export const sizeSettings = (file: DataFile, keys: readonly string[]): readonly Setting[] =>
  keys.flatMap((key): Setting[] => {
    const value = file.entries.get(key)?.value;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) return [];
    return [{ key, value: String(value), candidates: byDistance(value, near(value)) }];
  });

/** Changed values in place; null where a value has no place, or a key is new. */
export const rewriteData =
  (file: DataFile) =>
  (changes: Changes): string | null => {
    const edits: Edit[] = [];
    for (const [key, value] of changes) {
      const range = file.entries.get(key)?.range ?? null;
      if (range === null || value === null) return null;
      edits.push({ start: range.start, end: range.end, text: value });
    }
    return applyEdits(file.source.text, edits);
  };

/** The number of GPUs, where a file of this kind does not state it. */
export const worldOfSizes = (
  options: ReadOptions,
  sizes: {
    readonly tensor: number;
    readonly pipeline: number;
    readonly context: number;
    readonly expert: number;
  },
): { readonly open: readonly OpenValue[]; readonly of: (changes: Changes) => number } => {
  const all = { ...sizes, expertTensor: 1 };
  return worldValue(null, options, all);
};
