/**
 * Typed picks from a foreign JSON object. Nothing here throws: what is absent, null, of another type or out of range
 * reads as null, because records come from many hands.
 */
export type Fields = Readonly<Record<string, unknown>>;

const NONE: Fields = Object.freeze({});

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Own properties only: `__proto__` and `constructor` of a hostile record are ordinary names. */
const own = (fields: Fields, key: string): unknown => (Object.hasOwn(fields, key) ? fields[key] : undefined);

export const section = (fields: Fields, key: string): Fields => {
  const value = own(fields, key);
  return isFields(value) ? value : NONE;
};

/** A text of at most 2,000 characters; numbers become text. */
export const text = (fields: Fields, key: string): string | null => {
  const value = own(fields, key);
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return typeof value === 'string' && value.trim() !== '' ? value.trim().slice(0, 2000) : null;
};

/** A finite number; a text that begins with one (`0.75`, `1.0 overlap`) counts. */
export const number = (fields: Fields, key: string): number | null => {
  const value = own(fields, key);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'string') return null;
  const parsed = Number.parseFloat(value);
  return Number.isFinite(parsed) ? parsed : null;
};

export const positive = (fields: Fields, key: string): number | null => {
  const value = number(fields, key);
  return value !== null && value > 0 ? value : null;
};

/** A whole number from 1 to `limit`. */
export const count = (fields: Fields, key: string, limit = 1e9): number | null => {
  const value = number(fields, key);
  return value !== null && Number.isInteger(value) && value >= 1 && value <= limit ? value : null;
};

/** A whole number from 0 to `limit`. */
export const whole = (fields: Fields, key: string, limit = 1e9): number | null =>
  number(fields, key) === 0 ? 0 : count(fields, key, limit);

export const flag = (fields: Fields, key: string): boolean | null => {
  const value = own(fields, key);
  return typeof value === 'boolean' ? value : value === 'true' ? true : value === 'false' ? false : null;
};

/** A list of texts; one text alone (or several joined by commas or `+`) is a list too. */
export const texts = (fields: Fields, key: string): readonly string[] => {
  const value = own(fields, key);
  const list: readonly unknown[] = Array.isArray(value)
    ? value
    : typeof value === 'string'
      ? value.split(/[,+]/)
      : [];
  return list
    .filter((each): each is string => typeof each === 'string')
    .slice(0, 32)
    .map((each) => each.trim())
    .filter((each) => each !== '');
};
