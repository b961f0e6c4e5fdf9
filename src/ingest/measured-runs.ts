/** Published training runs, one JSON object a line. A line that cannot be read becomes an entry with its reason, never an exception. */
import { closeSync, fstatSync, openSync, readFileSync, constants } from 'node:fs';
import type { Result } from '../diagnostics.ts';
import { readConfiguration } from './measured-configuration.ts';
import type { RunConfiguration } from './measured-configuration.ts';
import { isFields, section, text } from './measured-fields.ts';
import { readOutcome } from './measured-outcome.ts';
import type { RunOutcome } from './measured-outcome.ts';

export interface MeasuredRun {
  readonly id: string;
  readonly source: string;
  readonly configuration: RunConfiguration;
  readonly outcome: RunOutcome;
}

/** One line of a file: a run, or why there is none. */
export type MeasuredLine =
  | { readonly kind: 'run'; readonly line: number; readonly run: MeasuredRun }
  | { readonly kind: 'unreadable'; readonly line: number; readonly reason: string };

const MAX_FILE_BYTES = 256 * 2 ** 20;
const MAX_LINE_CHARACTERS = 2 ** 20;

export const readMeasuredLine = (source: string, line: number): MeasuredLine => {
  if (source.length > MAX_LINE_CHARACTERS)
    return {
      kind: 'unreadable',
      line,
      reason: `line of ${source.length} characters; at most ${MAX_LINE_CHARACTERS}`,
    };
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch {
    return { kind: 'unreadable', line, reason: 'not JSON' };
  }
  if (!isFields(value)) return { kind: 'unreadable', line, reason: 'not a JSON object' };
  const run = {
    id: text(value, 'id') ?? `line ${line}`,
    source: text(section(value, 'source'), 'title') ?? 'unnamed source',
    configuration: readConfiguration(value),
    outcome: readOutcome(value),
  };
  return { kind: 'run', line, run };
};

/** Blank lines count for the line numbers and are left out. */
export const parseMeasuredRuns = (content: string): readonly MeasuredLine[] => {
  const lines: MeasuredLine[] = [];
  content
    .replace(/^\uFEFF/, '')
    .split('\n')
    .forEach((source, index) => {
      const trimmed = source.trim();
      if (trimmed !== '') lines.push(readMeasuredLine(trimmed, index + 1));
    });
  return lines;
};

const failure = (file: string, id: string, message: string): Result<never> => ({
  ok: false,
  diagnostics: [{ id, severity: 'error', file, position: { line: 1, column: 1 }, message }],
});

/** Reads a regular file; a folder, a pipe or a device is refused without waiting on it. */
export const readMeasuredRuns = (file: string): Result<readonly MeasuredLine[]> => {
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    return failure(
      file,
      'ingest/unreadable',
      code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`,
    );
  }
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) return failure(file, 'ingest/not-a-file', 'not a regular file');
    if (status.size > MAX_FILE_BYTES)
      return failure(file, 'ingest/too-large', `larger than ${MAX_FILE_BYTES} bytes`);
    const lines = parseMeasuredRuns(readFileSync(descriptor, 'utf8'));
    if (lines.length === 0) return failure(file, 'ingest/empty', 'holds no record');
    if (lines.every((line) => line.kind === 'unreadable'))
      return failure(file, 'ingest/no-records', 'no line holds a JSON object');
    return { ok: true, value: lines, warnings: [] };
  } finally {
    closeSync(descriptor);
  }
};
