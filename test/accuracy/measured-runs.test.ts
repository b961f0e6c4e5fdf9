import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseMeasuredRuns, readMeasuredRuns } from '../../src/ingest/measured-runs.ts';
import { record } from './measured-record.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'measured-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const file = (name: string, content: string | Buffer): string => {
  const target = path.join(folder, name);
  writeFileSync(target, content);
  return target;
};

const reasonOf = (target: string): string => {
  const result = readMeasuredRuns(target);
  if (result.ok) throw new Error('was read');
  return result.diagnostics.map((each) => `${each.file}:${each.position.line}: ${each.message}`).join('\n');
};

describe('lines of a file', () => {
  it('good ones become runs, bad ones entries with line and reason', () => {
    const lines = parseMeasuredRuns(
      `\uFEFF${JSON.stringify(record)}\n\nnot json\n[1]\n${JSON.stringify({ id: 7 })}\r\n`,
    );
    expect(lines.map((line) => [line.kind, line.line])).toEqual([
      ['run', 1],
      ['unreadable', 3],
      ['unreadable', 4],
      ['run', 5],
    ]);
    expect(lines[1]).toMatchObject({ reason: 'not JSON' });
    expect(lines[2]).toMatchObject({ reason: 'not a JSON object' });
    expect(lines[3]).toMatchObject({ run: { id: '7', source: 'unnamed source' } });
  });

  it('what was measured is not part of the configuration', () => {
    const [line] = parseMeasuredRuns(JSON.stringify(record));
    if (line?.kind !== 'run') throw new Error('no run');
    expect(JSON.stringify(line.run.configuration)).not.toContain('76.78');
    expect(line.run.outcome.iterationTimeS).toBe(76.78);
  });

  it('deep nesting, long lines and prototype keys do no harm', () => {
    const deep = `${'{"model":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
    const long = `{"id":"${'x'.repeat(2 ** 20)}"}`;
    const hostile = '{"__proto__":{"polluted":1},"model":{"__proto__":{"layers":5},"constructor":3}}';
    const lines = parseMeasuredRuns([deep, long, hostile].join('\n'));
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatchObject({ kind: 'unreadable' });
    expect(lines[2]).toMatchObject({ kind: 'run', run: { configuration: { model: { layers: null } } } });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('files', () => {
  it('reads a regular one', () => {
    const result = readMeasuredRuns(file('runs.jsonl', `${JSON.stringify(record)}\n`));
    expect(result).toMatchObject({ ok: true, value: [{ kind: 'run', line: 1 }] });
  });

  it('refuses what is missing, a folder, an empty file and junk, with the name that was given', () => {
    expect(reasonOf(path.join(folder, 'absent'))).toBe(`${path.join(folder, 'absent')}:1: no such file`);
    expect(reasonOf(folder)).toContain('not a regular file');
    expect(reasonOf(file('empty', '\n\n'))).toContain('no record');
    expect(reasonOf(file('junk', Buffer.from([0, 255, 254, 10, 1, 2, 3])))).toContain(
      'no line holds a JSON object',
    );
  });

  it.skipIf(process.platform === 'win32')('does not wait on a pipe', () => {
    const pipe = path.join(folder, 'pipe');
    execFileSync('sh', ['-c', 'mkfifo "$0"', pipe]);
    expect(reasonOf(pipe)).toContain('not a regular file');
  });
});
