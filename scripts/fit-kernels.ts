/**
 * Fits the GEMM curves of a calibration to kernel tables: `npx tsx scripts/fit-kernels.ts FOLDER`.
 *
 * FOLDER holds `gemm-<system>.csv` (dtype,m,n,k,latency_us) and `fp8-quantize.csv` (system,op,dtype,m,k,latency_us) as
 * published by ai-dynamo/aiconfigurator @ 095f58a. Shapes of training size alone (m, n ≥ 1024, k ≥ 512). The 8-bit
 * tables include the quantisation of the activations, which is taken off (GB300 has no table of it: that of GB200). For each system and format the efficiency
 * and the depth k0 of t = 2mnk ∕ (peak·e) · (1 + k0∕k) + floor with the least median error are printed.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { readAccelerator } from '../src/ingest/presets.ts';
import { defaultCalibration } from '../src/ingest/calibration.ts';
import { acceleratorCalibration } from '../src/cost/calibration.ts';
import type { GemmFormat } from '../src/cost/calibration.ts';

const SYSTEMS: readonly (readonly [string, string])[] = [
  ['a100_sxm', 'a100-sxm-80gb'],
  ['h100_sxm', 'h100-sxm-80gb'],
  ['b200_sxm', 'b200-sxm-180gb'],
  ['gb200', 'gb200-186gb'],
  ['gb300', 'gb300-288gb'],
];
const FORMATS: readonly (readonly [string, GemmFormat])[] = [
  ['bfloat16', 'bf16'],
  ['fp8', 'fp8'],
  ['nvfp4', 'nvfp4'],
];

interface Sample {
  readonly flops: number;
  readonly k: number;
  readonly seconds: number;
}

const rowsOf = (file: string): readonly (readonly string[])[] =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','));

/** Seconds to quantise [m, k], by system: amax and cast together. */
const quantisation = (folder: string): ReadonlyMap<string, number> => {
  const times = new Map<string, number>();
  for (const [system, , , m, k, latency] of rowsOf(path.join(folder, 'fp8-quantize.csv'))) {
    const key = `${system ?? ''} ${m ?? ''} ${k ?? ''}`;
    times.set(key, (times.get(key) ?? 0) + Number(latency) * 1e-6);
  }
  return times;
};

const samplesOf = (
  folder: string,
  system: string,
  dtype: string,
  casts: ReadonlyMap<string, number>,
): readonly Sample[] =>
  rowsOf(path.join(folder, `gemm-${system}.csv`)).flatMap(([type, mText, nText, kText, latency]) => {
    const [m, n, k] = [Number(mText), Number(nText), Number(kText)];
    if (type !== dtype || m < 1024 || n < 1024 || k < 512) return [];
    const cast = dtype === 'fp8' ? casts.get(`${system === 'gb300' ? 'gb200' : system} ${m} ${k}`) : 0;
    if (cast === undefined) return [];
    const seconds = Number(latency) * 1e-6 - cast;
    return seconds > 0 ? [{ flops: 2 * m * n * k, k, seconds }] : [];
  });

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

const errorOf = (samples: readonly Sample[], rate: number, depth: number, floor: number): number =>
  median(
    samples.map(({ flops, k, seconds }) =>
      Math.abs(((flops / rate) * (1 + depth / k) + floor) / seconds - 1),
    ),
  );

/** Efficiency and depth of least median error, on a grid of 0.5 % and 6 %. */
const fit = (
  samples: readonly Sample[],
  peak: number,
  floor: number,
): { efficiency: number; depth: number; error: number } => {
  let best = { efficiency: 0, depth: 0, error: Infinity };
  for (let depth = 16; depth < 4096; depth *= 1.06)
    for (let efficiency = 0.3; efficiency < 0.96; efficiency += 0.005) {
      const error = errorOf(samples, peak * efficiency, depth, floor);
      if (error < best.error) best = { efficiency, depth, error };
    }
  return best;
};

const main = (): void => {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) throw new Error('usage: fit-kernels FOLDER');
  const casts = quantisation(folder);
  process.stdout.write(
    'system    format  rows  efficiency  k0    median error   shipped: efficiency  k0    median error\n',
  );
  for (const [system, preset] of SYSTEMS) {
    if (!existsSync(path.join(folder, `gemm-${system}.csv`))) continue;
    const { accelerator } = readAccelerator(preset);
    const shipped = acceleratorCalibration(defaultCalibration(), accelerator);
    for (const [dtype, format] of FORMATS) {
      const samples = samplesOf(folder, system, dtype, casts);
      if (samples.length === 0) continue;
      const fp8 = accelerator.peak.fp8 ?? 0;
      const peak = format === 'bf16' ? (accelerator.peak.bf16 ?? 0) : format === 'fp8' ? fp8 : 2 * fp8;
      // A few thousand rows spread over the table say as much as all of them.
      const every = Math.ceil(samples.length / 1500);
      const sample = samples.filter((_, index) => index % every === 0);
      const found = fit(sample, peak, shipped.kernelFloor);
      const { efficiency, depth } = shipped.gemm[format];
      const error = errorOf(samples, peak * efficiency, depth, shipped.kernelFloor);
      const cells = [
        system.padEnd(9),
        format.padEnd(7),
        String(samples.length).padEnd(5),
        found.efficiency.toFixed(3).padEnd(11),
        found.depth.toFixed(0).padEnd(5),
        `${(100 * found.error).toFixed(1)} %`.padEnd(23),
        efficiency.toFixed(3).padEnd(11),
        depth.toFixed(0).padEnd(5),
        `${(100 * error).toFixed(1)} %`,
      ];
      process.stdout.write(`${cells.join(' ')}\n`);
    }
  }
};

main();
