import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModelPreset } from '../../src/ingest/model-presets.ts';
import { emit } from '../../src/runtimes/emit.ts';
import { megatronFlags } from '../../src/runtimes/megatron/flags.ts';
import { readMegatronScript } from '../../src/runtimes/megatron/read-script.ts';
import { evenPartition } from '../../src/strategy/layer-split.ts';
import { gpusUsed } from '../../src/strategy/strategy.ts';
import { dataPath, hasData } from '../shared-data.ts';
import { clusterOf, contextOf, legalCases, planOf, problemOf, trainingOf, traitsOf } from '../strategies.ts';
import type { Case } from '../strategies.ts';
import { strategyOf } from './sample.ts';
import { validateArguments } from './validate-arguments.ts';

const cases = legalCases(500, 20);
const launchers = ['torchrun', 'slurm'] as const;

const scriptOf = ({ plan, problem }: Case, launcher: 'torchrun' | 'slurm'): string => {
  const emission = emit(plan, problem, { target: 'megatron', launcher, version: '0.1.0' });
  expect(emission.unsupported).toBeNull();
  return emission.files[0]?.text ?? '';
};

const has = (command: string): boolean => spawnSync(command, ['--version']).error === undefined;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'planner-launch-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const writeAll = (launcher: 'torchrun' | 'slurm'): string[] =>
  cases.map((one, index) => {
    const file = path.join(folder, `${launcher}-${index}.sh`);
    writeFileSync(file, scriptOf(one, launcher));
    return file;
  });

describe('500 random legal strategies', () => {
  it('cover the kinds of models and flags', () => {
    const seen = new Set(cases.flatMap(traitsOf));
    for (const trait of [
      'dense',
      'experts',
      'latent',
      'delta-net',
      'mamba',
      'virtual',
      'uneven',
      'overlap-expert',
      'offload',
      'context-p2p',
      'context-a2a',
      'context-all-gather',
      'context-a2a+p2p',
      'recompute-none',
      'recompute-full',
      'recompute-full-block',
      'recompute-full-uniform',
      'recompute-selective',
      'sharding-none',
      'sharding-optimizer',
      'sharding-gradients',
      'sharding-parameters',
      'dispatcher-all-gather',
      'dispatcher-all-to-all',
      'dispatcher-deepep',
      'dispatcher-hybridep',
    ])
      expect(seen, trait).toContain(trait);
  });

  it.each(launchers)('read back from the %s script', (launcher) => {
    for (const one of cases) {
      const { plan, problem } = one;
      const reading = readMegatronScript(scriptOf(one, launcher), '0.20');
      expect(reading?.strategy, one.name).toEqual(plan.strategy);
      const { pipeline, virtualStages } = plan.strategy;
      const partition =
        reading?.partition ?? evenPartition(problem.model.layers.length, pipeline, virtualStages);
      expect(partition, one.name).toEqual(plan.partition);
      expect(reading?.world).toBe(plan.gpusUsed);
      expect(reading?.training.globalBatchSize).toBe(problem.training.globalBatchSize);
      expect(reading?.training.sequenceLength).toBe(problem.training.sequenceLength);
      expect(reading?.training.precision).toBe(problem.training.precision);
      expect(reading?.training.optimizer.gradients).toBe(problem.training.optimizer.gradients);
      expect(reading?.problems).toEqual([]);
    }
  });

  it('give a model back with the same layers, heads and experts', () => {
    for (const one of cases) {
      const model = readMegatronScript(scriptOf(one, 'torchrun'), '0.20')?.model;
      const shape = (m: typeof model) =>
        m?.layers.map((kind) => {
          const { mixer, feedForward } = m.kinds[kind] ?? {
            mixer: { kind: 'none' },
            feedForward: { kind: 'none' },
          };
          return [
            mixer.kind,
            'heads' in mixer ? mixer.heads : 0,
            feedForward.kind,
            'experts' in feedForward ? feedForward.experts : 0,
            'width' in feedForward ? feedForward.width : 0,
          ].join(' ');
        });
      expect(shape(model), one.name).toEqual(shape(one.problem.model));
      expect(model?.hidden).toBe(one.problem.model.hidden);
      expect(model?.tiedEmbeddings).toBe(one.problem.model.tiedEmbeddings);
      expect(model?.vocabularySize).toBe(one.problem.model.vocabularySize);
    }
  });

  it('are accepted by the checks on flags and environment', () => {
    for (const one of cases) {
      const reading = readMegatronScript(scriptOf(one, 'torchrun'), '0.20');
      const { perNode, architecture } = contextOf(one.problem, one.plan);
      const findings = validateArguments(reading?.words ?? [], {
        world: one.plan.gpusUsed,
        perNode,
        environment: reading?.environment ?? {},
        architecture,
        version: '0.20',
      }).filter(({ level }) => level !== 'warning');
      expect(findings, `${one.name} ${JSON.stringify(one.plan.strategy)}`).toEqual([]);
    }
  });

  it('use flags of Megatron alone', () => {
    for (const one of cases)
      for (const word of readMegatronScript(scriptOf(one, 'torchrun'), '0.20')?.words ?? [])
        if (word.startsWith('--')) expect(megatronFlags.has(word), word).toBe(true);
  });

  it.each(launchers)('pass bash -n as %s scripts', (launcher) => {
    const files = writeAll(launcher);
    const check = 'for file; do bash -n -- "$file" || exit 1; done';
    expect(spawnSync('bash', ['-c', check, 'check', ...files]).status).toBe(0);
  });

  it.skipIf(!has('shellcheck')).each(launchers)(
    'pass ShellCheck as %s scripts (a sample: scripts/emission-report.ts checks all)',
    (launcher) => {
      const sample = writeAll(launcher).filter((_, index) => index % 20 === (launcher === 'slurm' ? 10 : 0));
      const run = spawnSync('shellcheck', ['-f', 'gcc', ...sample], { encoding: 'utf8' });
      expect(run.stdout).toBe('');
      expect(run.status).toBe(0);
    },
  );
});

describe('the flag table', () => {
  const file = ['launch', 'megatron_flags_0.20.json'] as const;
  interface Flag {
    readonly flags: readonly string[];
    readonly nargs: string | number | null;
    readonly type: string | null;
    readonly choices: readonly string[] | null;
  }

  it.skipIf(!hasData(...file))('is that of mcore 0.20: names, arity, types, choices', () => {
    const real = JSON.parse(readFileSync(dataPath(...file), 'utf8')) as readonly Flag[];
    const names = real.flatMap(({ flags }) => flags);
    expect([...megatronFlags.keys()].sort()).toEqual([...names].sort());
    for (const { flags, nargs, type, choices } of real)
      for (const name of flags) {
        const spec = megatronFlags.get(name);
        const values = nargs === null ? 1 : nargs === '+' || nargs === '*' ? null : Number(nargs);
        expect(spec?.values, name).toBe(values);
        if (values !== 0)
          expect(spec?.type, name).toBe(type === 'int' ? 'integer' : type === 'float' ? 'number' : 'text');
        if (spec?.choices !== null && spec?.choices !== undefined)
          expect(spec.choices, name).toEqual(choices?.map((choice) => choice.replace('AttnBackend.', '')));
      }
  });

  it('knows the flags of sizes by type', () => {
    expect(megatronFlags.get('--tensor-model-parallel-size')).toMatchObject({ values: 1, type: 'integer' });
    expect(megatronFlags.get('--recompute-modules')).toMatchObject({ values: null, type: 'text' });
    expect(megatronFlags.get('--sequence-parallel')).toMatchObject({ values: 0 });
    expect(megatronFlags.has('--tensor-model-parallel')).toBe(false);
  });
});

/** Runs a script with stand-ins for the programs that it starts; they print what they were given. */
const runWithStubs = (
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): string => {
  const bin = mkdtempSync(path.join(folder, 'bin-'));
  const stub = (name: string, text: string): void => {
    writeFileSync(path.join(bin, name), `#!/usr/bin/env bash\n${text}\n`);
    chmodSync(path.join(bin, name), 0o755);
  };
  stub(
    'torchrun',
    'printf "%s\\n" "devices=${CUDA_VISIBLE_DEVICES:-}" "connections=${CUDA_DEVICE_MAX_CONNECTIONS:-}" "$@"',
  );
  stub('hostname', 'echo "${FAKE_HOST:-nobody}"');
  stub('scontrol', 'printf "%s\\n" gpu009 gpu010');
  // Tasks in the order of the host file; SLURM_PROCID follows it.
  stub(
    'srun',
    'while [[ $1 != bash ]]; do echo "srun $1"; shift; done\n[[ -z ${SLURM_HOSTFILE:-} ]] || sed "s/^/host /" "$SLURM_HOSTFILE"\nSLURM_PROCID=1 "$@"',
  );
  const file = path.join(bin, 'script.sh');
  writeFileSync(file, script);
  return execFileSync('bash', [file, ...args], {
    encoding: 'utf8',
    env: { PATH: `${bin}:${process.env['PATH'] ?? ''}`, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
};

describe('what the scripts do', () => {
  const { model } = readModelPreset('llama3-8b');
  const strategy = strategyOf({
    tensor: 4,
    data: 4,
    shardingGroup: 4,
    sequenceParallel: true,
    sharding: 'optimizer',
  });
  const partition = [[32]];
  const problem = (hosts: boolean) => problemOf(model, clusterOf('h100-sxm-80gb', 2, hosts), trainingOf());
  const reversed = {
    hosts: [1, 0],
    devices: [
      [3, 1, 0, 2, 4, 5, 6, 7],
      [0, 1, 2, 3, 4, 5, 6, 7],
    ],
  };
  const text = (
    hosts: boolean,
    launcher: 'torchrun' | 'slurm',
    order: typeof reversed | null = null,
  ): string =>
    scriptOf(
      {
        name: 'llama',
        problem: problem(hosts),
        plan: planOf(strategy, partition, order ?? { hosts: null, devices: null }),
      },
      launcher,
    );

  it('starts torchrun with a static rendezvous and passes arguments on', () => {
    const lines = runWithStubs(text(false, 'torchrun'), ['--data-path', 'two words'], {
      NODE_RANK: '1',
      MASTER_ADDR: 'node0',
    }).split('\n');
    expect(lines.slice(2, 16)).toEqual([
      '--rdzv-backend',
      'static',
      '--nnodes',
      '2',
      '--nproc-per-node',
      '8',
      '--node-rank',
      '1',
      '--master-addr',
      'node0',
      '--master-port',
      '29500',
      './pretrain_gpt.py',
      '--tensor-model-parallel-size',
    ]);
    expect(lines.slice(-3)).toEqual(['--data-path', 'two words', '']);
    expect(lines[1]).toBe('connections=1');
  });

  it('refuses to start without a rank of the node', () => {
    expect(() => runWithStubs(text(false, 'torchrun'), [], { MASTER_ADDR: 'node0' })).toThrow(/NODE_RANK/u);
    expect(() => runWithStubs(text(false, 'torchrun'), [], { MASTER_ADDR: 'node0', NODE_RANK: '2' })).toThrow(
      /0 to 1/u,
    );
    expect(() => runWithStubs(text(false, 'torchrun'), [], { NODE_RANK: '0' })).toThrow(/MASTER_ADDR/u);
  });

  it('finds its rank by host name, in the order of the plan, with the order of its GPUs', () => {
    const output = runWithStubs(text(true, 'torchrun', reversed), [], { FAKE_HOST: 'gpu002.cluster' });
    expect(output).toContain('devices=3,1,0,2,4,5,6,7\n');
    expect(output).toContain('--node-rank\n0\n');
    expect(output).toContain('--master-addr\ngpu002\n');
  });

  it('lays Slurm tasks over a host file in the order of the plan', () => {
    const output = runWithStubs(text(true, 'slurm', reversed), ['--train-iters', '10'], {});
    expect(output).toContain('srun --distribution=arbitrary\nhost gpu002\nhost gpu001\n');
    expect(output).toContain('--node-rank\n1\n--master-addr\ngpu002\n');
    expect(output).toContain('devices=0,1,2,3,4,5,6,7\n');
    expect(output.trimEnd().endsWith('--train-iters\n10')).toBe(true);
  });

  it('takes the first node of the allocation where hosts have no names', () => {
    const output = runWithStubs(text(false, 'slurm'), [], { SLURM_JOB_NODELIST: 'gpu[009-010]' });
    expect(output).toContain('--node-rank\n1\n--master-addr\ngpu009\n');
    expect(output).not.toContain('arbitrary');
  });

  it('does nothing when cut off in the middle', () => {
    const whole = text(false, 'torchrun');
    for (const share of [0.3, 0.6, 0.9]) {
      const cut = whole.slice(0, Math.floor(whole.length * share));
      const run = spawnSync('bash', ['-s'], {
        input: cut,
        encoding: 'utf8',
        env: { PATH: process.env['PATH'] ?? '' },
      });
      expect(run.stdout).toBe('');
    }
  });

  it('states numbers of GPUs per node in an array where they differ', () => {
    const whole = clusterOf('h100-sxm-80gb', 1);
    const group = whole.groups[0];
    if (group === undefined) throw new Error('no group');
    const cluster = { ...whole, groups: [group, { ...group, perNode: 4 }] };
    const uneven = strategyOf({ tensor: 4, data: 3, shardingGroup: 3 });
    const one = {
      name: 'uneven',
      problem: problemOf(model, cluster, trainingOf({ globalBatchSize: 96 })),
      plan: planOf(uneven, partition, { hosts: null, devices: null }),
    };
    const script = scriptOf(one, 'torchrun');
    expect(script).toContain('local -r gpus=(8 4)');
    expect(readMegatronScript(script, '0.20')?.world).toBe(12);
    expect(runWithStubs(script, [], { NODE_RANK: '1', MASTER_ADDR: 'a' })).toContain('--nproc-per-node\n4\n');
  });

  it('starts no more nodes than the plan needs', () => {
    const small = strategyOf({ tensor: 4 });
    const one = {
      name: 'small',
      problem: problem(false),
      plan: planOf(small, partition, { hosts: null, devices: null }),
    };
    expect(gpusUsed(small)).toBe(4);
    expect(scriptOf(one, 'torchrun')).toContain('--nnodes 1 --nproc-per-node 4');
    expect(emit(one.plan, one.problem, { target: 'megatron', launcher: 'torchrun' }).notes).toContain(
      '1 nodes of the cluster are not used.',
    );
  });

  it('prints flags alone, each with its values in one line', () => {
    const plan = planOf(strategy, partition, { hosts: null, devices: null });
    const emission = emit(plan, problem(false), { target: 'megatron', launcher: 'torchrun', only: 'flags' });
    const lines = emission.files[0]?.text.trimEnd().split('\n') ?? [];
    expect(lines[0]).toBe('--tensor-model-parallel-size 4');
    expect(lines).toContain('--sequence-parallel');
    expect(lines.every((line) => line.startsWith('--'))).toBe(true);
  });

  it('refuses host names that a launcher would take apart', () => {
    const cluster = clusterOf('h100-sxm-80gb', 1);
    const group = cluster.groups[0];
    if (group === undefined) throw new Error('no group');
    for (const host of ['a,b', '$(id)', 'a b', "a'b", '-x', 'a\nb', '']) {
      const named = problemOf(model, { ...cluster, groups: [{ ...group, hosts: [host] }] }, trainingOf());
      const plan = planOf(strategyOf({ tensor: 4, data: 2, shardingGroup: 2 }), partition, {
        hosts: null,
        devices: null,
      });
      const emission = emit(plan, named, { target: 'megatron', launcher: 'slurm' });
      expect(emission.files, host).toEqual([]);
      expect(emission.unsupported).toContain('no host name');
    }
  });

  it('keeps names in comments on one line', () => {
    const named = problemOf(
      { ...model, name: 'evil\n$(touch x)\u2028' },
      { ...clusterOf('h100-sxm-80gb', 1), name: 'a\r\nb' },
      trainingOf(),
    );
    const plan = planOf(strategyOf({ tensor: 4, data: 2, shardingGroup: 2 }), partition, {
      hosts: null,
      devices: null,
    });
    const script = emit(plan, named, { target: 'megatron', launcher: 'slurm' }).files[0]?.text ?? '';
    const outside = script.slice(0, script.indexOf('launch() {')).split('\n');
    expect(outside.every((line) => line === '' || line.startsWith('#'))).toBe(true);
    expect(script).toContain('#SBATCH --job-name=evil-touch-x-');
  });

  it('says that a runtime refuses a plan', () => {
    const broken = planOf(strategyOf({ tensor: 3, data: 5, shardingGroup: 5 }), partition, {
      hosts: null,
      devices: null,
    });
    expect(emit(broken, problem(false), { target: 'megatron', launcher: 'torchrun' }).unsupported).toContain(
      'megatron/heads-tensor',
    );
  });
});
