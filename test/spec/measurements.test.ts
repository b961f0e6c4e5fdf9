import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadSpec } from '../../src/spec/load.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'planner-measurements-'));
  const file = (name: string, content: unknown): void => {
    writeFileSync(path.join(folder, name), JSON.stringify(content));
  };
  const order = ['a', 'b'];
  file('monday.json', {
    unit: 'GB/s',
    order,
    bandwidth: [
      [0, 40],
      [20, 0],
    ],
  });
  file('tuesday.json', {
    unit: 'GB/s',
    order,
    bandwidth: [
      [0, 10],
      [20, 0],
    ],
  });
  file('spread.json', {
    unit: 'GB/s',
    order,
    quantiles: {
      p50: [
        [0, 40],
        [40, 0],
      ],
      p95: [
        [0, 25],
        [30, 0],
      ],
    },
  });
  file('odd.json', {
    unit: 'GB/s',
    order,
    quantiles: {
      p50: [
        [0, 40],
        [40, 0],
      ],
      median: [],
    },
  });
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const load = (network: string) => {
  const file = path.join(folder, 'spec.yaml');
  writeFileSync(
    file,
    `cluster: { nodes: 2, accelerator: h100-sxm-80gb, network: { ${network} } }\n` +
      'model: llama2-7b\ntraining: { sequence_length: 4096, global_batch_size: 64 }\n',
  );
  return loadSpec(file);
};

const rate = (network: string): readonly (number | undefined)[] => {
  const loaded = load(network);
  if (!loaded.ok) throw new Error(loaded.diagnostics.map(({ message }) => message).join());
  const { measured } = loaded.value.problem.cluster;
  return [measured?.bandwidth[0]?.[1], measured?.bandwidth[1]?.[0]];
};

describe('several measurements', () => {
  it('stand for their slowest link, and are all kept', () => {
    expect(rate('measured: [monday.json, tuesday.json]')).toEqual([10e9, 20e9]);
    const loaded = load('measured: [monday.json, tuesday.json]');
    expect(loaded.ok && loaded.value.problem.cluster.measurements?.links).toHaveLength(2);
    expect(loaded.ok && loaded.value.problem.cluster.measurements?.combine).toBe('worst');
  });

  it('stand for the mean of their times where that is asked for', () => {
    // 1 ∕ mean(1∕40, 1∕10) = 16 GB/s, by hand.
    const [forth, back] = rate('measured: [monday.json, tuesday.json], combine: mean');
    expect(forth).toBeCloseTo(16e9, -3);
    expect(back).toBeCloseTo(20e9, -3);
  });

  it('are one measurement where one is named', () => {
    const loaded = load('measured: [monday.json]');
    expect(loaded.ok && loaded.value.problem.cluster.measurements).toBe(undefined);
  });
});

describe('quantiles', () => {
  it('are the median unless another is named', () => {
    expect(rate('measured: spread.json')).toEqual([40e9, 40e9]);
    expect(rate('measured: spread.json, quantile: p95')).toEqual([25e9, 30e9]);
  });

  it('that a measurement lacks are an error at the key, with those that it has', () => {
    const loaded = load('measured: spread.json, quantile: p99');
    expect(loaded.ok).toBe(false);
    if (loaded.ok) return;
    expect(loaded.diagnostics[0]).toMatchObject({ id: 'spec/quantile' });
    expect(loaded.diagnostics[0]?.message).toContain('p50, p95');
  });

  it('need names that are quantiles', () => {
    const loaded = load('measured: odd.json');
    expect(!loaded.ok && loaded.diagnostics[0]?.message).toContain('median');
  });

  it('need a measurement', () => {
    const loaded = load('quantile: p95');
    expect(!loaded.ok && loaded.diagnostics[0]?.id).toBe('spec/measured');
  });
});
