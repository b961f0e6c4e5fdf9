/** Every writer: what is written and read again is the plan, but for what the writer says it does not carry. */
import { spawnSync } from 'node:child_process';
import { parse as parseToml } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { readModelPreset } from '../../src/ingest/model-presets.ts';
import { emit } from '../../src/runtimes/emit.ts';
import { clusterOf, planOf, problemOf, trainingOf } from '../strategies.ts';
import { differences, emitted, fileOf, readBack, scriptOf, validated, writers } from './emission.ts';
import type { Writer } from './emission.ts';
import {
  accelerateKeys,
  deepspeedKeys,
  keysOf,
  nanotronKeys,
  titanKeys2025,
  titanKeys2026,
} from './known-keys.ts';
import { strategyOf } from './sample.ts';

const count = 500;
const seed = 2026;
const made = new Map<Writer, ReturnType<typeof emitted>>();
const casesOf = (to: Writer): ReturnType<typeof emitted>['cases'] => {
  const known = made.get(to) ?? emitted(to, count, seed);
  made.set(to, known);
  return known.cases;
};
const named = writers.map((to) => [to.name, to] as const);

describe.each(named)('%s: 500 random legal strategies', (_, to) => {
  it('read back as they were, but for what is listed as not carried over', () => {
    const found = casesOf(to).flatMap(({ one, emission }) =>
      differences(one, emission, readBack(one, to, emission)).map((text) => `${one.name}: ${text}`),
    );
    expect(casesOf(to)).toHaveLength(count);
    expect(found).toEqual([]);
  });

  it('break no rule of planner validate', () => {
    const found = casesOf(to).flatMap(({ one, emission }) => {
      const [name, text] =
        to.file === 'job.yaml' ? ['train.sh', scriptOf(emission)] : [to.file, fileOf(emission, to.file)];
      const report = validated(one, name, text);
      const broken = report.findings.filter(({ level }) => level === 'error');
      // What a file does not hold (the model, as a rule) cannot be checked; of Megatron-LM's scripts all is.
      const asked = to.target === 'megatron' ? report.verdict === 'valid' : report.subjects.length === 1;
      return asked && broken.length === 0
        ? []
        : [`${one.name}: ${String(report.verdict)} ${broken.map(({ message }) => message).join('; ')}`];
    });
    expect(found).toEqual([]);
  });

  it('are scripts that bash parses', () => {
    const texts = casesOf(to)
      .filter((__, index) => index % 25 === 0)
      .map(({ emission }) => scriptOf(emission));
    for (const text of texts) {
      expect(text).toContain('launch "$@"');
      expect(spawnSync('bash', ['-n'], { input: text }).status).toBe(0);
    }
  });

  it.skipIf(spawnSync('shellcheck', ['--version']).error !== undefined)(
    'are scripts that ShellCheck passes (a sample)',
    () => {
      for (const { emission } of casesOf(to).filter((__, index) => index % 100 === 50)) {
        const run = spawnSync('shellcheck', ['-f', 'gcc', '-'], {
          input: scriptOf(emission),
          encoding: 'utf8',
        });
        expect(run.stdout).toBe('');
      }
    },
  );
});

describe('files hold keys that their readers know', () => {
  const tables: readonly (readonly [string, readonly string[], (text: string) => unknown])[] = [
    ['train.toml', titanKeys2025, parseToml],
    ['plan.yaml', nanotronKeys, parseYaml],
    ['ds_config.json', deepspeedKeys, (text) => JSON.parse(text) as unknown],
    ['accelerate.yaml', accelerateKeys, parseYaml],
  ];
  it.each(tables)('%s', (file, known, parse) => {
    const keys = new Set(
      writers.flatMap((to) =>
        casesOf(to).flatMap(({ emission }) => {
          const text = fileOf(emission, file);
          return text === '' ? [] : keysOf(parse(text));
        }),
      ),
    );
    expect(keys.size).toBeGreaterThan(5);
    expect([...keys].filter((key) => !known.includes(key))).toEqual([]);
  });

  it('the command line of torchtitan 2026', () => {
    const to = writers.find(({ name }) => name === 'torchtitan 2026');
    const words = (to === undefined ? [] : casesOf(to)).flatMap(({ emission }) => [
      ...fileOf(emission, 'train.sh').matchAll(/^ +--((?:training|parallelism)\.)(?:no-)?(\w+)/gmu),
    ]);
    const keys = new Set(words.map(([, section = '', key = '']) => section + key));
    expect(keys.size).toBeGreaterThan(10);
    expect([...keys].filter((key) => !titanKeys2026.includes(key))).toEqual([]);
  });
});

describe('what a target cannot do is refused', () => {
  const llama = readModelPreset('llama3-8b').model;
  const mixtral = readModelPreset('mixtral-8x7b').model;
  const order = { hosts: null, devices: null };
  const refusal = (
    given: Parameters<typeof strategyOf>[0],
    runtime: 'megatron' | 'torchtitan' | 'deepspeed',
    target: 'accelerate' | 'torchtitan',
    model = llama,
  ): string | null => {
    const strategy = strategyOf(given);
    const layers = model.layers.length / strategy.pipeline / strategy.virtualStages;
    const partition = Array.from({ length: strategy.pipeline }, () =>
      Array.from({ length: strategy.virtualStages }, () => layers),
    );
    const versions = { megatron: '0.20', torchtitan: '2026', deepspeed: '0.18' } as const;
    const problem = problemOf(
      model,
      clusterOf('h100-sxm-80gb', 1),
      trainingOf({ runtime: { name: runtime, version: versions[runtime] } }),
    );
    return emit(planOf(strategy, partition, order), problem, { target, launcher: 'torchrun' }).unsupported;
  };

  it.each([
    [{ pipeline: 2, virtualStages: 2, data: 4 }, 'virtual stages'],
    [{ context: 2, data: 4 }, 'context parallelism'],
    [{ data: 8, sharding: 'parameters' }, 'sharding of parameters'],
  ] as const)('by the Megatron-LM plugin of accelerate: %j', (strategy, reason) => {
    expect(refusal(strategy, 'megatron', 'accelerate')).toContain(reason);
  });

  it('by the plugin: models that it does not build', () => {
    expect(refusal({ data: 8 }, 'megatron', 'accelerate', mixtral)).toContain('models of type mixtral');
    expect(refusal({ data: 8 }, 'megatron', 'accelerate')).toBeNull();
  });

  it('by accelerate: Ulysses beside tensor ranks', () => {
    const strategy = { tensor: 2, context: 2, data: 2, contextCommunication: 'a2a' } as const;
    expect(refusal(strategy, 'deepspeed', 'accelerate')).toContain('Ulysses ranks and replicas alone');
  });

  it('by accelerate with FSDP: pipelines', () => {
    const strategy = { pipeline: 2, data: 4, sharding: 'parameters' } as const;
    expect(refusal(strategy, 'torchtitan', 'accelerate')).toContain('fsdp/no-pipeline');
  });

  it('by torchtitan of 2026: experts over several tensor ranks', () => {
    const strategy = {
      tensor: 2,
      data: 4,
      expert: 2,
      expertTensor: 2,
      sharding: 'parameters',
      sequenceParallel: true,
      contextCommunication: 'all-gather',
    } as const;
    expect(refusal(strategy, 'torchtitan', 'torchtitan', mixtral)).toContain('expert_tensor=2');
  });
});
