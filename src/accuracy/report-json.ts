/** The report in the accuracy format (`schema/accuracy.schema.json`): snake_case keys in a fixed order. */
import type { Accuracy } from '../formats/accuracy.ts';
import type { Comparison } from './compare.ts';
import type { AccuracyReport } from './report.ts';

type SnakeKey<S extends string> = S extends `${infer Head}${infer Tail}`
  ? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${SnakeKey<Tail>}`
  : S;

/** The same value with snake_case keys. */
type Snake<T> = T extends readonly (infer Item)[]
  ? Snake<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T as Key extends string ? SnakeKey<Key> : never]: Snake<T[Key]> }
    : T;

const snakeKey = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const convert = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(convert);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [snakeKey(key), convert(item)]));
};

const snake = <T>(value: T): Snake<T> => convert(value) as Snake<T>;

const recordOf = (row: Comparison): Accuracy['records'][number] =>
  snake({
    id: row.id,
    source: row.source,
    skipped: row.skipped,
    measured: row.measured,
    predicted: row.predicted,
    scores: row.scores,
    apart: row.apart,
    accelerator: row.traits.accelerator,
    runtime: row.traits.runtime,
    architecture: row.traits.arch,
    memoryKind: row.traits.memoryKind,
    assumptions: row.assumptions,
  });

/** Figures keep full precision. One line a record, so that two reports compare line by line. */
export const accuracyJson = (report: AccuracyReport): string => {
  const value: Accuracy = {
    schema_version: 1,
    calibration: report.calibration,
    records: report.records.map(recordOf),
    summary: snake(report.summary),
  };
  const records = value.records.map((record) => `    ${JSON.stringify(record)}`);
  return [
    '{',
    `  "schema_version": ${value.schema_version},`,
    `  "calibration": ${JSON.stringify(value.calibration)},`,
    `  "records": [\n${records.join(',\n')}\n  ],`,
    `  "summary": ${JSON.stringify(value.summary, null, 2).replaceAll('\n', '\n  ')}`,
    '}',
    '',
  ].join('\n');
};
