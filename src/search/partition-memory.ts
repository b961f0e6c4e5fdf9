import type { Partition, Strategy } from '../strategy/strategy.ts';
import { endsOn, spreadOverChunks } from './partition-equal.ts';
import { kindPair, type KindRooms } from './partition-bound.ts';
import { leastCounts, type PartitionProblem } from './partition-problem.ts';
import type { SearchCosts } from './search-types.ts';

/**
 * Largest whole number of [low, high] whose excess is not positive, low − 1 where none is; excess does not fall. Looked
 * for where the line through two known values crosses 0, as memory is nearly linear in layers.
 */
const largestFitting = (low: number, high: number, excess: (value: number) => number): number => {
  let [fits, fails] = [low - 1, high + 1];
  let [below, above] = [NaN, NaN];
  let guess = high;
  while (fails - fits > 1) {
    const found = excess(guess);
    if (found <= 0) [fits, below] = [guess, found];
    else [fails, above] = [guess, found];
    const crossing = fits + ((fails - fits) * -below) / (above - below);
    const next = Number.isFinite(crossing) ? Math.floor(crossing + 0.5) : fits < low ? low : high;
    guess = Math.min(Math.max(next, fits + 1), fails - 1);
  }
  return fits;
};

/**
 * Models of one layer kind: how many layers each stage can hold, exactly, as its memory depends on its own count alone
 * and grows with it. `partition` is the fastest one; what its full stages cannot hold, D layers, is the most that any
 * other stage is asked to take, so that room beyond its count + D is not looked for. Null when no partition fits.
 */
export const roomsOfStages = (
  problem: PartitionProblem,
  strategy: Strategy,
  partition: Partition,
  { stageExcess }: Pick<SearchCosts, 'stageExcess'>,
): readonly number[] | null => {
  const { stages, virtualStages, layers } = problem;
  const total = layers.length;
  const none = Array.from({ length: virtualStages }, () => 0);
  const rest = [...none];
  // One stage and its neighbour change from question to question.
  const made: (readonly number[])[] = Array.from({ length: stages }, () => none);
  const excessWith = (stage: number, count: number): number => {
    const other = (stage + 1) % stages;
    rest[0] = total - count;
    made[other] = rest;
    made[stage] = spreadOverChunks(count, virtualStages, endsOn(problem, stage));
    const excess = stageExcess(strategy, made, stage);
    made[other] = made[stage] = none;
    return excess;
  };
  const counts = partition.map((chunks) => chunks.reduce((sum, count) => sum + count, 0));
  const least = leastCounts(problem);
  const rooms: number[] = [];
  let excess = 0;
  const full: boolean[] = [];
  for (const [stage, count] of counts.entries()) {
    const fits = excessWith(stage, count) <= 0;
    const low = least[stage] ?? 0;
    const room = fits ? count : largestFitting(low, count - 1, (value) => excessWith(stage, value));
    if (room < low) return null;
    rooms.push(room);
    full.push(!fits);
    excess += count - room;
  }
  if (excess === 0) return rooms;
  let room = 0;
  for (const [stage, count] of counts.entries()) {
    if (full[stage] === true) continue;
    const most = Math.min(total, count + excess);
    rooms[stage] = largestFitting(count + 1, most, (value) => excessWith(stage, value));
    room += (rooms[stage] ?? 0) - count;
  }
  return room >= excess ? rooms : null;
};

/**
 * One chunk per stage: the end of the longest run from `start` that a stage can hold, exactly, as a part of a run takes
 * no more than the run. Null when stages that are filled in turn do not hold all layers: then no partition fits.
 */
export const reachOfStages = (
  problem: PartitionProblem,
  strategy: Strategy,
  { stageExcess }: Pick<SearchCosts, 'stageExcess'>,
): ((stage: number, start: number) => number) | null => {
  const { stages, layers } = problem;
  const total = layers.length;
  const known = Array.from({ length: stages }, () => new Map<number, number>());
  const excessOf = (stage: number, start: number, end: number): number => {
    const made = Array.from({ length: stages }, (_, each) => {
      if (each === stage) return [end - start];
      if (each === stage - 1) return [start];
      return [each === stage + 1 ? total - end : 0];
    });
    return stageExcess(strategy, made, stage);
  };
  const reach = (stage: number, start: number): number => {
    const before = known[stage]?.get(start);
    if (before !== undefined) return before;
    // Runs of the first stage begin with the first layer, those of the last end with the last: other runs are not asked
    // about, and what stands for them falls nowhere, as who looks for the longest run takes for granted.
    let end = total;
    if (stage === stages - 1) end = excessOf(stage, start, total) <= 0 ? total : start - 1;
    else if (stage > 0 || start === 0)
      end = largestFitting(start, total, (value) => excessOf(stage, start, value));
    known[stage]?.set(start, end);
    return end;
  };
  // Filled in turn, whatever the least that a stage must hold: no partition that fits gets further.
  let start = 0;
  for (let stage = 0; stage < stages; stage += 1) {
    const end = reach(stage, start);
    if (end < start) return null;
    start = end;
  }
  return start === total ? reach : null;
};

/** Layers of the rarer of two kinds up to which stages are tabulated by their number. */
const MOST_OF_RARER_KIND = 24;

/**
 * Models of two layer kinds on several chunks: most[stage][a], layers of the more frequent kind that a stage holds at most
 * beside a of the rarer one, wherever they stand; −1 where a do not fit. Null where both kinds are too many to tabulate.
 */
export const kindRoomsOf = (
  problem: PartitionProblem,
  strategy: Strategy,
  { leastExcess }: Pick<SearchCosts, 'leastExcess'>,
): KindRooms | null => {
  const pair = kindPair(problem.layers);
  if (pair === null || pair.counts[0] > MOST_OF_RARER_KIND) return null;
  const [rarer, other] = pair.kinds;
  const most = Array.from({ length: problem.stages }, (_, stage) => {
    const rooms: number[] = [];
    const counts = Array.from({ length: Math.max(rarer, other) + 1 }, () => 0);
    let before = pair.counts[1];
    for (let a = 0; a <= pair.counts[0]; a += 1) {
      counts[rarer] = a;
      before = largestFitting(0, before, (b) => {
        counts[other] = b;
        return leastExcess(strategy, counts, stage);
      });
      rooms.push(before);
      if (before < 0) break;
    }
    return rooms;
  });
  return { ...pair, most };
};
