import { describe, expect, it } from 'vitest';
import { castTime, gemmTime, linearTime } from '../../src/cost/gemm.ts';
import { gemmFormat, machineOf } from '../../src/cost/machine.ts';
import type { Machine } from '../../src/cost/machine.ts';
import { defaultCalibration } from '../../src/ingest/calibration.ts';
import { readAccelerator } from '../../src/ingest/presets.ts';
import { calibrationWith, clusterOf } from './fixtures.ts';

const machineWith = (constants: Parameters<typeof calibrationWith>[0] = {}): Machine => {
  const [group] = clusterOf(1).groups;
  if (group === undefined) throw new Error('no group');
  return machineOf(group, calibrationWith(constants));
};

/** A preset under the shipped constants, at burst clocks: tables of kernels are measured in short bursts. */
const burst = (preset: string): Machine => {
  const { accelerator, intraNode, nics } = readAccelerator(preset);
  const machine = machineOf(
    { count: 1, hosts: null, accelerator, perNode: 8, intraNode, nics, pricePerHour: null },
    defaultCalibration(),
  );
  return { ...machine, constants: { ...machine.constants, sustained: 1 } };
};

describe('gemmTime', () => {
  it('is FLOPs over the peak where nothing else costs: 2·4096³ ∕ 1e14', () => {
    expect(gemmTime(machineWith(), 'bf16', 4096, 4096, 4096)).toBeCloseTo(1.37439e-3, 7);
  });

  it('grows by 1 + k0∕k, and by the efficiency and the sustained rate', () => {
    const machine = machineWith({
      accelerator: {
        gemm: { ...machineWith().constants.gemm, bf16: { efficiency: 0.8, depth: 1024 } },
        sustained: 0.5,
      },
    });
    expect(gemmTime(machine, 'bf16', 4096, 4096, 4096)).toBeCloseTo((1.37439e-3 / 0.4) * 1.25, 6);
  });

  it('is bound by the traffic of operands and result for few rows: 2·(mk + kn + mn) ∕ 1e12, and by the floor', () => {
    const machine = machineWith({ accelerator: { kernelFloor: 5e-6 } });
    expect(gemmTime(machine, 'bf16', 1, 4096, 4096)).toBeCloseTo(
      (2 * (4096 + 4096 * 4096 + 4096)) / 1e12 + 5e-6,
      9,
    );
  });

  it('the depth of a weight gradient is the token count', () => {
    const machine = machineWith({
      accelerator: { gemm: { ...machineWith().constants.gemm, bf16: { efficiency: 1, depth: 100 } } },
    });
    const time = linearTime(machine, 'bf16', 1000, 4096, 8192);
    const ideal = (2 * 1000 * 4096 * 8192) / 1e14;
    expect(time.forward).toBeCloseTo(ideal * (1 + 100 / 4096), 8);
    expect(time.inputGradient).toBeCloseTo(ideal * (1 + 100 / 8192), 8);
    expect(time.weightGradient).toBeCloseTo(ideal * 1.1, 8);
  });

  it('casts 4 bytes an element in 8- and 4-bit formats only', () => {
    expect(castTime(machineWith(), 'fp8', 1e6)).toBeCloseTo(4e-6, 12);
    expect(castTime(machineWith(), 'bf16', 1e6)).toBe(0);
  });

  // Rows of ai-dynamo/aiconfigurator @ 095f58a, gemm_perf tables (TensorRT-LLM kernels, CUDA graph), microseconds.
  // Curves were fitted on the whole tables: median error 3.4 to 6 %, so single rows get 12 %.
  it.each([
    ['a100-sxm-80gb', 'bf16', 4096, 4096, 4096, 514.08],
    ['h100-sxm-80gb', 'bf16', 4096, 8192, 4096, 347.16],
    ['h100-sxm-80gb', 'bf16', 4096, 8192, 8192, 672.77],
  ] as const)('%s %s %i × %i × %i', (preset, format, m, n, k, microseconds) => {
    const time = gemmTime(burst(preset), format, m, n, k) * 1e6;
    expect(Math.abs(time / microseconds - 1)).toBeLessThan(0.12);
  });
});

describe('formats', () => {
  it.each([
    ['fp32', 'fp32'],
    ['fp16', 'bf16'],
    ['bf16', 'bf16'],
    ['fp8', 'fp8'],
    ['mxfp8', 'fp8'],
    ['nvfp4', 'nvfp4'],
  ] as const)('%s products run as %s', (precision, format) => {
    expect(gemmFormat(precision)).toBe(format);
  });

  it('a format that the hardware lacks runs at the next wider rate', () => {
    expect(machineWith().peak.fp8).toBe(1e14);
    expect(machineWith().peak.nvfp4).toBe(1e14);
    expect(burst('b200-sxm-180gb').peak.nvfp4).toBe(2 * burst('b200-sxm-180gb').peak.fp8);
  });
});
