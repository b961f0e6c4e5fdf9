/** Records with fields missing, of odd types, on unknown machines and software: predicted or skipped, never an exception. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPredictor } from '../../src/accuracy/predict.ts';
import { defaultCalibration } from '../../src/ingest/calibration.ts';
import { parseMeasuredRuns } from '../../src/ingest/measured-runs.ts';
import { record } from './measured-record.ts';

const SECTIONS = ['model', 'cluster', 'train', 'parallel', 'source'] as const;

const fields = SECTIONS.flatMap((section) =>
  Object.keys(record[section]).map((key) => [section, key] as const),
);

const odd = fc.constantFrom<unknown>(
  null,
  '',
  -1,
  0,
  1.5,
  1e9,
  1e308,
  'abc',
  '8',
  true,
  [],
  [1, 2],
  {},
  undefined,
);

const gpu = fc.constantFrom(
  ...[
    'H100-PCIe',
    'A100 40GB',
    'MI250',
    'TPU v4',
    'Gaudi2',
    'RTX A6000',
    'L40S',
    'H20',
    'GB300 NVL72',
    '910B',
    'B100',
  ],
  ...['P100', 'H100 NVL', 'V100-PCIE-16GB', 'Trainium2', 'RTX 2080 Ti', 'BI-V100', '???'],
);

const title = fc.constantFrom(
  'A blog',
  'EasyLM',
  'Colossal-AI',
  'Galvatron',
  'PaddleNLP',
  'OLMo',
  'Alpa',
  'KempnerForge',
);

const mutations = fc.record({
  changes: fc.array(fc.tuple(fc.constantFrom(...fields), odd), { maxLength: 3 }),
  gpu: fc.option(gpu),
  title: fc.option(title),
  date: fc.constantFrom('2021-04', '2023', '2025-03', 'soon', null),
});

describe('mutated records', () => {
  const predict = createPredictor(defaultCalibration());

  it('are predicted with finite figures and a bound above them, or skipped with a reason', () => {
    let predicted = 0;
    fc.assert(
      fc.property(mutations, (mutation) => {
        const mutant = structuredClone(record) as unknown as Record<string, Record<string, unknown>>;
        for (const [[section, key], value] of mutation.changes) {
          const part = mutant[section];
          if (part !== undefined) part[key] = value;
        }
        if (mutation.gpu !== null && mutant['cluster'] !== undefined) mutant['cluster']['gpu'] = mutation.gpu;
        if (mutation.title !== null && mutant['source'] !== undefined)
          mutant['source']['title'] = mutation.title;
        const [line] = parseMeasuredRuns(JSON.stringify({ ...mutant, date: mutation.date }));
        if (line?.kind !== 'run') return;
        const result = predict(line.run.configuration);
        if (!result.ok) {
          expect(result.reason.length).toBeGreaterThan(5);
          expect(result.reason).not.toMatch(/^cannot be estimated/);
          return;
        }
        predicted += 1;
        const { iterationTimeS, peakMemoryBytes, peakMemoryBoundBytes } = result.prediction;
        expect(iterationTimeS).toBeGreaterThan(0);
        expect(peakMemoryBytes).toBeGreaterThan(0);
        expect(peakMemoryBoundBytes).toBeGreaterThanOrEqual(peakMemoryBytes ?? Infinity);
      }),
      { numRuns: 400, seed: 1 },
    );
    expect(predicted).toBeGreaterThan(200);
  });
});
