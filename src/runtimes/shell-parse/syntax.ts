/** What a shell script is made of, as far as planner follows it. Offsets are characters of the script. */

export type Piece =
  | { readonly kind: 'text'; readonly text: string; readonly at: number; readonly quoted: boolean }
  | {
      /** `$NAME`, `${NAME…}`. */
      readonly kind: 'parameter';
      readonly name: string;
      readonly at: number;
      readonly quoted: boolean;
      /** `@`, `*`, or the words between the brackets; null without brackets. */
      readonly index: Word | null;
      /** `:-`, `-`, `:=`, `=`, `:+`, `+`, `:?`, `?`, `%`, `#`, …; `length` for `${#NAME}`; null without. */
      readonly operator: string | null;
      readonly operand: Word | null;
      /** As it is written: its name in messages. */
      readonly written: string;
    }
  | {
      /** `$(…)`, backticks, `<(…)`: never run, so never known. */
      readonly kind: 'command';
      readonly at: number;
      readonly quoted: boolean;
      readonly written: string;
    }
  | {
      /** `$((…))`. */
      readonly kind: 'arithmetic';
      readonly at: number;
      readonly quoted: boolean;
      readonly body: Word;
      readonly written: string;
    };

export interface Word {
  readonly pieces: readonly Piece[];
  readonly at: number;
}

export interface Assignment {
  readonly name: string;
  /** `+=`. */
  readonly append: boolean;
  readonly index: Word | null;
  readonly value: Word | readonly Word[];
  readonly at: number;
}

/** A here-document: its text is known once the line of its command has ended. */
export interface HereDocument {
  readonly delimiter: string;
  /** `<<-`: tabs at the beginning of lines are no part of it. */
  readonly tabs: boolean;
  /** A quoted delimiter: nothing in it is expanded. */
  readonly quoted: boolean;
  text: string;
  at: number;
}

export type Command =
  | {
      readonly kind: 'simple';
      readonly assignments: readonly Assignment[];
      readonly words: readonly (Word | Assignment)[];
      readonly here: readonly HereDocument[];
      readonly at: number;
    }
  /** `[[ … ]]`: its words, operators among them. */
  | { readonly kind: 'test'; readonly words: readonly Word[]; readonly at: number }
  /** `(( … ))`. */
  | { readonly kind: 'arithmetic'; readonly body: Word; readonly at: number }
  | { readonly kind: 'list'; readonly first: Command; readonly rest: readonly Chained[] }
  | { readonly kind: 'not'; readonly command: Command }
  | { readonly kind: 'group'; readonly body: readonly Command[]; readonly subshell: boolean }
  | { readonly kind: 'if'; readonly branches: readonly Branch[]; readonly otherwise: readonly Command[] }
  | {
      readonly kind: 'loop';
      /** null for while, until and arithmetic loops. */
      readonly variable: string | null;
      readonly items: readonly Word[];
      readonly condition: readonly Command[];
      readonly body: readonly Command[];
    }
  | { readonly kind: 'case'; readonly subject: Word; readonly arms: readonly Arm[] }
  | { readonly kind: 'function'; readonly name: string; readonly body: Command };

export interface Chained {
  readonly operator: '&&' | '||' | '|';
  readonly command: Command;
}

export interface Branch {
  readonly condition: readonly Command[];
  readonly body: readonly Command[];
}

export interface Arm {
  readonly patterns: readonly Word[];
  readonly body: readonly Command[];
}

/** Text that is no script: where, and what is wrong. */
export class ShellSyntaxError extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.name = 'ShellSyntaxError';
    this.at = at;
  }
}

export const isAssignment = (part: Word | Assignment): part is Assignment => 'value' in part;
