import { Cursor } from './cursor.ts';
import type { Arm, Assignment, Branch, Chained, Command, HereDocument, Word } from './syntax.ts';
import { endsInTest, readArithmetic, readWord } from './words.ts';

/** The plain text of a word without quotes or expansions; null for others. */
const plain = (word: Word | null): string | null =>
  word !== null && word.pieces.length === 1 && word.pieces[0]?.kind === 'text' && !word.pieces[0].quoted
    ? word.pieces[0].text
    : null;

const assignmentHead = /^[A-Za-z_][A-Za-z0-9_]*(\+?=|\[)/u;

/** Takes words such as `then` only where they stand as such. */
class Parser {
  readonly #cursor: Cursor;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
  }

  /** Blanks, comments, line ends and semicolons between commands. */
  #skipSeparators(): void {
    const cursor = this.#cursor;
    for (;;) {
      cursor.skipBlanks();
      const character = cursor.peek();
      if (character === '\n') cursor.takeLineEnd();
      else if (character === '#') cursor.skipComment();
      else if (character === ';' && cursor.peek(1) !== ';') cursor.position += 1;
      else if (character === '&' && cursor.peek(1) !== '&') cursor.position += 1;
      else return;
    }
  }

  #keyword(): string | null {
    const match = /^([a-z]+|[{}!]|\[\[)(?=$|[\s;&|()])/u.exec(
      this.#cursor.text.slice(this.#cursor.position, this.#cursor.position + 12),
    );
    return match?.[1] ?? null;
  }

  #take(keyword: string, opened: number): void {
    this.#skipSeparators();
    if (this.#keyword() !== keyword) this.#cursor.fail(`"${keyword}" is missing`, opened);
    this.#cursor.position += keyword.length;
  }

  /** Commands up to one of `ends`, which is not taken. */
  commands(ends: readonly string[]): readonly Command[] {
    const cursor = this.#cursor;
    const commands: Command[] = [];
    for (;;) {
      this.#skipSeparators();
      if (cursor.atEnd() || cursor.peek() === ')' || cursor.starts(';;')) return commands;
      const keyword = this.#keyword();
      if (keyword !== null && ends.includes(keyword)) return commands;
      const before = cursor.position;
      const command = this.#list();
      if (command !== null) commands.push(command);
      // What is no command is stepped over: nothing may hold us.
      if (cursor.position === before) cursor.position += 1;
    }
  }

  #list(): Command | null {
    const first = this.#single();
    if (first === null) return null;
    const rest: Chained[] = [];
    for (;;) {
      this.#cursor.skipBlanks();
      const operator = (['&&', '||', '|&', '|'] as const).find((sign) => this.#cursor.starts(sign));
      if (operator === undefined) return rest.length === 0 ? first : { kind: 'list', first, rest };
      this.#cursor.position += operator.length;
      for (;;) {
        this.#cursor.skipBlanks();
        if (this.#cursor.peek() === '\n') this.#cursor.takeLineEnd();
        else if (this.#cursor.peek() === '#') this.#cursor.skipComment();
        else break;
      }
      const command = this.#single();
      if (command === null) return { kind: 'list', first, rest };
      rest.push({ operator: operator === '|&' ? '|' : operator, command });
    }
  }

  #single(): Command | null {
    return this.#cursor.nest(() => this.#compound());
  }

  #compound(): Command | null {
    const cursor = this.#cursor;
    const start = cursor.position;
    if (cursor.starts('((')) return this.#arithmetic();
    if (cursor.peek() === '(') {
      cursor.position += 1;
      const body = this.commands([]);
      if (cursor.peek() !== ')') cursor.fail('a parenthesis is never closed', start);
      cursor.position += 1;
      this.#redirections();
      return { kind: 'group', body, subshell: true };
    }
    const keyword = this.#keyword();
    switch (keyword) {
      case '!': {
        cursor.position += 1;
        cursor.skipBlanks();
        const command = this.#single();
        return command === null ? null : { kind: 'not', command };
      }
      case '{': {
        cursor.position += 1;
        const body = this.commands(['}']);
        this.#take('}', start);
        this.#redirections();
        return { kind: 'group', body, subshell: false };
      }
      case '[[':
        return this.#test();
      case 'if':
        return this.#if();
      case 'for':
      case 'select':
        return this.#for();
      case 'while':
      case 'until': {
        cursor.position += keyword.length;
        const condition = this.commands(['do']);
        return { kind: 'loop', variable: null, items: [], condition, body: this.#body(start) };
      }
      case 'case':
        return this.#case();
      case 'function': {
        cursor.position += keyword.length;
        cursor.skipBlanks();
        const name = plain(readWord(cursor)) ?? '';
        cursor.skipBlanks();
        if (cursor.starts('()')) cursor.position += 2;
        return this.#function(name);
      }
      default:
        return this.#simple();
    }
  }

  #arithmetic(): Command {
    const cursor = this.#cursor;
    const start = cursor.position;
    cursor.skipParentheses();
    const inner = cursor.text.slice(start + 2, cursor.position - 2);
    const body = readArithmetic(cursor, inner, start + 2);
    return { kind: 'arithmetic', body, at: cursor.locate(start) };
  }

  #test(): Command {
    const cursor = this.#cursor;
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
        this.#redirections();
        return { kind: 'test', words, at: cursor.locate(start) };
      }
      if (word === null) cursor.position += 1;
      else words.push(word);
    }
  }

  #if(): Command {
    const start = this.#cursor.position;
    const branches: Branch[] = [];
    this.#cursor.position += 2;
    for (;;) {
      const condition = this.commands(['then']);
      this.#take('then', start);
      branches.push({ condition, body: this.commands(['elif', 'else', 'fi']) });
      this.#skipSeparators();
      if (this.#keyword() !== 'elif') break;
      this.#cursor.position += 4;
    }
    let otherwise: readonly Command[] = [];
    if (this.#keyword() === 'else') {
      this.#cursor.position += 4;
      otherwise = this.commands(['fi']);
    }
    this.#take('fi', start);
    this.#redirections();
    return { kind: 'if', branches, otherwise };
  }

  #body(opened: number): readonly Command[] {
    this.#take('do', opened);
    const body = this.commands(['done']);
    this.#take('done', opened);
    this.#redirections();
    return body;
  }

  #for(): Command {
    const cursor = this.#cursor;
    const start = cursor.position;
    cursor.position += this.#keyword()?.length ?? 0;
    cursor.skipBlanks();
    if (cursor.starts('((')) {
      cursor.skipParentheses();
      return { kind: 'loop', variable: null, items: [], condition: [], body: this.#body(start) };
    }
    const variable = plain(readWord(cursor)) ?? '';
    cursor.skipBlanks();
    const items: Word[] = [];
    if (this.#keyword() === 'in') {
      cursor.position += 2;
      items.push(...this.#wordsOfLine());
    }
    return { kind: 'loop', variable, items, condition: [], body: this.#body(start) };
  }

  #wordsOfLine(): Word[] {
    const words: Word[] = [];
    for (;;) {
      this.#cursor.skipBlanks();
      const word = this.#cursor.peek() === '#' ? null : readWord(this.#cursor);
      if (word === null) return words;
      words.push(word);
    }
  }

  #case(): Command {
    const cursor = this.#cursor;
    const start = cursor.position;
    cursor.position += 4;
    cursor.skipBlanks();
    const subject = readWord(cursor) ?? { pieces: [], at: cursor.locate(cursor.position) };
    this.#take('in', start);
    const arms: Arm[] = [];
    for (;;) {
      this.#skipSeparators();
      if (cursor.starts(';;')) {
        cursor.position += 2;
        if (cursor.peek() === '&') cursor.position += 1;
        continue;
      }
      if (cursor.atEnd()) cursor.fail('"case" is never closed', start);
      if (this.#keyword() === 'esac') break;
      if (cursor.peek() === '(') cursor.position += 1;
      const patterns: Word[] = [];
      for (;;) {
        cursor.skipBlanks();
        const pattern = readWord(cursor);
        if (pattern !== null) patterns.push(pattern);
        cursor.skipBlanks();
        if (cursor.peek() !== '|') break;
        cursor.position += 1;
      }
      if (cursor.peek() !== ')') cursor.fail('a pattern without its parenthesis');
      cursor.position += 1;
      arms.push({ patterns, body: this.commands(['esac']) });
    }
    cursor.position += 4;
    this.#redirections();
    return { kind: 'case', subject, arms };
  }

  #function(name: string): Command {
    this.#skipSeparators();
    const body = this.#single() ?? { kind: 'group', body: [], subshell: false };
    return { kind: 'function', name, body };
  }

  /** Redirections stand anywhere and change no argument; here-documents are kept for who wants to read them. */
  #redirection(here?: HereDocument[]): boolean {
    const cursor = this.#cursor;
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
  }

  #redirections(): void {
    do this.#cursor.skipBlanks();
    while (this.#redirection());
  }

  #arrayItems(opened: number): readonly Word[] {
    const cursor = this.#cursor;
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
  }

  /** `NAME=…`, `NAME+=…`, `NAME[…]=…`, where one begins here. */
  #assignment(): Assignment | null {
    const cursor = this.#cursor;
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
      return { name, append, index, value: this.#arrayItems(opened), at };
    }
    const value = readWord(cursor) ?? { pieces: [], at: cursor.locate(cursor.position) };
    return { name, append, index, value, at };
  }

  #simple(): Command | null {
    const cursor = this.#cursor;
    const at = cursor.locate(cursor.position);
    const assignments: Assignment[] = [];
    const words: (Word | Assignment)[] = [];
    const here: HereDocument[] = [];
    let declares = false;
    for (;;) {
      cursor.skipBlanks();
      if (cursor.peek() === '#') cursor.skipComment();
      if (this.#redirection(here)) continue;
      const assignment = words.length === 0 || declares ? this.#assignment() : null;
      if (assignment !== null) {
        if (words.length === 0) assignments.push(assignment);
        else words.push(assignment);
        continue;
      }
      const word = readWord(cursor);
      if (word === null) break;
      words.push(word);
      if (words.length === 1) {
        const name = plain(word);
        declares = name !== null && ['export', 'declare', 'local', 'readonly', 'typeset'].includes(name);
        cursor.skipBlanks();
        if (
          name !== null &&
          assignments.length === 0 &&
          /^\(\s*\)/u.test(cursor.text.slice(cursor.position, cursor.position + 8))
        ) {
          cursor.position = cursor.text.indexOf(')', cursor.position) + 1;
          return this.#function(name);
        }
      }
    }
    return assignments.length === 0 && words.length === 0
      ? null
      : { kind: 'simple', assignments, words, here, at };
  }
}

/**
 * A script as commands, read in one pass and never run. `locate` maps an offset of the text to one of the file, for
 * text that a script has put together itself.
 *
 * @throws ShellSyntaxError for an open quote, parenthesis or compound command, and beyond a depth of nesting.
 */
export const parseShell = (text: string, locate?: (offset: number) => number): readonly Command[] => {
  const cursor = new Cursor(text, locate);
  const parser = new Parser(cursor);
  const commands: Command[] = [];
  while (!cursor.atEnd()) {
    for (const command of parser.commands([])) commands.push(command);
    // A stray closing word or parenthesis.
    if (!cursor.atEnd()) cursor.position += 1;
  }
  return commands;
};
