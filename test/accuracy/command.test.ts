import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryPath } from '../shared-data.ts';
import { varied } from './measured-record.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'accuracy-'));
  const lines = [varied({}), varied({ id: 'no-layers', 'model.layers': null })];
  writeFileSync(path.join(folder, 'runs.jsonl'), lines.map((line) => JSON.stringify(line)).join('\n'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const planner = (...words: readonly string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), repositoryPath('src/cli/main.ts'), 'accuracy', ...words],
    {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, NODE_PATH: repositoryPath('node_modules'), NODE_OPTIONS: '' },
    },
  );

describe('planner accuracy', () => {
  it('prints a record for each line as JSON and exits 0, skipped or not', () => {
    const run = planner('runs.jsonl', '--format', 'json');
    expect(run.stderr).toBe('');
    expect(run.status).toBe(0);
    const report = JSON.parse(run.stdout) as {
      schema_version: number;
      records: { id: string; skipped: string | null }[];
    };
    expect(report.schema_version).toBe(1);
    expect(report.records.map((record) => [record.id, record.skipped === null])).toEqual([
      ['sc21-175B-384', true],
      ['no-layers', false],
    ]);
  });

  it('reads several files, writes Markdown with -o and does not overwrite', () => {
    const words = ['runs.jsonl', 'runs.jsonl', '--format', 'md', '-o', 'report.md'];
    expect(planner(...words).status).toBe(0);
    expect(readFileSync(path.join(folder, 'report.md'), 'utf8')).toContain('4 records');
    expect(planner(...words)).toMatchObject({ status: 2, stdout: '' });
  });

  it('takes constants from a file, and refuses one that holds none', () => {
    const shipped = readFileSync(repositoryPath('configs/calibration/default.yaml'), 'utf8');
    const entry = shipped.indexOf('    sustained:', shipped.indexOf('\naccelerators:'));
    const slow =
      shipped.slice(0, entry) + shipped.slice(entry).replace(/sustained: [\d.]+/, 'sustained: 0.5');
    writeFileSync(path.join(folder, 'slow.yaml'), slow);
    writeFileSync(path.join(folder, 'broken.yaml'), 'name: mine\n');
    const time = (...words: readonly string[]): number => {
      const { stdout } = planner('runs.jsonl', '--format', 'json', ...words);
      const { records } = JSON.parse(stdout) as { records: { predicted: { iteration_time_s: number } }[] };
      return records[0]?.predicted.iteration_time_s ?? NaN;
    };
    expect(time('--calibration', 'slow.yaml')).toBeGreaterThan(1.3 * time());
    const run = planner('runs.jsonl', '--calibration', 'broken.yaml');
    expect(run).toMatchObject({ status: 2, stdout: '' });
    expect(run.stderr).toContain('broken.yaml:1:1: error: constants: expected a map');
  });

  it('a file that cannot be read is an error before anything is printed; every one is named', () => {
    const run = planner('runs.jsonl', 'absent.jsonl', '.');
    expect(run).toMatchObject({ status: 2, stdout: '' });
    expect(run.stderr).toContain('absent.jsonl:1:1: error: no such file');
    expect(run.stderr).toContain('.:1:1: error: not a regular file');
  });
});
