import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMatrix } from '../../src/ingest/matrix.ts';
import { readRoutingSnapshots } from '../../src/ingest/routing-counts.ts';
import { loadProblem, loadSpecText } from '../../src/spec/load.ts';
import { JSON_ODDITIES, VALUE_ODDITIES, YAML_ODDITIES } from './oddities.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'planner-hostile-'));
  writeFileSync(path.join(folder, 'links.csv'), 'GB/s,a,b,c\na,,10,10\nb,10,,10\nc,10,10,\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Loads text as a SPEC: a defect of ours throws, and fails the test. Everything else has a reason. */
const judge = (text: string): 'read' | 'refused' => {
  const result = loadSpecText({ name: 'spec', text }, path.join(folder, 'spec'));
  if (result.ok) return 'read';
  expect(result.diagnostics.some(({ severity }) => severity === 'error')).toBe(true);
  for (const { position, message, file } of result.diagnostics) {
    expect(position.line).toBeGreaterThanOrEqual(1);
    expect(position.column).toBeGreaterThanOrEqual(1);
    expect(message).not.toMatch(/undefined|\[object/u);
    expect(file).not.toBe('');
  }
  return 'refused';
};

/** A SPEC with every key, which loads. */
const whole = (): Record<string, unknown> => ({
  cluster: {
    name: 'c',
    accelerator: 'h100-sxm-80gb',
    per_node: 8,
    intra_node: 'nvlink4',
    nics: { count: 8, link: 'ndr-400' },
    nodes: [
      {
        count: 2,
        hosts: 'a[1-2]',
        price_per_hour: 3,
        accelerator: {
          memory: '80 GiB',
          memory_bandwidth: 1e12,
          peak: { bf16: 1e15 },
          architecture: 'hopper',
        },
        intra_node: { bandwidth: 1e11, latency: '2 us', kind: 'switch' },
        nics: { count: 1, bandwidth: 1e10, latency: 1e-6 },
      },
      { count: 1 },
    ],
    network: {
      domain: 8,
      tiers: [{ name: 'l', nodes: 2, oversubscription: 1 }, { name: 's' }],
      measured: './links.csv',
    },
  },
  model: {
    model_type: 'llama',
    hidden_size: 4096,
    num_hidden_layers: 4,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    intermediate_size: 1000,
    vocab_size: 1000,
    rope_scaling: { type: 'x' },
  },
  training: {
    runtime: 'megatron@0.20',
    sequence_length: 10,
    global_batch_size: 8,
    precision: 'bf16',
    attention_kernel: 'auto',
    optimizer: { name: 'adam', states: 'fp32' },
    routing: 'balanced',
    tokens: 1e9,
  },
  search: {
    objective: 'throughput',
    top: 3,
    fix: { tensor: 1 },
    limit: { pipeline: [1, 2] },
    memory_reserve: 0.1,
    dedication: 'none',
    dedication_objective: 'communication',
  },
  placement: { counts: ['a'], expert_parallel: 2 },
});

type Steps = readonly string[];

const pathsOf = (value: unknown, steps: Steps = []): readonly Steps[] =>
  typeof value === 'object' && value !== null
    ? [steps, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...steps, key]))]
    : [steps];

const PATHS = pathsOf(whole()).filter((steps) => steps.length > 0);

/** The whole SPEC as JSON with some values replaced. */
const changed = (changes: readonly (readonly [Steps, unknown])[]): string => {
  const root = whole();
  for (const [steps, value] of changes) {
    let at: unknown = root;
    for (const step of steps.slice(0, -1)) at = (at as Record<string, unknown> | null | undefined)?.[step];
    // A copy: a value put in at two places must not come to hold itself.
    if (typeof at === 'object' && at !== null)
      (at as Record<string, unknown>)[steps.at(-1) ?? ''] = structuredClone(value);
  }
  return JSON.stringify(root);
};

describe('hostile input', () => {
  it('starts from a SPEC that loads', () => {
    expect(judge(JSON.stringify(whole()))).toBe('read');
  });

  it.each(YAML_ODDITIES.map((text) => ({ text })))('as a SPEC is refused: $text', ({ text }) => {
    expect(judge(text)).toBe('refused');
  });

  it('as JSON for a SPEC is refused', () => {
    for (const text of JSON_ODDITIES) expect(judge(text), text).toBe('refused');
  });

  it('as config.json never stops us', () => {
    writeFileSync(
      path.join(folder, 'spec.yaml'),
      'cluster: { nodes: 1, accelerator: h100-sxm-80gb }\nmodel: ./config.json\ntraining: { sequence_length: 1, global_batch_size: 1 }\n',
    );
    for (const text of [...JSON_ODDITIES, ...YAML_ODDITIES]) {
      writeFileSync(path.join(folder, 'config.json'), text);
      const result = loadProblem(path.join(folder, 'spec.yaml'));
      expect(result.ok, text).toBe(false);
      if (!result.ok) expect(result.diagnostics[0]?.file).toBe('./config.json');
    }
  });

  it('in one value of a SPEC never stops us', () => {
    let read = 0;
    for (const steps of PATHS)
      for (const value of VALUE_ODDITIES) if (judge(changed([[steps, value]])) === 'read') read += 1;
    // Some values fit: a name may be anything, a count may be 2.
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan((PATHS.length * VALUE_ODDITIES.length) / 4);
  });

  it('in several values of a SPEC never stops us', () => {
    const change = fc.tuple(
      fc.constantFrom(...PATHS),
      fc.oneof(fc.constantFrom(...VALUE_ODDITIES), fc.jsonValue()),
    );
    fc.assert(
      fc.property(fc.array(change, { minLength: 2, maxLength: 6 }), (changes) => {
        judge(changed(changes));
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  it('in one value of a config.json never stops us', () => {
    const keys = Object.keys(whole()['model'] as object);
    for (const key of keys) for (const value of VALUE_ODDITIES) judge(changed([[['model', key], value]]));
  });

  it('as any text never stops us', () => {
    const indicators = fc.string({
      unit: fc.constantFrom(...Array.from(' \n\t-?:,[]{}#&*!|>\'"%@`ab01.~=<\\')),
      maxLength: 60,
    });
    fc.assert(
      fc.property(fc.oneof(indicators, fc.string()), (text) => void judge(text)),
      { numRuns: 3000, seed: 2 },
    );
  });

  it('as --set never stops us', () => {
    const words = fc.string({
      unit: fc.constantFrom(...Array.from('cluster.nodes=0[]{}: \n&*!"\'')),
      maxLength: 40,
    });
    fc.assert(
      fc.property(
        fc.oneof(words, fc.string(), fc.constantFrom(...PATHS.map((steps) => `${steps.join('.')}=[`))),
        (set) => {
          const result = loadSpecText(
            { name: 'spec', text: JSON.stringify(whole()) },
            path.join(folder, 'spec'),
            { set: [set] },
          );
          if (!result.ok)
            for (const { file, position } of result.diagnostics)
              expect(`${file}:${String(position.line)}:${String(position.column)}`).toBe('--set:1:1');
        },
      ),
      { numRuns: 1000, seed: 3 },
    );
  });

  it('as a matrix or as counts never stops us', () => {
    const csv = fc.string({ unit: fc.constantFrom(...Array.from(',\n"ab01.-e GB/s\t#')), maxLength: 80 });
    fc.assert(
      fc.property(fc.oneof(csv, fc.string(), fc.constantFrom(...JSON_ODDITIES), fc.json()), (text) => {
        const source = { name: 'm', text };
        const matrix = readMatrix(source, { nodes: 2, gpus: 16 });
        if (!matrix.ok) expect(matrix.diagnostics.length).toBeGreaterThan(0);
        const counts = readRoutingSnapshots(source);
        if (!counts.ok) expect(counts.diagnostics.length).toBeGreaterThan(0);
      }),
      { numRuns: 2000, seed: 4 },
    );
  });
});
