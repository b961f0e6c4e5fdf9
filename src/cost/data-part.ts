/**
 * What follows the passes of an iteration: the exposed exchange of gradients and parameters, and the optimizer step. The
 * whole exchanges are remembered for the strategies that are asked about next: they depend on the groups and on each
 * stage's parameters, not on what the layers' passes take.
 */
import type { Strategy } from '../strategy/strategy.ts';
import { exposedExchange, gatherAll, optimizerTime, reduceAll, shardsLayers } from './data-parallel.ts';
import type { DataContext } from './data-parallel.ts';
import type { StageTable } from './stage-sums.ts';

/** What the exchange of parameters needs of every stage. */
export type DataTable = Pick<StageTable, 'sets' | 'dense' | 'expert' | 'backward' | 'backwardPorts'>;

/** Overwritten by the next call. */
export interface DataPart {
  exchange: number;
  step: number;
}

export type DataPartOf = (
  table: DataTable,
  s: Strategy,
  starts: readonly number[] | null,
) => Readonly<DataPart>;

/** By stage: the groups and parameters, and the seconds of their whole reduction, gathering and step. */
interface Entry {
  readonly data: DataContext[];
  dense: Float64Array;
  expert: Float64Array;
  reduce: Float64Array;
  gather: Float64Array;
  step: Float64Array;
  /** The last earlier stage with the same groups and parameters; −1 for none. */
  same: Int32Array;
}

/** The switches of a layout lead to about so many different exchanges in turn. */
const REMEMBERED = 16;

const emptyEntry = (stages: number): Entry => ({
  data: [],
  dense: new Float64Array(stages),
  expert: new Float64Array(stages),
  reduce: new Float64Array(stages),
  gather: new Float64Array(stages),
  step: new Float64Array(stages),
  same: new Int32Array(stages),
});

const holds = (entry: Entry, { sets, dense, expert }: DataTable, stages: number): boolean => {
  for (let stage = 0; stage < stages; stage += 1)
    if (
      entry.data[stage] !== sets[stage]?.data ||
      entry.dense[stage] !== dense[stage] ||
      entry.expert[stage] !== expert[stage]
    )
      return false;
  return true;
};

/** The last earlier stage with the same groups and parameters; −1 for none. */
const before = ({ data, dense, expert }: Entry, stage: number): number => {
  for (let earlier = stage - 1; earlier >= 0; earlier -= 1)
    if (data[earlier] === data[stage] && dense[earlier] === dense[stage] && expert[earlier] === expert[stage])
      return earlier;
  return -1;
};

const fill = (entry: Entry, { sets, dense, expert }: DataTable, stages: number): void => {
  for (let stage = 0; stage < stages; stage += 1) {
    const data = sets[stage]?.data;
    if (data === undefined) throw new RangeError(`no data-parallel groups for stage ${stage}`);
    const [own, experts] = [dense[stage] ?? 0, expert[stage] ?? 0];
    entry.data[stage] = data;
    entry.dense[stage] = own;
    entry.expert[stage] = experts;
    const same = before(entry, stage);
    entry.same[stage] = same;
    entry.reduce[stage] = same < 0 ? reduceAll(data, own, experts) : (entry.reduce[same] ?? 0);
    entry.gather[stage] = same < 0 ? gatherAll(data, own, experts) : (entry.gather[same] ?? 0);
    entry.step[stage] = same < 0 ? optimizerTime(data, own, experts) : (entry.step[same] ?? 0);
  }
};

/** Seconds of a stage's exchange that show. */
const exposedOf = (
  { data, reduce, gather }: Entry,
  { backward, backwardPorts }: DataTable,
  s: Strategy,
  stage: number,
): number => {
  const of = data[stage];
  if (of === undefined || shardsLayers(s, of.behaviour)) return 0;
  return exposedExchange(
    of,
    reduce[stage] ?? 0,
    gather[stage] ?? 0,
    backward[stage] ?? 0,
    backwardPorts[stage] ?? 0,
  );
};

/**
 * The stage whose gradients and optimizer end last ends the iteration. Over measured links the data-parallel groups of
 * stages differ, and each begins when its own stage is done (`starts`); otherwise all are taken to begin together.
 */
export const createDataParts = (): DataPartOf => {
  const entries = Array.from({ length: REMEMBERED }, () => emptyEntry(64));
  let oldest = 0;
  const entryOf = (table: DataTable, stages: number): Entry => {
    for (const entry of entries) if (holds(entry, table, stages)) return entry;
    let entry = entries[oldest];
    if (entry === undefined || entry.step.length < stages)
      entries[oldest] = entry = emptyEntry(Math.max(64, 2 * stages));
    oldest = (oldest + 1) % REMEMBERED;
    fill(entry, table, stages);
    return entry;
  };
  const part: DataPart = { exchange: 0, step: 0 };
  /** Over measured links. The step waits for the norm of all gradients. */
  const fromStarts = (entry: Entry, table: DataTable, s: Strategy, starts: readonly number[]): void => {
    for (let stage = 0; stage < s.pipeline; stage += 1) {
      const whole = exposedOf(entry, table, s, stage);
      part.exchange = Math.max(part.exchange, whole - (starts[stage] ?? 0));
      part.step = Math.max(part.step, entry.step[stage] ?? 0);
    }
  };
  const together = (entry: Entry, table: DataTable, s: Strategy): void => {
    for (let stage = 0; stage < s.pipeline; stage += 1) {
      const { backward, backwardPorts } = table;
      const same = entry.same[stage] ?? -1;
      if (same >= 0 && backward[same] === backward[stage] && backwardPorts[same] === backwardPorts[stage])
        continue;
      const whole = exposedOf(entry, table, s, stage);
      const own = entry.step[stage] ?? 0;
      if (whole + own > part.exchange + part.step) {
        part.exchange = whole;
        part.step = own;
      }
    }
  };
  return (table, s, starts) => {
    const entry = entryOf(table, s.pipeline);
    part.exchange = 0;
    part.step = 0;
    if (starts === null) together(entry, table, s);
    else fromStarts(entry, table, s, starts);
    return part;
  };
};
