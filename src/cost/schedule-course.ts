/** The event simulation without its record of passes, for who asks for many: when each stage ends, and the whole. */
import { chunkPosition, stageOrder } from './schedule-order.ts';
import type { ScheduleShape } from './schedule-order.ts';
import { passTime, transferBetween } from './schedule-time.ts';
import type { PipelineInput } from './stage.ts';

export interface Course {
  readonly makespan: number;
  /** When each stage ends its last pass, seconds from the start. */
  readonly ends: readonly number[];
}

/** Passes of each stage in order, as numbers: (micro-batch · chunks + chunk) · 2, plus 1 for backward. */
type Orders = readonly Int32Array[];

const known = new Map<string, Orders>();
const REMEMBERED = 64;

/** Orders depend on the shape alone, and a search asks for the same few shapes again and again. */
const ordersOf = (shape: ScheduleShape): Orders => {
  const { schedule, stages, virtualStages, microBatches, microBatchGroup } = shape;
  const key = [schedule, stages, virtualStages, microBatches, microBatchGroup].join(' ');
  const found = known.get(key);
  if (found !== undefined) return found;
  const orders = Array.from({ length: stages }, (_, stage) =>
    Int32Array.from(
      stageOrder(shape, stage),
      ({ kind, chunk, microBatch }) => (microBatch * virtualStages + chunk) * 2 + Number(kind === 'backward'),
    ),
  );
  if (known.size >= REMEMBERED) known.clear();
  known.set(key, orders);
  return orders;
};

/** As simulatePipeline, for schedules of forward and backward passes in a known order (GPipe, 1F1B, interleaved). */
export const pipelineCourse = (input: PipelineInput): Course => {
  const { stages, virtualStages, microBatches } = input;
  const positions = stages * virtualStages;
  const orders = ordersOf(input);
  const forward = new Float64Array(positions * microBatches).fill(-1);
  const backward = new Float64Array(positions * microBatches).fill(-1);
  const [forwardTime, backwardTime] = [new Float64Array(positions), new Float64Array(positions)];
  const [down, up] = [new Float64Array(positions), new Float64Array(positions)];
  for (let stage = 0; stage < stages; stage += 1)
    for (let chunk = 0; chunk < virtualStages; chunk += 1) {
      const position = chunkPosition(input, stage, chunk);
      const time = input.chunks[stage]?.[chunk];
      if (time === undefined) throw new RangeError(`stage ${stage} has no chunk ${chunk}`);
      forwardTime[position] = passTime(time, 'forward', false);
      backwardTime[position] = passTime(time, 'backward', false);
      if (position + 1 < positions) down[position] = transferBetween(input, position, position + 1);
      if (position > 0) up[position] = transferBetween(input, position, position - 1);
    }
  const next = new Int32Array(stages);
  const free = new Float64Array(stages);
  const ends = new Float64Array(stages);
  let left = orders.reduce((sum, order) => sum + order.length, 0);
  for (let before = -1; before !== left;) {
    before = left;
    for (let stage = 0; stage < stages; stage += 1) {
      const order = orders[stage] ?? new Int32Array();
      let at = next[stage] ?? 0;
      let clock = free[stage] ?? 0;
      let end = ends[stage] ?? 0;
      for (; at < order.length; at += 1) {
        const pass = order[at] ?? 0;
        const isBackward = (pass & 1) === 1;
        const piece = pass >> 1;
        const position = (piece % virtualStages) * stages + stage;
        const microBatch = Math.floor(piece / virtualStages);
        const cell = position * microBatches + microBatch;
        let arrival = 0;
        if (!isBackward && position > 0) {
          const done = forward[cell - microBatches] ?? -1;
          if (done < 0) break;
          arrival = done + (down[position - 1] ?? 0);
        } else if (isBackward && position === positions - 1) {
          arrival = forward[cell] ?? -1;
          if (arrival < 0) break;
        } else if (isBackward) {
          const done = backward[cell + microBatches] ?? -1;
          if (done < 0) break;
          arrival = done + (up[position + 1] ?? 0);
        }
        end = Math.max(arrival, clock) + ((isBackward ? backwardTime : forwardTime)[position] ?? 0);
        (isBackward ? backward : forward)[cell] = end;
        clock = end + (input.blocking ? ((isBackward ? up : down)[position] ?? 0) : 0);
        left -= 1;
      }
      next[stage] = at;
      free[stage] = clock;
      ends[stage] = end;
    }
  }
  if (left > 0) throw new RangeError(`${input.schedule}: the order of passes waits for itself`);
  return { makespan: Math.max(...ends), ends: [...ends] };
};
