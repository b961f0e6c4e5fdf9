/**
 * Grouped products of training on B200 (forward and both gradients, many local experts) as MooreThreads/SimuMax @ 4dcaae5
 * measured them, and what the form of the cost model says of each: √(product² + weights²) and a fixed time an expert.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { acceleratorCalibration } from '../../src/cost/calibration.ts';
import type { Calibration } from '../../src/cost/calibration.ts';
import { readAccelerator } from '../../src/ingest/presets.ts';

export interface Product {
  readonly stage: string;
  readonly experts: number;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly efficiency: number;
}

const PEAK = 2250e12;
const BANDWIDTH = 8e12;
const ROW =
  /^b200\w*,group_matmul,[\d.]+,ng=(\d+);M=(\d+);N=(\d+);K=(\d+);.*main_grad_dtype=fp32;stage=(\w+);.*,([\d.]+)$/;

export const products = (folder: string): readonly Product[] =>
  readFileSync(path.join(folder, 'simumax-operator-efficiency.csv'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, experts, rows, columns, depth, stage, efficiency] = ROW.exec(line.trim()) ?? [];
      if (stage === undefined) return [];
      const [n, m, w, k, e] = [experts, rows, columns, depth, efficiency].map(Number);
      return [{ stage, experts: n ?? 0, rows: m ?? 0, columns: w ?? 0, depth: k ?? 0, efficiency: e ?? 0 }];
    });

/** Depth of a stage's product: inputs, outputs, rows. */
const depthOf = (product: Product): number =>
  product.stage === 'fwd' ? product.depth : product.stage === 'bwd_grad_act' ? product.columns : product.rows;

/** Predicted over measured time: rate relative to a burst, seconds an expert, bytes a weight for accumulation. */
export const ratio = (
  p: Product,
  calibration: Calibration,
  rate: number,
  overhead: number,
  accumulation: number,
): number => {
  const { gemm, streaming } = acceleratorCalibration(
    calibration,
    readAccelerator('b200-sxm-180gb').accelerator,
  );
  const flops = 2 * p.experts * p.rows * p.columns * p.depth;
  const weights = p.experts * p.columns * p.depth;
  const stream = BANDWIDTH * streaming;
  const compute = (flops / (PEAK * gemm.bf16.efficiency * rate)) * (1 + gemm.bf16.depth / depthOf(p));
  const gradient = p.stage === 'bwd_grad_w' ? (accumulation * weights) / stream : 0;
  const time = Math.hypot(compute, (2 * weights) / stream) + p.experts * overhead + gradient;
  return time / (flops / (PEAK * p.efficiency));
};
