/** The workflow of docs/validate.md, step by step: only the network and GitHub's own actions are stood in for. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { sarifFaults } from '../report/sarif-schema.ts';
import { repositoryPath } from '../shared-data.ts';
import { script } from './judge.ts';

interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly if?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: Readonly<Record<string, string>>;
}

const folder = mkdtempSync(path.join(tmpdir(), 'workflow-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const workspace = path.join(folder, 'workspace');
const actionPath = path.join(folder, 'action');
const tools = path.join(folder, 'tools');
for (const name of [path.join(workspace, 'jobs'), actionPath, tools]) mkdirSync(name, { recursive: true });

const batch = '--micro-batch-size 1 --global-batch-size 64';
writeFileSync(path.join(workspace, 'jobs', 'good.sh'), script(batch));
writeFileSync(path.join(workspace, 'jobs', 'bad.sh'), script(`--tensor-model-parallel-size 3 ${batch}`));
// npm without its network: it notes what it was asked, and leaves the folder that it would fill.
writeFileSync(path.join(tools, 'npm'), '#!/bin/bash\necho "npm $*" >> "$NPM_LOG"\nmkdir -p node_modules\n');
chmodSync(path.join(tools, 'npm'), 0o755);

const workflow = (): { readonly jobs: { readonly validate: { readonly steps: readonly Step[] } } } => {
  const page = readFileSync(repositoryPath('docs', 'validate.md'), 'utf8');
  const block = /## GitHub\n+```yaml\n([^]*?)```/u.exec(page)?.[1] ?? '';
  return parse(block) as ReturnType<typeof workflow>;
};

const action = parse(readFileSync(repositoryPath('action.yml'), 'utf8')) as {
  readonly inputs: Readonly<Record<string, { readonly default?: string; readonly required?: boolean }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
};

/** Runs one step as a runner does: expressions replaced, bash with its options, in the workspace. */
const runStep = (step: Step, inputs: ReadonlyMap<string, string>) => {
  const fill = (text: string): string =>
    text
      .replace(/\$\{\{ inputs\.([a-z]+) \}\}/gu, (_, name: string) => inputs.get(name) ?? '')
      .replaceAll('${{ github.action_path }}', actionPath);
  const env = Object.fromEntries(Object.entries(step.env ?? {}).map(([name, value]) => [name, fill(value)]));
  // The built command is what the action runs; here the sources stand in for it.
  const planner = `${process.execPath} --import ${import.meta.resolve('tsx')} ${repositoryPath('src', 'cli', 'main.ts')}`;
  return spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', step.run ?? ''], {
    cwd: workspace,
    encoding: 'utf8',
    env: {
      PATH: `${tools}:${process.env['PATH'] ?? ''}`,
      NPM_LOG: path.join(folder, 'npm.log'),
      PLANNER: planner,
      ...env,
    },
  });
};

describe('the workflow of the documentation', () => {
  const { steps } = workflow().jobs.validate;

  it('asks for actions that exist here or at GitHub, with inputs that the action has', () => {
    expect(action.runs.using).toBe('composite');
    const own = steps.find(({ uses }) => uses?.includes('/planner@') === true);
    expect(Object.keys(own?.with ?? {}).every((name) => Object.hasOwn(action.inputs, name))).toBe(true);
    expect(steps.map(({ uses }) => uses?.split('@')[0])).toEqual([
      'actions/checkout',
      'OWNER/planner',
      'github/codeql-action/upload-sarif',
    ]);
    for (const step of action.runs.steps)
      expect(step.run === undefined || 'shell' in step, step.name ?? step.uses).toBe(true);
  });

  it('installs once, annotates the pull request, leaves the SARIF file for the upload and fails', () => {
    const given = steps[1]?.with ?? {};
    const inputs = new Map(
      Object.entries(action.inputs).map(([name, input]) => [name, given[name] ?? input.default ?? '']),
    );
    let failed = false;
    let output = '';
    for (const step of action.runs.steps) {
      if (step.run === undefined || failed) continue;
      const result = runStep(step, inputs);
      output += result.stdout;
      failed = result.status !== 0;
      if (failed) expect(result.status, result.stderr).toBe(1);
    }
    expect(readFileSync(path.join(folder, 'npm.log'), 'utf8')).toBe('npm ci --no-audit --no-fund\n');
    expect(existsSync(path.join(actionPath, 'node_modules'))).toBe(true);
    expect(failed).toBe(true);
    expect(output).toMatch(/^::error file=jobs\/bad\.sh,line=\d+/mu);
    expect(output).not.toContain('good.sh');
    // The last step runs all the same, on the file that it names.
    expect(steps[2]?.if).toBe('always()');
    const sarif = JSON.parse(
      readFileSync(path.join(workspace, steps[2]?.with?.['sarif_file'] ?? ''), 'utf8'),
    ) as unknown;
    expect(sarifFaults(sarif)).toEqual([]);
  });

  it('passes when nothing is wrong, and does not install twice', () => {
    const inputs = new Map([
      ['files', 'jobs/good.sh'],
      ['arguments', ''],
      ['sarif', ''],
    ]);
    for (const step of action.runs.steps)
      if (step.run !== undefined) expect(runStep(step, inputs).status).toBe(0);
    expect(readFileSync(path.join(folder, 'npm.log'), 'utf8').split('\n')).toHaveLength(2);
  });
});
