/** Length of one pipelined iteration: the closed forms that a search can afford, and a short simulation where they do not see enough. */
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
import { hasUnevenChunks } from './schedule-uneven.ts';
import type { UnevenTime } from './schedule-uneven.ts';

const isSpread = ({ vocabulary = 'last' }: ClosedInput): boolean =>
  vocabulary !== 'last' && vocabulary !== 'redistributed';

const closedForm = (input: ClosedInput): number => {
  if (isSpread(input)) return vocabularyParallelTime(input);
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

/**
 * The makespan alone, at half the price. Interleaved chunks that differ in cost make stages wait for each other, which
 * `uneven` simulates; the closed form stays the least, so that it is comparable with that of even chunks and with bounds.
 */
export const pipelineMakespan = (input: ClosedInput, uneven: UnevenTime | null = null): number => {
  const closed = closedForm(input);
  if (uneven === null || isSpread(input)) return closed;
  if (!('chunks' in input || 'passes' in input) || !hasUnevenChunks(input)) return closed;
  return Math.max(closed, uneven(input));
};

/**
 * Time of one iteration's passes. Used for every estimate, so that search, estimate and accuracy see the same figure;
 * `simulatePipeline` is the check on it and gives the passes of a trace. With asynchronous sends both agree exactly for
 * GPipe, and for equal stages and links in 1F1B and interleaved order (and ZB-H1 without transfers); unequal 1F1B
 * stages and blocking sends come out up to a percent or two long. Zero-bubble and V-shaped schedules are judged by their
 * authors' closed forms: their orders come from a solver that a list scheduler does not equal.
 */
export const pipelineTime = (input: PipelineInput, uneven: UnevenTime | null = null): PipelineTime => {
  const makespan = pipelineMakespan(input, uneven);
  const apart = input.stages === 1 || input.links.every((link) => link === 0);
  const still = apart
    ? makespan
    : pipelineMakespan({ ...input, links: input.links.map(() => seconds(0)) }, uneven);
  return {
    makespan: seconds(makespan),
    busy: seconds(busiestStage(input)),
    transfer: seconds(Math.max(0, makespan - still)),
  };
};
