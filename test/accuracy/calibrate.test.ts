import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { calibrate } from '../../src/accuracy/calibrate.ts';
import type { CalibrationReport } from '../../src/accuracy/calibrate.ts';
import { mean, median } from '../../src/accuracy/metrics.ts';
import { createPredictor } from '../../src/accuracy/predict.ts';
import { calibrationOf, readCalibration } from '../../src/ingest/calibration.ts';
import { parseMeasuredRuns } from '../../src/ingest/measured-runs.ts';
import { repositoryPath } from '../shared-data.ts';
import { varied } from './measured-record.ts';
import { sampleProbe } from './sample-probe.ts';

const base = readFileSync(repositoryPath('configs/calibration/default.yaml'), 'utf8');

/** Ten runs of one machine, timed by the shipped constants but for `change`. */
const runs = (change: (root: Record<string, Record<string, Record<string, unknown>>>) => void): string => {
  const root = parse(base) as Record<string, Record<string, Record<string, unknown>>>;
  change(root);
  const predict = createPredictor(calibrationOf(root));
  const layouts = [8, 4].flatMap((tp) => [1, 2, 4, 8, 16].map((micro) => ({ tp, micro })));
  return layouts
    .map(({ tp, micro }) => {
      const bare = varied({
        id: `mine-${tp}-${micro}`,
        'source.title': 'my runs of Megatron-LM',
        'parallel.tp': tp,
        'parallel.pp': 96 / tp,
        'train.micro_batch': micro,
      });
      const [line] = parseMeasuredRuns(JSON.stringify(bare));
      const predicted = line?.kind === 'run' ? predict(line.run.configuration) : null;
      if (predicted?.ok !== true) throw new Error('not predicted');
      return JSON.stringify({ ...bare, measured: { iteration_time_s: predicted.prediction.iterationTimeS } });
    })
    .join('\n');
};

const fit = (lines: string): CalibrationReport =>
  calibrate({ base, name: 'mine', plannerVersion: '0', runs: parseMeasuredRuns(lines), probes: [] });

const sustainedOf = (text: string): number =>
  readCalibration(text).accelerators['a100-sxm-80gb']?.sustained ?? NaN;

describe('calibration by runs', () => {
  it('runs that the shipped constants explain move none of them', () => {
    const { fit: result } = fit(runs(() => undefined));
    expect(result?.runs).toBe(10);
    expect(mean(result?.before ?? [])).toBeLessThan(1e-9);
    for (const { shipped, value } of result?.constants ?? []) expect(value / shipped).toBeCloseTo(1, 6);
  });

  it('a machine whose matrix products run at four fifths is found, and errors on runs not seen fall', () => {
    const report = fit(
      runs((root) => {
        const a100 = root['accelerators']?.['a100'] ?? {};
        a100['sustained'] = 0.8 * Number(a100['sustained']);
      }),
    );
    const shipped = readCalibration(base).accelerators['a100']?.sustained ?? NaN;
    expect(sustainedOf(report.text) / shipped).toBeGreaterThan(0.77);
    expect(sustainedOf(report.text) / shipped).toBeLessThan(0.87);
    expect(median(report.fit?.before ?? [])).toBeGreaterThan(0.1);
    expect(median(report.fit?.crossValidated ?? [])).toBeLessThan(0.03);
  });

  it('runs whose times say nothing of one another leave the constants as they were, and the output says so', () => {
    // Times at random: what nine of them suggest is no use for the tenth.
    const factors = [0.5, 2.4, 0.7, 1.9, 0.45, 2.2, 0.6, 2, 0.55, 1.7];
    const scattered = runs(() => undefined)
      .split('\n')
      .map((line, index) => {
        const run = JSON.parse(line) as { measured: { iteration_time_s: number } };
        run.measured.iteration_time_s *= factors[index] ?? 1;
        return JSON.stringify(run);
      })
      .join('\n');
    const { fit: result, text } = fit(scattered);
    expect(mean(result?.crossValidated ?? []) ?? 0).toBeGreaterThanOrEqual(mean(result?.before ?? []) ?? 0);
    expect(result?.adopted).toBe(false);
    for (const { shipped, value } of result?.constants ?? []) expect(value).toBe(shipped);
    expect(sustainedOf(text)).toBe(readCalibration(base).accelerators['a100']?.sustained);
    expect((parse(text) as { provenance: unknown }).provenance).toMatchObject({ adopted: false });
  });

  it('one run moves constants less than ten do: the prior holds', () => {
    const slow = runs((root) => {
      const a100 = root['accelerators']?.['a100'] ?? {};
      a100['sustained'] = 0.7 * Number(a100['sustained']);
    });
    const [first = ''] = slow.split('\n');
    const one = fit(first);
    expect(one.fit?.crossValidated).toEqual([]);
    expect(sustainedOf(one.text)).toBeGreaterThan(sustainedOf(fit(slow).text));
  });

  it('leaves relatives of the machine as they were, and says where the constants came from', () => {
    const report = fit(
      runs((root) => {
        const a100 = root['accelerators']?.['a100'] ?? {};
        a100['sustained'] = 0.8 * Number(a100['sustained']);
      }),
    );
    const [mine, shipped] = [readCalibration(report.text), readCalibration(base)];
    expect(mine.name).toBe('mine');
    expect(mine.accelerators['a100']?.sustained).toBe(shipped.accelerators['a100']?.sustained);
    expect(mine.accelerators['a100']?.names).not.toContain('a100-sxm-80gb');
    const { provenance } = parse(report.text) as {
      provenance: { runs: number; folds: number; constants: { constant: string; unit: string }[] };
    };
    expect(provenance).toMatchObject({ script: 'planner calibrate', script_version: 1, runs: 10, folds: 10 });
    const names = provenance.constants.map(({ constant }) => constant);
    expect(names).toContain('accelerators.a100-sxm-80gb.sustained');
    expect(names.some((name) => name.startsWith('accelerators.h100'))).toBe(false);
  });

  it('the same runs give the same bytes; runs without a time are named', () => {
    const lines = `${runs(() => undefined)}\n${JSON.stringify(varied({ id: 'no-layers', 'model.layers': null }))}\nnot JSON`;
    const [first, second] = [fit(lines), fit(lines)];
    expect(second.text).toBe(first.text);
    expect(first.leftOut.map(({ id }) => id)).toEqual(['no-layers', 'line 12']);
  });
});

describe('planner calibrate', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'calibrate-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const planner = (...words: readonly string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(
      process.execPath,
      ['--import', import.meta.resolve('tsx'), repositoryPath('src/cli/main.ts'), ...words],
      {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, NODE_OPTIONS: '' },
      },
    );

  it('prints a probe script that Python compiles', () => {
    const run = planner('calibrate', '--probe');
    expect(run.status).toBe(0);
    writeFileSync(path.join(folder, 'probe.py'), run.stdout);
    const python = spawnSync('python3', ['-m', 'py_compile', 'probe.py'], { cwd: folder, encoding: 'utf8' });
    expect(python.stderr).toBe('');
    expect(python.status).toBe(0);
  });

  it('a probe becomes a file that a SPEC loads, and estimates follow it', () => {
    writeFileSync(path.join(folder, 'probe.json'), JSON.stringify(sampleProbe({ slowdown: 2 })));
    expect(planner('calibrate', 'probe.json', '-o', 'mine.yaml')).toMatchObject({ status: 0, stdout: '' });
    const spec = `cluster: { nodes: 1, accelerator: a100-sxm-80gb }
model: llama2-7b
training: { sequence_length: 4096, global_batch_size: 64 }
`;
    writeFileSync(path.join(folder, 'shipped.yaml'), spec);
    writeFileSync(path.join(folder, 'own.yaml'), `${spec}calibration: ./mine.yaml\n`);
    const time = (file: string): number => {
      const words = ['--strategy', 'tensor=2,sharding=optimizer', '--format', 'json'];
      const { plans } = JSON.parse(planner('estimate', file, ...words).stdout) as {
        plans: { estimate: { iteration_time_s: number } }[];
      };
      return plans[0]?.estimate.iteration_time_s ?? NaN;
    };
    expect(time('own.yaml') / time('shipped.yaml')).toBeGreaterThan(1.5);
  });

  it('refuses what it cannot use, with nothing on stdout', () => {
    writeFileSync(path.join(folder, 'empty.json'), '{"kind":"planner-probe","gemm":3}');
    writeFileSync(path.join(folder, 'text.txt'), 'hello\n');
    const run = planner('calibrate', 'empty.json', 'text.txt', 'absent');
    expect(run).toMatchObject({ status: 2, stdout: '' });
    expect(run.stderr).toContain("empty.json:1:1: error: the file must have required property 'gpu'");
    expect(run.stderr).toContain(
      'text.txt:1:1: error: holds neither a measured run nor the result of a probe',
    );
    expect(run.stderr).toContain('absent:1:1: error: no such file');
    expect(planner('calibrate')).toMatchObject({ status: 2, stdout: '' });
  });
});
