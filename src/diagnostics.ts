/** A message for the person who wrote the input: where, what, what was expected. Never thrown for control flow inside the core. */
export interface Position {
  /** 1-based. */
  readonly line: number;
  /** 1-based, in characters. */
  readonly column: number;
  /** Length of the marked range in characters; at least 1. */
  readonly length?: number;
}

export type Severity = 'error' | 'warning';

export interface Diagnostic {
  /** Stable id, kebab-case with a room prefix: `spec/unknown-key`. */
  readonly id: string;
  readonly severity: Severity;
  /** The file at fault, under the name that the user gave. */
  readonly file: string;
  /** 1:1 where there is no better position. */
  readonly position: Position;
  readonly message: string;
  readonly found?: string;
  readonly expected?: string;
  /** Nearest valid name or value. */
  readonly suggestion?: string;
  /** The line of the file that `position` speaks of, for the excerpt; absent where there is none to show. */
  readonly lineText?: string;
  /** Column of the line at which `lineText` begins, 1 where absent: only a part of a very long line is kept. */
  readonly lineTextColumn?: number;
}

/** A value, or everything that is wrong with its input, all at once. */
export type Result<T> =
  | { readonly ok: true; readonly value: T; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };
