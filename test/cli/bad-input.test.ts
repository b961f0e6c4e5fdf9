import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BAD_INPUTS } from './bad-inputs.ts';
import { BUILD_TIMEOUT_MS, buildPackage, runPlanner } from './built-cli.ts';

let folder = '';
beforeAll(() => {
  folder = buildPackage();
}, BUILD_TIMEOUT_MS);
afterAll(() => rmSync(folder, { recursive: true }));

const prepare = (name: string): string => {
  const place = path.join(folder, 'runs', name);
  mkdirSync(place, { recursive: true });
  execFileSync('mkfifo', [path.join(place, 'fifo')]);
  symlinkSync('circle', path.join(place, 'circle'));
  return place;
};

/** A diagnostic, or the excerpt under one. */
const LINE = /^(?:.*:\d+:\d+: (?:error|warning): .+| {2} *\d* \|.*|\(\d+ more are not shown\))$/u;

describe('bad input is refused', () => {
  it('in more than forty ways', () => {
    expect(BAD_INPUTS.length).toBeGreaterThanOrEqual(40);
    expect(new Set(BAD_INPUTS.map(({ name }) => name)).size).toBe(BAD_INPUTS.length);
  });

  it.concurrent.each(BAD_INPUTS.map((input, index) => ({ ...input, index })))('$name', async (input) => {
    const place = prepare(String(input.index));
    for (const [name, content] of Object.entries(input.files ?? {}))
      writeFileSync(path.join(place, name), content);
    if (input.spec !== undefined) writeFileSync(path.join(place, 'spec.yaml'), input.spec);
    const before = readdirSync(place).sort();
    const run = await runPlanner(folder, ['search', ...(input.words ?? ['spec.yaml'])], { cwd: place });
    expect(run, run.stderr.slice(0, 500)).toMatchObject({ status: 2, signal: null, stdout: '' });
    const lines = run.stderr.trimEnd().split('\n');
    expect(lines.filter((line) => !LINE.test(line))).toEqual([]);
    const [place1 = '', ...words] = input.want;
    expect(
      lines.some((line) => line.startsWith(place1)),
      run.stderr.slice(0, 500),
    ).toBe(true);
    for (const word of words) expect(run.stderr).toContain(word);

    expect(run.stderr).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/u);
    // Nothing half-written.
    expect(readdirSync(place).sort()).toEqual(before);
  });
});
