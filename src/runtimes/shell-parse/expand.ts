import { evaluateArithmetic } from './arithmetic.ts';
import { matchesGlob } from './conditions.ts';
import type { Piece, Word } from './syntax.ts';
import { gapFragment, gapNames, gapOf, knownText, textFragment } from './values.ts';
import type { Fragment, ShellWord, Variable } from './values.ts';

/** Characters that expansions may make of one script: `A=$A$A` thirty times would fill the memory. */
const MOST_CHARACTERS = 8_000_000;
/** Elements of one array. */
const MOST_ITEMS = 100_000;

/** More work than any launch script asks for. */
export class ShellLimitError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ShellLimitError';
  }
}

/** What a variable has; undefined where only a run knows. */
export interface Scope {
  readonly get: (name: string) => Variable | undefined;
  readonly set: (name: string, variable: Variable) => void;
  /** `$1` and following; null where only a run knows them. */
  readonly positional: () => readonly ShellWord[] | null;
}

interface Part {
  readonly fragments: readonly Fragment[];
  /** Blanks inside separate words. */
  readonly splits: boolean;
  /** Ends the word after it: between the elements of an array. */
  readonly ends: boolean;
}

/** Turns words of the syntax into words of a command line: variables, defaults, arrays, word splitting. */
export class Expander {
  readonly #scope: Scope;
  #characters = 0;

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  #spend(fragments: readonly Fragment[]): readonly Fragment[] {
    for (const { text } of fragments) this.#characters += text.length + 1;
    if (this.#characters > MOST_CHARACTERS)
      throw new ShellLimitError('its variables grow beyond every launch script');
    return fragments;
  }

  /** Without word splitting: the value of an assignment, a side of a comparison. */
  scalar(word: Word): readonly Fragment[] {
    const parts = word.pieces.flatMap((piece) => this.#parts(piece));
    const fragments: Fragment[] = [];
    for (const [index, part] of parts.entries()) {
      for (const fragment of part.fragments) fragments.push(fragment);
      if (part.ends && index < parts.length - 1) fragments.push(textFragment(' '));
    }
    return fragments;
  }

  text(word: Word): string | null {
    return knownText(this.scalar(word));
  }

  words(given: readonly Word[]): readonly ShellWord[] {
    const words = given.flatMap((word) => this.#split(word));
    if (words.length > MOST_ITEMS) throw new ShellLimitError('a command of more than 100,000 words');
    return words;
  }

  #split(word: Word): ShellWord[] {
    const words: ShellWord[] = [];
    let current: Fragment[] = [];
    let exists = false;
    let many = false;
    const end = (): void => {
      const at = current.find((fragment) => fragment.at >= 0)?.at ?? word.at;
      if (exists || current.length > 0)
        words.push({ fragments: current, at, many: many && current.length === 1 });
      current = [];
      exists = false;
      many = false;
    };
    for (const piece of word.pieces) {
      if (piece.quoted && piece.kind === 'text') exists = true;
      for (const part of this.#parts(piece)) {
        for (const fragment of part.fragments) {
          if (fragment.gap !== null) {
            many = part.splits;
            current.push(fragment);
          } else if (!part.splits) current.push(fragment);
          else this.#splitText(fragment, current, end, (next) => (current = next));
        }
        if (!part.splits && part.fragments.length > 0) exists = true;
        if (part.ends) end();
      }
    }
    end();
    return words;
  }

  #splitText(
    fragment: Fragment,
    start: Fragment[],
    end: () => void,
    restart: (next: Fragment[]) => void,
  ): void {
    let current = start;
    let offset = 0;
    for (const match of fragment.text.matchAll(/\S+|\s+/gu)) {
      const text = match[0];
      if (/^\s/u.test(text)) {
        end();
        current = [];
        restart(current);
      } else current.push(textFragment(text, fragment.at < 0 ? -1 : fragment.at + offset));
      offset = match.index + text.length;
    }
  }

  #parts(piece: Piece): readonly Part[] {
    if (piece.kind === 'text')
      return [{ fragments: [textFragment(piece.text, piece.at)], splits: false, ends: false }];
    const splits = !piece.quoted;
    if (piece.kind === 'command')
      return [{ fragments: [gapFragment(gapOf(piece.written), piece.at)], splits, ends: false }];
    if (piece.kind === 'arithmetic')
      return [{ fragments: [this.arithmetic(piece.body, piece.written, piece.at)], splits, ends: false }];
    return this.#parameter(piece);
  }

  /** The result of `$(( … ))`. */
  arithmetic(body: Word, written: string, at: number): Fragment {
    const expanded = this.scalar(body);
    const text = knownText(expanded);
    const missing = new Set(gapNames(expanded));
    const value =
      text === null
        ? null
        : evaluateArithmetic(text, (name) => {
            const variable = this.#scope.get(name);
            const found = variable?.kind === 'scalar' ? variable.value : undefined;
            const known = found === undefined ? null : knownText(found);
            if (known === null)
              for (const gap of found === undefined ? [`$${name}`] : gapNames(found)) missing.add(gap);
            return known;
          });
    return value === null ? gapFragment(gapOf(written, [...missing]), at) : textFragment(String(value), at);
  }

  #parameter(piece: Extract<Piece, { kind: 'parameter' }>): readonly Part[] {
    const { name, index, operator, operand, at, written } = piece;
    const splits = !piece.quoted;
    const gap = (because: readonly string[] = []): readonly Part[] => [
      {
        fragments: [
          gapFragment(gapOf(operator === null && index === null ? `$${name}` : written, because), at),
        ],
        splits,
        ends: false,
      },
    ];
    if (name === '@' || name === '*') {
      const words = this.#scope.positional();
      if (words === null)
        return [{ fragments: [gapFragment(gapOf(`$${name}`), at)], splits: true, ends: false }];
      return this.#items(words, splits);
    }
    const subscript = index === null ? null : this.text(index);
    const variable = this.#lookup(name);
    if (subscript === '@' || subscript === '*') return this.#whole(piece, variable, subscript);
    let value: readonly Fragment[] | undefined;
    if (variable?.kind === 'scalar') value = index === null || subscript === '0' ? variable.value : undefined;
    else if (variable?.kind === 'array') {
      if (index !== null && (subscript === null || !/^\d+$/u.test(subscript)))
        return gap(gapNames(this.scalar(index)));
      const item = variable.items[Number(subscript ?? '0')];
      value = item?.many === true ? undefined : (item?.fragments ?? []);
    }
    if (operator === null)
      return value === undefined ? gap() : [{ fragments: this.#spend(value), splits, ends: false }];
    const result = this.#operated(name, operator, operand, value, at);
    return result === null
      ? gap(value === undefined ? [`$${name}`] : gapNames(value))
      : [{ fragments: this.#spend(result), splits, ends: false }];
  }

  #lookup(name: string): Variable | undefined {
    if (/^[1-9]\d*$/u.test(name)) {
      const words = this.#scope.positional();
      if (words === null) return this.#scope.get(name);
      const word = words[Number(name) - 1];
      return { kind: 'scalar', value: word?.fragments ?? [] };
    }
    return this.#scope.get(name);
  }

  /** `${NAME[@]}` and its kin. */
  #whole(
    { name, operator, operand, at, written, quoted }: Extract<Piece, { kind: 'parameter' }>,
    variable: Variable | undefined,
    subscript: string,
  ): readonly Part[] {
    const splits = !quoted;
    if (variable === undefined) {
      if (operator !== null && operand !== null && /^:?[-=]$/u.test(operator))
        return [{ fragments: this.#spend(this.scalar(operand)), splits, ends: false }];
      return [
        { fragments: [gapFragment(gapOf(`\${${name}[${subscript}]}`), at)], splits: true, ends: false },
      ];
    }
    const items =
      variable.kind === 'array'
        ? variable.items
        : [{ fragments: variable.value, at: variable.value[0]?.at ?? at, many: false }];
    if (operator === 'length')
      return items.some(({ many }) => many)
        ? [{ fragments: [gapFragment(gapOf(written), at)], splits, ends: false }]
        : [{ fragments: [textFragment(String(items.length), at)], splits, ends: false }];
    if (operator === ':+' || operator === '+')
      return items.length === 0 || operand === null
        ? []
        : [{ fragments: this.scalar(operand), splits, ends: false }];
    return this.#items(items, splits);
  }

  #items(items: readonly ShellWord[], splits: boolean): readonly Part[] {
    return items.map((item, index): Part => ({
      fragments: this.#spend(item.fragments),
      splits: splits || item.many,
      ends: index < items.length - 1,
    }));
  }

  /** `${NAME:-…}` and other operators; null where the result is not known. */
  #operated(
    name: string,
    operator: string,
    operand: Word | null,
    value: readonly Fragment[] | undefined,
    at: number,
  ): readonly Fragment[] | null {
    const text = value === undefined ? null : knownText(value);
    const empty = value === undefined || (operator.startsWith(':') && text === '');
    switch (operator) {
      case ':-':
      case '-':
      case ':=':
      case '=': {
        if (!empty) return value;
        const fallback = operand === null ? [] : this.scalar(operand);
        if (operator.endsWith('=')) this.#scope.set(name, { kind: 'scalar', value: fallback });
        return fallback.length === 0 ? [textFragment('', at)] : fallback;
      }
      case ':+':
      case '+':
        // Unset as far as the script tells: nothing.
        return empty || operand === null ? [] : this.scalar(operand);
      case ':?':
      case '?':
        return empty ? null : value;
      case 'length':
        return text === null ? null : [textFragment(String(text.length), at)];
      case '%':
      case '%%':
      case '#':
      case '##':
        return this.#trimmed(operator, text, operand === null ? '' : this.text(operand), at);
      default:
        return null;
    }
  }

  #trimmed(
    operator: string,
    text: string | null,
    pattern: string | null,
    at: number,
  ): readonly Fragment[] | null {
    if (text === null || pattern === null || text.length > 1000) return null;
    const suffix = operator.startsWith('%');
    const lengths = Array.from({ length: text.length + 1 }, (_, length) => length);
    if (operator.length === 2) lengths.reverse();
    for (const length of lengths) {
      const part = suffix ? text.slice(text.length - length) : text.slice(0, length);
      if (matchesGlob(pattern, part))
        return [textFragment(suffix ? text.slice(0, text.length - length) : text.slice(length), at)];
    }
    return [textFragment(text, at)];
  }
}
