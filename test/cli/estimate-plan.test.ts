import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Results } from '../../src/formats/results.ts';
import { BUILD_TIMEOUT_MS, buildPackage, runPlanner } from './built-cli.ts';

/** Two small nodes beside one large node: which runs the second stage decides what fits. */
const SPEC = `
cluster: { nodes: [{ count: 2, accelerator: rtx-4090-24gb }, { count: 1, accelerator: h100-sxm-80gb }] }
model: { model_type: llama, hidden_size: 1024, num_hidden_layers: 8, num_attention_heads: 16, intermediate_size: 2816, vocab_size: 32768 }
training: { sequence_length: 2048, global_batch_size: 24 }
`;

let folder = '';
beforeAll(() => {
  folder = buildPackage();
  writeFileSync(path.join(folder, 'spec.yaml'), SPEC);
}, BUILD_TIMEOUT_MS);
afterAll(() => rmSync(folder, { recursive: true }));

const writePlan = (plan: unknown): string => {
  writeFileSync(path.join(folder, 'plan.json'), JSON.stringify(plan));
  return 'plan.json';
};

/** Three stages, one a node. */
const strategy = { tensor: 8, pipeline: 3, data: 1 };

const capacities = async (plan: object): Promise<readonly number[]> => {
  const words = ['estimate', 'spec.yaml', '--plan', writePlan(plan), '--format', 'json'];
  const { stdout } = await runPlanner(folder, words);
  const [first] = (JSON.parse(stdout) as Results).plans;
  return first?.estimate.memory.map(({ capacity }) => Math.round(capacity / 2 ** 30)) ?? [];
};

describe('planner estimate --plan', () => {
  it('estimates the nodes in the order that the plan launches them', async () => {
    const [small, , large] = await capacities({ strategy });
    expect(large).toBeGreaterThan(3 * (small ?? 0));
    expect(await capacities({ strategy, hosts: [2, 0, 1] })).toEqual([large, small, small]);
  });

  it.each([
    ['a node twice', { hosts: [0, 0, 1] }, 'hosts'],
    ['a node that the cluster lacks', { hosts: [0, 1, 3] }, 'hosts'],
    ['a GPU twice', { hosts: [0, 1, 2], devices: [[0, 0, 1, 2, 3, 4, 5, 6], [], []] }, 'devices'],
  ])('refuses %s with exit status 2', async (_, order, message) => {
    const run = await runPlanner(folder, [
      'estimate',
      'spec.yaml',
      '--plan',
      writePlan({ strategy, ...order }),
    ]);
    expect(run).toMatchObject({ status: 2, stdout: '' });
    expect(run.stderr).toMatch(new RegExp(`^plan\\.json:1:1: error: ${message}`, 'u'));
  });

  it('says that whole results are not one plan', async () => {
    const run = await runPlanner(folder, [
      'estimate',
      'spec.yaml',
      '--plan',
      writePlan({ plans: [{ strategy }] }),
    ]);
    expect(run).toMatchObject({ status: 2, stdout: '' });
    expect(run.stderr).toContain('one element');
  });
});

describe('planner search --time-limit', () => {
  it('marks its result as not reproducible, even where the limit was not reached', async () => {
    const words = ['search', 'spec.yaml', '--top', '1', '--format', 'json', '--set', 'search.fix.tensor=8'];
    const reproducible = async (more: readonly string[]): Promise<boolean> => {
      const { stdout } = await runPlanner(folder, [...words, ...more]);
      return (JSON.parse(stdout) as Results).search.reproducible;
    };
    expect(await reproducible([])).toBe(true);
    expect(await reproducible(['--time-limit', '1h'])).toBe(false);
  });
});
