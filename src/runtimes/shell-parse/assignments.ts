import type { Cursor } from './cursor.ts';
import type { Assignment, Word } from './syntax.ts';
import { readWord } from './words.ts';

const assignmentHead = /^[A-Za-z_][A-Za-z0-9_]*(\+?=|\[)/u;

const arrayItems = (cursor: Cursor, opened: number): readonly Word[] => {
  const items: Word[] = [];
  for (;;) {
    cursor.skipBlanks();
    const character = cursor.peek();
    if (cursor.atEnd()) cursor.fail('a parenthesis is never closed', opened);
    if (character === '\n') cursor.takeLineEnd();
    else if (character === '#') cursor.skipComment();
    else if (character === ')') {
      cursor.position += 1;
      return items;
    } else {
      const word = readWord(cursor);
      if (word === null) return cursor.fail(`unexpected "${character}" in an array`);
      items.push(word);
    }
  }
};

/** `NAME=…`, `NAME+=…`, `NAME[…]=…`, where one begins here. */
export const readAssignment = (cursor: Cursor): Assignment | null => {
  const start = cursor.position;
  const head = assignmentHead.exec(cursor.text.slice(start, start + 200));
  if (head === null) return null;
  const sign = head[1] ?? '=';
  const name = head[0].slice(0, -sign.length);
  cursor.position += head[0].length;
  let index: Word | null = null;
  let append = sign === '+=';
  if (sign === '[') {
    index = readWord(cursor, (c) => c === ']' || c === '\n');
    const closing = /^\](\+?=)/u.exec(cursor.text.slice(cursor.position, cursor.position + 3));
    if (closing === null) {
      cursor.position = start;
      return null;
    }
    append = closing[1] === '+=';
    cursor.position += closing[0].length;
  }
  const at = cursor.locate(start);
  if (cursor.peek() === '(') {
    const opened = cursor.position;
    cursor.position += 1;
    return { name, append, index, value: arrayItems(cursor, opened), at };
  }
  const value = readWord(cursor) ?? { pieces: [], at: cursor.locate(cursor.position) };
  return { name, append, index, value, at };
};
