/** Lines of logs as people paste them: with colours, MPI and Kubernetes prefixes, indentation, carriage returns. */
import type { Range, Source } from './source.ts';

export interface LogLine {
  /** As long as the line of the file, so that places are the same; what is no content is blank. */
  readonly text: string;
  readonly start: number;
  readonly source: Source;
}

export interface Word {
  readonly text: string;
  readonly range: Range;
}

const blank = (found: string): string => ' '.repeat(found.length);

/** Colour and cursor sequences of terminals (ECMA-48 CSI). */
const ESCAPES = /\u001b\[[0-9;?]*[ -/]*[@-~]/gu;
/**
 * `[1,0]<stdout>:` of Open MPI, with its job's name before the `@` from version 5 on, `[0] ` of MPICH, `0: ` of srun
 * --label, `pod/name ` of kubectl --prefix, time stamps (that of mpirun before its tag).
 */
const PREFIXES = [
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \d{4}(?=[\[<])/u,
  /^\s*\[(?:[\w.-]+@)?\d+,\d+\](?:\[[^\]]*\])?<std(?:out|err)>:/u,
  /^\[\d+\] /u,
  /^\s*\d+: /u,
  /^\s*\[pod\/[^\]]+\] /u,
  /^\s*\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)? /u,
];

const linesOf = (source: Source, prefixes: readonly RegExp[]): readonly LogLine[] => {
  const lines: LogLine[] = [];
  let start = 0;
  for (const line of source.text.split('\n')) {
    const shown = line.replace(ESCAPES, blank);
    const text = prefixes.reduce((rest, prefix) => rest.replace(prefix, blank), shown);
    lines.push({ text: text.replace(/\r$/u, ' '), start, source });
    start += line.length + 1;
  }
  return lines;
};

export const logLines = (source: Source): readonly LogLine[] => linesOf(source, PREFIXES);

/** Without colours, but with all that looks like the prefix of a launcher: of tools whose own lines do. */
export const plainLines = (source: Source): readonly LogLine[] => linesOf(source, []);

export const wordsOf = ({ text, start, source }: LogLine): readonly Word[] =>
  [...text.matchAll(/\S+/gu)].map((match) => ({
    text: match[0],
    range: { source, start: start + match.index, end: start + match.index + match[0].length },
  }));

/** The line without the blanks at its ends. */
export const lineRange = ({ text, start, source }: LogLine): Range => {
  const from = start + text.length - text.trimStart().length;
  return { source, start: from, end: Math.max(from + 1, start + text.trimEnd().length) };
};

/** A number as tools print it; null for anything else (nan, inf, words). */
export const numberOf = (text: string): number | null =>
  /^[-+]?(?:\d{1,20}(?:\.\d{0,12})?|\.\d{1,12})(?:[eE][-+]?\d{1,3})?$/u.test(text) ? Number(text) : null;
