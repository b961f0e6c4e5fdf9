import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { calibrate } from '../../src/accuracy/calibrate.ts';
import { fitProbe } from '../../src/accuracy/calibrate-probe.ts';
import type { Tree } from '../../src/accuracy/fit-parameters.ts';
import type { Probe } from '../../src/formats/probe.ts';
import { calibrationOf, readCalibration } from '../../src/ingest/calibration.ts';
import { isProbeText, readProbe } from '../../src/ingest/probe.ts';
import { repositoryPath } from '../shared-data.ts';
import { BANDWIDTH, CURVE, sampleProbe } from './sample-probe.ts';

const base = readFileSync(repositoryPath('configs/calibration/default.yaml'), 'utf8');

const entryOf = (probe: Probe, name = 'a100-sxm-80gb'): unknown =>
  readCalibration(calibrate({ base, name: 'probed', plannerVersion: '0', runs: [], probes: [probe] }).text)
    .accelerators[name];

describe('calibration by a probe', () => {
  it('reads the curves back that the figures were made from', () => {
    expect(entryOf(sampleProbe())).toMatchObject({
      gemm: { bf16: { efficiency: 0.8, depth: 200 } },
      sustained: 0.9,
      attention: { flash2: { rate: 0.5, backward: 0.8, halfLength: 400 } },
      streaming: 0.85,
      elementwise: 0.7,
    });
    expect(BANDWIDTH).toBe(2039e9);
    expect(CURVE.depth).toBe(200);
  });

  it('fits the links: 200 GB/s of bus bandwidth of NVLink 3 with 300 GB/s is two thirds', () => {
    const probe = sampleProbe();
    const { errors } = fitProbe(parse(base) as Tree, probe, calibrationOf);
    const links = errors.find(({ what }) => what === 'collectives, nvlink3');
    expect(links?.before).toBeGreaterThan(0.05);
    expect(links?.after).toBeLessThan(0.03);
  });

  it('holds a constant to its plausible range and says so', () => {
    const { constants } = fitProbe(parse(base) as Tree, sampleProbe({ slowdown: 10 }), calibrationOf);
    const efficiency = constants.find(
      ({ path }) => path.join('.') === 'accelerators.a100-sxm-80gb.gemm.bf16.0',
    );
    expect(efficiency).toMatchObject({ held: true, value: 0.3, range: [0.3, 1] });
  });

  it('a depth that fewer than three depths fix stays as shipped', () => {
    const probe = sampleProbe();
    const few = { ...probe, gemm: probe.gemm.filter(({ k }) => k === 4096) };
    expect(entryOf(few)).toMatchObject({ gemm: { bf16: { depth: 97 } } });
  });

  it('an H100 says what ships of its attention, its low-precision products and its memory', () => {
    const file = repositoryPath('configs/calibration/probes/h100-sxm-80gb.json');
    const probe = readProbe({ name: 'h100-sxm-80gb.json', text: readFileSync(file, 'utf8') });
    if (!probe.ok) throw new Error('not a probe');
    const { constants } = fitProbe(parse(base) as Tree, probe.value, calibrationOf);
    const said = (path: string): number => {
      const found = constants.find((each) => each.path.join('.') === `accelerators.h100-sxm-80gb.${path}`);
      if (found === undefined) throw new Error(path);
      return found.value / found.shipped;
    };
    // FlashAttention 2 leaves power to spare: among products it runs at their clocks, 0.856 of its own.
    for (const constant of ['cudnn-v9.0', 'cudnn-v9.2', 'flash2.0', 'flash2.2'])
      expect(said(`attention.${constant}`)).toBeCloseTo(1, 2);
    expect(said('gemm.fp8.1')).toBe(1);
    for (const bandwidth of ['streaming', 'elementwise']) expect(said(bandwidth)).toBeCloseTo(1, 1);
  });

  it.each<[string, string, boolean, number]>([
    ["an A100's own kernel as it ran", 'NVIDIA A100-SXM4-80GB', true, 0.5],
    // Of the peak of an H100, 989.4 TFLOP/s in place of 312, and at 0.9 of the clocks.
    [
      "Ampere's kernel on a later GPU at the clocks of products",
      'NVIDIA H100 80GB HBM3',
      true,
      (0.9 * 0.5 * 312) / 989.4,
    ],
    ['as shipped where no product says what the clocks are', 'NVIDIA H100 80GB HBM3', false, 0.283],
  ])('FlashAttention 2: %s', (_, name, products, rate) => {
    const probe = sampleProbe({ name });
    const preset = name.includes('A100') ? 'a100-sxm-80gb' : 'h100-sxm-80gb';
    const entry = entryOf({ ...probe, gemm: products ? probe.gemm : [] }, preset);
    expect(entry).toMatchObject({ attention: { flash2: { rate: expect.closeTo(rate, 3) as number } } });
  });

  it('leaves what it did not measure', () => {
    const shipped = readCalibration(base).accelerators['a100'];
    const bare = { ...sampleProbe(), gemm: [], attention: [], memory: [], collectives: [] };
    expect(entryOf(bare)).toEqual({ ...shipped, names: ['a100-sxm-80gb'] });
  });
});

describe('probe files', () => {
  it('are told from runs by their kind, and checked against the schema', () => {
    const text = JSON.stringify(sampleProbe());
    expect(isProbeText(text)).toBe(true);
    expect(isProbeText('{"id":"run"}')).toBe(false);
    expect(readProbe({ name: 'p.json', text }).ok).toBe(true);
    const wrong = readProbe({ name: 'p.json', text: text.replace('"per_node":8', '"per_node":0') });
    expect(!wrong.ok && wrong.diagnostics.map(({ message }) => message)).toEqual([
      'gpu.per_node must be >= 1',
    ]);
  });
});
