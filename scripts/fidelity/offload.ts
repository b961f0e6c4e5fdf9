/**
 * Deep Optimizer States: 177 runs of DeepSpeed ZeRO-3 with the optimizer on the host (logs of
 * mauryaavinash95/deep-optimizer-states-results @ a9408cd). What the model of `optimizer-offload` says of the update and
 * of the stride, given the phases that the logs hold.
 */
import { bestStride, offloadedUpdateTime } from '../../src/cost/optimizer-offload.ts';
import type { HostRates } from '../../src/cost/optimizer-offload.ts';
import { numberOf, readRows, textOf } from './csv.ts';
import type { Row } from './csv.ts';

interface Run {
  readonly name: string;
  readonly row: Row;
  /** Parameters whose states a rank owns on the host. */
  readonly owned: number;
  /** 0: the host updates all of them. */
  readonly stride: number;
  readonly update: number;
  readonly iteration: number;
}

/** GPT parameters: 12·L·h² and the embedding, which the names round (7 for 6.7, 20 for a deeper 20B). */
const parametersOf = (row: Row): number =>
  12 * numberOf(row, 'layers') * numberOf(row, 'hidden') ** 2 + 50257 * numberOf(row, 'hidden');

const runsOf = (file: string): readonly Run[] =>
  readRows(file).map((row) => {
    const ranks = numberOf(row, 'tensor') * numberOf(row, 'data');
    return {
      name: textOf(row, 'folder'),
      row,
      owned: (parametersOf(row) / ranks) * numberOf(row, 'cpu_offload_ratio'),
      stride: textOf(row, 'prefetch') === '1' ? numberOf(row, 'update_stride') : 0,
      update: numberOf(row, 'update_ms') / 1000,
      iteration: numberOf(row, 'iteration_ms') / 1000,
    };
  });

export interface OffloadReport {
  readonly runs: number;
  /** Absolute relative errors of iteration time where the logs' other phases are given. */
  readonly errors: readonly number[];
  /** Sweeps of the stride, and those whose best stride is the predicted one. */
  readonly sweeps: number;
  readonly found: number;
  /** Sweeps in which the predicted stride took no longer than the best by more than repeated runs of one setting differ. */
  readonly foundWithinSpread: number;
}

/** What an update depends on; the batch and where gradients are flushed are not among it. */
const settingOf = ({ name, owned, stride, row }: Run): string =>
  [/a100/.test(name), owned, stride, textOf(row, 'subgroup_params')].join(' ');

/** By setting: the updates of all its runs. */
const repeatsOf = (runs: readonly Run[]): ReadonlyMap<string, readonly number[]> => {
  const updates = new Map<string, number[]>();
  for (const run of runs) updates.set(settingOf(run), [...(updates.get(settingOf(run)) ?? []), run.update]);
  return updates;
};

/** Largest ratio − 1 between runs of one strided setting; 0 where none was repeated. */
const spreadOf = (runs: readonly Run[]): number =>
  Math.max(
    0,
    ...[...repeatsOf(runs.filter(({ stride }) => stride > 1)).values()].map(
      (updates) => Math.max(...updates) / Math.min(...updates) - 1,
    ),
  );

/**
 * Rates of a machine come from one of its runs without a stride and one with (its first of each), per rank count:
 * what `planner calibrate` would be given. All others are predicted.
 */
export const offloadReport = (file: string): OffloadReport => {
  const groups = new Map<string, Run[]>();
  for (const run of runsOf(file)) {
    const ranks = numberOf(run.row, 'tensor') * numberOf(run.row, 'data');
    const key = `${/a100/.test(run.name) ? 'a100' : /twinflow/.test(run.name) ? 'twinflow' : 'node'} ${ranks}`;
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  const errors: number[] = [];
  let [runs, sweeps, found, foundWithinSpread] = [0, 0, 0, 0];
  for (const list of groups.values()) {
    runs += list.length;
    const plain = list.find(({ stride }) => stride === 0);
    const strided = list.find(({ stride }) => stride > 1);
    if (plain === undefined) continue;
    const host = plain.owned / plain.update;
    const rates: HostRates = { host, device: Infinity };
    const k = strided?.stride ?? 0;
    const device =
      strided === undefined
        ? host
        : strided.owned / k / Math.max(1e-3, strided.update - (strided.owned * (1 - 1 / k)) / host);
    const known: HostRates = { ...rates, device };
    for (const run of list) {
      if (run === plain || run === strided) continue;
      const rest = run.iteration - run.update;
      errors.push(Math.abs((rest + offloadedUpdateTime(run.owned, run.stride, known)) / run.iteration - 1));
    }
    const bySetting = new Map<string, Run[]>();
    for (const run of list.filter(({ stride }) => stride > 1)) {
      const key = `${run.name} ${run.owned} ${textOf(run.row, 'micro_batch_size')} ${textOf(run.row, 'global_batch_size')}`;
      bySetting.set(key, [...(bySetting.get(key) ?? []), run]);
    }
    for (const sweep of bySetting.values()) {
      if (sweep.length < 3) continue;
      sweeps += 1;
      const strides = sweep.map(({ stride }) => stride);
      const best = sweep.reduce((a, b) => (b.update < a.update ? b : a));
      const chosen = bestStride(strides, known);
      found += Number(best.stride === chosen);
      const taken = sweep.find(({ stride }) => stride === chosen)?.update ?? Infinity;
      foundWithinSpread += Number(taken <= best.update * (1 + spreadOf(list)));
    }
  }
  return { runs, errors, sweeps, found, foundWithinSpread };
};
