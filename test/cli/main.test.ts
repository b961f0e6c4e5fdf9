import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILD_TIMEOUT_MS, buildPackage, runPlanner } from './built-cli.ts';

let folder = '';
beforeAll(() => {
  folder = buildPackage();
}, BUILD_TIMEOUT_MS);
afterAll(() => rmSync(folder, { recursive: true }));

describe('planner', () => {
  it('prints its version', async () => {
    const { version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(await runPlanner(folder, ['--version'])).toMatchObject({
      status: 0,
      stdout: `${version}\n`,
      stderr: '',
    });
  });

  it('prints help with examples, for itself and for each command', async () => {
    const help = await runPlanner(folder, ['--help']);
    expect(help).toMatchObject({ status: 0, stderr: '' });
    const commands = [...help.stdout.matchAll(/^ {2}([a-z]+) \[/gmu)]
      .map(([, name = '']) => name)
      .filter((name) => name !== 'help');
    expect(commands).toEqual(expect.arrayContaining(['accuracy', 'presets', 'schema']));
    for (const command of commands) {
      const own = await runPlanner(folder, [command, '--help']);
      expect(own, command).toMatchObject({ status: 0, stderr: '' });
      expect(own.stdout, command).toContain(`$ planner ${command}`);
    }
  });

  it.each([
    ['no command', [], ''],
    ['an unknown command', ['serch'], "planner:1:1: error: unknown command 'serch'"],
    ['an unknown option', ['presets', '--colour'], "planner:1:1: error: unknown option '--colour'"],
    ['a missing argument', ['schema'], "planner:1:1: error: missing required argument 'name'"],
    ['a bad argument', ['schema', 'sepc'], 'planner:1:1: error: '],
    ['too many arguments', ['schema', 'spec', 'results'], 'planner:1:1: error: '],
  ])('answers %s with exit status 2 and nothing on stdout', async (_, words, begin) => {
    const run = await runPlanner(folder, words);
    expect(run).toMatchObject({ status: 2, signal: null, stdout: '' });
    expect(run.stderr.startsWith(begin)).toBe(true);
    expect(run.stderr).not.toBe('');
  });

  it('ends quietly when nobody reads on, and not with success when the disk is full', () => {
    const planner = `"${process.execPath}" "${path.join(folder, 'bin/planner.js')}"`;
    const cut = spawnSync(
      'bash',
      ['-c', `${planner} presets --format json | head -c 10; echo " \${PIPESTATUS[0]}"`],
      { encoding: 'utf8' },
    );
    expect(cut.stderr).toBe('');
    expect(cut.stdout).toMatch(/ (?:0|141)\n$/u);
    if (!existsSync('/dev/full')) return;
    const full = spawnSync('bash', ['-c', `${planner} presets > /dev/full`], { encoding: 'utf8' });
    expect(full.status).toBe(2);
    expect(full.stderr).toContain('ENOSPC');
  });

  it('reports a defect of ours in one line, or as one JSON object, with exit status 70', async () => {
    const broken = path.join(folder, 'broken');
    mkdirSync(broken);
    // A package without its presets is such a defect.
    for (const name of ['bin', 'dist', 'schema', 'package.json', 'node_modules'])
      symlinkSync(path.join(folder, name), path.join(broken, name));
    const preserved = { environment: { NODE_OPTIONS: '--preserve-symlinks --preserve-symlinks-main' } };
    const plain = await runPlanner(broken, ['presets'], preserved);
    expect(plain).toMatchObject({ status: 70, stdout: '' });
    expect(plain.stderr).toMatch(/^planner: internal error: .+\n$/u);
    const json = await runPlanner(broken, ['presets', '--format', 'json'], preserved);
    expect(json).toMatchObject({ status: 70, stdout: '' });
    expect(JSON.parse(json.stderr)).toMatchObject({
      schema_version: 1,
      error: { kind: 'defect', exit_status: 70 },
    });
  });

  it('says how to build it when it is not built', () => {
    const bare = path.join(folder, 'bare');
    mkdirSync(path.join(bare, 'bin'), { recursive: true });
    writeFileSync(path.join(bare, 'package.json'), '{"type": "module"}');
    writeFileSync(path.join(bare, 'bin/planner.js'), readFileSync(path.join(folder, 'bin/planner.js')));
    const run = spawnSync(process.execPath, [path.join(bare, 'bin/planner.js'), 'search', 'x'], {
      encoding: 'utf8',
    });
    expect(run).toMatchObject({ status: 70, stdout: '' });
    expect(run.stderr).toContain('npm run build');
  });
});

describe('planner presets', () => {
  it('lists every preset that the formats promise, with its source', async () => {
    const run = await runPlanner(folder, ['presets', '--format', 'json']);
    expect(run).toMatchObject({ status: 0, stderr: '' });
    const lists = JSON.parse(run.stdout) as Record<string, readonly { name: string; source: string }[]>;
    const names = ['accelerators', 'links', 'nics', 'models'].flatMap((kind) => lists[kind] ?? []);
    for (const { name, source } of names) expect(source.length, name).toBeGreaterThan(5);
    const promised =
      'v100-sxm-16gb v100-sxm-32gb t4-16gb a100-sxm-40gb a100-sxm-80gb a800-sxm-80gb h100-sxm-80gb h100-pcie-80gb gh200-96gb h200-sxm-141gb h800-sxm-80gb h20-sxm-96gb b200-sxm-180gb b300-sxm-288gb gb200-186gb gb300-288gb l40s-48gb rtx-4090-24gb mi250x-64gb mi300x-192gb mi355x-288gb nvlink2 nvlink3 nvlink4 nvlink5 pcie4 pcie5 infinity-fabric edr-100 hdr-200 ndr-400 xdr-800 roce-100 roce-200 roce-400 efa-100 ethernet-25 ethernet-100 gpt3-175b gpt-mt-530b llama2-7b llama2-13b llama2-70b llama3-8b llama3-70b llama3-405b mixtral-8x7b mixtral-8x22b qwen3-8b qwen3-32b qwen3-30b-a3b qwen3-235b-a22b deepseek-v2-lite deepseek-v3 kimi-k2 gpt-oss-20b gpt-oss-120b grok-1 nemotron-3-nano-30b-a3b';
    expect(names.map(({ name }) => name)).toEqual(expect.arrayContaining(promised.split(' ')));
  });

  it('prints one kind as a table', async () => {
    const run = await runPlanner(folder, ['presets', 'nics']);
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(run.stdout).toContain('ndr-400');
    expect(run.stdout).not.toContain('nvlink4');
  });
});

describe('planner schema', () => {
  it.each(['spec', 'results', 'accuracy'])('%s is a schema of draft-07 that ajv compiles', async (name) => {
    const run = await runPlanner(folder, ['schema', name]);
    expect(run).toMatchObject({ status: 0, stderr: '' });
    const schema = JSON.parse(run.stdout) as Record<string, unknown>;
    expect(schema['$schema']).toBe('http://json-schema.org/draft-07/schema#');
    expect(() => new Ajv({ strict: false }).compile(schema)).not.toThrow();
  });
});
