import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { acceleratorCalibration } from '../../src/cost/calibration.ts';
import {
  CalibrationError,
  calibrationOf,
  defaultCalibration,
  readCalibration,
} from '../../src/ingest/calibration.ts';
import { presetNames, readAccelerator } from '../../src/ingest/presets.ts';
import { repositoryPath } from '../shared-data.ts';
import { accelerator } from './fixtures.ts';

const text = readFileSync(repositoryPath('configs', 'calibration', 'default.yaml'), 'utf8');
type Tree = Record<string, Record<string, Record<string, unknown>>>;

/** The shipped file with one value replaced. */
const changed = (section: string, entry: string, key: string, value: unknown): unknown => {
  const root = parse(text) as Tree;
  const node = root[section]?.[entry];
  if (node === undefined) throw new Error(`no ${section}.${entry}`);
  node[key] = value;
  return root;
};

describe('the shipped calibration', () => {
  it('names a source for every entry and a meaning, unit and range for every constant', () => {
    const root = parse(text) as Tree;
    for (const section of ['accelerators', 'links', 'runtimes'])
      for (const [name, entry] of Object.entries(root[section] ?? {}))
        expect(entry['source'], `${section}.${name}`).toEqual(expect.any(String));
    for (const group of Object.values(root['constants'] ?? {}))
      for (const [name, entry] of Object.entries(group)) {
        const { meaning, unit, range } = entry as {
          meaning: unknown;
          unit: unknown;
          range: [number, number];
        };
        expect(meaning, name).toEqual(expect.any(String));
        expect(unit, name).toEqual(expect.any(String));
        expect(range[0], name).toBeLessThan(range[1]);
      }
  });

  it('knows every accelerator preset by name', () => {
    const named = new Set(Object.values(defaultCalibration().accelerators).flatMap(({ names }) => names));
    expect(presetNames('accelerator').filter((name) => !named.has(name))).toEqual([]);
  });

  it('one name belongs to one entry', () => {
    const names = Object.values(defaultCalibration().accelerators).flatMap((entry) => entry.names);
    expect(new Set(names).size).toBe(names.length);
  });

  it('what an entry does not say comes from the one it extends', () => {
    const { accelerators } = defaultCalibration();
    expect(accelerators['gb300']?.attention).toEqual(accelerators['b200']?.attention);
    expect(accelerators['gb300']?.gemm).not.toEqual(accelerators['b200']?.gemm);
  });
});

describe('accelerators that no entry names', () => {
  it.each([
    ['ampere', 'a100-sxm-80gb'],
    ['hopper', 'h100-sxm-80gb'],
    ['blackwell', 'b200-sxm-180gb'],
    ['cdna3', 'mi300x-192gb'],
    ['other', 'gaudi2-96gb'],
  ] as const)('of %s take the constants of %s', (architecture, like) => {
    const found = acceleratorCalibration(defaultCalibration(), {
      ...accelerator,
      name: 'inline',
      architecture,
    });
    expect(found).toBe(acceleratorCalibration(defaultCalibration(), readAccelerator(like).accelerator));
  });
});

describe('a calibration file that is wrong', () => {
  it.each([
    [
      'a value outside its range',
      changed('accelerators', 'h100', 'sustained', 1.5),
      /accelerators\.h100\.sustained.*from 0\.4 to 1, found 1\.5/,
    ],
    [
      'a word for a number',
      changed('runtimes', 'megatron-core', 'traffic', 'much'),
      /runtimes\.megatron-core\.traffic.*finite number/,
    ],
    [
      'a slip of the pen',
      changed('runtimes', 'megatron-core', 'trafic', 1),
      /runtimes\.megatron-core\.trafic: expected no such key$/,
    ],
    [
      'a constant of an earlier model',
      changed('runtimes', 'megatron-core', 'tensor_fixed', 1e-4),
      /runtimes\.megatron-core\.tensor_fixed.*planner calibrate/,
    ],
    ['a missing number', changed('links', 'efa', 'step', undefined), /links\.efa\.step/],
    ['an unknown parent', changed('runtimes', 'jax', 'extends', 'nobody'), /runtimes\.jax\.extends/],
    ['a circle', changed('accelerators', 'b200', 'extends', 'gb200'), /no cycle/],
    [
      'a fallback to nothing',
      { ...(parse(text) as object), fallback: { other: 'nobody' } },
      /fallback\.other/,
    ],
    [
      'a curve of one number',
      changed('accelerators', 'h100', 'gemm', { fp32: [0.8] }),
      /accelerators\.h100\.gemm\.fp32/,
    ],
  ])('%s is named with its path', (_, root, message) => {
    expect(() => calibrationOf(root)).toThrow(CalibrationError);
    expect(() => calibrationOf(root)).toThrow(message);
  });

  it('is not a map', () => {
    expect(() => readCalibration('- 1')).toThrow(/a map/);
  });
});
