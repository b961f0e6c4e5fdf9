import { Cursor } from './cursor.ts';
import { Expander, ShellLimitError } from './expand.ts';
import { ShellSyntaxError } from './syntax.ts';
import type { Piece } from './syntax.ts';
import { textFragment } from './values.ts';
import type { ShellWord, Variable } from './values.ts';
import { readWord } from './words.ts';

export type WordsResult =
  | { readonly ok: true; readonly words: readonly ShellWord[] }
  | { readonly ok: false; readonly message: string; readonly at: number };

const expander = (environment: ReadonlyMap<string, string>): Expander => {
  const variables = new Map<string, Variable>(
    [...environment].map(([name, value]) => [name, { kind: 'scalar', value: [textFragment(value)] }]),
  );
  return new Expander({
    get: (name) => variables.get(name),
    set: () => undefined,
    positional: () => null,
  });
};

const isBlank = (character: string): boolean => /\s/u.test(character);

/**
 * A file that holds arguments and nothing else, over lines with or without a backslash at their ends; `#` at the
 * beginning of a word begins a comment. Quotes and variables as in a shell; operators are plain characters.
 */
export const readArgumentList = (text: string, environment: ReadonlyMap<string, string>): WordsResult => {
  const cursor = new Cursor(text);
  const expand = expander(environment);
  const words: ShellWord[] = [];
  try {
    while (!cursor.atEnd()) {
      cursor.skipBlanks();
      const character = cursor.peek();
      if (isBlank(character)) cursor.position += 1;
      else if (character === '#') cursor.skipComment();
      else {
        const word = readWord(cursor, isBlank);
        if (word === null) cursor.position += 1;
        else for (const one of expand.words([word])) words.push(one);
      }
    }
  } catch (error) {
    if (error instanceof ShellSyntaxError) return { ok: false, message: error.message, at: error.at };
    if (error instanceof ShellLimitError) return { ok: false, message: error.message, at: 0 };
    throw error;
  }
  return { ok: true, words };
};

const reference = /\$\{([A-Za-z_]\w*)(?::?-([^{}]{0,200}))?\}|\$([A-Za-z_]\w*)/gu;

/** One value with `$NAME` and `${NAME:-default}` in it, as files hold that a shell fills before they are read. */
export const valueWithVariables = (
  text: string,
  at: number,
  environment: ReadonlyMap<string, string>,
): ShellWord => {
  const pieces: Piece[] = [];
  let offset = 0;
  for (const match of text.matchAll(reference)) {
    if (match.index > offset)
      pieces.push({ kind: 'text', text: text.slice(offset, match.index), at: at + offset, quoted: true });
    const name = match[1] ?? match[3] ?? '';
    const place = at + match.index;
    const operand =
      match[2] === undefined
        ? null
        : { pieces: [{ kind: 'text', text: match[2], at: place, quoted: true } as const], at: place };
    pieces.push({
      kind: 'parameter',
      name,
      at: place,
      quoted: true,
      index: null,
      operator: operand === null ? null : ':-',
      operand,
      written: match[0],
    });
    offset = match.index + match[0].length;
  }
  if (offset < text.length || pieces.length === 0)
    pieces.push({ kind: 'text', text: text.slice(offset), at: at + offset, quoted: true });
  return (
    expander(environment).words([{ pieces, at }])[0] ?? {
      fragments: [textFragment(text, at)],
      at,
      many: false,
    }
  );
};
