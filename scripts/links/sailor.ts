/**
 * Sailor's validation runs (OPT-350M on GH200, tensor 4; eth-easl/sailor @ cf2c8e3cc53c) from its profile of layers
 * (forward, backward, update), which holds tensor communication.
 */
import { readFileSync } from 'node:fs';
import { criticalPathTime } from '../../src/cost/latency-forms.ts';
import { dataPath } from '../../test/shared-data.ts';

interface Run {
  readonly file: string;
  readonly stages: number;
  /** First and last layer of each stage, and their number. */
  readonly layers_per_stage: readonly (readonly number[])[];
  readonly data_per_stage: readonly number[];
  readonly micro_batch: number;
  readonly global_batch: number;
  readonly measured_iteration_s: number;
}

type Profile = Readonly<
  Record<string, Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>>
>;

export interface SailorRow {
  readonly name: string;
  readonly microBatch: number;
  readonly ours: number;
  readonly measured: number;
}

/** Alps: one 200 Gb/s port for each GPU; a ring of replicas crosses nodes on it. */
const PORT = 25e9;
const TENSOR = 4;
const HIDDEN = 1024;
const SEQUENCE = 2048;
/** 12h² a block and both tables, fp16 gradients. */
const GRADIENT = 2;
const VOCABULARY = 50272;

const bytesOf = (layers: readonly number[]): number =>
  layers.reduce(
    (sum, layer) => sum + (layer === 0 || layer === 25 ? VOCABULARY * HIDDEN : 12 * HIDDEN ** 2),
    0,
  ) *
  (GRADIENT / TENSOR);

export const sailorRows = (): readonly SailorRow[] => {
  const read = (...parts: string[]): unknown =>
    JSON.parse(readFileSync(dataPath('clusters', 'sailor', ...parts), 'utf8'));
  const profile = read('profiles', 'OPT-350_GH-96.json') as Profile;
  return (read('validation_clariden_opt350.json') as readonly Run[]).map((run) => {
    const times = profile[String(run.micro_batch)]?.[String(TENSOR)] ?? {};
    const data = run.data_per_stage[0] ?? 1;
    const stages = run.layers_per_stage.map(([first = 0, last = 0]) =>
      Array.from({ length: last - first + 1 }, (_, index) => first + index),
    );
    const work = stages.map((layers) =>
      layers.reduce((sum, layer) => sum + (times[layer]?.[0] ?? 0) + (times[layer]?.[1] ?? 0), 0),
    );
    const update = Math.max(
      ...stages.map((layers) => layers.reduce((sum, layer) => sum + (times[layer]?.[2] ?? 0), 0)),
    );
    const hop = (2 * run.micro_batch * SEQUENCE * HIDDEN) / PORT;
    const ours = criticalPathTime({
      microBatches: run.global_batch / (data * run.micro_batch),
      stages: work,
      hops: work.slice(1).map(() => hop),
      data: stages.map((layers) => (2 * (data - 1) * bytesOf(layers)) / data / PORT),
    });
    return {
      name: run.file.replace(/^.*plan_config_|\.json$/gu, ''),
      microBatch: run.micro_batch,
      ours: ours + update,
      measured: run.measured_iteration_s,
    };
  });
};
