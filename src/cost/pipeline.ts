/** Length of one pipelined iteration: the closed form that a search can afford. */
import { seconds } from '../units.ts';
import type { PipelineInput, PipelineTime } from './stage.ts';
import {
  gpipeTime,
  interleavedTime,
  oneForwardOneBackwardTime,
  vocabularyParallelTime,
  zeroBubbleTime,
} from './schedule-closed.ts';
import type { ClosedInput } from './schedule-closed.ts';
import { busiestStage } from './schedule-time.ts';

const closedForm = (input: ClosedInput): number => {
  const vocabulary = input.vocabulary ?? 'last';
  if (vocabulary !== 'last' && vocabulary !== 'redistributed') return vocabularyParallelTime(input);
  switch (input.schedule) {
    case 'gpipe':
      return gpipeTime(input);
    case '1f1b':
      return oneForwardOneBackwardTime(input);
    case 'interleaved':
      return interleavedTime(input);
    case 'zb-h1':
    case 'zb-h2':
    case 'zb-v':
    case 'v-half':
    case 'dualpipe-v':
      return zeroBubbleTime(input);
  }
};

/** The makespan alone, at half the price. */
export const pipelineMakespan = (input: ClosedInput): number => closedForm(input);

/**
 * Time of one iteration's passes by closed form. Used for every estimate, so that search, estimate and accuracy see
 * the same figure; `simulatePipeline` is the check on it and gives the passes of a trace. With asynchronous sends both
 * agree exactly for GPipe, and for equal stages and links in 1F1B and interleaved order (and ZB-H1 without transfers);
 * unequal 1F1B stages and blocking sends come out up to a percent or two long. Zero-bubble and V-shaped schedules are
 * judged by their authors' closed forms: their orders come from a solver that a list scheduler does not equal.
 */
export const pipelineTime = (input: PipelineInput): PipelineTime => {
  const makespan = closedForm(input);
  const apart = input.stages === 1 || input.links.every((link) => link === 0);
  const still = apart ? makespan : closedForm({ ...input, links: input.links.map(() => seconds(0)) });
  return {
    makespan: seconds(makespan),
    busy: seconds(busiestStage(input)),
    transfer: seconds(makespan - still),
  };
};
