/**
 * Interleaved 1F1B, round by round. In round k (counted from the first backward pass of the first stage) stage s runs the
 * forward pass that comes s places after its warm-up and k more, and the s + k-th backward pass: what it waits for ran in
 * an earlier round, or in the same one on the last stage. So all passes are timed in one sweep, without a table of what
 * waits for what. Order of passes: `stageOrder`.
 */
import { courseOfEnds, passesOf } from './stage.ts';
import type { CourseInput, PipelineCourse } from './stage.ts';

/** Chunk and place in its group of each of `virtualStages · microBatches` passes, in the order in which a stage runs them. */
interface Turns {
  readonly chunk: Int32Array;
  readonly place: Int32Array;
}

const turnsOf = ({ virtualStages, microBatches, microBatchGroup }: CourseInput): Turns => {
  const chunk = new Int32Array(virtualStages * microBatches);
  const place = new Int32Array(virtualStages * microBatches);
  let turn = 0;
  for (let first = 0; first < microBatches; first += microBatchGroup) {
    const group = Math.min(microBatchGroup, microBatches - first);
    for (let of = 0; of < virtualStages; of += 1)
      for (let at = 0; at < group; at += 1) {
        chunk[turn] = of;
        place[turn] = at;
        turn += 1;
      }
  }
  return { chunk, place };
};

/** Whether each group has as many micro-batches as there are stages, so that rounds wait for earlier ones alone. */
export const runsInRounds = ({ schedule, stages, microBatches, microBatchGroup }: CourseInput): boolean =>
  schedule === 'interleaved' &&
  stages > 1 &&
  Math.min(microBatchGroup, microBatches) >= stages &&
  (microBatches % microBatchGroup === 0 || microBatches % microBatchGroup >= stages);

/** Shapes whose turns are remembered: those of a few groups of micro-batches come again and again. */
const REMEMBERED = 64;

/** Arrays that every course overwrites. */
interface Scratch {
  readonly length: number;
  /** By stage: end of the last forward and backward pass, when its stream is free, transfers to the next stage and the one before. */
  readonly forwardEnd: Float64Array;
  readonly backwardEnd: Float64Array;
  readonly free: Float64Array;
  readonly down: Float64Array;
  readonly up: Float64Array;
  /** By place in a group: end of the last forward pass of the last stage, of the last backward pass of the first. */
  readonly turnedForward: Float64Array;
  readonly turnedBackward: Float64Array;
}

const scratchOf = (length: number): Scratch => ({
  length,
  forwardEnd: new Float64Array(length),
  backwardEnd: new Float64Array(length),
  free: new Float64Array(length),
  down: new Float64Array(length),
  up: new Float64Array(length),
  turnedForward: new Float64Array(length),
  turnedBackward: new Float64Array(length),
});

/** As simulatePipeline, of pipelines that run in rounds. */
export const createInterleavedCourse = (): ((input: CourseInput) => PipelineCourse) => {
  const known = new Map<number, Turns>();
  const remembered = (input: CourseInput): Turns => {
    const { virtualStages, microBatches, microBatchGroup } = input;
    const key = (microBatches * 65_536 + microBatchGroup) * 1024 + virtualStages;
    const found = known.get(key);
    if (found !== undefined) return found;
    if (known.size >= REMEMBERED) known.clear();
    const made = turnsOf(input);
    known.set(key, made);
    return made;
  };
  let scratch = scratchOf(64);

  return (input) => {
    const {
      stages: p,
      virtualStages: v,
      microBatches: m,
      microBatchGroup,
      blocking,
      links,
      directed,
    } = input;
    const { chunk, place } = remembered(input);
    const { forward, backward } = passesOf(input);
    const most = Math.max(p, microBatchGroup);
    if (scratch.length < most) scratch = scratchOf(2 * most);
    // Constants of this function: what a closure may change is read anew at every use.
    const { forwardEnd, backwardEnd, free, down, up, turnedForward, turnedBackward } = scratch;
    const last = p - 1;
    // Between two stages the way back to the first is the way back.
    const wrap = p === 2 ? 0 : last;
    const wrapDown = (directed?.down ?? links)[wrap] ?? 0;
    const wrapUp = (directed?.up ?? links)[wrap] ?? 0;
    for (let stage = 0; stage < p; stage += 1) {
      down[stage] = (directed?.down ?? links)[stage] ?? 0;
      up[stage] = stage > 0 ? ((directed?.up ?? links)[stage - 1] ?? 0) : 0;
      free[stage] = 0;
    }
    const turns = m * v;
    const warm = 2 * last + (v - 1) * microBatchGroup;
    for (let round = -warm; round < turns; round += 1) {
      const head = warm + round;
      const firstForward = Math.max(0, head - turns + 1);
      const lastForward = Math.min(last, head);
      for (let stage = lastForward; stage >= firstForward; stage -= 1) {
        const own = chunk[head - stage] ?? 0;
        let arrival = 0;
        if (stage > 0) arrival = (forwardEnd[stage - 1] ?? 0) + (down[stage - 1] ?? 0);
        else if (own > 0) arrival = (turnedForward[place[head] ?? 0] ?? 0) + wrapDown;
        const clock = free[stage] ?? 0;
        const end = (arrival > clock ? arrival : clock) + (forward[stage * v + own] ?? 0);
        forwardEnd[stage] = end;
        free[stage] = end;
        if (stage === last) turnedForward[place[head - last] ?? 0] = end;
        if (blocking) free[stage] = end + (stage < last ? (down[stage] ?? 0) : own < v - 1 ? wrapDown : 0);
      }
      const firstBackward = Math.max(0, -round);
      const lastBackward = Math.min(last, turns - 1 - round);
      // What a stage takes from the next one was sent in the round before.
      let gradient = lastBackward < last ? (backwardEnd[lastBackward + 1] ?? 0) : 0;
      for (let stage = lastBackward; stage >= firstBackward; stage -= 1) {
        const own = v - 1 - (chunk[round + stage] ?? 0);
        let arrival = gradient + (up[stage + 1] ?? 0);
        if (stage === last) {
          const at = place[round + last] ?? 0;
          arrival = own < v - 1 ? (turnedBackward[at] ?? 0) + wrapUp : (turnedForward[at] ?? 0);
        }
        const clock = free[stage] ?? 0;
        const end = (arrival > clock ? arrival : clock) + (backward[stage * v + own] ?? 0);
        gradient = backwardEnd[stage] ?? 0;
        backwardEnd[stage] = end;
        free[stage] = end;
        if (stage === 0) turnedBackward[place[round] ?? 0] = end;
        if (blocking) free[stage] = end + (stage > 0 ? (up[stage] ?? 0) : own > 0 ? wrapUp : 0);
      }
    }
    return courseOfEnds(backwardEnd, 0, p);
  };
};
