import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { dataPath, hasData, repositoryPath } from '../shared-data.ts';
import { judge } from './judge.ts';
import { tabulate } from './tabulate.ts';
import type { Row } from './tabulate.ts';

const golden = JSON.parse(
  readFileSync(repositoryPath('test', 'golden', 'validate-configs.json'), 'utf8'),
) as Readonly<Record<string, Row>>;

const walk = (folder: string): readonly string[] =>
  readdirSync(folder).flatMap((name) => {
    const file = path.join(folder, name);
    return statSync(file).isDirectory() ? walk(file) : [file];
  });

describe('real configurations', () => {
  const folder = dataPath('launch', 'configs');
  const files = existsSync(folder) ? walk(folder) : [];

  it.skipIf(files.length === 0).each(files.map((file) => [path.relative(folder, file), file] as const))(
    '%s',
    (name, file) => {
      expect(tabulate(file)).toEqual(golden[name]);
    },
  );

  it('are tabulated, also where the files themselves are not at hand (PLANNER_DATA)', () => {
    expect(Object.keys(golden).length).toBeGreaterThanOrEqual(30);
    // huggingface/nanotron @ 2411b022 : examples/config_llamoe.yaml has an expert size of 2, which that commit cannot start.
    expect(golden['nanotron/config_llamoe.yaml']?.errors).toEqual(['nanotron/no-expert-parallelism']);
    // Megatron at d98e8a64 refuses Transformer Engine's cross entropy (megatron_real_config_verdicts.json).
    expect(golden['moe_modelzoo/Qwen3-235B-A22B.yaml']?.errors).toContain('megatron/cross-entropy-fusion');
  });
});

describe('recorded verdicts of the runtimes', () => {
  const names = [
    'megatron_rule_vectors.json',
    'megatron_real_config_verdicts.json',
    'bridge_perf_recipes.json',
  ];
  const report = (name: string): string =>
    execFileSync(
      process.execPath,
      ['--import', import.meta.resolve('tsx'), 'scripts/validate-report.ts', dataPath('launch', name)],
      { cwd: repositoryPath(), encoding: 'utf8' },
    );

  it.skipIf(!hasData('launch', names[0] ?? ''))(
    'all rule vectors and real configurations of Megatron agree',
    () => {
      expect(report('megatron_rule_vectors.json')).toContain('57 of 57 verdicts agree; 0 differ');
      expect(report('megatron_real_config_verdicts.json')).toContain('16 of 16 verdicts agree; 0 differ');
    },
  );

  it.skipIf(!hasData('launch', names[2] ?? ''))(
    "Bridge's recipes: ten fail its world check, two the batch rule, no other is called invalid",
    () => {
      const text = report('bridge_perf_recipes.json');
      expect(text.split('\n').filter((line) => line.includes('world check refuses'))).toHaveLength(10);
      expect(text.split('\n').filter((line) => line.startsWith('INVALID'))).toHaveLength(12);
      expect(text).toContain('recipes that break the batch rule: 2');
      expect(text).toContain('289 of 289 verdicts agree');
    },
  );

  it('the layout of a shipped recipe that cannot start, by its own figures', () => {
    // qwen3_235b_a22b_pretrain_64gpu_gb200_fp8mx_config: PP 8, EP 32 on 64 GPUs.
    const recipe =
      '--recipe qwen3_235b_a22b_pretrain_64gpu_gb200_fp8mx_config model.tensor_model_parallel_size=1 model.pipeline_model_parallel_size=8 model.expert_model_parallel_size=32 model.context_parallel_size=1';
    const report = judge(recipe, { name: 'recipe.args' });
    expect(report.target?.name).toBe('bridge');
    expect(report.findings.filter(({ level }) => level === 'error').map(({ rule }) => rule)).toEqual([
      'megatron/expert-grid',
    ]);
  });
});
