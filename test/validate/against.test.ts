import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { repositoryPath } from '../shared-data.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'against-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(
  path.join(folder, 'spec.yaml'),
  'cluster: { nodes: 1, accelerator: h100-sxm-80gb }\nmodel: llama3-8b\ntraining: { sequence_length: 4096, global_batch_size: 64 }\n',
);

const searchOf = (spec: string, ...words: readonly string[]) =>
  spawnSync(
    process.execPath,
    [
      '--import',
      import.meta.resolve('tsx'),
      repositoryPath('src', 'cli', 'main.ts'),
      'search',
      spec,
      ...words,
    ],
    { cwd: folder, encoding: 'utf8' },
  );
const search = (...words: readonly string[]) => searchOf('spec.yaml', ...words);

interface Recorded {
  strategy: Record<string, unknown>;
  partition: number[][];
  hosts: number[] | null;
  estimate: { iteration_time_s: number; time: Record<string, number> };
}

describe('planner search --against', () => {
  const best = (JSON.parse(search('--format', 'json').stdout) as { plans: [Recorded] }).plans[0];
  const against = (plan: unknown, ...words: readonly string[]) => {
    writeFileSync(path.join(folder, 'plan.json'), JSON.stringify(plan));
    return search('--against', 'plan.json', ...words);
  };

  it('is content with the plan that it finds again', () => {
    expect(against(best)).toMatchObject({ status: 0, stderr: '' });
  });

  it('judges a dedicated plan on the nodes in its own order', () => {
    // The pipeline of the SPEC's order, n0 with n1 and n2 with n3, runs over slow links; n0 with n2 and n1 with n3 are fast.
    const names = ['n0', 'n1', 'n2', 'n3'];
    const rows = names.map((from, i) =>
      [from, ...names.map((_, j) => (i === j ? 0 : Math.abs(i - j) === 2 ? 50 : 2))].join(','),
    );
    writeFileSync(path.join(folder, 'links.csv'), `GB/s,${names.join(',')}\n${rows.join('\n')}\n`);
    writeFileSync(
      path.join(folder, 'dedicated.yaml'),
      'cluster: { nodes: 4, accelerator: h100-sxm-80gb, network: { measured: ./links.csv } }\nmodel: llama3-8b\ntraining: { sequence_length: 4096, global_batch_size: 64 }\nsearch: { dedication: nodes, fix: { tensor: 8, pipeline: 2, virtual_stages: 1, micro_batch_size: 1, recompute: none }, top: 1 }\n',
    );
    const run = (...words: readonly string[]) => searchOf('dedicated.yaml', ...words);
    const [plan] = (JSON.parse(run('--format', 'json').stdout) as { plans: [Recorded] }).plans;
    expect(plan.hosts).not.toEqual([0, 1, 2, 3]);
    writeFileSync(path.join(folder, 'dedicated.json'), JSON.stringify(plan));
    expect(run('--against', 'dedicated.json')).toMatchObject({ status: 0, stderr: '' });
  });

  it('says by how much the estimate moved, and which part of it', () => {
    const slower = structuredClone(best);
    slower.estimate.iteration_time_s *= 1.2;
    slower.estimate.time['compute'] = (slower.estimate.time['compute'] ?? 0) * 1.3;
    const { status, stderr } = against(slower);
    expect(status).toBe(1);
    expect(stderr).toMatch(/moved by -16\.7 %.*compute -/u);
    expect(against(slower, '--max-change', '0.5').status).toBe(0);
  });

  it('says which plan is better now', () => {
    const worse = structuredClone(best);
    worse.strategy['recompute'] = 'full';
    const { status, stderr } = against(worse);
    expect(status).toBe(1);
    expect(stderr).toContain('(was full)');
  });

  it('says which rule refuses the recorded plan, and reads nothing else', () => {
    const illegal = structuredClone(best);
    illegal.strategy['tensor'] = 3;
    expect(against(illegal).stderr).toMatch(/illegal now: .*\(megatron\//u);
    expect(against({ strategy: best.strategy })).toMatchObject({ status: 2, stdout: '' });
  });
});
