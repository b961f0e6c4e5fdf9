import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { repositoryPath } from '../shared-data.ts';
import { baseFlags, script } from './judge.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'validate-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const batch = '--micro-batch-size 1 --global-batch-size 64';
const files = {
  'good.sh': script(
    `--tensor-model-parallel-size 2 --sequence-parallel --use-distributed-optimizer ${batch}`,
  ),
  'bad.sh': script(
    `--tensor-model-parallel-size 8 --pipeline-model-parallel-size 2 --sequence-parallel ${batch}`,
  ),
  'open.sh': script('--micro-batch-size $MBS --global-batch-size 64'),
  'unknown.args': `${baseFlags} ${batch} --not-a-flag 1`,
  'other.txt': 'hello',
  'spec.yaml':
    'cluster: { nodes: 1, accelerator: h100-sxm-80gb }\nmodel: llama3-8b\ntraining: { sequence_length: 4096, global_batch_size: 64 }\n',
};
for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);

const planner = (...words: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), repositoryPath('src', 'cli', 'main.ts'), 'validate', ...words],
    { cwd: folder, encoding: 'utf8' },
  );
  return { status, stdout, stderr };
};

describe('planner validate', () => {
  it.each([
    [['good.sh'], 0],
    [['bad.sh'], 1],
    [['good.sh', 'bad.sh'], 1],
    [['open.sh'], 0],
    [['open.sh', '--strict'], 1],
    [['open.sh', '--strict', '--env', 'MBS=2'], 0],
    [['unknown.args', '--gpus', '8', '--env', 'CUDA_DEVICE_MAX_CONNECTIONS=1'], 0],
    [['unknown.args', '--gpus', '8', '--target', 'megatron@0.20'], 1],
    [['other.txt'], 2],
    [['good.sh', 'absent.sh'], 2],
    [['nothing-*.sh'], 2],
    [[], 2],
    [['good.sh', '--target', 'megatron@7'], 2],
    [['good.sh', '--gpus', '0'], 2],
    [['good.sh', '--write'], 2],
    [['good.sh', '--launcher', 'slurm'], 2],
    [['good.sh', '--set', 'search.top=1'], 2],
    [['good.sh', '--max-slowdown', '0.2'], 2],
  ] as const)('%j ends with %i', (words, status) => {
    const result = planner(...words);
    expect(result.status, result.stderr).toBe(status);
    if (status === 2) expect(result.stdout).toBe('');
  });

  it('prints JSON that fits its schema', () => {
    const schema = JSON.parse(
      readFileSync(repositoryPath('schema', 'validation.schema.json'), 'utf8'),
    ) as object;
    const document = JSON.parse(planner('*.sh', '--format', 'json').stdout) as {
      readonly files: readonly { readonly file: string; readonly verdict: string }[];
      readonly summary: unknown;
    };
    const check = new Ajv({ strict: false }).compile(schema);
    expect(check(document), JSON.stringify(check.errors)).toBe(true);
    expect(document.files.map(({ file, verdict }) => [file, verdict])).toEqual([
      ['bad.sh', 'invalid'],
      ['good.sh', 'valid'],
      ['open.sh', 'unchecked'],
    ]);
    expect(document.summary).toMatchObject({ files: 3, valid: 1, invalid: 1, unchecked: 1 });
  });

  it('prints SARIF 2.1.0 of the form that code scanning takes', () => {
    const log = JSON.parse(planner('bad.sh', '--format', 'sarif').stdout) as Record<string, unknown>;
    const integer = { type: 'integer', minimum: 1 };
    // The required parts of the OASIS schema, and what GitHub asks beyond them.
    const text = {
      type: 'object',
      required: ['text'],
      properties: { text: { type: 'string', minLength: 1 } },
    };
    const schema = {
      type: 'object',
      required: ['version', 'runs', '$schema'],
      properties: {
        version: { const: '2.1.0' },
        runs: {
          type: 'array',
          items: {
            type: 'object',
            required: ['tool', 'results'],
            properties: {
              columnKind: { enum: ['utf16CodeUnits', 'unicodeCodePoints'] },
              tool: {
                type: 'object',
                required: ['driver'],
                properties: {
                  driver: {
                    type: 'object',
                    required: ['name', 'rules'],
                    properties: {
                      rules: {
                        type: 'array',
                        minItems: 1,
                        items: {
                          type: 'object',
                          required: ['id', 'shortDescription'],
                          properties: {
                            shortDescription: text,
                            help: text,
                            defaultConfiguration: {
                              type: 'object',
                              properties: { level: { enum: ['none', 'note', 'warning', 'error'] } },
                            },
                          },
                        },
                      },
                    },
                  },
                },
              },
              results: {
                type: 'array',
                minItems: 1,
                items: {
                  type: 'object',
                  required: ['message', 'ruleId', 'ruleIndex', 'level', 'locations', 'partialFingerprints'],
                  properties: {
                    message: text,
                    level: { enum: ['none', 'note', 'warning', 'error'] },
                    ruleIndex: { type: 'integer', minimum: 0 },
                    partialFingerprints: {
                      type: 'object',
                      minProperties: 1,
                      additionalProperties: { type: 'string' },
                    },
                    locations: {
                      type: 'array',
                      minItems: 1,
                      items: {
                        type: 'object',
                        required: ['physicalLocation'],
                        properties: {
                          physicalLocation: {
                            type: 'object',
                            required: ['artifactLocation', 'region'],
                            properties: {
                              artifactLocation: { type: 'object', required: ['uri'] },
                              region: {
                                type: 'object',
                                required: ['startLine'],
                                properties: { startLine: integer, startColumn: integer, endColumn: integer },
                              },
                            },
                          },
                        },
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
    };
    const check = new Ajv({ strict: false }).compile(schema);
    expect(check(log), JSON.stringify(check.errors)).toBe(true);
  });

  it('annotates, and writes JUnit', () => {
    expect(planner('bad.sh', '--format', 'github').stdout).toMatch(
      /^::error file=bad\.sh,line=2,endLine=2,col=\d+,endColumn=\d+,title=megatron\/world-divisible \(dies at%3A startup\)::/u,
    );
    expect(planner('bad.sh', '--format', 'junit').stdout).toContain(
      '<testcase name="megatron/world-divisible" classname="bad.sh">',
    );
  });

  it('underlines the flag and says how much was checked', () => {
    const { stdout } = planner('bad.sh');
    expect(stdout).toContain('~~~~~~');
    expect(stdout).toMatch(/1 file, \d+ rules checked: 1 invalid/u);
  });

  it('proposes the fewest changes, and --write makes them', () => {
    const file = path.join(folder, 'mend.sh');
    writeFileSync(file, files['bad.sh']);
    const { stdout, status } = planner('mend.sh', '--fix', '--write');
    expect(status).toBe(1);
    expect(stdout).toMatch(
      /^mend\.sh: (--tensor-model-parallel-size 4|--pipeline-model-parallel-size 1)\n--- mend\.sh/u,
    );
    expect(planner('mend.sh').status).toBe(0);
  });

  it('--write keeps a script executable, and a link a link', () => {
    const file = path.join(folder, 'executable.sh');
    writeFileSync(file, files['bad.sh']);
    chmodSync(file, 0o750);
    symlinkSync('executable.sh', path.join(folder, 'link.sh'));
    expect(planner('link.sh', '--fix', '--write').status).toBe(1);
    expect(lstatSync(path.join(folder, 'link.sh')).isSymbolicLink()).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o750);
    expect(readFileSync(file, 'utf8')).not.toBe(files['bad.sh']);
    expect(planner('executable.sh').status).toBe(0);
  });

  it('reads planner.config.yaml: defaults, and rules off with a reason', () => {
    const config = path.join(folder, 'planner.config.yaml');
    writeFileSync(
      config,
      'files: ["bad.sh"]\nrules_off:\n  megatron/world-divisible: the launcher corrects it\n  megatron/batch-divisible: the same\n',
    );
    const { status, stdout } = planner();
    expect(stdout).toContain('switched off: megatron/world-divisible (the launcher corrects it)');
    expect(status).toBe(0);
    writeFileSync(config, 'rules_off:\n  megatron/world-divisible: ""\n  megatron/nonsense: why\nnope: 1\n');
    const wrong = planner('good.sh');
    expect(wrong.status).toBe(2);
    expect(wrong.stderr.split('\n').filter((line) => line.startsWith('planner.config.yaml:'))).toHaveLength(
      3,
    );
    rmSync(config);
  });

  it('with a SPEC: memory by stage, and the launch against the cluster', () => {
    writeFileSync(
      path.join(folder, 'large.sh'),
      script('--micro-batch-size 8 --global-batch-size 64', { model: `${baseFlags} --vocab-size 128256` }),
    );
    const large = planner('large.sh', '--spec', 'spec.yaml');
    expect(large.status).toBe(1);
    expect(large.stdout).toMatch(/stage 0 needs up to [\d.]+ GiB of [\d.]+ GiB: [\d.]+ GiB too much/u);
    writeFileSync(
      path.join(folder, 'wide.sh'),
      script(`--tensor-model-parallel-size 2 --sequence-parallel ${batch}`, { nodes: 2 }),
    );
    expect(planner('wide.sh', '--spec', 'spec.yaml').stdout).toContain(
      'the launch asks for 16 GPUs, the cluster has 8',
    );
  });

  it('with a SPEC: parameters that are made whole on every GPU before they are sharded', () => {
    // 70.6e9 parameters in bf16 are 131 GiB; their states are 18 · 70.6e9 ∕ 64 = 18.5 GiB on a rank.
    writeFileSync(
      path.join(folder, 'seventy.yaml'),
      'cluster: { nodes: 8, accelerator: h100-sxm-80gb }\nmodel: llama3-70b\ntraining: { sequence_length: 4096, global_batch_size: 64 }\n',
    );
    const fsdp =
      '--use-distributed-optimizer --use-megatron-fsdp --data-parallel-sharding-strategy optim_grads_params --ckpt-format fsdp_dtensor --no-gradient-accumulation-fusion --overlap-grad-reduce --overlap-param-gather --recompute-granularity full --recompute-method uniform --recompute-num-layers 1';
    const sizes =
      '--num-layers 80 --hidden-size 8192 --ffn-hidden-size 28672 --num-attention-heads 64 --group-query-attention --num-query-groups 8 --swiglu --untie-embeddings-and-output-weights --vocab-size 128256 --seq-length 4096 --max-position-embeddings 4096 --normalization RMSNorm --position-embedding-type rope --disable-bias-linear --bf16';
    const write = (name: string, flags: string): void =>
      writeFileSync(
        path.join(folder, name),
        script(`--micro-batch-size 1 --global-batch-size 64 ${fsdp} ${flags}`, {
          model: sizes,
          nodes: 8,
        }).replace('CONNECTIONS=1', 'CONNECTIONS=8'),
      );
    write('whole.sh', '');
    write('sharded.sh', '--init-model-with-meta-device');
    expect(planner('whole.sh', '--spec', 'seventy.yaml').stdout).toMatch(
      /stage 0 needs up to 14\d\.\d GiB of .* --init-model-with-meta-device/u,
    );
    expect(planner('sharded.sh', '--spec', 'seventy.yaml').stdout).not.toContain('too much');
  });

  it('carries a layout to another runtime', () => {
    const { stdout, status, stderr } = planner(
      'good.sh',
      '--spec',
      'spec.yaml',
      '--emit',
      'nanotron',
      '--only',
      'flags',
    );
    expect(status, stderr).toBe(0);
    expect(parse(stdout)).toMatchObject({ parallelism: { tp: 2, pp: 1, dp: 4 } });
  });
});

describe('the GitHub Action', () => {
  it('runs step by step: its script gives the annotations and the SARIF file', () => {
    const action = parse(readFileSync(repositoryPath('action.yml'), 'utf8')) as {
      readonly runs: {
        readonly using: string;
        readonly steps: readonly {
          readonly run?: string;
          readonly env?: Readonly<Record<string, string>>;
          readonly shell?: string;
        }[];
      };
    };
    expect(action.runs.using).toBe('composite');
    const steps = action.runs.steps.filter(({ run }) => run !== undefined);
    const step = steps.at(-1);
    expect(step?.shell).toBe('bash');
    const inputs: Readonly<Record<string, string>> = {
      files: 'bad.sh good.sh',
      arguments: '--target megatron@0.20',
      sarif: 'out.sarif',
    };
    const env = Object.fromEntries(
      Object.entries(step?.env ?? {}).map(([name, value]) => [
        name,
        value
          .replace(/\$\{\{ inputs\.([a-z]+) \}\}/gu, (_, key: string) => inputs[key] ?? '')
          .replace('${{ github.action_path }}', repositoryPath()),
      ]),
    );
    // The step runs the built command; here the sources stand in for it.
    const planner = `${process.execPath} --import ${import.meta.resolve('tsx')} ${repositoryPath('src', 'cli', 'main.ts')}`;
    const result = spawnSync('bash', ['-e', '-o', 'pipefail', '-c', step?.run ?? ''], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, ...env, PLANNER: planner },
    });
    expect(result.status, result.stderr).toBe(1);
    expect(result.stdout).toContain('::error file=bad.sh');
    expect(
      (JSON.parse(readFileSync(path.join(folder, 'out.sarif'), 'utf8')) as { version: string }).version,
    ).toBe('2.1.0');
  });

  it('is a script that bash accepts', () => {
    const action = parse(readFileSync(repositoryPath('action.yml'), 'utf8')) as {
      readonly runs: { readonly steps: readonly { readonly run?: string }[] };
    };
    for (const { run } of action.runs.steps)
      if (run !== undefined) expect(() => execFileSync('bash', ['-n', '-c', run])).not.toThrow();
  });
});

describe('a YAML of arguments', () => {
  it('is mended in place: values, new and taken-out flags on lines of their own', () => {
    const flags = baseFlags.split(' --').map((part) => part.replace(/^--/u, '').split(' '));
    const lines = flags.map(
      ([name, ...values]) => `  --${name ?? ''}: ${values.length === 0 ? 'true' : values.join(' ')}`,
    );
    const text = [
      'ENV_VARS:',
      '  CUDA_DEVICE_MAX_CONNECTIONS: 1',
      'MODEL_ARGS:',
      ...lines,
      '  --micro-batch-size: 1',
      '  --global-batch-size: 64',
      '  --overlap-param-gather: true',
      '  --use-distributed-optimizer: true',
      '',
    ].join('\n');
    writeFileSync(path.join(folder, 'args.yaml'), text);
    const { stdout } = planner('args.yaml', '--gpus', '8', '--fix');
    expect(stdout).toMatch(/^args\.yaml: (without --overlap-param-gather|--overlap-grad-reduce)\n/u);
    expect(stdout).toMatch(/^[-+] {2}--overlap-(param-gather|grad-reduce): true$/mu);
  });
});
