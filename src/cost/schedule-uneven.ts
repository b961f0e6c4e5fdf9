/**
 * Interleaved 1F1B whose chunks differ in cost. While a stage runs a group of micro-batches through a long chunk, the
 * others run short ones and wait: no closed form over the sums of stages sees that. The order of passes repeats with
 * every group, so that the course is a max-plus recursion over groups, which becomes periodic (Baccelli et al.,
 * Synchronization and Linearity, theorem 3.109): it is simulated for a few groups and goes on at the pace of the last.
 */
import type { CourseOf } from './schedule-course.ts';
import { passesOf } from './stage.ts';
import type { CourseInput } from './stage.ts';

/** Groups of micro-batches after which the pace is taken as steady, and over how many it is measured. */
const WARM_GROUPS = 2;
const STEADY_GROUPS = 2;
/** Relative difference of passes that are taken as equal: sums of the same times in another order differ by less. */
const SAME = 1e-9;
/** Patterns that are remembered. */
const REMEMBERED = 8192;

const alike = (a: number, b: number): boolean => Math.abs(a - b) <= SAME * Math.max(a, b);

/** Whether some stage of an interleaved pipeline has chunks of different cost. */
export const hasUnevenChunks = (input: CourseInput): boolean => {
  const { schedule, stages, virtualStages } = input;
  if (schedule !== 'interleaved' || stages === 1 || virtualStages === 1) return false;
  const { forward, backward } = passesOf(input);
  for (let stage = 0; stage < stages; stage += 1) {
    const first = stage * virtualStages;
    for (let at = first + 1; at < first + virtualStages; at += 1)
      if (!alike(forward[at] ?? 0, forward[first] ?? 0) || !alike(backward[at] ?? 0, backward[first] ?? 0))
        return true;
  }
  return false;
};

/** Makespan of `microBatches`, and what every further group adds. */
interface Pace {
  readonly microBatches: number;
  readonly makespan: number;
  readonly perGroup: number;
}

/** Numbers before those of stages and chunks in a pattern. */
const HEAD = 5;

/** All that a pace depends on, into `pattern`. Returns how many numbers. */
const writePattern = (input: CourseInput, simulated: number, pattern: Float64Array): number => {
  const { stages, virtualStages, microBatchGroup, blocking, links, directed } = input;
  const { forward, backward } = passesOf(input);
  const chunks = stages * virtualStages;
  pattern[0] = stages;
  pattern[1] = virtualStages;
  pattern[2] = microBatchGroup;
  pattern[3] = Number(blocking);
  pattern[4] = simulated;
  for (let stage = 0; stage < stages; stage += 1) {
    pattern[HEAD + stage] = (directed?.down ?? links)[stage] ?? 0;
    pattern[HEAD + stages + stage] = (directed?.up ?? links)[stage] ?? 0;
  }
  const first = HEAD + 2 * stages;
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    pattern[first + chunk] = forward[chunk] ?? 0;
    pattern[first + chunks + chunk] = backward[chunk] ?? 0;
  }
  return first + 2 * chunks;
};

/** FNV-1a over the words of the first `count` numbers. */
const hashOf = (words: Uint32Array, count: number): number => {
  let hash = 0x811c9dc5;
  for (let index = 0; index < 2 * count; index += 1) hash = Math.imul(hash ^ (words[index] ?? 0), 0x01000193);
  return hash;
};

const startsWith = (a: Float64Array, b: Float64Array): boolean => {
  for (let index = 0; index < b.length; index += 1) if (a[index] !== b[index]) return false;
  return true;
};

/** Makespan of an interleaved pipeline by simulation of at most a few groups of its micro-batches. */
export type UnevenTime = (input: CourseInput) => number;

/** Remembers the pace of each pattern of chunks and links: many strategies differ in other things alone. */
export const createUnevenTime = (simulate: CourseOf): UnevenTime => {
  const known = new Map<number, { readonly pattern: Float64Array; readonly pace: Pace }>();
  let asked = new Float64Array(1024);
  let words = new Uint32Array(asked.buffer);
  return (input) => {
    const { microBatches, microBatchGroup: group } = input;
    const rest = microBatches % group;
    const warm = WARM_GROUPS * group + rest;
    const steady = warm + STEADY_GROUPS * group;
    const simulated = Math.min(microBatches, steady);
    const most = HEAD + 2 * input.stages * (1 + input.virtualStages);
    if (asked.length < most) {
      asked = new Float64Array(2 * most);
      words = new Uint32Array(asked.buffer);
    }
    const count = writePattern(input, simulated, asked);
    const hash = hashOf(words, count);
    const found = known.get(hash);
    let pace = found?.pattern.length === count && startsWith(asked, found.pattern) ? found.pace : null;
    if (pace === null) {
      const { makespan } = simulate({ ...input, microBatches: simulated });
      const perGroup =
        simulated < steady
          ? 0
          : (makespan - simulate({ ...input, microBatches: warm }).makespan) / STEADY_GROUPS;
      pace = { microBatches: simulated, makespan, perGroup };
      if (known.size >= REMEMBERED) known.clear();
      known.set(hash, { pattern: asked.slice(0, count), pace });
    }
    return pace.makespan + ((microBatches - pace.microBatches) / group) * pace.perGroup;
  };
};
