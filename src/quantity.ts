/**
 * Quantities as people write them: a number in the base unit (seconds, bytes, FLOP/s, bytes/s), or a string with its
 * unit. `b` is a bit and `B` a byte; k, M, G, T, P are powers of 1000, Ki, Mi, Gi, Ti, Pi powers of 1024.
 */

export type Dimension = 'time' | 'size' | 'bandwidth' | 'compute';

export const DIMENSIONS: readonly Dimension[] = ['time', 'size', 'bandwidth', 'compute'];

/** What to write, for messages. */
export const QUANTITY_EXAMPLES: Readonly<Record<Dimension, string>> = {
  time: 'seconds or a string such as "5 us"',
  size: 'bytes or a string such as "80 GiB"',
  bandwidth: 'bytes per second or a string such as "400 Gb/s"',
  compute: 'FLOP/s or a string such as "989 TFLOP/s"',
};

export type QuantityResult =
  { readonly ok: true; readonly value: number } | { readonly ok: false; readonly message: string };

const BASE_UNIT: Readonly<Record<Dimension, string>> = {
  time: 's',
  size: 'B',
  bandwidth: 'B/s',
  compute: 'FLOP/s',
};

const DECIMAL = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

/** Prefix → factor. `K` is accepted for `k`: no other unit could be meant. */
const PREFIXES: ReadonlyMap<string, number> = new Map([
  ...DECIMAL.map((prefix, index) => [prefix, 1000 ** index] as const),
  ['K', 1000] as const,
  ...['Ki', 'Mi', 'Gi', 'Ti', 'Pi'].map((prefix, index) => [prefix, 1024 ** (index + 1)] as const),
]);

const TIMES: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-9],
  ['us', 1e-6],
  ['\u00b5s', 1e-6], // micro sign
  ['\u03bcs', 1e-6], // Greek mu
  ['ms', 1e-3],
  ['s', 1],
  ['min', 60],
  ['h', 3600],
  ['d', 86_400],
]);

/** Factor of `prefix + name`, where one of `names` ends the unit; undefined where none does. */
const prefixed = (unit: string, names: Readonly<Record<string, number>>): number | undefined => {
  for (const [name, factor] of Object.entries(names)) {
    if (!unit.endsWith(name)) continue;
    const prefix = PREFIXES.get(unit.slice(0, unit.length - name.length));
    if (prefix !== undefined) return prefix * factor;
  }
  return undefined;
};

const SIZES = { bytes: 1, byte: 1, bits: 1 / 8, bit: 1 / 8, B: 1, b: 1 / 8 };
const RATES = {
  'bytes/s': 1,
  'byte/s': 1,
  'bits/s': 1 / 8,
  'bit/s': 1 / 8,
  'B/s': 1,
  'b/s': 1 / 8,
  Bps: 1,
  bps: 1 / 8,
};
const COMPUTE = {
  'FLOPs/s': 1,
  'FLOP/s': 1,
  'FLOPS/s': 1,
  'flop/s': 1,
  'flops/s': 1,
  FLOPS: 1,
  FLOPs: 1,
  flops: 1,
};

const factorOf = (unit: string, dimension: Dimension): number | undefined => {
  if (unit === '') return 1;
  switch (dimension) {
    case 'time':
      return TIMES.get(unit);
    case 'size':
      return prefixed(unit, SIZES);
    case 'bandwidth':
      return prefixed(unit, RATES);
    case 'compute':
      return prefixed(unit, COMPUTE);
  }
};

/** Longer than any quantity that means something. */
const MAXIMUM_LENGTH = 64;

const isDigit = (code: number): boolean => code >= 48 && code <= 57;

/** Index after the digits that begin at `start`. */
const skipDigits = (text: string, start: number): number => {
  let index = start;
  while (index < text.length && isDigit(text.charCodeAt(index))) index += 1;
  return index;
};

/** Index after the decimal number that begins `text`; 0 where none does. One pass, no backtracking. */
const numberEnd = (text: string): number => {
  const start = text.startsWith('-') || text.startsWith('+') ? 1 : 0;
  let end = skipDigits(text, start);
  let digits = end - start;
  if (text[end] === '.') {
    const fraction = skipDigits(text, end + 1);
    digits += fraction - end - 1;
    end = fraction;
  }
  if (digits === 0) return 0;
  if (text[end] === 'e' || text[end] === 'E') {
    const sign = text[end + 1] === '-' || text[end + 1] === '+' ? 1 : 0;
    const exponent = skipDigits(text, end + 1 + sign);
    if (exponent > end + 1 + sign) end = exponent;
  }
  return end;
};

/** Said of a unit that belongs to another quantity: the mistake behind most of these errors. */
const otherDimension = (unit: string, dimension: Dimension): string => {
  for (const other of DIMENSIONS)
    if (other !== dimension && factorOf(unit, other) !== undefined) return `"${unit}" is a unit of ${other}`;
  return `"${unit.slice(0, 20)}" is not a unit of ${dimension}`;
};

/** Reads a quantity in its base unit. Any finite number is accepted; the range is for the schema to judge. Linear in the input's length. */
export const parseQuantity = (input: string | number, dimension: Dimension): QuantityResult => {
  const expected = `expected ${QUANTITY_EXAMPLES[dimension]}`;
  if (typeof input === 'number')
    return Number.isFinite(input)
      ? { ok: true, value: input }
      : { ok: false, message: `not a finite number: ${expected}` };
  if (input.length > MAXIMUM_LENGTH)
    return {
      ok: false,
      message: `${String(input.length)} characters are too long for a quantity: ${expected}`,
    };
  const text = input.trim();
  const end = numberEnd(text);
  if (end === 0) return { ok: false, message: `"${text}" does not begin with a number: ${expected}` };
  const unit = text.slice(end).trim();
  const factor = factorOf(unit, dimension);
  if (factor === undefined) return { ok: false, message: `${otherDimension(unit, dimension)}: ${expected}` };
  const number = Number(text.slice(0, end));
  // Fifteen digits, so that "1.9 us" is 1.9e-6 and not its neighbour.
  const value = factor < 1 ? Number((number * factor).toPrecision(15)) : number * factor;
  return Number.isFinite(value)
    ? { ok: true, value }
    : { ok: false, message: `"${text}" is too large: ${expected}` };
};

/** Shortest decimal with at most four significant digits, without trailing zeros. */
const short = (value: number): string => String(Number(value.toPrecision(4)));

const decimal = (value: number, unit: string): string => {
  const exponent = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)) / 3 + 1e-12);
  const index = Math.min(Math.max(exponent, 0), DECIMAL.length - 1);
  return `${short(value / 1000 ** index)} ${DECIMAL[index] ?? ''}${unit}`;
};

const formatTime = (value: number): string => {
  const size = Math.abs(value);
  if (size >= 1 || size === 0) return `${short(value)} s`;
  if (size >= 1e-3) return `${short(value * 1e3)} ms`;
  return size >= 1e-6 ? `${short(value * 1e6)} us` : `${short(value * 1e9)} ns`;
};

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

const formatSize = (value: number): string => {
  const exponent = value === 0 ? 0 : Math.floor(Math.log2(Math.abs(value)) / 10);
  const index = Math.min(Math.max(exponent, 0), BINARY.length - 1);
  return `${short(value / 1024 ** index)} ${BINARY[index] ?? 'B'}`;
};

/** For people: four significant digits, binary units for sizes, decimal ones for rates. `parseQuantity` reads it back. */
export const formatQuantity = (value: number, dimension: Dimension): string => {
  switch (dimension) {
    case 'time':
      return formatTime(value);
    case 'size':
      return formatSize(value);
    case 'bandwidth':
    case 'compute':
      return decimal(value, BASE_UNIT[dimension]);
  }
};
