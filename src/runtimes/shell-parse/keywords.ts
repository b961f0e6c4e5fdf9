import type { Cursor } from './cursor.ts';
import type { Word } from './syntax.ts';

/** The plain text of a word without quotes or expansions; null for others. */
export const plain = (word: Word | null): string | null =>
  word !== null && word.pieces.length === 1 && word.pieces[0]?.kind === 'text' && !word.pieces[0].quoted
    ? word.pieces[0].text
    : null;

/** Blanks, comments, line ends and semicolons between commands. */
export const skipSeparators = (cursor: Cursor): void => {
  for (;;) {
    cursor.skipBlanks();
    const character = cursor.peek();
    if (character === '\n') cursor.takeLineEnd();
    else if (character === '#') cursor.skipComment();
    else if (character === ';' && cursor.peek(1) !== ';') cursor.position += 1;
    else if (character === '&' && cursor.peek(1) !== '&') cursor.position += 1;
    else return;
  }
};

/** The reserved word that begins here, not taken; null where none does. */
export const keywordAt = (cursor: Cursor): string | null => {
  const match = /^([a-z]+|[{}!]|\[\[)(?=$|[\s;&|()])/u.exec(
    cursor.text.slice(cursor.position, cursor.position + 12),
  );
  return match?.[1] ?? null;
};
