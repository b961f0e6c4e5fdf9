/**
 * Interleaved 1F1B whose chunks differ in cost. While a stage runs a group of micro-batches through a long chunk, the
 * others run short ones and wait: no closed form over the sums of stages sees that. The order of passes repeats with
 * every group, so that the course is a max-plus recursion over groups, which becomes periodic (Baccelli et al.,
 * Synchronization and Linearity, theorem 3.109): it is simulated for a few groups and goes on at the pace of the last.
 */
import type { CourseOf } from './schedule-course.ts';
import type { PipelineInput } from './stage.ts';

/** Groups of micro-batches after which the pace is taken as steady, and over how many it is measured. */
const WARM_GROUPS = 2;
const STEADY_GROUPS = 2;
/** Relative difference of passes that are taken as equal: sums of the same times in another order differ by less. */
const SAME = 1e-9;
/** Patterns that are remembered. */
const REMEMBERED = 8192;

const alike = (a: number, b: number): boolean => Math.abs(a - b) <= SAME * Math.max(a, b);

/** Whether some stage of an interleaved pipeline has chunks of different cost. */
export const hasUnevenChunks = ({ schedule, stages, virtualStages, chunks }: PipelineInput): boolean => {
  if (schedule !== 'interleaved' || stages === 1 || virtualStages === 1) return false;
  return chunks.some((own) => {
    const [first] = own;
    return (
      first !== undefined &&
      own.some(({ forward, backward }) => !alike(forward, first.forward) || !alike(backward, first.backward))
    );
  });
};

/** Makespan of `microBatches`, and what every further group adds. */
interface Pace {
  readonly microBatches: number;
  readonly makespan: number;
  readonly perGroup: number;
}

/** All that a pace depends on. */
const patternOf = (input: PipelineInput, warm: number): Float64Array => {
  const { stages, virtualStages, microBatchGroup, blocking, links, chunks } = input;
  const pattern = new Float64Array(5 + stages * (1 + 2 * virtualStages));
  pattern.set([stages, virtualStages, microBatchGroup, Number(blocking), warm]);
  let at = 5;
  for (let stage = 0; stage < stages; stage += 1) {
    pattern[at] = links[stage] ?? 0;
    at += 1;
    for (const { forward, backward } of chunks[stage] ?? []) {
      pattern[at] = forward;
      pattern[at + 1] = backward;
      at += 2;
    }
  }
  return pattern;
};

/** FNV-1a over the words of the numbers. */
const hashOf = (pattern: Float64Array): number => {
  let hash = 0x811c9dc5;
  for (const word of new Uint32Array(pattern.buffer)) hash = Math.imul(hash ^ word, 0x01000193);
  return hash;
};

const isSame = (a: Float64Array, b: Float64Array): boolean =>
  a.length === b.length && a.every((value, index) => value === b[index]);

/** Makespan of an interleaved pipeline by simulation of at most a few groups of its micro-batches. */
export type UnevenTime = (input: PipelineInput) => number;

/** Remembers the pace of each pattern of chunks and links: many strategies differ in other things alone. */
export const createUnevenTime = (simulate: CourseOf): UnevenTime => {
  const known = new Map<number, { readonly pattern: Float64Array; readonly pace: Pace }>();
  return (input) => {
    const { microBatches, microBatchGroup: group } = input;
    const rest = microBatches % group;
    const warm = WARM_GROUPS * group + rest;
    const steady = warm + STEADY_GROUPS * group;
    const simulated = Math.min(microBatches, steady);
    const pattern = patternOf(input, simulated);
    const hash = hashOf(pattern);
    const found = known.get(hash);
    let pace = found !== undefined && isSame(found.pattern, pattern) ? found.pace : null;
    if (pace === null) {
      const { makespan } = simulate({ ...input, microBatches: simulated });
      const perGroup =
        simulated < steady
          ? 0
          : (makespan - simulate({ ...input, microBatches: warm }).makespan) / STEADY_GROUPS;
      pace = { microBatches: simulated, makespan, perGroup };
      if (known.size >= REMEMBERED) known.clear();
      known.set(hash, { pattern, pace });
    }
    return pace.makespan + ((microBatches - pace.microBatches) / group) * pace.perGroup;
  };
};
