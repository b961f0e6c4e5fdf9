import type { PartitionProblem } from './partition-problem.ts';

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

/** Time that the layers take at least together, each on the stage where it is quickest; and the speed-weighted share. */
const averageBound = (problem: PartitionProblem): number => {
  const quickest = (kind: number): number => Math.min(...problem.layerTime.map((times) => times[kind] ?? 0));
  const work = problem.layers.reduce((sum, kind) => sum + quickest(kind), 0);
  const extras = problem.stageTime.reduce((sum, time) => sum + time, 0);
  return Math.max((work + extras) / problem.stages, ...problem.stageTime);
};

/**
 * A bottleneck that no partition can beat: the average load, and for models of at most two layer kinds the least
 * bottleneck when the layers may stand in any order (a relaxation that is usually attained).
 */
export const bottleneckBound = (problem: PartitionProblem): number => {
  const average = averageBound(problem);
  const kinds = [...new Set(problem.layers)].sort((a, b) => a - b);
  const counts = kinds.map((kind) => problem.layers.filter((k) => k === kind).length);
  if (kinds.length > 2) return average;
  const pair: [number, number] = [kinds[0] ?? 0, kinds[1] ?? kinds[0] ?? 0];
  // The smaller count is the one enumerated; a model of one kind enumerates none.
  const sizes: [number, number] = kinds.length === 1 ? [0, counts[0] ?? 0] : [counts[0] ?? 0, counts[1] ?? 0];
  const swap = sizes[0] > sizes[1];
  const orderedKinds: [number, number] = swap ? [pair[1], pair[0]] : pair;
  const orderedSizes: [number, number] = swap ? [sizes[1], sizes[0]] : sizes;
  const attainable = new Set<number>();
  for (let stage = 0; stage < problem.stages; stage += 1) {
    if (stage > 0 && sameRow(problem, stage, stage - 1)) continue;
    const times = problem.layerTime[stage] ?? [];
    const [a, b] = [times[orderedKinds[0]] ?? 0, times[orderedKinds[1]] ?? 0];
    for (let i = 0; i <= orderedSizes[0]; i += 1)
      for (let j = 0; j <= orderedSizes[1]; j += 1)
        attainable.add((problem.stageTime[stage] ?? 0) + i * a + j * b);
  }
  const caps = [...attainable].filter((value) => value >= average * (1 - 1e-12)).sort((x, y) => x - y);
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
