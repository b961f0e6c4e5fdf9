/** Time of matrix products. */
import type { GemmFormat } from './calibration.ts';
import type { Machine } from './machine.ts';

/**
 * One product [m, k] × [k, n]: t = max(2mnk ∕ (P·e·g) · (1 + k0∕k), bytes ∕ bandwidth) + floor.
 * P dense peak of the format; e, k0 the kernel's efficiency and prologue depth; g the sustained derating.
 * The traffic of both operands and the result (2 bytes an element) bounds small products.
 * Form and constants fitted on published GEMM tables (aiconfigurator @ 095f58a, tensor-core kernels).
 */
export const gemmTime = (machine: Machine, format: GemmFormat, m: number, n: number, k: number): number => {
  const { efficiency, depth } = machine.constants.gemm[format];
  const rate = machine.peak[format] * efficiency * machine.constants.sustained;
  const compute = ((2 * m * n * k) / rate) * (1 + depth / k);
  const traffic = (2 * (m * k + k * n + m * n)) / (machine.memoryBandwidth * machine.constants.streaming);
  return Math.max(compute, traffic) + machine.constants.kernelFloor;
};

export interface LinearTime {
  readonly forward: number;
  /** Gradient of the input. */
  readonly inputGradient: number;
  /** Gradient of the weight: depth is the token count. */
  readonly weightGradient: number;
}

/** The three products of a linear layer on `tokens` rows after sharding. */
export const linearTime = (
  machine: Machine,
  format: GemmFormat,
  tokens: number,
  inputs: number,
  outputs: number,
): LinearTime => ({
  forward: gemmTime(machine, format, tokens, outputs, inputs),
  inputGradient: gemmTime(machine, format, tokens, inputs, outputs),
  weightGradient: gemmTime(machine, format, inputs, outputs, tokens),
});

/** Bytes that a quantisation kernel moves per element of a linear's input or output: 2 read, 1 written, 1 transposed. */
const CAST_BYTES = 4;

/** Time to quantise `elements` of bf16 for a low-precision product; 0 for 16-bit and wider formats. */
export const castTime = (machine: Machine, format: GemmFormat, elements: number): number =>
  format === 'fp8' || format === 'nvfp4'
    ? (CAST_BYTES * elements) / (machine.memoryBandwidth * machine.constants.elementwise)
    : 0;
