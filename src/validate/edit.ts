import type { Source } from '../ingest/source.ts';
import { shownText } from '../runtimes/shell-parse/values.ts';
import type { ShellWord } from '../runtimes/shell-parse/values.ts';
import type { FlagUse } from './megatron-words.ts';
import type { Changes } from './subject.ts';

/** Characters [start, end) that become `text`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Applies edits that do not overlap; null when two do. */
export const applyEdits = (text: string, edits: readonly Edit[]): string | null => {
  const sorted = edits.toSorted((a, b) => a.start - b.start || a.end - b.end);
  let result = '';
  let at = 0;
  for (const edit of sorted) {
    if (edit.start < at) return null;
    result += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return result + text.slice(at);
};

/** Where a word stands in the source, when all of it is written there as it is. */
const wordSpan = (source: Source, word: ShellWord): { start: number; end: number } | null => {
  const [fragment, ...rest] = word.fragments;
  if (fragment === undefined || rest.length > 0 || fragment.gap !== null || fragment.at < 0) return null;
  const end = fragment.at + fragment.text.length;
  return source.text.slice(fragment.at, end) === fragment.text ? { start: fragment.at, end } : null;
};

const removal = (source: Source, use: FlagUse): Edit | null => {
  const spans = [use.word, ...use.values].map((word) => wordSpan(source, word));
  const [first] = spans;
  const last = spans.at(-1);
  if (first === undefined || first === null || last === undefined || spans.includes(null)) return null;
  const end = last?.end ?? first.end;
  if (end < first.start || !/^[^\n;|&]*$/u.test(source.text.slice(first.start, end))) return null;
  // The quotes around a value go with it; the blanks before the flag too.
  const quote = source.text[first.start - 1];
  const before = quote === '"' || quote === "'" ? 1 : 0;
  const after = /["']/u.test(source.text[end] ?? '') && (before > 0 || use.values.length > 0) ? 1 : 0;
  let start = first.start - before;
  while (/[ \t]/u.test(source.text[start - 1] ?? '')) start -= 1;
  return { start, end: end + after, text: '' };
};

/** A value as the shell reads it at a place: quoted where it holds more than letters and no quote stands before it. */
const inPlace = (source: Source, at: number, value: string): string =>
  /^[\w.,:/+-]*$/u.test(value) || /["']/u.test(source.text[at - 1] ?? '') ? value : `'${value}'`;

/** New text of a list of flags, wherever in the source each of them stands; null where one cannot be changed in place. */
export const rewriteFlags = (source: Source, uses: readonly FlagUse[], changes: Changes): string | null => {
  const edits: Edit[] = [];
  const byFlag = new Map(uses.map((use) => [use.flag, use]));
  const anchor = uses.findLast(({ word }) => wordSpan(source, word) !== null);
  const anchorSpan = anchor === undefined ? null : wordSpan(source, anchor.word);
  const added: string[] = [];
  for (const [flag, value] of changes) {
    const use = byFlag.get(flag);
    if (use === undefined) {
      if (value !== null) added.push(value === '' ? flag : `${flag} ${inPlace(source, -1, value)}`);
      continue;
    }
    if (value === null) {
      const edit = removal(source, use);
      if (edit === null) return null;
      edits.push(edit);
      continue;
    }
    const [word, ...rest] = use.values;
    const span = word === undefined || rest.length > 0 ? null : wordSpan(source, word);
    if (span === null) {
      // `--flag=8` in one word.
      const whole = wordSpan(source, use.word);
      const equals = shownText(use.word.fragments).indexOf('=');
      if (whole === null || equals < 0) return null;
      edits.push({ start: whole.start + equals + 1, end: whole.end, text: value });
    } else edits.push({ ...span, text: inPlace(source, span.start, value) });
  }
  if (added.length > 0) {
    if (anchorSpan === null) return null;
    const quote = source.text[anchorSpan.start - 1];
    const start = quote === '"' || quote === "'" ? anchorSpan.start - 1 : anchorSpan.start;
    edits.push({ start, end: start, text: `${added.join(' ')} ` });
  }
  return applyEdits(source.text, edits);
};
