import { parseQuantity, QUANTITY_EXAMPLES } from '../quantity.ts';
import type { Dimension } from '../quantity.ts';

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Typed access to the keys of a preset file. Presets ship with planner, so that a broken one throws instead of becoming a diagnostic. */
export class PresetFile {
  readonly path: string;
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(path: string, value: unknown) {
    this.path = path;
    if (!isMap(value)) throw new Error(`${path}: not a map`);
    this.#values = value;
  }

  #fail(key: string, expected: string): never {
    throw new Error(`${this.path}: ${key}: expected ${expected}, found ${JSON.stringify(this.#values[key])}`);
  }

  /** Throws where there is a key that is not in `keys`. */
  closed(keys: readonly string[]): void {
    for (const key of Object.keys(this.#values)) {
      if (!keys.includes(key)) throw new Error(`${this.path}: unknown key ${key}`);
    }
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#values, key);
  }

  text(key: string): string {
    const value = this.#values[key];
    return typeof value === 'string' && value.trim() !== '' ? value.trim() : this.#fail(key, 'a text');
  }

  /** A quantity above zero with its unit, in the base unit. */
  quantity(key: string, dimension: Dimension): number {
    const value = this.#values[key];
    const result = typeof value === 'string' ? parseQuantity(value, dimension) : null;
    return result?.ok === true && result.value > 0
      ? result.value
      : this.#fail(key, QUANTITY_EXAMPLES[dimension]);
  }

  /** A whole number above zero. */
  count(key: string): number {
    const value = this.#values[key];
    return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
      ? value
      : this.#fail(key, 'a whole number above zero');
  }

  oneOf<T extends string>(key: string, allowed: readonly T[]): T {
    const value = this.#values[key];
    return allowed.find((each) => each === value) ?? this.#fail(key, `one of ${allowed.join(', ')}`);
  }

  map(key: string): PresetFile {
    return new PresetFile(`${this.path}: ${key}`, this.#values[key]);
  }
}
