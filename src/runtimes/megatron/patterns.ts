/** Layer patterns in Megatron's flags: a frequency, or a Python list of 0 and 1 such as `([0]*3+[1]*58)`. */

const runLengths = (pattern: readonly boolean[]): string => {
  const runs: string[] = [];
  let index = 0;
  while (index < pattern.length) {
    let run = 1;
    while (pattern[index + run] === pattern[index]) run++;
    runs.push(`[${pattern[index] === true ? 1 : 0}]*${run}`);
    index += run;
  }
  return `(${runs.join('+')})`;
};

/** Length of the shortest part whose repetition is the pattern. */
const periodOf = (pattern: readonly boolean[]): number => {
  const fits = (period: number): boolean =>
    pattern.length % period === 0 && pattern.every((bit, index) => bit === pattern[index % period]);
  let period = 1;
  while (period < pattern.length && !fits(period)) period++;
  return period;
};

/** Shortest run-length form of a 0/1 pattern: `([0]*3+[1]*58)`, `([1]*3+[0]*1)*12`. */
export const patternText = (pattern: readonly boolean[]): string => {
  const period = periodOf(pattern);
  // One value throughout is one run already.
  if (period <= 1 || period === pattern.length) return runLengths(pattern);
  return `${runLengths(pattern.slice(0, period))}*${pattern.length / period}`;
};

const longest = 100_000;
const longestText = 20_000;

/**
 * Reads a pattern of `layers` entries: lists of 0 and 1 with `+`, `*n` and parentheses, or comma-separated digits.
 * Nothing is evaluated. Null when the text is no such list. An integer is for the caller: its meaning differs by flag.
 */
export const parsePattern = (text: string): readonly boolean[] | null => {
  if (text.length > longestText) return null;
  const tokens = text.match(/[[\]()+*,]|\d+|\s+|[^\s]/gu)?.filter((token) => token.trim() !== '') ?? [];
  let at = 0;
  const primary = (): boolean[] | null => {
    const token = tokens[at++];
    if (token === '(') {
      const inner = sum();
      return tokens[at++] === ')' ? inner : null;
    }
    if (token !== '[') return null;
    const items: boolean[] = [];
    while (tokens[at] !== ']') {
      const item = tokens[at++];
      if (item !== '0' && item !== '1') return null;
      items.push(item === '1');
      if (tokens[at] === ',') at++;
      else if (tokens[at] !== ']') return null;
    }
    at++;
    return items;
  };
  const product = (): boolean[] | null => {
    let value = primary();
    while (value !== null && tokens[at] === '*') {
      const times = Number(tokens[at + 1]);
      at += 2;
      if (!Number.isSafeInteger(times) || times > longest || times * value.length > longest) return null;
      value = Array.from({ length: times }, () => value ?? []).flat();
    }
    return value;
  };
  const sum = (): boolean[] | null => {
    let value = product();
    while (value !== null && tokens[at] === '+') {
      at++;
      const next = product();
      value = next === null || value.length + next.length > longest ? null : [...value, ...next];
    }
    return value;
  };
  const result = sum();
  return result !== null && at === tokens.length ? result : null;
};

const closing: ReadonlyMap<string, string> = new Map([
  ['(', ')'],
  ['[', ']'],
]);

/**
 * Whether Megatron's parser reads the text: an integer as Python writes it, or a list of the characters that it admits
 * with its brackets closed. Source: megatron/training/arguments.py moe_freq_type and _eval_pattern.
 */
export const isPatternText = (text: string): boolean => {
  if (!text.includes('[')) return /^\s*[+-]?\d+(_\d+)*\s*$/u.test(text);
  if (!/^[,\d[\]()+*]*$/u.test(text)) return false;
  const open: string[] = [];
  for (const character of text) {
    const closes = closing.get(character);
    if (closes !== undefined) open.push(closes);
    else if ((character === ')' || character === ']') && open.pop() !== character) return false;
  }
  return open.length === 0;
};
