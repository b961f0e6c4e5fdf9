/** Pipelines over measured links: replicas differ, and so do the directions of a link. */
import { seconds } from '../units.ts';
import type { Seconds } from '../units.ts';
import { pipelineMakespan } from './pipeline.ts';
import type { TabledInput } from './schedule-closed.ts';
import type { CourseOf } from './schedule-course.ts';
import type { PipelineCourse, PipelineInput } from './stage.ts';

/** A replica in either form. */
type Replica = PipelineInput | TabledInput;

export interface MeasuredPipeline<Input extends Replica> {
  /** Of the replica that takes longest. */
  readonly input: Input;
  readonly makespan: Seconds;
  /** By stage: seconds before the end of the passes at which all replicas are done with its own, so that its gradients may go. */
  readonly headStarts: readonly Seconds[];
}

/** Replicas that are simulated, the slowest by closed form: those have the last word on any stage. */
const MAXIMUM_SIMULATED = 8;

/** Schedules that run a known order; the others are judged by their authors' closed forms, as without measured links. */
const isSimulated = ({ schedule, vocabulary = 'last' }: Replica): boolean =>
  (schedule === 'gpipe' || schedule === '1f1b' || schedule === 'interleaved') &&
  (vocabulary === 'last' || vocabulary === 'redistributed');

const courseOf = (input: Replica, simulate: CourseOf): PipelineCourse => {
  if (isSimulated(input)) return simulate(input);
  const makespan = pipelineMakespan(input);
  return { makespan, ends: Array.from({ length: input.stages }, () => makespan) };
};

/**
 * The slowest of replicas that differ in their links alone, exact for GPipe, 1F1B and interleaved order by event
 * simulation (blocking sends and unequal stages too). Throws RangeError without any.
 */
export const measuredPipeline = <Input extends Replica>(
  replicas: readonly Input[],
  simulate: CourseOf,
): MeasuredPipeline<Input> => {
  const chosen =
    replicas.length <= MAXIMUM_SIMULATED
      ? replicas
      : replicas
          .map((input) => ({ input, time: pipelineMakespan(input) }))
          .sort((a, b) => b.time - a.time)
          .slice(0, MAXIMUM_SIMULATED)
          .map(({ input }) => input);
  const [first, ...others] = chosen;
  if (first === undefined) throw new RangeError('a pipeline has at least one replica');
  let input: Input = first;
  let slowest = courseOf(first, simulate);
  const ends = [...slowest.ends];
  for (const other of others) {
    const course = courseOf(other, simulate);
    for (const [stage, end] of course.ends.entries()) ends[stage] = Math.max(ends[stage] ?? 0, end);
    if (course.makespan > slowest.makespan) [input, slowest] = [other, course];
  }
  return {
    input,
    makespan: seconds(slowest.makespan),
    headStarts: ends.map((end) => seconds(slowest.makespan - end)),
  };
};

/** The part of the slowest replica's time that would vanish with links of zero transfer time. */
export const measuredTransfer = (
  { input, makespan }: MeasuredPipeline<Replica>,
  simulate: CourseOf,
): Seconds => {
  const still = input.links.map(() => seconds(0));
  return seconds(
    makespan - courseOf({ ...input, links: still, directed: { down: still, up: still } }, simulate).makespan,
  );
};
