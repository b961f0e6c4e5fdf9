/**
 * 1F1B of one chunk a stage, round by round. In round k stage s runs the forward pass of micro-batch k + p − 1 − s and
 * the backward pass of micro-batch k, so that a round depends on the one before it alone: x(k) = A ⊗ x(k−1) in max-plus
 * algebra, whose solutions become periodic (Baccelli et al., Synchronization and Linearity, theorem 3.109). Once a round
 * is an earlier one plus a constant, the rounds in between repeat, and all but the last few of them need no simulation.
 */
import { passTime, transferBetween } from './schedule-time.ts';
import type { PipelineCourse, PipelineInput } from './stage.ts';

/** Rounds that a repetition may span; 1F1B's critical cycles carry as many micro-batches as they have stages. */
const LONGEST_PERIOD = 8;
/** Ends of passes that differ by less, relative to the time since the start, are taken as equal: rounding. */
const SAME = 1e-14;

/** The constant by which all of `now` is later than a round that starts at `at` of the history; NaN where it is none. */
const shift = (now: Float64Array, history: Float64Array, at: number): number => {
  const by = (now[0] ?? 0) - (history[at] ?? 0);
  const tolerance = SAME * (now[0] ?? 0);
  for (let index = 1; index < now.length; index += 1)
    if (!(Math.abs((now[index] ?? 0) - (history[at + index] ?? 0) - by) <= tolerance)) return NaN;
  return by;
};

/** As simulatePipeline. Takes at least as many micro-batches as stages. */
export const steadyCourse = (input: PipelineInput): PipelineCourse => {
  const { stages: p, microBatches: m, blocking } = input;
  const [forward, backward] = [new Float64Array(p), new Float64Array(p)];
  const [down, up] = [new Float64Array(p), new Float64Array(p)];
  for (let stage = 0; stage < p; stage += 1) {
    const chunk = input.chunks[stage]?.[0];
    if (chunk === undefined) throw new RangeError(`stage ${stage} has no chunk 0`);
    forward[stage] = passTime(chunk, 'forward', false);
    backward[stage] = passTime(chunk, 'backward', false);
    if (stage + 1 < p) down[stage] = transferBetween(input, stage, stage + 1);
    if (stage > 0) up[stage] = transferBetween(input, stage, stage - 1);
  }
  // Ends of the last forward and backward pass of each stage: [stage] and [p + stage]; when its stream is free.
  const ends = new Float64Array(2 * p);
  const free = new Float64Array(p);
  const sendDown = blocking ? down : new Float64Array(p);
  const sendUp = blocking ? up : new Float64Array(p);
  for (let microBatch = 0; microBatch < p - 1; microBatch += 1)
    for (let stage = 0; stage < p - 1 - microBatch; stage += 1) {
      const arrival = stage === 0 ? 0 : (ends[stage - 1] ?? 0) + (down[stage - 1] ?? 0);
      const end = Math.max(arrival, free[stage] ?? 0) + (forward[stage] ?? 0);
      ends[stage] = end;
      free[stage] = end + (sendDown[stage] ?? 0);
    }
  // From the last stage to the first: a forward pass takes what the stage before sent in the round before.
  const full = m - p;
  const history = new Float64Array(LONGEST_PERIOD * 2 * p);
  let repeats = false;
  for (let round = 0; round < m; round += 1) {
    const lastForward = round + p - m;
    let gradient = -1;
    for (let stage = p - 1; stage >= 0; stage -= 1) {
      let clock = free[stage] ?? 0;
      if (stage >= lastForward) {
        const arrival = stage === 0 ? 0 : (ends[stage - 1] ?? 0) + (down[stage - 1] ?? 0);
        clock = (arrival > clock ? arrival : clock) + (forward[stage] ?? 0);
        ends[stage] = clock;
        clock += sendDown[stage] ?? 0;
      }
      const arrival = stage === p - 1 ? (ends[stage] ?? 0) : gradient + (up[stage + 1] ?? 0);
      clock = (arrival > clock ? arrival : clock) + (backward[stage] ?? 0);
      gradient = clock;
      ends[p + stage] = clock;
      free[stage] = clock + (sendUp[stage] ?? 0);
    }
    if (repeats || round >= full) continue;
    const longest = Math.min(LONGEST_PERIOD, round);
    for (let period = 1; period <= longest; period += 1) {
      const by = shift(ends, history, ((round - period) % LONGEST_PERIOD) * 2 * p);
      if (Number.isNaN(by)) continue;
      const times = Math.floor((full - round) / period);
      for (let index = 0; index < 2 * p; index += 1) ends[index] = (ends[index] ?? 0) + times * by;
      for (let stage = 0; stage < p; stage += 1) free[stage] = (free[stage] ?? 0) + times * by;
      round += times * period;
      repeats = true;
      break;
    }
    if (!repeats) history.set(ends, (round % LONGEST_PERIOD) * 2 * p);
  }
  const last = Array.from(ends.subarray(p));
  return { makespan: Math.max(...last), ends: last };
};
