import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { beforeAll, describe, expect, it } from 'vitest';
import { compareRun } from '../../src/accuracy/compare.ts';
import { createPredictor } from '../../src/accuracy/predict.ts';
import { accuracyReport } from '../../src/accuracy/report.ts';
import type { AccuracyReport } from '../../src/accuracy/report.ts';
import { accuracyJson } from '../../src/accuracy/report-json.ts';
import { accuracyMarkdown, accuracyText } from '../../src/accuracy/report-text.ts';
import { defaultCalibration } from '../../src/ingest/calibration.ts';
import { parseMeasuredRuns } from '../../src/ingest/measured-runs.ts';
import { dataPath, hasData, repositoryPath } from '../shared-data.ts';
import { record, varied } from './measured-record.ts';
import type { Json } from './measured-record.ts';

const calibration = defaultCalibration();
const reportOf = (content: string): AccuracyReport =>
  accuracyReport([{ name: 'runs.jsonl', lines: parseMeasuredRuns(content) }], calibration);

/** What a prediction must not read (and what a record may lack). */
const ANSWERS = ['measured', 'status', 'usable', 'quality', 'flags', 'notes', 'inferred', 'derived'];

const stripped = (line: string): string => {
  const value = JSON.parse(line) as Record<string, unknown>;
  return JSON.stringify(Object.fromEntries(Object.entries(value).filter(([key]) => !ANSWERS.includes(key))));
};

const predictions = (content: string): string =>
  JSON.stringify(
    reportOf(content).records.map((row) => [row.id, row.skipped, row.predicted, row.assumptions]),
  );

const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(
  JSON.parse(readFileSync(repositoryPath('schema', 'accuracy.schema.json'), 'utf8')) as object,
);

const lines = [
  varied({}),
  varied({ id: 'without-answers', measured: null, status: null, usable: null, quality: null, flags: null }),
  varied({
    id: 'out-of-memory',
    status: 'oom',
    'measured.oom': true,
    'measured.iteration_time_s': null,
    'usable.timing': false,
    'usable.oom': true,
  }),
  varied({ id: 'suspect', quality: 'suspect' }),
  varied({ id: 'no-layers', 'model.layers': null }),
  varied({ id: 'other schedule', 'parallel.schedule': 'ZB-1p' }),
].map((each) => JSON.stringify(each));

describe('a report on a handful of records', () => {
  const report = reportOf([...lines, 'junk'].join('\n'));
  const { summary } = report;

  it('keeps every line, with a reason where it is skipped', () => {
    expect(report.records.map((row) => row.skipped)).toEqual([
      null,
      null,
      null,
      null,
      expect.stringMatching(/dimensions/),
      null,
      'not JSON',
    ]);
    expect(summary.records).toBe(7);
    expect(summary.skipped.map((each) => each.count)).toEqual([1, 1]);
  });

  it('a skip lowers the coverage', () => {
    expect(summary.coverage.timing).toEqual({ usable: 4, predicted: 3, share: 0.75 });
  });

  it('headline: without the suspect row and the schedule that is not stock, which stand apart', () => {
    expect(summary.headline.time.count).toBe(1);
    expect(summary.apart.map((group) => [group.name, group.time.count])).toEqual([
      ['suspect', 1],
      ['schedule ZB-1p', 1],
    ]);
  });

  it('validates against its schema', () => {
    expect(validate(JSON.parse(accuracyJson(report))), JSON.stringify(validate.errors)).toBe(true);
  });

  it('prints tables that hold the same figures', () => {
    expect(accuracyText(report)).toContain('Narayanan et al. SC21');
    expect(accuracyMarkdown(report)).toContain('| timing | 4 | 3 | 75.0 % |');
    expect(accuracyText(report)).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('predictions read no result', () => {
  it('are the same bytes without what was measured', () => {
    expect(predictions(lines.map(stripped).join('\n'))).toBe(predictions(lines.join('\n')));
  });

  it('are the same bytes with false results', () => {
    const content = lines.join('\n');
    const lied = content
      .replaceAll('76.78', '0.001')
      .replaceAll('"ok"', '"crashed_or_oom"')
      .replaceAll('"table"', '"suspect"');
    expect(predictions(lied)).toBe(predictions(content));
  });
});

describe('times of records that print a throughput', () => {
  const predict = createPredictor(calibration);
  const timeOf = (measured: Readonly<Record<string, Json>>): number | null => {
    const changes = Object.fromEntries(
      Object.entries(measured).map(([key, value]) => [`measured.${key}`, value]),
    );
    const [line] = parseMeasuredRuns(
      JSON.stringify(
        varied({ 'measured.iteration_time_s': null, 'measured.tokens_per_s_per_gpu': null, ...changes }),
      ),
    );
    if (line?.kind !== 'run') throw new Error('no run');
    return compareRun(line.run, predict).measured.iterationTimeS;
  };

  it('tokens/s: 1536 × 2048 tokens ∕ (100 × 384)', () => {
    expect(timeOf({ tokens_per_s_per_gpu: 100 })).toBeCloseTo((1536 * 2048) / 38_400, 9);
  });

  // Megatron's formula, arXiv 2104.04473 equation 3: 96 B s l h² (1 + s/6h + V/16lh) with the recomputed forward.
  it('TFLOP/s of a fully recomputed run', () => {
    const [h, l, s, v] = [12288, 96, 2048, 51200];
    const flops = 96 * 1536 * s * l * h ** 2 * (1 + s / (6 * h) + v / (16 * l * h));
    expect(timeOf({ tflops_per_gpu: 140, tflops_convention: 'hardware_incl_full_recompute' })).toBeCloseTo(
      flops / (140e12 * 384),
      1,
    );
  });

  it('MFU of model FLOPs: 72 B s l h² (1 + s/6h + V/12lh)', () => {
    const [h, l, s, v] = [12288, 96, 2048, 51200];
    const flops = 72 * 1536 * s * l * h ** 2 * (1 + s / (6 * h) + v / (12 * l * h));
    expect(timeOf({ mfu: 0.5, mfu_peak_tflops: 312 })).toBeCloseTo(flops / (156e12 * 384), 1);
  });

  it('nothing printed: no time', () => {
    expect(timeOf({})).toBeNull();
  });
});

const corpus = ['measured', 'training.jsonl'];
describe.skipIf(!hasData(...corpus))('the corpus of measured runs (skipped without PLANNER_DATA)', () => {
  let content = '';
  let report: AccuracyReport;
  beforeAll(() => {
    content = readFileSync(dataPath(...corpus), 'utf8');
    report = reportOf(content);
  }, 120_000);

  it('at least 97 % of what is usable is predicted', () => {
    const { timing, memory, oom } = report.summary.coverage;
    expect(timing.usable).toBeGreaterThan(2400);
    for (const coverage of [timing, memory, oom]) expect(coverage.share).toBeGreaterThanOrEqual(0.97);
  });

  it('iteration time: median under 12 %, mean under 25 %', () => {
    expect(report.summary.headline.time.median).toBeLessThan(0.12);
    expect(report.summary.headline.time.mean).toBeLessThan(0.25);
  });

  it('validates against its schema, and two runs print the same bytes', () => {
    const first = accuracyJson(report);
    expect(validate(JSON.parse(first)), JSON.stringify(validate.errors)).toBe(true);
    expect(accuracyJson(reportOf(content))).toBe(first);
  });

  it('predictions are the same bytes without what was measured', () => {
    const bare = content.trim().split('\n').map(stripped).join('\n');
    expect(predictions(bare)).toBe(predictions(content));
  });
});

it('the record of the tests is one that the corpus format allows', () => {
  expect(Object.keys(record)).toEqual(
    expect.arrayContaining(['id', 'source', 'model', 'cluster', 'train', 'parallel', 'measured', 'usable']),
  );
});
