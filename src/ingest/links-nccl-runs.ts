/**
 * Output of nccl-tests: one run after the other, each a header and rows of size, time, algorithm and bus bandwidth.
 * Source of the format: NVIDIA/nccl-tests src/common.cu (columns; `error` became `#wrong`), doc/PERFORMANCE.md (the
 * ratio of bus to algorithm bandwidth).
 */
import { lineRange, logLines, numberOf, wordsOf } from './links-lines.ts';
import type { LogLine, Word } from './links-lines.ts';
import { columnsOf, firstTime } from './links-nccl-columns.ts';
import type { RunColumns } from './links-nccl-columns.ts';
import type { Collective, ReadingReport } from './links-reading.ts';
import type { Range, Source } from './source.ts';

export interface RunDevice {
  readonly rank: number;
  readonly host: string;
  readonly device: string;
}

export interface RunRow {
  readonly message: number;
  /** `sum`, `none`, …, and the root or -1; null where the test prints none. */
  readonly operation: string | null;
  readonly root: number | null;
  readonly seconds: number;
  readonly algorithm: number;
  readonly bus: number;
  readonly range: Range;
}

export interface NcclRun {
  /** As the log names the program; null where it does not. */
  readonly collective: Collective | null;
  readonly devices: readonly RunDevice[];
  readonly rows: readonly RunRow[];
  readonly header: Range;
  /** The line `Avg bus bandwidth` was there: the run came to its end. */
  readonly finished: boolean;
  /** Ranks or rows were cut out of the log by who pasted it. */
  readonly abridged: boolean;
}

interface Draft {
  collective: Collective | null;
  devices: RunDevice[];
  rows: RunRow[];
  header: Range | null;
  columns: RunColumns | null;
  finished: boolean;
  abridged: boolean;
}

const PROGRAMS: readonly (readonly [RegExp, Collective])[] = [
  [/all_?reduce/iu, 'all-reduce'],
  [/all_?gather/iu, 'all-gather'],
  [/reduce_?scatter/iu, 'reduce-scatter'],
  [/all_?to_?all/iu, 'all-to-all'],
  [/send_?recv/iu, 'sendrecv'],
  [/broadcast/iu, 'broadcast'],
  [/(?:^|[^a-z])reduce/iu, 'reduce'],
];

export const collectiveNamed = (text: string): Collective | null =>
  PROGRAMS.find(([pattern]) => pattern.test(text))?.[1] ?? null;

const DEVICE =
  /Rank\s+(\d+)\s+(?:Group\s+\d+\s+)?(?:Pid\s+\d+\s+)?on\s+(\S+)\s+device\s+\d+\s+\[[^\]]*\]\s*(.*?)\s*$/u;
const MAXIMUM_ROWS = 100_000;
const emptyDraft = (collective: Collective | null): Draft => ({
  collective,
  devices: [],
  rows: [],
  header: null,
  columns: null,
  finished: false,
  abridged: false,
});

/** Seconds of one unit of the time column, from the second line of the header. */
const UNITS: Readonly<Record<string, number>> = { '(ns)': 1e-9, '(us)': 1e-6, '(ms)': 1e-3, '(s)': 1 };

/** A small message may take no time that the clock sees: its bandwidth is printed as inf or nan. */
const isUnmeasured = (words: readonly (Word | undefined)[]): boolean =>
  words.some((word) => word !== undefined && /^[-+]?(?:inf|nan)/iu.test(word.text));

const rowOf = (
  words: readonly Word[],
  columns: RunColumns,
  line: LogLine,
  unit: number,
  report: ReadingReport,
): RunRow | null => {
  const range = lineRange(line);
  const first = firstTime(columns, words.length);
  if (first === null) {
    report.error(range, `the row is cut off: ${words.length} columns, at least ${3 + columns.tail} expected`);
    return null;
  }
  const [size, count] = words;
  const [time, algorithm, bus] = words.slice(first);
  if (size === undefined || time === undefined || algorithm === undefined || bus === undefined) return null;
  if (isUnmeasured([time, algorithm, bus]) && Number(size.text) < 1 << 20) return null;
  const values = [size, count ?? size, time, algorithm, bus].map(({ text }) => numberOf(text));
  const bad = [size, count ?? size, time, algorithm, bus].find((_, index) => {
    const value = values[index] ?? null;
    return value === null || value < 0;
  });
  if (bad !== undefined) {
    report.error(bad.range, `expected a number of at least 0, found "${bad.text.slice(0, 40)}"`);
    return null;
  }
  for (const place of columns.wrong) {
    const verdict = words[first + place];
    const errors = numberOf(verdict?.text ?? '');
    if (errors === null || errors === 0) continue;
    report.error(
      verdict?.range ?? range,
      `the test found ${errors} wrong values: its times cannot be trusted`,
    );
    return null;
  }
  const [message = 0, , duration = 0, rate = 0, busRate = 0] = values.map((value) => value ?? 0);
  // 1.5 leaves room for times printed with few digits.
  const implied = message / (duration * unit) / 1e9;
  if (message >= 1 << 20 && duration > 0 && rate > 0 && !(implied / rate < 1.5 && rate / implied < 1.5)) {
    const found = `${message} bytes in ${time.text} are ${implied.toPrecision(3)} GB/s`;
    report.error(algorithm.range, `the columns contradict one another: ${found}, not ${algorithm.text}`);
    return null;
  }
  const [operation, root] = words.slice(3, first);
  return {
    message,
    operation: operation?.text ?? null,
    root: numberOf(root?.text ?? ''),
    seconds: duration * unit,
    algorithm: rate * 1e9,
    bus: busRate * 1e9,
    range,
  };
};

/** All runs of a log, in order. What is neither header, device, row nor verdict is passed over. */
export const ncclRuns = (source: Source, report: ReadingReport): readonly NcclRun[] => {
  const runs: NcclRun[] = [];
  let unit = 1e-6;
  let rows = 0;
  let draft = emptyDraft(null);
  const close = (): void => {
    const { header, collective, devices, rows: own, finished, abridged } = draft;
    if (header !== null) runs.push({ collective, devices, rows: own, header, finished, abridged });
    draft = emptyDraft(draft.collective);
  };
  for (const line of logLines(source)) {
    const content = line.text.trim();
    const named = /(?:Collective test starting:|(?:^|[\s/])(?:\w+_perf(?:_mpi)?|\w+_test)(?=\s|$))/u.exec(
      content,
    );
    if (/^#?\s*nThread:?\s/u.test(content) || named !== null) {
      if (draft.header !== null) close();
      if (named !== null) draft.collective = collectiveNamed(content.slice(named.index));
      // A program started by hand with -g N is one process with N GPUs of this host.
      const gpus = /_perf\s.*?\s-g\s+(\d{1,3})(?:\s|$)/u.exec(content)?.[1];
      if (gpus !== undefined && !/mpirun|srun|mpiexec/u.test(content))
        draft.devices = Array.from({ length: Number(gpus) }, (_, rank) => ({
          rank,
          host: 'localhost',
          device: '',
        }));
      continue;
    }
    const device = DEVICE.exec(content);
    if (device !== null) {
      if (draft.header !== null) close();
      if (draft.devices.every(({ device: name }) => name === '')) draft.devices = [];
      const rank = Number(device[1]);
      if (draft.devices.some((other) => other.rank === rank)) {
        report.error(
          lineRange(line),
          `rank ${rank} is listed twice: processes that ran by themselves, without MPI, or logs mixed up`,
        );
        return runs;
      }
      draft.devices.push({ rank, host: device[2] ?? '', device: device[3] ?? '' });
      continue;
    }
    const columns = /\bbusbw\b/u.test(content) ? columnsOf(wordsOf(line)) : null;
    if (columns !== null) {
      if (draft.header !== null) close();
      draft.header = lineRange(line);
      draft.columns = columns;
      unit = columns.unit;
      continue;
    }
    if (/^#?\s*\(B\)/u.test(content)) {
      unit = UNITS[/\((?:ns|us|ms|s)\)/u.exec(content)?.[0] ?? '(us)'] ?? 1e-6;
      continue;
    }
    const failed = /Out of bounds values\s*:\s*(\d+)\s+(?!OK)(\S+)/u.exec(content);
    if (failed !== null)
      report.error(lineRange(line), `the test failed: ${failed[1] ?? ''} values out of bounds`);
    if (/^#?\s*Avg bus bandwidth/u.test(content)) {
      draft.finished = true;
      continue;
    }
    if (/^\.{3}$/u.test(content) || /^#?\s*<?[\w\s]*truncated/iu.test(content)) {
      draft.abridged = true;
      continue;
    }
    if (
      !/^\d+\s+\d+\s+(?:u?int\d*|char|float|double|half|bfloat16|fp8\S*|f8\S*|float\d+)\s/u.test(
        `${content} `,
      )
    )
      continue;
    if (draft.header === null || draft.columns === null) {
      report.error(
        lineRange(line),
        'a row without the header of its table: its columns and units are not known',
      );
      return runs;
    }
    rows += 1;
    if (rows > MAXIMUM_ROWS) {
      report.error(lineRange(line), `has more than ${MAXIMUM_ROWS} rows`);
      return runs;
    }
    const row = rowOf(wordsOf(line), draft.columns, line, unit, report);
    // Sizes below one element per rank are rounded to 0 and measure nothing.
    if (row !== null && row.message > 0) draft.rows.push(row);
  }
  close();
  return runs;
};
