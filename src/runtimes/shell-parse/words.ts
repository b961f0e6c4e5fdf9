import type { Cursor } from './cursor.ts';
import type { Piece, Word } from './syntax.ts';

const blank = /[\s;&|<>()]/u;
const nameStart = /[A-Za-z_]/u;
const namePart = /[A-Za-z0-9_]/u;
const special = /[@*#?$!0-9-]/u;

/** Longest piece of script that a message repeats. */
const shown = (text: string): string =>
  (text.length > 60 ? `${text.slice(0, 57)}…` : text).replace(/\s+/gu, ' ');

const readName = (cursor: Cursor): string => {
  const start = cursor.position;
  while (!cursor.atEnd() && namePart.test(cursor.peek())) cursor.position += 1;
  return cursor.text.slice(start, cursor.position);
};

const OPERATORS = [
  ':-',
  ':=',
  ':+',
  ':?',
  '-',
  '=',
  '+',
  '?',
  '%%',
  '%',
  '##',
  '#',
  '//',
  '/',
  '^^',
  '^',
  ',,',
  ',',
  ':',
  '@',
];

/** Pieces up to a character that ends them (`until`), which is not taken; quotes inside are followed. */
const readPieces = (cursor: Cursor, until: (character: string) => boolean, inQuotes: boolean): Piece[] => {
  const pieces: Piece[] = [];
  let text = '';
  let textAt = cursor.position;
  const flush = (quoted: boolean): void => {
    if (text !== '') pieces.push({ kind: 'text', text, at: cursor.locate(textAt), quoted });
    text = '';
  };
  const add = (part: string, from: number): void => {
    if (text === '') textAt = from;
    text += part;
  };
  while (!cursor.atEnd() && !until(cursor.peek())) {
    const character = cursor.peek();
    const at = cursor.position;
    if (character === '\\') {
      const next = cursor.peek(1);
      cursor.position += 2;
      if (next === '\n') {
        // Joined lines: the place of what follows is its own.
        flush(inQuotes);
      } else if (inQuotes && !'$`"\\'.includes(next)) add(`\\${next}`, at);
      else {
        if (!inQuotes) {
          flush(false);
          pieces.push({ kind: 'text', text: next, at: cursor.locate(at + 1), quoted: true });
        } else {
          flush(true);
          add(next, at + 1);
        }
      }
    } else if (character === "'" && !inQuotes) {
      flush(false);
      const body = cursor.skipSingle();
      pieces.push({ kind: 'text', text: body, at: cursor.locate(at + 1), quoted: true });
    } else if (character === '"') {
      flush(inQuotes);
      cursor.position += 1;
      const inner = cursor.nest(() => readPieces(cursor, (c) => c === '"', true));
      if (cursor.atEnd()) cursor.fail('a double quote is never closed', at);
      cursor.position += 1;
      if (inner.length === 0)
        pieces.push({ kind: 'text', text: '', at: cursor.locate(at + 1), quoted: true });
      for (const piece of inner) pieces.push(piece);
    } else if (character === '$' && !inQuotes && cursor.peek(1) === "'") {
      flush(false);
      cursor.position += 1;
      const body = cursor.skipSingle();
      pieces.push({
        kind: 'text',
        text: body.replaceAll('\\n', '\n').replaceAll('\\t', '\t'),
        at: cursor.locate(at + 2),
        quoted: true,
      });
    } else if (character === '$' || character === '`') {
      const piece = readDollar(cursor, inQuotes);
      if (piece === null) {
        cursor.position += 1;
        add(character, at);
      } else {
        flush(inQuotes);
        pieces.push(piece);
      }
    } else {
      const start = cursor.position;
      cursor.position += 1;
      while (!cursor.atEnd() && !until(cursor.peek()) && !'\\\'"$`'.includes(cursor.peek()))
        cursor.position += 1;
      add(cursor.text.slice(start, cursor.position), start);
    }
  }
  flush(inQuotes);
  return pieces;
};

const readBraced = (cursor: Cursor, quoted: boolean): Piece => {
  const start = cursor.position;
  const at = cursor.locate(start);
  cursor.position += 2;
  const unread = (): Piece => {
    readPieces(cursor, (c) => c === '}', false);
    if (cursor.atEnd()) cursor.fail('a brace is never closed', start);
    cursor.position += 1;
    return { kind: 'command', at, quoted, written: shown(cursor.text.slice(start, cursor.position)) };
  };
  let operator: string | null = null;
  if (cursor.peek() === '#' && namePart.test(cursor.peek(1))) {
    operator = 'length';
    cursor.position += 1;
  }
  if (cursor.peek() === '!') return unread();
  const nameAt = cursor.position;
  if (nameStart.test(cursor.peek())) readName(cursor);
  else if (/[0-9]/u.test(cursor.peek())) while (/[0-9]/u.test(cursor.peek())) cursor.position += 1;
  else if (special.test(cursor.peek())) cursor.position += 1;
  else return unread();
  const name = cursor.text.slice(nameAt, cursor.position);
  let index: Word | null = null;
  if (cursor.peek() === '[') {
    cursor.position += 1;
    const indexAt = cursor.locate(cursor.position);
    index = { pieces: readPieces(cursor, (c) => c === ']', false), at: indexAt };
    if (cursor.atEnd()) cursor.fail('a bracket is never closed', start);
    cursor.position += 1;
  }
  let operand: Word | null = null;
  if (cursor.peek() !== '}') {
    if (operator !== null) return unread();
    operator = OPERATORS.find((candidate) => cursor.starts(candidate)) ?? null;
    if (operator === null) return unread();
    cursor.position += operator.length;
    const operandAt = cursor.locate(cursor.position);
    operand = { pieces: readPieces(cursor, (c) => c === '}', quoted), at: operandAt };
  }
  if (cursor.atEnd()) cursor.fail('a brace is never closed', start);
  cursor.position += 1;
  const written = shown(cursor.text.slice(start, cursor.position));
  return { kind: 'parameter', name, at, quoted, index, operator, operand, written };
};

/** What a dollar or a backtick begins; null where it stands for itself. */
const readDollar = (cursor: Cursor, quoted: boolean): Piece | null => {
  const start = cursor.position;
  const at = cursor.locate(start);
  const written = (): string => shown(cursor.text.slice(start, cursor.position));
  if (cursor.peek() === '`') {
    cursor.skipBackticks();
    return { kind: 'command', at, quoted, written: written() };
  }
  const next = cursor.peek(1);
  if (next === '(' && cursor.peek(2) === '(') {
    cursor.position += 1;
    cursor.skipParentheses();
    const inner = cursor.text.slice(start + 3, cursor.position - 2);
    if (cursor.text[cursor.position - 2] !== ')') return { kind: 'command', at, quoted, written: written() };
    const body = cursor.nest(() => readArithmetic(cursor, inner, start + 3));
    return { kind: 'arithmetic', at, quoted, body, written: written() };
  }
  if (next === '(') {
    cursor.position += 1;
    cursor.skipParentheses();
    return { kind: 'command', at, quoted, written: written() };
  }
  if (next === '{') return cursor.nest(() => readBraced(cursor, quoted));
  if (nameStart.test(next)) {
    cursor.position += 1;
    const name = readName(cursor);
    return {
      kind: 'parameter',
      name,
      at,
      quoted,
      index: null,
      operator: null,
      operand: null,
      written: `$${name}`,
    };
  }
  if (special.test(next)) {
    cursor.position += 2;
    return {
      kind: 'parameter',
      name: next,
      at,
      quoted,
      index: null,
      operator: null,
      operand: null,
      written: `$${next}`,
    };
  }
  return null;
};

/** The words of an expression that `cursor` has just passed, from `from` on. */
export const readArithmetic = (cursor: Cursor, inner: string, from: number): Word => {
  const end = cursor.position;
  cursor.position = from;
  const stop = from + inner.length;
  const pieces = readPieces(cursor, () => cursor.position >= stop, true);
  cursor.position = end;
  return { pieces, at: cursor.locate(from) };
};

/** One word, or null where none begins. `until`: characters that end it besides blanks and operators. */
export const readWord = (
  cursor: Cursor,
  ends: (character: string) => boolean = (c) => blank.test(c),
): Word | null => {
  if (cursor.atEnd() || ends(cursor.peek())) {
    if ((cursor.starts('<(') || cursor.starts('>(')) && ends !== endsInTest) {
      const start = cursor.position;
      cursor.position += 1;
      cursor.skipParentheses();
      const written = shown(cursor.text.slice(start, cursor.position));
      const at = cursor.locate(start);
      return { pieces: [{ kind: 'command', at, quoted: true, written }], at };
    }
    return null;
  }
  const at = cursor.locate(cursor.position);
  return { pieces: readPieces(cursor, ends, false), at };
};

/** Inside `[[ … ]]` parentheses and signs are words of their own. */
export const endsInTest = (character: string): boolean => /\s/u.test(character);
