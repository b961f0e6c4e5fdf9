import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { prepare } from '../../src/cli/validation-input.ts';
import { emptyConfig } from '../../src/validate/project-config.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'validation-input-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const architectureOf = async (...accelerators: readonly string[]): Promise<string | null> => {
  const spec = path.join(folder, `${accelerators.join('-')}.yaml`);
  const groups = accelerators.map((name) => `{ count: 1, accelerator: ${name} }`);
  writeFileSync(
    spec,
    `cluster: { nodes: [${groups.join(', ')}] }\nmodel: llama3-8b\ntraining: { sequence_length: 4096, global_batch_size: 64 }\n`,
  );
  return (await prepare({ spec, env: [], set: [] }, emptyConfig)).read.architecture;
};

describe('a launch is held against the weakest GPU of the cluster', () => {
  it.each([
    [['h100-sxm-80gb'], 'hopper'],
    [['h100-sxm-80gb', 'a100-sxm-80gb'], 'ampere'],
    [['a100-sxm-80gb', 'h100-sxm-80gb'], 'ampere'],
    [['a100-sxm-80gb', 'v100-sxm-32gb', 'h100-sxm-80gb'], 'volta'],
  ])('%j: %s', async (accelerators, architecture) => {
    expect(await architectureOf(...accelerators)).toBe(architecture);
  });

  it('without a SPEC none is known', async () => {
    expect((await prepare({ env: [], set: [] }, emptyConfig)).read.architecture).toBeNull();
  });
});
