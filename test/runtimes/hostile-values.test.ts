/** Names that nobody means, in every writer: quoted or refused, never run. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { parse as parseToml } from 'smol-toml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse as parseYaml, parseAllDocuments } from 'yaml';
import { readModelPreset } from '../../src/ingest/model-presets.ts';
import { emit } from '../../src/runtimes/emit.ts';
import type { Emission } from '../../src/runtimes/emit-types.ts';
import type { Strategy } from '../../src/strategy/strategy.ts';
import { clusterOf, planOf, problemOf, trainingOf } from '../strategies.ts';
import { fileOf, scriptOf, writers } from './emission.ts';
import type { Writer } from './emission.ts';
import { strategyOf } from './sample.ts';

const llama = readModelPreset('llama3-8b').model;

let folder = '';
let bin = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'planner-hostile-'));
  bin = mkdtempSync(path.join(folder, 'bin-'));
  for (const name of ['torchrun', 'accelerate', 'srun', 'scontrol', 'hostname']) {
    writeFileSync(path.join(bin, name), '#!/usr/bin/env bash\nexit 0\n');
    chmodSync(path.join(bin, name), 0o755);
  }
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Text that breaks out of quotes, comments, here-documents, block scalars and strings of TOML and JSON. */
const payloads = [
  '$(touch pwned)',
  '`touch pwned`',
  "'; touch pwned; '",
  '"; touch pwned; "',
  'a\ntouch pwned\n',
  'a\r\ntouch pwned',
  'a\u2028touch pwned',
  "$'\\ntouch pwned'",
  '\\',
  "'",
  '"""',
  '")\ntouch pwned\n("',
  'EOF\ntouch pwned',
  '---\nkind: Pod',
  '${PATH}',
  '{{ evil }}',
  ': {a: 1}',
  '- x',
  '# x',
  '!!js/function',
  '*a',
  '&a',
  '\0',
  '../../etc/passwd',
  '-rf',
];

const text = fc.oneof(
  fc.constantFrom(...payloads),
  fc.tuple(fc.constantFrom(...payloads), fc.string()).map(([a, b]) => a + b),
  fc.string({ unit: 'binary', maxLength: 20 }),
);

const runnable: Readonly<Record<string, Partial<Strategy>>> = {
  megatron: {},
  torchtitan: { sequenceParallel: true, contextCommunication: 'all-gather' },
  nanotron: {},
  deepspeed: { contextCommunication: 'a2a' },
  fsdp: {},
};

const emissionWith = (to: Writer, model: string, type: string, cluster: string, host: string): Emission => {
  const machines = clusterOf('h100-sxm-80gb', 2, true);
  const hosts = ['gpu001', host];
  const problem = problemOf(
    { ...llama, name: model, modelType: to.name.includes('plugin') ? 'llama' : type },
    {
      ...machines,
      name: cluster,
      groups: machines.groups.map((group) => ({ ...group, hosts: host === '' ? group.hosts : hosts })),
    },
    trainingOf({ runtime: { name: to.runtime, version: to.version } }),
  );
  const strategy = strategyOf({ data: 16, dispatcher: 'all-to-all', ...runnable[to.runtime] });
  return emit(planOf(strategy, [[32]], { hosts: null, devices: null }), problem, {
    target: to.target,
    launcher: to.launcher,
    version: '0.1.0',
  });
};

/** Every file is what its name says, with the values as they were given. */
const parsed = (emission: Emission): void => {
  for (const { name, text: inside } of emission.files) {
    if (name.endsWith('.json')) JSON.parse(inside);
    if (name.endsWith('.toml')) parseToml(inside);
    if (name === 'job.yaml') {
      const documents = parseAllDocuments(inside);
      expect(documents).toHaveLength(2);
      for (const document of documents) expect('errors' in document ? document.errors : []).toEqual([]);
    } else if (name.endsWith('.yaml')) parseYaml(inside);
  }
};

describe.each(writers.map((to) => [to.name, to] as const))('%s', (_, to) => {
  it('quotes names of models and clusters, and refuses hosts that are none', () => {
    fc.assert(
      fc.property(text, text, text, fc.oneof(fc.constant(''), text), (model, type, cluster, host) => {
        const emission = emissionWith(to, model, type, cluster, host);
        if (emission.unsupported !== null) {
          expect(emission.unsupported).toContain('is no host name');
          return;
        }
        parsed(emission);
        if (to.file === 'train.toml')
          expect(parseToml(fileOf(emission, 'train.toml'))['model']).toEqual({ name: type, flavor: model });
      }),
      { numRuns: 60, seed: 11 },
    );
  });

  it('writes scripts that run nothing of them', () => {
    for (const payload of payloads.slice(0, 16)) {
      const emission = emissionWith(to, payload, payload, payload, '');
      const script = scriptOf(emission);
      expect(emission.unsupported).toBeNull();
      const run = spawnSync('bash', ['-s'], {
        input: script,
        cwd: folder,
        encoding: 'utf8',
        env: {
          PATH: `${bin}:${process.env['PATH'] ?? ''}`,
          NODE_RANK: '0',
          TRAIN_SCRIPT: 'x.py',
          CONFIG_FILE: 'x.yaml',
          SLURM_JOB_NODELIST: 'a',
        },
      });
      expect(run.stderr, payload).toBe('');
      expect(run.status, payload).toBe(0);
      expect(existsSync(path.join(folder, 'pwned')), payload).toBe(false);
    }
  });
});
