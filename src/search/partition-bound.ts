import { leastCounts, type PartitionProblem } from './partition-problem.ts';

/** Two kinds of layers, the rarer first; a model of one kind has none of the rarer. */
export interface KindPair {
  readonly kinds: readonly [number, number];
  readonly counts: readonly [number, number];
}

/** most[stage][a]: layers of the second kind that a stage can hold beside a of the first; −1 where a do not fit. */
export interface KindRooms extends KindPair {
  readonly most: readonly (readonly number[])[];
}

/**
 * Whether stages can hold the layers of two kinds within a bottleneck (and within their memory, where `rooms` are given),
 * whatever the order of the layers.
 */
const fits = (problem: PartitionProblem, pair: KindPair, cap: number, rooms: KindRooms | null): boolean => {
  const { kinds, counts } = pair;
  const [first, second] = counts;
  // most[a]: layers of the second kind placed on the stages so far, beside a of the first kind.
  let most = new Float64Array(first + 1).fill(-Infinity);
  most[0] = 0;
  for (let stage = 0; stage < problem.stages; stage += 1) {
    const room = cap - (problem.stageTime[stage] ?? 0);
    if (room < 0) return false;
    const times = problem.layerTime[stage] ?? [];
    const firstTime = times[kinds[0]] ?? 0;
    const secondTime = times[kinds[1]] ?? 0;
    const next = new Float64Array(first + 1).fill(-Infinity);
    for (let here = 0; here <= first && here * firstTime <= room; here += 1) {
      const inTime = secondTime > 0 ? Math.floor((room - here * firstTime) / secondTime) : second;
      const others = Math.min(second, inTime, rooms === null ? second : (rooms.most[stage]?.[here] ?? -1));
      if (others < 0) break;
      for (let placed = 0; placed + here <= first; placed += 1)
        next[placed + here] = Math.max(
          next[placed + here] ?? -Infinity,
          (most[placed] ?? -Infinity) + others,
        );
    }
    most = next;
  }
  return (most[first] ?? -Infinity) >= second;
};

/** Whether the stages' memory can hold all layers, in any order and at any speed. */
export const memoryMayFit = (problem: PartitionProblem, rooms: KindRooms): boolean =>
  fits(problem, rooms, Infinity, rooms);

const countsOf = new WeakMap<readonly number[], ReadonlyMap<number, number>>();

/** Layers of each kind, by ascending kind. */
const kindCounts = (layers: readonly number[]): ReadonlyMap<number, number> => {
  const known = countsOf.get(layers);
  if (known !== undefined) return known;
  const counts = new Map<number, number>();
  for (const kind of [...layers].sort((a, b) => a - b)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  countsOf.set(layers, counts);
  return counts;
};

/** Null for models of more than two kinds. */
export const kindPair = (layers: readonly number[]): KindPair | null => {
  const [one, two, ...others] = kindCounts(layers);
  if (one === undefined || others.length > 0) return null;
  if (two === undefined) return { kinds: [one[0], one[0]], counts: [0, one[1]] };
  const [rarer, other] = one[1] <= two[1] ? [one, two] : [two, one];
  return { kinds: [rarer[0], other[0]], counts: [rarer[1], other[1]] };
};

/** Every chunk but the first and the last holds a layer that its block repeats. */
const leastRepeated = ({ block, layers, stages, virtualStages }: PartitionProblem): number => {
  if (block === undefined || block.layers < 1) return 0;
  let least = Infinity;
  for (const [kind] of kindCounts(layers))
    for (const times of block.time) least = Math.min(least, times[kind] ?? 0);
  return Math.max(0, stages * virtualStages - 2) * least;
};

/**
 * Time that the layers take at least together, each on the stage where it is quickest, over the stages; and what a stage
 * does at least: its extras and a layer for every chunk that may not be empty.
 */
const averageBound = (problem: PartitionProblem): number => {
  const kinds = kindCounts(problem.layers);
  const least = leastCounts(problem);
  let work = leastRepeated(problem);
  for (const [kind, count] of kinds) {
    let quickest = Infinity;
    let before: readonly number[] | undefined;
    for (const times of problem.layerTime) {
      if (times !== before) quickest = Math.min(quickest, times[kind] ?? 0);
      before = times;
    }
    work += count * quickest;
  }
  let most = 0;
  for (const [stage, time] of problem.stageTime.entries()) {
    let lightest = Infinity;
    for (const [kind] of kinds) lightest = Math.min(lightest, problem.layerTime[stage]?.[kind] ?? 0);
    most = Math.max(most, time + (least[stage] ?? 0) * lightest);
    work += time;
  }
  return Math.max(work / problem.stages, most);
};

/** Work of one test of a bottleneck, beyond which the average is enough. */
const MOST_PLACINGS = 50_000;

/**
 * A bottleneck that no partition can beat: the average load, and for models of at most two layer kinds (of hundreds of
 * layers, if one kind is rare) the least bottleneck when the layers may stand in any order (a relaxation that is usually
 * attained).
 */
export const bottleneckBound = (problem: PartitionProblem, rooms: KindRooms | null = null): number => {
  const { block, ...plain } = problem;
  // What a block repeats depends on the order of the layers: the relaxation is without it.
  if (block !== undefined) return Math.max(averageBound(problem), bottleneckBound(plain, rooms));
  const average = averageBound(problem);
  const pair = kindPair(problem.layers);
  if (pair === null || pair.counts[0] ** 2 * problem.stages > MOST_PLACINGS) return average;
  const attainable = new Set<number>();
  // Layers handed out one by one to the lightest stage end less than one layer above the average, if memory lets them.
  let longest = rooms === null ? 0 : Infinity;
  for (const times of problem.layerTime)
    for (const kind of pair.kinds) longest = Math.max(longest, times[kind] ?? 0);
  const most = average + longest * (1 + 1e-9);
  const keep = (value: number): void => {
    if (value >= average * (1 - 1e-12) && value <= most) attainable.add(value);
  };
  for (let stage = 0; stage < problem.stages; stage += 1) {
    if (stage > 0 && sameRow(problem, stage, stage - 1)) continue;
    const times = problem.layerTime[stage] ?? [];
    const [a, b] = [times[pair.kinds[0]] ?? 0, times[pair.kinds[1]] ?? 0];
    for (let i = 0; i <= pair.counts[0]; i += 1)
      for (let j = 0; j <= pair.counts[1]; j += 1) keep((problem.stageTime[stage] ?? 0) + i * a + j * b);
  }
  const caps = [...attainable].sort((x, y) => x - y);
  let low = 0;
  let high = caps.length - 1;
  if (high < 0) return average;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (fits(problem, pair, (caps[middle] ?? 0) * (1 + 1e-12), rooms)) high = middle;
    else low = middle + 1;
  }
  return Math.max(average, caps[low] ?? average);
};

const sameRow = (problem: PartitionProblem, a: number, b: number): boolean =>
  problem.layerTime[a] === problem.layerTime[b] && problem.stageTime[a] === problem.stageTime[b];
