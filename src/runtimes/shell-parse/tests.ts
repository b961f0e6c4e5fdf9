import type { Cursor } from './cursor.ts';
import { plain } from './keywords.ts';
import { takeRedirections } from './redirections.ts';
import type { Command, Word } from './syntax.ts';
import { endsInTest, readArithmetic, readWord } from './words.ts';

/** `(( … ))`. */
export const readArithmeticCommand = (cursor: Cursor): Command => {
  const start = cursor.position;
  cursor.skipParentheses();
  const inner = cursor.text.slice(start + 2, cursor.position - 2);
  const body = readArithmetic(cursor, inner, start + 2);
  return { kind: 'arithmetic', body, at: cursor.locate(start) };
};

/** `[[ … ]]`. */
export const readTest = (cursor: Cursor): Command => {
  const start = cursor.position;
  cursor.position += 2;
  const words: Word[] = [];
  for (;;) {
    cursor.skipBlanks();
    if (cursor.atEnd()) cursor.fail('"[[" is never closed', start);
    if (cursor.peek() === '\n') {
      cursor.takeLineEnd();
      continue;
    }
    const word = readWord(cursor, endsInTest);
    if (plain(word) === ']]' || plain(word) === ']];') {
      // `]];` without a blank: the semicolon ends the command all the same.
      takeRedirections(cursor);
      return { kind: 'test', words, at: cursor.locate(start) };
    }
    if (word === null) cursor.position += 1;
    else words.push(word);
  }
};
