/**
 * AMP's trials (Li et al., NeurIPS 2022; DachengLi1/AMP @ 72eeea45518d): iteration times from its measured forward
 * times of layers (one sample), by event simulation of 1F1B and rings over what each group crosses.
 */
import { readFileSync } from 'node:fs';
import { simulatePipeline } from '../../src/cost/schedule-simulation.ts';
import { seconds } from '../../src/units.ts';
import { dataPath } from '../../test/shared-data.ts';
import { kendallTau, meanAbsolute } from './table.ts';

export interface Trial {
  readonly microBatch: number;
  readonly tensor: number;
  readonly data: number;
  readonly pipeline: number;
  readonly cut: readonly number[];
  readonly predicted: number;
  readonly measured: number;
}

export interface AmpMachine {
  readonly file: string;
  readonly layers: string;
  readonly batch: number;
  /** bytes/s of a node onto the network, and between GPUs of one node. */
  readonly network: number;
  readonly inside: number;
  /** Hidden state of one sample between stages, bytes. */
  readonly activation: number;
  /** Gradient bytes of a layer. */
  readonly gradients: (layer: number) => number;
  /** Seconds of a layer's forward pass that do not grow with the micro-batch: launches. */
  readonly fixed: number;
  /** Share of an all-reduce's time that does not: latency. */
  readonly latency: number;
}

const PER_NODE = 4;
/** Entries below are lookups and reshapes. */
const LIGHT = 1e-3;

const layerTimes = (): Readonly<Record<string, readonly number[]>> =>
  JSON.parse(readFileSync(dataPath('clusters', 'amp', 'layer_forward_seconds.json'), 'utf8')) as Record<
    string,
    number[]
  >;

export const readTrials = (file: string): readonly Trial[] =>
  readFileSync(dataPath('clusters', 'amp', file), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => {
      const [, mbs, mp, dp, pp, cut = '', predicted, measured] =
        /^(\d+),(\d+),(\d+),(\d+),"\[(.*)\]",(.*),(.*)$/u.exec(line) ?? [];
      return {
        microBatch: Number(mbs),
        tensor: Number(mp),
        data: Number(dp),
        pipeline: Number(pp),
        cut: cut.split(',').map(Number),
        predicted: Number(predicted),
        measured: measured === 'inf' ? Infinity : Number(measured),
      };
    });

/** Bytes/s of a flow out of the most shared node, among flows between ranks; `inside` where all stay in a node. */
const slowestFlow = (
  flows: readonly (readonly [number, number])[],
  own: readonly (readonly [number, number])[],
  machine: AmpMachine,
): number => {
  const out = new Map<number, number>();
  const node = (rank: number): number => Math.floor(rank / PER_NODE);
  for (const [from, to] of flows)
    if (node(from) !== node(to)) out.set(node(from), (out.get(node(from)) ?? 0) + 1);
  return own.reduce((least, [from, to]) => {
    const rate = node(from) === node(to) ? machine.inside : machine.network / (out.get(node(from)) ?? 1);
    return Math.min(least, rate);
  }, Infinity);
};

/**
 * Forward of a layer: launches + compute ∕ tensor × micro-batch + all-reduces, whose time is what the measured layer of
 * that tensor degree takes beyond its compute. Backward computes twice as long and reduces as often.
 */
const passes = (trial: Trial, machine: AmpMachine, times: Readonly<Record<string, readonly number[]>>) => {
  const one = times[`${machine.layers}_1`] ?? [];
  const cutTimes = times[`${machine.layers}_${trial.tensor}`] ?? [];
  return Array.from({ length: trial.pipeline }, (_, stage) => {
    let [forward, backward] = [0, 0];
    for (let layer = trial.cut[stage] ?? 0; layer < (trial.cut[stage + 1] ?? 0); layer += 1) {
      const [whole, part] = [one[layer] ?? 0, cutTimes[layer] ?? 0];
      const b = trial.microBatch;
      if (whole < LIGHT) {
        forward += part * b;
        backward += 2 * part * b;
        continue;
      }
      const fixed = Math.min(machine.fixed, 0.9 * whole);
      const compute = (whole - fixed) / trial.tensor;
      const reduce = trial.tensor === 1 ? 0 : Math.max(0, part - fixed - compute);
      const communication = reduce * (machine.latency + (1 - machine.latency) * b);
      forward += fixed + compute * b + communication;
      backward += 2 * (fixed + compute * b) + communication;
    }
    return { forward: seconds(forward), backward: seconds(backward), weightGradient: seconds(0) };
  });
};

export const predictTrial = (trial: Trial, machine: AmpMachine): number => {
  const { tensor, data, pipeline, microBatch, cut } = trial;
  const chunks = passes(trial, machine, layerTimes());
  const inner = tensor * data;
  const hops = Array.from({ length: pipeline - 1 }, (_, stage) => {
    const flows = Array.from(
      { length: inner },
      (__, index) => [stage * inner + index, (stage + 1) * inner + index] as const,
    );
    return seconds((machine.activation * microBatch) / slowestFlow(flows, flows, machine));
  });
  const rings = Array.from({ length: pipeline }, (_, stage) =>
    Array.from({ length: tensor }, (__, t) =>
      Array.from(
        { length: data },
        (___, d) => [stage * inner + d * tensor + t, stage * inner + ((d + 1) % data) * tensor + t] as const,
      ),
    ).flat(),
  );
  const all = rings.flat();
  const exchange = rings.map((own, stage) => {
    if (data === 1) return 0;
    let bytes = 0;
    for (let layer = cut[stage] ?? 0; layer < (cut[stage + 1] ?? 0); layer += 1)
      bytes += machine.gradients(layer) / tensor;
    return (2 * (data - 1) * bytes) / data / slowestFlow(all, own, machine);
  });
  const { makespan } = simulatePipeline({
    schedule: '1f1b',
    stages: pipeline,
    virtualStages: 1,
    microBatches: machine.batch / (data * microBatch),
    microBatchGroup: pipeline,
    chunks: chunks.map((chunk) => [chunk]),
    links: [...hops, seconds(0)],
    blocking: false,
  });
  return makespan + Math.max(...exchange);
};

const HIDDEN = 1024;
/** GPT-2 345M: 12h² + 13h a block (entries 2 to 25), tables in entry 0; fp32 gradients. */
const gpt2Gradients = (layer: number): number =>
  4 * (layer === 0 ? (50257 + 1024) * HIDDEN : layer >= 2 && layer < 26 ? 12 * HIDDEN ** 2 + 13 * HIDDEN : 0);

/** Constants as published; `fixed` and `latency`, which the layer times of one sample do not tell, fitted to the trials. */
export const homogeneous: AmpMachine = {
  file: 'homogeneous_trials.csv',
  layers: 'gpt2_G4',
  batch: 32,
  network: 6.25e9,
  inside: 10e9,
  activation: 1024 * HIDDEN * 2,
  gradients: gpt2Gradients,
  fixed: 1e-3,
  latency: 0.5,
};

/** AMP's own data term of dp 16 (1.7808 − 12 · Σ forward, b = 2f) is 584 MB over 10 Gb/s; spread here as layers' times are. */
const TRANSGAN_GRADIENTS = 2 * 584e6;

export const unevenModel = (): AmpMachine => {
  const forward = layerTimes()['transgan_P3_1'] ?? [];
  const whole = forward.reduce((sum, time) => sum + time, 0);
  return {
    file: 'het_model_trials.csv',
    layers: 'transgan_P3',
    batch: 64,
    network: 1.25e9,
    inside: 20e9,
    activation: 0.8e6,
    gradients: (layer) => (TRANSGAN_GRADIENTS * (forward[layer] ?? 0)) / whole,
    fixed: 1.5e-3,
    latency: 0,
  };
};

export interface TrialSummary {
  readonly trials: number;
  readonly measured: number;
  readonly tau: number;
  readonly theirTau: number;
  readonly error: number;
  readonly theirError: number;
  /** Measured seconds of our first choice, of theirs, and of the best. */
  readonly firstChoice: number;
  readonly theirFirstChoice: number;
  readonly best: number;
}

export const summarise = (machine: AmpMachine): TrialSummary => {
  const trials = readTrials(machine.file);
  const ran = trials
    .filter(({ measured }) => Number.isFinite(measured))
    .map((trial) => ({ ...trial, ours: predictTrial(trial, machine) }));
  const measured = ran.map((trial) => trial.measured);
  const first = (key: 'ours' | 'predicted'): number =>
    ran.reduce((best, trial) => (trial[key] < best[key] ? trial : best)).measured;
  return {
    trials: trials.length,
    measured: ran.length,
    tau: kendallTau(
      ran.map(({ ours }) => ours),
      measured,
    ),
    theirTau: kendallTau(
      ran.map(({ predicted }) => predicted),
      measured,
    ),
    error: meanAbsolute(ran.map((trial) => trial.ours / trial.measured - 1)),
    theirError: meanAbsolute(ran.map((trial) => trial.predicted / trial.measured - 1)),
    firstChoice: first('ours'),
    theirFirstChoice: first('predicted'),
    best: Math.min(...measured),
  };
};
