/**
 * What a table of bus bandwidths over InfiniBand says: `npx tsx scripts/fit-network-links.ts FOLDER` (FOLDER:
 * simai-busbw-ratio.csv, H800 nodes with 8 ports of 400 Gb/s). Rings over 2 to 128 whole nodes give the share of the
 * ports that a gather attains for large messages and the time of a ring step, by least absolute log error. Prints what
 * is found beside what ships; changes nothing.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { mean, median } from '../src/accuracy/metrics.ts';
import { defaultCalibration } from '../src/ingest/calibration.ts';

interface Sample {
  readonly ranks: number;
  readonly bytes: number;
  /** Attained over nominal bus bandwidth. */
  readonly ratio: number;
}

/** Ports of a node, bytes/s. */
const PORTS = (8 * 400e9) / 8;

const samplesOf = (folder: string): readonly Sample[] =>
  readFileSync(path.join(folder, 'simai-busbw-ratio.csv'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, ranks, bytes, ratio] =
        /^nic_ratio,\d+Node-(\d+)GPU[^,]*,(\d+),([\d.]+)$/.exec(line.trim()) ?? [];
      return ratio === undefined
        ? []
        : [{ ranks: Number(ranks), bytes: Number(bytes), ratio: Number(ratio) }];
    });

const errors = (samples: readonly Sample[], base: number, gather: number, step: number): readonly number[] =>
  samples.map(({ ranks, bytes, ratio }) => {
    const nominal = (bytes * (ranks - 1)) / ranks / PORTS;
    return Math.abs(Math.log((nominal / ratio) * (1 / (base + (ranks - 1) * step + nominal / gather))));
  });

const main = (): void => {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) throw new Error('usage: fit-network-links FOLDER');
  const link = defaultCalibration().links.infiniband;
  const samples = samplesOf(folder);
  let best = { error: Infinity, gather: 0, step: 0 };
  for (let gather = 0.4; gather <= 1; gather += 0.01)
    for (let step = 1e-6; step <= 1e-5; step += 1e-7) {
      const error = mean(errors(samples, link.base, gather, step)) ?? Infinity;
      if (error < best.error) best = { error, gather, step };
    }
  const row = (name: string, gather: number, step: number): string => {
    const of = errors(samples, link.base, gather, step);
    const [middle, average] = [median(of) ?? NaN, mean(of) ?? NaN].map((value) => (100 * value).toFixed(1));
    return `${name}: gather ${gather.toFixed(2)}, step ${(1e6 * step).toFixed(1)} us, error ${middle} % median, ${average} % mean\n`;
  };
  process.stdout.write(`${samples.length} samples\n`);
  process.stdout.write(row('found', best.gather, best.step));
  process.stdout.write(row('ships', link.gather, link.step));
};

main();
