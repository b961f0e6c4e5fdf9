/**
 * Columns of an nccl-tests table by its header. Versions differ: one or two groups of time, algbw, busbw and verdict
 * (out of place, in place), `error` before `#wrong`, `cputime` (-C), four columns of single iterations after each group, a
 * time stamp at the end. Operation and root are headed in every test, but some print nothing there. Before 2019 the header says
 * bytes, N, op and res, and times are in milliseconds.
 * Source of the format: NVIDIA/nccl-tests src/util.cu (writeResultHeader), src/common.cu of versions before 2.17; NVIDIA/nccl
 * test/single of version 1.
 */
import type { Word } from './links-lines.ts';

export interface RunColumns {
  /** Columns before the first time. */
  readonly lead: number;
  /** Columns from the first time on. */
  readonly tail: number;
  /** Places after the first time whose figure counts wrong values; an `error` is a rounding error and says nothing. */
  readonly wrong: readonly number[];
  /** Seconds of a unit of time where no line of units follows. */
  readonly unit: number;
}

const TIMES: ReadonlySet<string> = new Set(['time', 'cputime']);
const STAMP = 'timestamp';

/** null for a line that is no header. The `#` may have been lost where the log was pasted. */
export const columnsOf = (words: readonly Word[]): RunColumns | null => {
  const names = words
    .map(({ text }) => text.replace(/^#(?!wrong)/u, ''))
    .filter((text) => text !== '' && text !== STAMP);
  const old = names[0] === 'bytes' && names[1] === 'N';
  if ((!old && (names[0] !== 'size' || names[1] !== 'count')) || names[2] !== 'type') return null;
  const lead = names.findIndex((name) => TIMES.has(name));
  const times = names.slice(lead);
  if (lead < 3 || times[1] !== 'algbw' || times[2] !== 'busbw') return null;
  const wrong = times.flatMap((name, index) => (name === '#wrong' || name === 'wrong' ? [index] : []));
  return { lead, tail: times.length, wrong, unit: old ? 1e-3 : 1e-6 };
};

/** Index of a row's first time; null where the row is cut off. */
export const firstTime = ({ lead, tail }: RunColumns, words: number): number | null => {
  if (words >= lead + tail) return lead;
  return words - tail >= 3 ? words - tail : null;
};
