import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { BUILD_TIMEOUT_MS, buildPackage, runPlanner } from '../cli/built-cli.ts';
import * as samples from '../ingest/links-samples.ts';

let planner: string;
let cwd: string;

beforeAll(() => {
  planner = buildPackage();
  cwd = mkdtempSync(path.join(os.tmpdir(), 'planner-links-'));
  const files: Readonly<Record<string, string>> = {
    'graph.log': samples.MPIGRAPH,
    'ab.log': samples.pairLog('a', 'b', 20),
    'ac.log': samples.pairLog('a', 'c', 5),
    'bc.log': samples.pairLog('b', 'c', 20),
    'hole.csv': samples.CSV.replace('n1,12,0,10', 'n1,12,0,'),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(cwd, name), text);
}, BUILD_TIMEOUT_MS);

const run = (...words: string[]) => runPlanner(planner, words, { cwd });

describe('planner cluster import', () => {
  it('writes a fragment and its links, which a SPEC reads back', async () => {
    const imported = await run('cluster', 'import', 'ab.log', 'ac.log', 'bc.log', '-o', 'cluster.yaml');
    expect(imported.status).toBe(0);
    expect(imported.stdout).toBe('');
    const fragment = readFileSync(path.join(cwd, 'cluster.yaml'), 'utf8');
    expect(fragment).toContain('accelerator: h100-sxm-80gb');
    expect(fragment).toContain('measured: ./cluster.links.json');
    writeFileSync(
      path.join(cwd, 'spec.yaml'),
      `${fragment}model: llama2-7b\ntraining: { sequence_length: 4096, global_batch_size: 24 }\n`,
    );
    const shown = await run('cluster', 'show', 'spec.yaml');
    expect(shown.status).toBe(0);
    expect(shown.stdout).toContain('a → c: 5.000 GB/s');
    const lost = await run(
      'cluster',
      'show',
      'spec.yaml',
      '--strategy',
      'tensor=1,pipeline=1',
      '--format',
      'json',
    );
    const document = JSON.parse(lost.stdout) as { plan: { iteration_time_s: number; at_median_s: number } };
    expect(document.plan.iteration_time_s).toBeGreaterThan(document.plan.at_median_s);
  });

  it('refuses a hole at its place, and takes it where asked to', async () => {
    const refused = await run('cluster', 'import', 'hole.csv', '--format', 'json');
    expect(refused.status).toBe(2);
    expect(refused.stdout).toBe('');
    expect(refused.stderr).toContain('hole.csv:3:9: error: n1 to n2');
    const taken = await run('cluster', 'import', 'hole.csv', '--format', 'json', '--allow-missing');
    expect(taken.status).toBe(0);
    expect(JSON.parse(taken.stdout)).toMatchObject({ order: ['n0', 'n1', 'n2'], unusable: [['n1', 'n2']] });
  });

  it('knows a preset from a wrong one', async () => {
    const wrong = await run('cluster', 'import', 'graph.log', '--accelerator', 'h100');
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toContain('--accelerator');
  });
});

describe('planner cluster show', () => {
  it('prints no colour into a pipe, nor where NO_COLOR is set', async () => {
    const piped = await run('cluster', 'show', 'graph.log');
    expect(piped.status).toBe(0);
    expect(piped.stdout).not.toContain('\u001b');
    const coloured = await runPlanner(planner, ['cluster', 'show', 'graph.log'], {
      cwd,
      environment: { FORCE_COLOR: '1' },
    });
    expect(coloured.stdout).toContain('\u001b');
    // The same characters under the colours.
    expect(coloured.stdout.replace(/\u001b\[\d+m/gu, '')).toBe(piped.stdout);
  });

  it('says where there is nothing to show', async () => {
    writeFileSync(path.join(cwd, 'plain.yaml'), 'cluster: { nodes: 2, accelerator: h100-sxm-80gb }\n');
    const shown = await run('cluster', 'show', 'plain.yaml');
    expect(shown.status).toBe(2);
    expect(shown.stderr).toContain('no measured links');
  });
});
