import { leastCounts, type PartitionProblem } from './partition-problem.ts';

/** Most layers of two kinds that stages could hold within a bottleneck, whatever the order of the layers. */
const fits = (
  problem: PartitionProblem,
  counts: readonly [number, number],
  kinds: readonly [number, number],
  cap: number,
): boolean => {
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
      const others =
        secondTime > 0 ? Math.min(second, Math.floor((room - here * firstTime) / secondTime)) : second;
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
export const bottleneckBound = (problem: PartitionProblem): number => {
  const { block, ...plain } = problem;
  // What a block repeats depends on the order of the layers: the relaxation is without it.
  if (block !== undefined) return Math.max(averageBound(problem), bottleneckBound(plain));
  const average = averageBound(problem);
  const kinds = [...kindCounts(problem.layers).keys()];
  const counts = [...kindCounts(problem.layers).values()];
  if (kinds.length > 2) return average;
  const pair: [number, number] = [kinds[0] ?? 0, kinds[1] ?? kinds[0] ?? 0];
  // The smaller count is the one enumerated; a model of one kind enumerates none.
  const sizes: [number, number] = kinds.length === 1 ? [0, counts[0] ?? 0] : [counts[0] ?? 0, counts[1] ?? 0];
  if (Math.min(...sizes) ** 2 * problem.stages > MOST_PLACINGS) return average;
  const swap = sizes[0] > sizes[1];
  const orderedKinds: [number, number] = swap ? [pair[1], pair[0]] : pair;
  const orderedSizes: [number, number] = swap ? [sizes[1], sizes[0]] : sizes;
  const attainable = new Set<number>();
  // Layers handed out one by one to the lightest stage end less than one layer above the average.
  let longest = 0;
  for (const times of problem.layerTime)
    for (const kind of kinds) longest = Math.max(longest, times[kind] ?? 0);
  const most = average + longest * (1 + 1e-9);
  const keep = (value: number): void => {
    if (value >= average * (1 - 1e-12) && value <= most) attainable.add(value);
  };
  for (let stage = 0; stage < problem.stages; stage += 1) {
    if (stage > 0 && sameRow(problem, stage, stage - 1)) continue;
    const times = problem.layerTime[stage] ?? [];
    const [a, b] = [times[orderedKinds[0]] ?? 0, times[orderedKinds[1]] ?? 0];
    for (let i = 0; i <= orderedSizes[0]; i += 1)
      for (let j = 0; j <= orderedSizes[1]; j += 1) keep((problem.stageTime[stage] ?? 0) + i * a + j * b);
  }
  const caps = [...attainable].sort((x, y) => x - y);
  let low = 0;
  let high = caps.length - 1;
  if (high < 0) return average;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (fits(problem, orderedSizes, orderedKinds, (caps[middle] ?? 0) * (1 + 1e-12))) high = middle;
    else low = middle + 1;
  }
  return Math.max(average, caps[low] ?? average);
};

const sameRow = (problem: PartitionProblem, a: number, b: number): boolean =>
  problem.layerTime[a] === problem.layerTime[b] && problem.stageTime[a] === problem.stageTime[b];
