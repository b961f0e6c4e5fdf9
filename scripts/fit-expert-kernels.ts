/**
 * What kernel tables say of experts: `npx tsx scripts/fit-expert-kernels.ts FOLDER` (FOLDER: simumax-operator-efficiency.csv,
 * deepep-normal.csv). Grouped products of training (forward and both gradients, many local experts) give the rate of a
 * product and the overhead of an expert; combines of DeepEP on one node the share of the links that a token exchange
 * attains by the rows that cross. Prints what is found beside what ships; changes nothing.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { median } from '../src/accuracy/metrics.ts';
import { acceleratorCalibration } from '../src/cost/calibration.ts';
import { distinctShare } from '../src/cost/layer-communication.ts';
import { defaultCalibration } from '../src/ingest/calibration.ts';
import { readAccelerator } from '../src/ingest/presets.ts';
import { products, ratio } from './ablation/grouped-products.ts';
import type { Product } from './ablation/grouped-products.ts';

const errorOf = (list: readonly Product[], ...constants: readonly [number, number, number]): number =>
  median(list.map((p) => Math.abs(Math.log(ratio(p, defaultCalibration(), ...constants))))) ?? Infinity;

const grid = (from: number, to: number, step: number): readonly number[] =>
  Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => from + i * step);

const grouped = (folder: string): void => {
  const all = products(folder);
  process.stdout.write(
    'grouped products, B200: stage, rows of the table, rate over a burst, overhead, bytes a weight, median error\n',
  );
  for (const stage of ['fwd', 'bwd_grad_act', 'bwd_grad_w']) {
    const list = all.filter((p) => p.stage === stage);
    let best = { error: Infinity, rate: 0, overhead: 0, bytes: 0 };
    for (const rate of grid(0.5, 1, 0.05))
      for (const overhead of grid(0, 12e-6, 1e-6))
        for (const bytes of stage === 'bwd_grad_w' ? grid(0, 8, 1) : [0]) {
          const error = errorOf(list, rate, overhead, bytes);
          if (error < best.error) best = { error, rate, overhead, bytes };
        }
    process.stdout.write(
      `${stage.padEnd(13)} ${String(list.length).padStart(3)}  ${best.rate.toFixed(2)}  ${(best.overhead * 1e6).toFixed(0)} us  ${best.bytes.toFixed(0)}  ${(100 * best.error).toFixed(1)} %\n`,
    );
  }
  const { sustained, expertOverhead } = acceleratorCalibration(
    defaultCalibration(),
    readAccelerator('b200-sxm-180gb').accelerator,
  );
  process.stdout.write(
    `ships          -  ${sustained.toFixed(2)}  ${(expertOverhead * 1e6).toFixed(0)} us\n`,
  );
};

/** Ranks of a node, and its NVLink bandwidth each way. */
const NODES: Readonly<Record<string, readonly [number, number]>> = {
  h100_sxm: [8, 450e9],
  h200_sxm: [8, 450e9],
  b200_sxm: [8, 900e9],
};

const exchanges = (folder: string): void => {
  const shares = new Map<string, number[]>();
  const [head = '', ...lines] = readFileSync(path.join(folder, 'deepep-normal.csv'), 'utf8')
    .trim()
    .split('\n');
  const columns = head.split(',');
  for (const line of lines) {
    const cells = line.split(',');
    const at = (name: string): string => cells[columns.indexOf(name)] ?? '';
    const [ranks, bandwidth] = NODES[at('system')] ?? [0, 0];
    const [tokens, hidden, copies] = ['tokens_per_rank', 'hidden', 'topk'].map((name) => Number(at(name)));
    const wide = Number(at('sms')) >= 16 && Number(at('nodes')) === 1 && hidden === 7168;
    if (ranks === 0 || !wide || tokens === undefined || copies === undefined || tokens < 4096) continue;
    const crossing = 2 * hidden * tokens * copies * distinctShare(ranks, copies) * ((ranks - 1) / ranks);
    const share = crossing / (Number(at('combine_us')) * 1e-6) / bandwidth;
    shares.set(at('system'), [...(shares.get(at('system')) ?? []), share]);
  }
  process.stdout.write(
    'combine of 7168 elements on one node, share of NVLink: system, rows of the table, median\n',
  );
  for (const [system, list] of shares)
    process.stdout.write(
      `${system.padEnd(10)} ${String(list.length).padStart(4)}  ${(median(list) ?? 0).toFixed(2)}\n`,
    );
  const { links } = defaultCalibration();
  process.stdout.write(
    `ships: nvlink4 ${String(links.nvlink4.tokenExchange)}, nvlink5 ${String(links.nvlink5.tokenExchange)} (HybridEP, from runs)\n`,
  );
};

const main = (): void => {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) throw new Error('usage: fit-expert-kernels FOLDER');
  grouped(folder);
  exchanges(folder);
};

main();
