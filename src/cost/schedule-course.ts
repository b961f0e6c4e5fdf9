/** The event simulation without its record of passes, for who asks for many: when each stage ends, and the whole. */
import { createInterleavedCourse, runsInRounds } from './schedule-interleaved.ts';
import { createSteadyCourse } from './schedule-steady.ts';
import { chunkPosition, stageOrder } from './schedule-order.ts';
import type { ScheduleShape } from './schedule-order.ts';
import { transferBetween } from './schedule-time.ts';
import { passesOf } from './stage.ts';
import type { CourseInput, PipelineCourse } from './stage.ts';

/** As simulatePipeline, for schedules of forward and backward passes in a known order (GPipe, 1F1B, interleaved). */
export type CourseOf = (input: CourseInput) => PipelineCourse;

/** Passes of all stages in an order in which they can be timed: each after those that it waits for. */
interface Order {
  /** 2 · position + 1 for backward. */
  readonly code: Int32Array;
  /** The pass whose result it takes, and the one before it on its stage; −1 for none. */
  readonly input: Int32Array;
  readonly before: Int32Array;
  /** The last pass of each stage. */
  readonly last: Int32Array;
}

const orderOf = (shape: ScheduleShape): Order => {
  const { stages, virtualStages, microBatches } = shape;
  const positions = stages * virtualStages;
  const orders = Array.from({ length: stages }, (_, stage) => stageOrder(shape, stage));
  const count = 2 * positions * microBatches;
  const [code, input, before] = [new Int32Array(count), new Int32Array(count), new Int32Array(count)];
  const last = new Int32Array(stages).fill(-1);
  const next = new Int32Array(stages);
  const placed = new Int32Array(count).fill(-1);
  const cell = (of: number, microBatch: number): number => of * microBatches + microBatch;
  let made = 0;
  for (let earlier = -1; earlier !== made;) {
    earlier = made;
    for (const [stage, order] of orders.entries())
      for (let at = next[stage] ?? 0; at < order.length; at += 1) {
        const pass = order[at];
        if (pass === undefined) break;
        const position = chunkPosition(shape, stage, pass.chunk);
        const backward = pass.kind === 'backward';
        const first = !backward && position === 0;
        const from = backward
          ? position === positions - 1
            ? 2 * position
            : 2 * (position + 1) + 1
          : 2 * (position - 1);
        const source = first ? -1 : (placed[cell(from, pass.microBatch)] ?? -1);
        if (!first && source < 0) break;
        const own = 2 * position + Number(backward);
        code[made] = own;
        input[made] = source;
        before[made] = last[stage] ?? -1;
        placed[cell(own, pass.microBatch)] = made;
        last[stage] = made;
        next[stage] = at + 1;
        made += 1;
      }
  }
  if (made < count) throw new RangeError(`${shape.schedule}: the order of passes waits for itself`);
  return { code, input, before, last };
};

/** Passes of all orders that are remembered: 12 bytes each. */
const REMEMBERED = 4_000_000;

/**
 * Orders depend on the shape alone, and a search asks for the same few shapes again and again: who owns the simulation
 * owns what it remembers. 1F1B of one chunk a stage is timed round by round, and once its rounds repeat, in one step;
 * interleaved pipelines of whole groups round by round.
 */
export const createCourses = (): CourseOf => {
  const steadyCourse = createSteadyCourse();
  const interleavedCourse = createInterleavedCourse();
  const known = new Map<string, Order>();
  let passes = 0;
  let ends = new Float64Array(1024);
  const remembered = (shape: ScheduleShape): Order => {
    const { schedule, stages, virtualStages, microBatches, microBatchGroup } = shape;
    const key = [schedule, stages, virtualStages, microBatches, microBatchGroup].join(' ');
    const found = known.get(key);
    if (found !== undefined) return found;
    const order = orderOf(shape);
    if (passes + order.code.length > REMEMBERED) {
      known.clear();
      passes = 0;
    }
    known.set(key, order);
    passes += order.code.length;
    return order;
  };
  return (input) => {
    const { stages, virtualStages, microBatches } = input;
    if (input.schedule === '1f1b' && virtualStages === 1 && microBatches >= 2 * stages)
      return steadyCourse(input);
    if (runsInRounds(input)) return interleavedCourse(input);
    const positions = stages * virtualStages;
    const { code, input: source, before, last } = remembered(input);
    const { forward, backward } = passesOf(input);
    if (ends.length < code.length) ends = new Float64Array(2 * code.length);
    const [time, arrival, send] = [
      new Float64Array(2 * positions),
      new Float64Array(2 * positions),
      new Float64Array(2 * positions),
    ];
    for (let stage = 0; stage < stages; stage += 1)
      for (let chunk = 0; chunk < virtualStages; chunk += 1) {
        const position = chunkPosition(input, stage, chunk);
        time[2 * position] = forward[stage * virtualStages + chunk] ?? 0;
        time[2 * position + 1] = backward[stage * virtualStages + chunk] ?? 0;
        if (position + 1 < positions) {
          const down = transferBetween(input, position, position + 1);
          arrival[2 * (position + 1)] = down;
          if (input.blocking) send[2 * position] = down;
        }
        if (position > 0) {
          const up = transferBetween(input, position, position - 1);
          arrival[2 * (position - 1) + 1] = up;
          if (input.blocking) send[2 * position + 1] = up;
        }
      }
    for (let pass = 0; pass < code.length; pass += 1) {
      const own = code[pass] ?? 0;
      const from = source[pass] ?? -1;
      const previous = before[pass] ?? -1;
      let start = from < 0 ? 0 : (ends[from] ?? 0) + (arrival[own] ?? 0);
      if (previous >= 0) start = Math.max(start, (ends[previous] ?? 0) + (send[code[previous] ?? 0] ?? 0));
      ends[pass] = start + (time[own] ?? 0);
    }
    const own = Array.from(last, (pass) => ends[pass] ?? 0);
    return { makespan: Math.max(...own), ends: own };
  };
};
