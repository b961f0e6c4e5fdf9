/** The report in the accuracy format (`schema/accuracy.schema.json`): snake_case keys in a fixed order. */
import type { Comparison } from './compare.ts';
import type { AccuracyReport } from './report.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Figures keep full precision; what is not finite has no place in JSON and is null. */
const toJson = (value: unknown): Json => {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [snake(key), toJson(item)]));
  return null;
};

const recordJson = (row: Comparison): Json =>
  toJson({
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

/** One line a record, so that two reports compare line by line. */
export const accuracyJson = (report: AccuracyReport): string => {
  const records = report.records.map((row) => `    ${JSON.stringify(recordJson(row))}`);
  const summary = JSON.stringify(toJson(report.summary), null, 2).replaceAll('\n', '\n  ');
  return [
    '{',
    '  "schema_version": 1,',
    `  "calibration": ${JSON.stringify(report.calibration)},`,
    `  "records": [\n${records.join(',\n')}\n  ],`,
    `  "summary": ${summary}`,
    '}',
    '',
  ].join('\n');
};
