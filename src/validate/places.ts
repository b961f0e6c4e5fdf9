import type { Range, Source } from '../ingest/source.ts';
import type { Fragment } from '../runtimes/shell-parse/values.ts';
import type { FlagUse } from './megatron-words.ts';

/** The part of the source that fragments come from, as far as it is one piece. */
export const fragmentRange = (source: Source, fragments: readonly Fragment[]): Range | null => {
  const placed = fragments.filter(({ at }) => at >= 0);
  const [first] = placed;
  if (first === undefined) return null;
  let end = first.at + Math.max(1, first.gap === null ? first.text.length : first.gap.name.length);
  for (const { at, text } of placed.slice(1))
    if (at >= end && at - end <= 2) end = at + Math.max(1, text.length);
  return { source, start: first.at, end: Math.min(end, source.text.length) };
};

/** A flag with its values where they follow it on its line, else the flag alone. */
export const useRange = (source: Source, { word, values }: FlagUse): Range | null => {
  const flag = fragmentRange(source, word.fragments);
  const last = values.at(-1);
  const value = last === undefined ? null : fragmentRange(source, last.fragments);
  if (flag === null) return value;
  if (value === null || value.start < flag.end || value.end - flag.start > 200) return flag;
  return source.text.slice(flag.start, value.end).includes('\n') ? flag : { ...flag, end: value.end };
};
