import type { Cursor } from './cursor.ts';
import type { HereDocument } from './syntax.ts';
import { readWord } from './words.ts';

/** Redirections stand anywhere and change no argument; here-documents are kept for who wants to read them. */
export const takeRedirection = (cursor: Cursor, here?: HereDocument[]): boolean => {
  const match = /^(\d*)(&>>|&>|<<<|<<-|<<|<>|<&|>&|>>|>\||>|<)/u.exec(
    cursor.text.slice(cursor.position, cursor.position + 12),
  );
  if (match === null || /^[<>]\(/u.test(cursor.text.slice(cursor.position, cursor.position + 2)))
    return false;
  const sign = match[2] ?? '';
  cursor.position += match[0].length;
  cursor.skipBlanks();
  const target = readWord(cursor);
  if (sign === '<<' || sign === '<<-') {
    const delimiter = target?.pieces
      .map((piece) => (piece.kind === 'text' ? piece.text : piece.written))
      .join('');
    const document = {
      delimiter: delimiter ?? '',
      tabs: sign === '<<-',
      quoted: target?.pieces.some(({ quoted }) => quoted) ?? false,
      text: '',
      at: -1,
    };
    cursor.awaitHereDocument(document);
    here?.push(document);
  }
  return true;
};

export const takeRedirections = (cursor: Cursor): void => {
  do cursor.skipBlanks();
  while (takeRedirection(cursor));
};
