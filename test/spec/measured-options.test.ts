import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MeasuredLinks } from '../../src/cluster/cluster.ts';
import { loadSpecText } from '../../src/spec/load.ts';
import { pairLog } from '../ingest/links-samples.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'planner-measured-'));
  const write = (name: string, text: string): void => {
    writeFileSync(path.join(folder, name), text);
  };
  // Four hosts; nobody measured c with d.
  const pairs = ['ab', 'ac', 'ad', 'bc', 'bd'];
  write('pairs.log', pairs.map(([x = '', y = '']) => pairLog(x, y, 20)).join('\n'));
  write(
    'lacking.json',
    JSON.stringify({
      order: ['a', 'b', 'c', 'd'],
      bandwidth: [0, 1, 2, 3].map((from) => [0, 1, 2, 3].map((to) => (from + to === 5 ? null : 2e10))),
    }),
  );
  write(
    'lopsided.json',
    JSON.stringify({
      order: ['a', 'b', 'c', 'd'],
      bandwidth: [0, 1, 2, 3].map((from) => [0, 1, 2, 3].map(() => (from === 0 ? 6e10 : 2e10))),
    }),
  );
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const load = (network: string): { links: MeasuredLinks | null; messages: string } => {
  const text = `cluster:
  nodes: [{ count: 4, accelerator: h100-sxm-80gb }]
  network: ${network}
model: llama2-7b
training: { sequence_length: 4096, global_batch_size: 64 }
`;
  const loaded = loadSpecText({ name: 'spec.yaml', text }, path.join(folder, 'spec.yaml'));
  return loaded.ok
    ? { links: loaded.value.problem.cluster.measured, messages: '' }
    : { links: null, messages: loaded.diagnostics.map(({ message }) => message).join('; ') };
};

describe('network.missing', () => {
  it.each([['pairs.log'], ['lacking.json']])(
    '%s: an error that names the key, unless links may be unusable',
    (file) => {
      expect(load(`{ measured: ${file} }`).messages).toMatch(/missing.*network\.missing: unusable/u);
      expect(load(`{ measured: ${file}, missing: error }`).messages).toMatch(/missing/u);
      const { links, messages } = load(`{ measured: ${file}, missing: unusable }`);
      expect(messages).toBe('');
      expect(links?.bandwidth[2]?.[3]).toBe(0);
      expect(links?.bandwidth[0]?.[1]).toBeGreaterThan(1e10);
    },
  );
});

describe('network.max_asymmetry', () => {
  it('holds the directions of a matrix against each other where it is given', () => {
    expect(load('{ measured: lopsided.json }').messages).toBe('');
    expect(load('{ measured: lopsided.json, max_asymmetry: 3 }').messages).toBe('');
    expect(load('{ measured: lopsided.json, max_asymmetry: 2.5 }').messages).toMatch(
      /a to b runs 3\.0 times as fast as the way back/u,
    );
  });
});

describe('network.test', () => {
  it('picks one of several measurements, and is refused where there is but one', () => {
    expect(load('{ measured: pairs.log, missing: unusable, test: sendrecv }').messages).toBe('');
    expect(load('{ measured: pairs.log, missing: unusable, test: all-gather }').messages).toMatch(
      /no run of all-gather/u,
    );
    expect(load('{ measured: lopsided.json, test: sendrecv }').messages).toMatch(/network\.test/u);
  });
});

describe('keys of a measurement without one', () => {
  it.each([['missing: unusable'], ['max_asymmetry: 3'], ['test: sendrecv']])('%s', (key) => {
    expect(load(`{ ${key} }`).messages).toMatch(/needs network\.measured/u);
  });
});
