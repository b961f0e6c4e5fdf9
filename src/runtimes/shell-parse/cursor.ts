import { ShellSyntaxError } from './syntax.ts';
import type { HereDocument } from './syntax.ts';

/** Levels of `$( … )`, `${ … }` and compound commands that are followed; real scripts need ten. */
export const DEEPEST = 60;

/** A place in a script, and the ways to step over what is not looked into. Every step is linear in what it passes. */
export class Cursor {
  readonly text: string;
  position = 0;
  depth = 0;
  /** Here-documents whose bodies begin with the next line. */
  readonly #pending: HereDocument[] = [];
  /** Where an offset of this text stands in the file. */
  readonly locate: (offset: number) => number;

  constructor(text: string, locate: (offset: number) => number = (offset) => offset) {
    this.text = text;
    this.locate = locate;
  }

  atEnd(): boolean {
    return this.position >= this.text.length;
  }

  peek(ahead = 0): string {
    return this.text[this.position + ahead] ?? '';
  }

  starts(text: string): boolean {
    return this.text.startsWith(text, this.position);
  }

  fail(message: string, at = this.position): never {
    throw new ShellSyntaxError(message, this.locate(at));
  }

  /** Runs one level deeper. */
  nest<T>(read: () => T): T {
    if (this.depth >= DEEPEST) this.fail(`nests more than ${DEEPEST} levels deep`);
    this.depth += 1;
    try {
      return read();
    } finally {
      this.depth -= 1;
    }
  }

  /** Blanks and continued lines, without line ends. */
  skipBlanks(): void {
    for (;;) {
      const character = this.peek();
      if (character === ' ' || character === '\t' || character === '\r') this.position += 1;
      else if (character === '\\' && this.peek(1) === '\n') this.position += 2;
      else if (character === '\\' && this.peek(1) === '\r' && this.peek(2) === '\n') this.position += 3;
      else return;
    }
  }

  skipComment(): void {
    const end = this.text.indexOf('\n', this.position);
    this.position = end < 0 ? this.text.length : end;
  }

  awaitHereDocument(document: HereDocument): void {
    this.#pending.push(document);
  }

  /** Takes a line end and the here-documents that follow it. An unfinished one takes the rest, as in bash. */
  takeLineEnd(): void {
    this.position += 1;
    for (const document of this.#pending.splice(0)) {
      const { delimiter, tabs } = document;
      const start = this.position;
      document.at = this.locate(start);
      let last = start;
      while (!this.atEnd()) {
        const end = this.text.indexOf('\n', this.position);
        const stop = end < 0 ? this.text.length : end;
        const line = this.text.slice(this.position, stop).replace(/\r$/u, '');
        this.position = Math.min(stop + 1, this.text.length);
        if ((tabs ? line.replace(/^\t+/u, '') : line) === delimiter) break;
        last = this.position;
      }
      document.text = this.text.slice(start, last);
    }
  }

  /** Past the quote that closes the one at `position`. */
  skipSingle(): string {
    const start = this.position + 1;
    const end = this.text.indexOf("'", start);
    if (end < 0) this.fail('a single quote is never closed');
    this.position = end + 1;
    return this.text.slice(start, end);
  }

  skipBackticks(): void {
    const start = this.position;
    this.position += 1;
    while (!this.atEnd() && this.peek() !== '`') this.position += this.peek() === '\\' ? 2 : 1;
    if (this.atEnd()) this.fail('a backtick is never closed', start);
    this.position += 1;
  }

  /**
   * Past the parenthesis that closes the one at `position`: quotes, comments and inner substitutions are stepped over
   * with a stack of their own, so that depth costs no recursion.
   */
  skipParentheses(): void {
    const start = this.position;
    const open: ('(' | '"' | '{')[] = [];
    while (!this.atEnd()) {
      const character = this.peek();
      const inside = open.at(-1);
      if (character === '\\') this.position += 2;
      else if (inside === '"') {
        if (character === '"') open.pop();
        else if (character === '$' && this.peek(1) === '(') {
          open.push('(');
          this.position += 1;
        } else if (character === '$' && this.peek(1) === '{') {
          open.push('{');
          this.position += 1;
        }
        this.position += 1;
      } else if (character === "'") this.skipSingle();
      else if (character === '#' && inside === '(' && /[\s;(]/u.test(this.text[this.position - 1] ?? ' '))
        this.skipComment();
      else {
        if (character === '"') open.push('"');
        else if (character === '(') open.push('(');
        else if (character === '{' && this.text[this.position - 1] === '$') open.push('{');
        else if (character === '}' && inside === '{') open.pop();
        else if (character === ')' && inside === '(') {
          open.pop();
          if (open.length === 0) {
            this.position += 1;
            return;
          }
        }
        this.position += 1;
      }
    }
    this.fail('a parenthesis is never closed', start);
  }
}
