/** A probe of one A100 node whose products, attention and bandwidth follow stated curves exactly. */
import type { Probe, ProbedCollective } from '../../src/formats/probe.ts';

/** Dense bf16 peak, FLOP/s, and memory bandwidth, bytes/s, of an A100 SXM 80 GB (NVIDIA's data sheet). */
export const PEAK = 312e12;
export const BANDWIDTH = 2039e9;

export const CURVE = { efficiency: 0.8, depth: 200, sustained: 0.9, rate: 0.5, backward: 0.8, half: 400 };

const SHAPES = [
  [4096, 4096, 4096],
  [8192, 14336, 4096],
  [8192, 8192, 1024],
  [8192, 3584, 8192],
  [4096, 28672, 8192],
] as const;

/** Ring of 8 GPUs at 200 GB/s of bus bandwidth and 20 us: seconds of an all-reduce. */
const allReduce = (bytes: number): ProbedCollective => ({
  operation: 'all-reduce',
  scope: 'node',
  ranks: 8,
  bytes,
  seconds: 20e-6 + (2 * 7 * bytes) / 8 / 200e9,
});

export const sampleProbe = ({ slowdown = 1, name = 'NVIDIA A100-SXM4-80GB' } = {}): Probe => ({
  schema_version: 1,
  kind: 'planner-probe',
  gpu: { name, memory_bytes: 85e9, per_node: 8, nodes: 1 },
  software: { torch: '2.6.0', cuda: '12.4' },
  network: null,
  gemm: SHAPES.map(([m, n, k]) => {
    const burst = ((2 * m * n * k) / (PEAK * CURVE.efficiency)) * (1 + CURVE.depth / k) * slowdown;
    return { format: 'bf16', pass: 'forward', m, n, k, burst_s: burst, sustained_s: burst / CURVE.sustained };
  }),
  attention: [2048, 8192].map((sequence) => {
    const flops = 2 * 2 * 32 * sequence ** 2 * 128;
    const forward = (flops / (PEAK * CURVE.rate * (sequence / (sequence + CURVE.half)))) * slowdown;
    return {
      kernel: 'flash2',
      batch: 2,
      heads: 32,
      sequence,
      head_dim: 128,
      forward_s: forward,
      backward_s: (2.5 * forward) / CURVE.backward,
    };
  }),
  memory: [
    { kernel: 'copy', bytes: 2e9, seconds: (2e9 / BANDWIDTH / 0.85) * slowdown },
    { kernel: 'add', bytes: 3e9, seconds: (3e9 / BANDWIDTH / 0.7) * slowdown },
  ],
  collectives: [2 ** 24, 2 ** 26, 2 ** 28].map(allReduce),
});
