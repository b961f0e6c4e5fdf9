/** Which constants and peaks a kind of node gets. */
import { describe, expect, it } from 'vitest';
import type { Accelerator, NodeGroup } from '../../src/cluster/cluster.ts';
import { acceleratorCalibration } from '../../src/cost/calibration.ts';
import type { LinkClass } from '../../src/cost/calibration.ts';
import { castTime, gemmTime } from '../../src/cost/gemm.ts';
import { densePeak, machineOf } from '../../src/cost/machine.ts';
import { flopsPerSecond } from '../../src/units.ts';
import { accelerator, calibrationWith, clusterOf, linkConstants } from './fixtures.ts';

const groupWith = (change: Partial<NodeGroup>): NodeGroup => {
  const [group] = clusterOf(1).groups;
  if (group === undefined) throw new Error('no group');
  return { ...group, ...change };
};

const classes: readonly LinkClass[] = [
  'nvlink3',
  'nvlink4',
  'nvlink5',
  'pcie',
  'infinity-fabric',
  'infiniband',
  'roce',
  'efa',
  'ethernet',
];
/** Classes told apart by their base: 0, 1, 2, … seconds. */
const calibration = {
  ...calibrationWith(),
  links: Object.fromEntries(classes.map((name, base) => [name, { ...linkConstants, base }])) as Record<
    LinkClass,
    typeof linkConstants
  >,
};
const classAt = (base: number): LinkClass | undefined => classes[base];

describe('the class of a link inside a node', () => {
  const inside = (architecture: Accelerator['architecture'], kind: 'switch' | 'pcie', name: string) =>
    classAt(
      machineOf(
        groupWith({
          accelerator: { ...accelerator, architecture },
          intraNode: { ...groupWith({}).intraNode, kind, name },
        }),
        calibration,
      ).intraNodeConstants.base,
    );

  it.each([
    ['volta', 'switch', 'nvlink2', 'nvlink3'],
    ['ampere', 'switch', 'nvlink3', 'nvlink3'],
    ['hopper', 'switch', 'nvlink4', 'nvlink4'],
    ['blackwell', 'switch', 'nvlink5', 'nvlink5'],
    ['hopper', 'pcie', 'pcie5', 'pcie'],
    ['cdna3', 'pcie', 'pcie5', 'pcie'],
    ['cdna3', 'switch', 'own fabric', 'infinity-fabric'],
    ['other', 'switch', 'infinity-fabric', 'infinity-fabric'],
  ] as const)('%s, %s, %s: %s', (architecture, kind, name, want) => {
    expect(inside(architecture, kind, name)).toBe(want);
  });
});

describe('the class of a network', () => {
  it.each([
    ['infiniband', 'infiniband'],
    ['roce', 'roce'],
    ['efa', 'efa'],
    ['ethernet', 'ethernet'],
    ['other', 'ethernet'],
  ] as const)('%s: %s', (kind, want) => {
    const machine = machineOf(groupWith({ nics: { ...groupWith({}).nics, kind } }), calibration);
    expect(classAt(machine.networkConstants.base)).toBe(want);
  });
});

describe('peaks', () => {
  const peakOf = (peak: Accelerator['peak']) =>
    machineOf(groupWith({ accelerator: { ...accelerator, peak } }), calibration).peak;
  const rate = flopsPerSecond;

  it('fp32 products run as TF32 where there is one, else at the fp32 rate, else at an eighth of half precision', () => {
    expect(peakOf({ bf16: rate(800), tf32: rate(400), fp32: rate(50) }).fp32).toBe(400);
    expect(peakOf({ bf16: rate(800), fp32: rate(50) }).fp32).toBe(50);
    expect(peakOf({ bf16: rate(800) }).fp32).toBe(100);
  });

  it('16 bits: bf16, or fp16 on GPUs before it', () => {
    expect(peakOf({ bf16: rate(800), fp16: rate(700) }).bf16).toBe(800);
    expect(peakOf({ fp16: rate(125) }).bf16).toBe(125);
  });

  it('narrow formats: their own rate or the next wider one; fp4 curves are over twice fp8', () => {
    expect(peakOf({ bf16: rate(800), fp8: rate(1600) })).toMatchObject({ fp8: 1600, nvfp4: 1600 });
    expect(peakOf({ bf16: rate(800), fp8: rate(1600), nvfp4: rate(5000) }).nvfp4).toBe(3200);
  });
});

describe('constants of an accelerator', () => {
  const entry = calibrationWith().accelerators['test'];
  if (entry === undefined) throw new Error('no entry');
  const two = {
    ...calibrationWith(),
    accelerators: {
      first: { ...entry, names: ['a', 'b'], sustained: 0.1 },
      second: { ...entry, names: ['c'], sustained: 0.2 },
    },
    fallback: { hopper: 'second', other: 'first' },
  };
  const sustained = (name: string, architecture: Accelerator['architecture']): number =>
    acceleratorCalibration(two, { ...accelerator, name, architecture }).sustained;

  it('are those under its name, else those of its architecture, else those of `other`', () => {
    expect(sustained('b', 'hopper')).toBe(0.1);
    expect(sustained('c', 'ampere')).toBe(0.2);
    expect(sustained('unknown', 'hopper')).toBe(0.2);
    expect(sustained('unknown', 'ampere')).toBe(0.1);
  });

  it('are never made up', () => {
    expect(() =>
      acceleratorCalibration({ ...two, fallback: {} }, { ...accelerator, name: 'unknown' }),
    ).toThrow(/no fallback for ampere/u);
    expect(() =>
      acceleratorCalibration({ ...two, fallback: { other: 'third' } }, { ...accelerator, name: 'unknown' }),
    ).toThrow(/no fallback/u);
  });
});

describe('rates below the nominal', () => {
  const machine = machineOf(
    groupWith({}),
    calibrationWith({ accelerator: { streaming: 0.25, elementwise: 0.5 } }),
  );

  it('few rows stream the weights: 2·(mk + kn + mn) bytes at a quarter of 1e12', () => {
    const bytes = 2 * (1024 + 1024 * 2048 + 2048);
    expect(gemmTime(machine, 'bf16', 1, 2048, 1024) / (bytes / 2.5e11)).toBeCloseTo(1, 12);
  });

  it('casts run at half of it, in 8 and in 4 bits', () => {
    expect(castTime(machine, 'fp8', 1e6) / 8e-6).toBeCloseTo(1, 12);
    expect(castTime(machine, 'nvfp4', 1e6) / 8e-6).toBeCloseTo(1, 12);
    expect(castTime(machine, 'fp32', 1e6)).toBe(0);
  });
});

describe('the peak that MFU is a share of', () => {
  it('in nvfp4 is the figure of the data sheet, where it is not twice that of fp8', () => {
    const peak = { bf16: flopsPerSecond(2.5e15), fp8: flopsPerSecond(5e15), nvfp4: flopsPerSecond(15e15) };
    const machine = machineOf(groupWith({ accelerator: { ...accelerator, peak } }), calibration);
    expect(densePeak(machine, 'nvfp4')).toBe(15e15);
    expect(densePeak(machine, 'fp8')).toBe(5e15);
  });
});
