import { gapNames, knownText } from './values.ts';
import type { Fragment } from './values.ts';

/** How a command ends, as far as anybody can tell without running it. */
export type Status =
  | { readonly kind: 'yes' }
  | { readonly kind: 'no' }
  /** Decided by what only a run knows. */
  | { readonly kind: 'open'; readonly because: readonly string[] };

export const yes: Status = { kind: 'yes' };
export const no: Status = { kind: 'no' };
export const open = (because: readonly string[]): Status => ({ kind: 'open', because });
const when = (condition: boolean): Status => (condition ? yes : no);

export const negated = (status: Status): Status =>
  status.kind === 'open' ? status : status.kind === 'yes' ? no : yes;

/** Whether a pattern of `*` and `?` matches, in time of the product of the lengths at worst. */
export const matchesGlob = (pattern: string, text: string): boolean => {
  if (pattern.length > 1000 || text.length > 10_000) return pattern === text;
  let p = 0;
  let t = 0;
  let star = -1;
  let mark = 0;
  while (t < text.length) {
    if (p < pattern.length && (pattern[p] === text[t] || pattern[p] === '?')) {
      p += 1;
      t += 1;
    } else if (pattern[p] === '*') {
      star = p++;
      mark = t;
    } else if (star >= 0) {
      p = star + 1;
      t = ++mark;
    } else return false;
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
};

type Operand = readonly Fragment[];

const compareNumbers: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '-eq': (a, b) => a === b,
  '-ne': (a, b) => a !== b,
  '-lt': (a, b) => a < b,
  '-le': (a, b) => a <= b,
  '-gt': (a, b) => a > b,
  '-ge': (a, b) => a >= b,
};

const binary = (left: Operand, operator: string, right: Operand): Status => {
  const [a, b] = [knownText(left), knownText(right)];
  const missing = [...gapNames(left), ...gapNames(right)];
  if (a === null || b === null) return open(missing);
  if (operator === '=' || operator === '==') return when(matchesGlob(b, a));
  if (operator === '!=') return when(!matchesGlob(b, a));
  if (operator === '<') return when(a < b);
  if (operator === '>') return when(a > b);
  const compare = Object.hasOwn(compareNumbers, operator) ? compareNumbers[operator] : undefined;
  if (compare === undefined) return open([`${a} ${operator} ${b}`]);
  const numbers = [Number(a === '' ? '0' : a), Number(b === '' ? '0' : b)] as const;
  return numbers.every((value) => Number.isFinite(value)) ? when(compare(...numbers)) : open([a, b]);
};

const unary = (operator: string, operand: Operand): Status => {
  const text = knownText(operand);
  if (operator === '-z' || operator === '-n') {
    // Known text beside a gap settles it.
    const some = operand.some(({ text: part }) => part !== '');
    if (text === null && !some) return open(gapNames(operand));
    const empty = text === '';
    return when(operator === '-z' ? empty : !empty);
  }
  return open([`${operator} ${text ?? gapNames(operand).join(' ')}`]);
};

/** `[ … ]`, `test …` and `[[ … ]]`: strings, integers, and, or, not; of files nothing is known. */
export const evaluateTest = (words: readonly Operand[]): Status => {
  const texts = words.map(knownText);
  // `||` binds weaker than `&&`.
  for (const [signs, decisive] of [
    [['||', '-o'], 'yes'],
    [['&&', '-a'], 'no'],
  ] as const) {
    const at = texts.findIndex(
      (text, index) => index > 0 && text !== null && (signs as readonly string[]).includes(text),
    );
    if (at < 0) continue;
    const left = evaluateTest(words.slice(0, at));
    if (left.kind === decisive) return left;
    const right = evaluateTest(words.slice(at + 1));
    if (right.kind === decisive) return right;
    if (left.kind === 'open') return left;
    return right;
  }
  const [first, second, third] = words;
  if (first === undefined) return no;
  if (texts[0] === '!' && words.length > 1) return negated(evaluateTest(words.slice(1)));
  if (words.length === 1) return unary('-n', first);
  if (words.length === 2 && second !== undefined)
    return texts[0]?.startsWith('-') === true ? unary(texts[0], second) : open(gapNames(words.flat()));
  if (words.length === 3 && second !== undefined && third !== undefined)
    return binary(first, texts[1] ?? '', third);
  return open([...gapNames(words.flat()), texts.map((text) => text ?? '…').join(' ')].slice(0, 1));
};
