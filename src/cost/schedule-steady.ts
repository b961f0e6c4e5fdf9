/**
 * 1F1B of one chunk a stage, round by round. In round k stage s runs the forward pass of micro-batch k + p − 1 − s and
 * the backward pass of micro-batch k, so that a round depends on the one before it alone: x(k) = A ⊗ x(k−1) in max-plus
 * algebra, whose solutions become periodic (Baccelli et al., Synchronization and Linearity, theorem 3.109). Once a round
 * is an earlier one plus a constant, the rounds in between repeat, and all but the last few of them need no simulation.
 */
import { courseOfEnds, passesOf } from './stage.ts';
import type { CourseInput, PipelineCourse } from './stage.ts';

/** Rounds that a repetition may span; 1F1B's critical cycles carry as many micro-batches as they have stages. */
const LONGEST_PERIOD = 8;
/** Ends of passes that differ by less, relative to the time since the start, are taken as equal: rounding. */
const SAME = 1e-14;

/** The constant by which all `count` entries of `now` are later than a round that starts at `at` of the history; NaN where it is none. */
const shift = (now: Float64Array, count: number, history: Float64Array, at: number): number => {
  const by = (now[0] ?? 0) - (history[at] ?? 0);
  const tolerance = SAME * (now[0] ?? 0);
  for (let index = 1; index < count; index += 1)
    if (!(Math.abs((now[index] ?? 0) - (history[at + index] ?? 0) - by) <= tolerance)) return NaN;
  return by;
};

/** Arrays that every course overwrites. */
interface Scratch {
  readonly length: number;
  /** By stage: transfers to the next and the one before, when its stream is free. */
  readonly down: Float64Array;
  readonly up: Float64Array;
  readonly free: Float64Array;
  /** Ends of the last forward and backward pass of each stage, [stage] and [p + stage]; the same after the last rounds. */
  readonly ends: Float64Array;
  readonly history: Float64Array;
}

const scratchOf = (length: number): Scratch => ({
  length,
  down: new Float64Array(length),
  up: new Float64Array(length),
  free: new Float64Array(length),
  ends: new Float64Array(2 * length),
  history: new Float64Array(LONGEST_PERIOD * 2 * length),
});

/** As simulatePipeline. Takes at least as many micro-batches as stages. */
export const createSteadyCourse = (): ((input: CourseInput) => PipelineCourse) => {
  let scratch = scratchOf(64);
  return (input) => {
    const { stages: p, microBatches: m, blocking, links, directed } = input;
    const { forward, backward } = passesOf(input);
    if (scratch.length < p) scratch = scratchOf(2 * p);
    // Constants of this function: what a closure may change is read anew at every use.
    const { down, up, free, ends, history } = scratch;
    for (let stage = 0; stage < p; stage += 1) {
      down[stage] = stage < p - 1 ? ((directed?.down ?? links)[stage] ?? 0) : 0;
      up[stage] = stage > 0 ? ((directed?.up ?? links)[stage - 1] ?? 0) : 0;
      free[stage] = 0;
    }
    for (let microBatch = 0; microBatch < p - 1; microBatch += 1)
      for (let stage = 0; stage < p - 1 - microBatch; stage += 1) {
        const arrival = stage === 0 ? 0 : (ends[stage - 1] ?? 0) + (down[stage - 1] ?? 0);
        const clock = free[stage] ?? 0;
        const end = (arrival > clock ? arrival : clock) + (forward[stage] ?? 0);
        ends[stage] = end;
        free[stage] = blocking ? end + (down[stage] ?? 0) : end;
      }
    // From the last stage to the first: a forward pass takes what the stage before sent in the round before.
    const full = m - p;
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
          if (blocking) clock += down[stage] ?? 0;
        }
        const arrival = stage === p - 1 ? (ends[stage] ?? 0) : gradient + (up[stage + 1] ?? 0);
        clock = (arrival > clock ? arrival : clock) + (backward[stage] ?? 0);
        gradient = clock;
        ends[p + stage] = clock;
        free[stage] = blocking ? clock + (up[stage] ?? 0) : clock;
      }
      if (repeats || round >= full) continue;
      const longest = Math.min(LONGEST_PERIOD, round);
      for (let period = 1; period <= longest; period += 1) {
        const by = shift(ends, 2 * p, history, ((round - period) % LONGEST_PERIOD) * 2 * p);
        if (Number.isNaN(by)) continue;
        const times = Math.floor((full - round) / period);
        for (let index = 0; index < 2 * p; index += 1) ends[index] = (ends[index] ?? 0) + times * by;
        for (let stage = 0; stage < p; stage += 1) free[stage] = (free[stage] ?? 0) + times * by;
        round += times * period;
        repeats = true;
        break;
      }
      if (repeats) continue;
      const at = (round % LONGEST_PERIOD) * 2 * p;
      for (let index = 0; index < 2 * p; index += 1) history[at + index] = ends[index] ?? 0;
    }
    return courseOfEnds(ends, p, p);
  };
};
