import { readAssignment } from './assignments.ts';
import { Cursor } from './cursor.ts';
import { keywordAt, plain, skipSeparators } from './keywords.ts';
import { takeRedirection, takeRedirections } from './redirections.ts';
import type { Arm, Assignment, Branch, Chained, Command, HereDocument, Word } from './syntax.ts';
import { readArithmeticCommand, readTest } from './tests.ts';
import { readWord } from './words.ts';

const wordsOfLine = (cursor: Cursor): Word[] => {
  const words: Word[] = [];
  for (;;) {
    cursor.skipBlanks();
    const word = cursor.peek() === '#' ? null : readWord(cursor);
    if (word === null) return words;
    words.push(word);
  }
};

/** Takes words such as `then` only where they stand as such. */
class Parser {
  readonly #cursor: Cursor;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
  }

  #take(keyword: string, opened: number): void {
    skipSeparators(this.#cursor);
    if (keywordAt(this.#cursor) !== keyword) this.#cursor.fail(`"${keyword}" is missing`, opened);
    this.#cursor.position += keyword.length;
  }

  /** Commands up to one of `ends`, which is not taken. */
  commands(ends: readonly string[]): readonly Command[] {
    const cursor = this.#cursor;
    const commands: Command[] = [];
    for (;;) {
      skipSeparators(this.#cursor);
      if (cursor.atEnd() || cursor.peek() === ')' || cursor.starts(';;')) return commands;
      const keyword = keywordAt(this.#cursor);
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
    if (cursor.starts('((')) return readArithmeticCommand(cursor);
    if (cursor.peek() === '(') {
      cursor.position += 1;
      const body = this.commands([]);
      if (cursor.peek() !== ')') cursor.fail('a parenthesis is never closed', start);
      cursor.position += 1;
      takeRedirections(this.#cursor);
      return { kind: 'group', body, subshell: true };
    }
    const keyword = keywordAt(this.#cursor);
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
        takeRedirections(this.#cursor);
        return { kind: 'group', body, subshell: false };
      }
      case '[[':
        return readTest(cursor);
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

  #if(): Command {
    const start = this.#cursor.position;
    const branches: Branch[] = [];
    this.#cursor.position += 2;
    for (;;) {
      const condition = this.commands(['then']);
      this.#take('then', start);
      branches.push({ condition, body: this.commands(['elif', 'else', 'fi']) });
      skipSeparators(this.#cursor);
      if (keywordAt(this.#cursor) !== 'elif') break;
      this.#cursor.position += 4;
    }
    let otherwise: readonly Command[] = [];
    if (keywordAt(this.#cursor) === 'else') {
      this.#cursor.position += 4;
      otherwise = this.commands(['fi']);
    }
    this.#take('fi', start);
    takeRedirections(this.#cursor);
    return { kind: 'if', branches, otherwise };
  }

  #body(opened: number): readonly Command[] {
    this.#take('do', opened);
    const body = this.commands(['done']);
    this.#take('done', opened);
    takeRedirections(this.#cursor);
    return body;
  }

  #for(): Command {
    const cursor = this.#cursor;
    const start = cursor.position;
    cursor.position += keywordAt(this.#cursor)?.length ?? 0;
    cursor.skipBlanks();
    if (cursor.starts('((')) {
      cursor.skipParentheses();
      return { kind: 'loop', variable: null, items: [], condition: [], body: this.#body(start) };
    }
    const variable = plain(readWord(cursor)) ?? '';
    cursor.skipBlanks();
    const items: Word[] = [];
    if (keywordAt(this.#cursor) === 'in') {
      cursor.position += 2;
      items.push(...wordsOfLine(cursor));
    }
    return { kind: 'loop', variable, items, condition: [], body: this.#body(start) };
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
      skipSeparators(this.#cursor);
      if (cursor.starts(';;')) {
        cursor.position += 2;
        if (cursor.peek() === '&') cursor.position += 1;
        continue;
      }
      if (cursor.atEnd()) cursor.fail('"case" is never closed', start);
      if (keywordAt(this.#cursor) === 'esac') break;
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
    takeRedirections(this.#cursor);
    return { kind: 'case', subject, arms };
  }

  #function(name: string): Command {
    skipSeparators(this.#cursor);
    const body = this.#single() ?? { kind: 'group', body: [], subshell: false };
    return { kind: 'function', name, body };
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
      if (takeRedirection(cursor, here)) continue;
      const assignment = words.length === 0 || declares ? readAssignment(cursor) : null;
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
