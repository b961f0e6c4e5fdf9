/** Writing shell: one way to quote, and words that need none. */

const plainWord = /^[A-Za-z0-9_@%+=:./-]+$/u;

/** Characters that no value may carry into a script: line ends would start a command, NUL ends the argument. */
const forbidden = /[\0\n\r]/u;

/**
 * One shell word. Anything but plain words goes into single quotes, inside which bash expands nothing.
 * Throws a RangeError for a value with a line end or NUL.
 */
export const shellQuote = (value: string): string => {
  if (forbidden.test(value)) throw new RangeError('a value for a shell script holds a line end or NUL');
  return plainWord.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
};

/** Text for a comment: one line, printable. */
export const commentText = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();

/** A host name that launchers take apart at commas and brackets: letters, digits, dots and dashes alone. */
export const isHostName = (name: string): boolean => /^[A-Za-z0-9]([A-Za-z0-9._-]{0,252})$/u.test(name);

/** Splits one line of simple shell into words: single and double quotes and backslashes; null when a quote is open. */
export const splitWords = (line: string): readonly string[] | null => {
  const words: string[] = [];
  let word: string | null = null;
  let quote: "'" | '"' | null = null;
  for (let index = 0; index < line.length; index++) {
    const character = line[index] ?? '';
    if (quote !== null) {
      if (character === quote) quote = null;
      else if (character === '\\' && quote === '"' && index + 1 < line.length)
        word = `${word ?? ''}${line[++index] ?? ''}`;
      else word = `${word ?? ''}${character}`;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= '';
    } else if (character === '\\' && index + 1 < line.length) word = `${word ?? ''}${line[++index] ?? ''}`;
    else if (character === '#' && word === null) break;
    else if (/\s/u.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = `${word ?? ''}${character}`;
  }
  if (quote !== null) return null;
  if (word !== null) words.push(word);
  return words;
};
