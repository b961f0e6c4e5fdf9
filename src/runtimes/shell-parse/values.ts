/** What shell words stand for: text with its place, and gaps that only a run can fill. */

/** What only a run knows. */
export interface Gap {
  /** As it is written: `$NAME`, `$(hostname)`. */
  readonly name: string;
  /** Values that the script itself gives it in one branch or the other; empty where any is possible. */
  readonly alternatives: readonly string[];
  /** What the script asks before it decides; empty for a plain variable. */
  readonly because: readonly string[];
}

export interface Fragment {
  readonly text: string;
  /** Offset in the file; −1 where the text has no place of its own. */
  readonly at: number;
  readonly gap: Gap | null;
}

export interface ShellWord {
  readonly fragments: readonly Fragment[];
  readonly at: number;
  /** The whole word is an unquoted gap: it may become any number of words. */
  readonly many: boolean;
}

export type Variable =
  | { readonly kind: 'scalar'; readonly value: readonly Fragment[] }
  | { readonly kind: 'array'; readonly items: readonly ShellWord[] };

export const gapOf = (
  name: string,
  because: readonly string[] = [],
  alternatives: readonly string[] = [],
): Gap => ({
  name,
  alternatives,
  because: because.filter((other) => other !== name),
});

export const textFragment = (text: string, at = -1): Fragment => ({ text, at, gap: null });
export const gapFragment = (gap: Gap, at: number): Fragment => ({ text: '', at, gap });

/** The text, or null where something is missing. */
export const knownText = (fragments: readonly Fragment[]): string | null =>
  fragments.some(({ gap }) => gap !== null) ? null : fragments.map(({ text }) => text).join('');

/** The text with gaps as they are written. */
export const shownText = (fragments: readonly Fragment[]): string =>
  fragments.map(({ text, gap }) => gap?.name ?? text).join('');

export const gapsOf = (fragments: readonly Fragment[]): readonly Gap[] =>
  fragments.flatMap(({ gap }) => (gap === null ? [] : [gap]));

export const gapNames = (fragments: readonly Fragment[]): readonly string[] =>
  gapsOf(fragments).flatMap(({ name, because }) => (because.length > 0 ? because : [name]));

export const wordOf = (text: string, at = -1): ShellWord => ({
  fragments: [textFragment(text, at)],
  at,
  many: false,
});

/** The text of a word with its gaps filled. */
export const filledText = (word: ShellWord, values: (gap: Gap) => string): string =>
  word.fragments.map(({ text, gap }) => (gap === null ? text : values(gap))).join('');

const sameFragments = (left: readonly Fragment[], right: readonly Fragment[]): boolean =>
  left.length === right.length &&
  left.every((fragment, index) => {
    const other = right[index];
    return fragment.text === other?.text && fragment.gap?.name === other.gap?.name;
  });

const commonCount = <T>(left: readonly T[], right: readonly T[], same: (a: T, b: T) => boolean): number => {
  let count = 0;
  for (const [index, item] of left.entries()) {
    const other = right[index];
    if (other === undefined || !same(item, other)) break;
    count += 1;
  }
  return count;
};

const asItems = (variable: Variable): readonly ShellWord[] =>
  variable.kind === 'array'
    ? variable.items
    : [{ fragments: variable.value, at: variable.value[0]?.at ?? -1, many: false }];

const manyWord = (gap: Gap, at: number): ShellWord => ({ fragments: [gapFragment(gap, at)], at, many: true });

/** A variable after a branch of which nobody knows whether it runs. */
const mergeVariables = (
  name: string,
  left: Variable | undefined,
  right: Variable | undefined,
  because: readonly string[],
): Variable | undefined => {
  if (left === right) return left;
  const gap = (alternatives: readonly string[] = []): Gap => gapOf(`$${name}`, because, alternatives);
  const one = left ?? right;
  if (left === undefined || right === undefined) {
    if (one?.kind === 'array') return { kind: 'array', items: [manyWord(gap(), one.items[0]?.at ?? -1)] };
    const text = one === undefined ? null : knownText(one.value);
    return {
      kind: 'scalar',
      value: [gapFragment(gap(text === null ? [] : [text, '']), one?.value[0]?.at ?? -1)],
    };
  }
  if (left.kind === 'scalar' && right.kind === 'scalar') {
    if (sameFragments(left.value, right.value)) return right;
    const texts = [knownText(left.value), knownText(right.value)];
    const [first, second] = texts;
    const plain = (text: string | null | undefined): text is string =>
      typeof text === 'string' && !/\s/u.test(text);
    if (plain(first) && plain(second))
      return { kind: 'scalar', value: [gapFragment(gap([first, second]), right.value[0]?.at ?? -1)] };
    const common = commonCount(left.value, right.value, (a, b) => sameFragments([a], [b]));
    return {
      kind: 'scalar',
      value: [...left.value.slice(0, common), textFragment(' '), gapFragment(gap(), -1)],
    };
  }
  const [a, b] = [asItems(left), asItems(right)];
  const common = commonCount(a, b, (x, y) => x.many === y.many && sameFragments(x.fragments, y.fragments));
  if (common === a.length && common === b.length) return right;
  return { kind: 'array', items: [...a.slice(0, common), manyWord(gap(), -1)] };
};

/** Variables after two ways through a script: known as far as both agree. */
export const mergeScopes = (
  left: ReadonlyMap<string, Variable>,
  right: ReadonlyMap<string, Variable>,
  because: readonly string[],
): Map<string, Variable> => {
  const result = new Map<string, Variable>();
  for (const name of new Set([...left.keys(), ...right.keys()])) {
    const variable = mergeVariables(name, left.get(name), right.get(name), because);
    if (variable !== undefined) result.set(name, variable);
  }
  return result;
};
