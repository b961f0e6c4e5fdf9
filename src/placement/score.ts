/** Judging a placement, whoever made it: independent of the search, and used to re-check what it returns. */
import type { LayerPlacement, LayerProblem } from './layer-problem.ts';
import { expertCount } from './layer-problem.ts';

/** Replicas of each expert; a GPU that holds an expert twice counts twice. */
export const countReplicas = (placement: LayerPlacement, experts: number): number[] => {
  const counts = new Array<number>(experts).fill(0);
  for (const held of placement) for (const expert of held) counts[expert] = (counts[expert] ?? 0) + 1;
  return counts;
};

/** Time of each GPU over the mean: load split equally over an expert's replicas, over the GPU's relative speed. */
export const relativeTimes = (
  loads: readonly number[],
  placement: LayerPlacement,
  speeds: readonly number[],
): number[] => {
  const counts = countReplicas(placement, loads.length);
  const total = loads.reduce((sum, load) => sum + load, 0);
  const speed = speeds.reduce((sum, value) => sum + value, 0);
  return placement.map((held, gpu) => {
    const load = held.reduce((sum, expert) => sum + (loads[expert] ?? 0) / (counts[expert] ?? 1), 0);
    return ((load / total) * speed) / (speeds[gpu] ?? 1);
  });
};

/** Busiest GPU's time over the mean. */
export const maxOverMean = (
  loads: readonly number[],
  placement: LayerPlacement,
  speeds: readonly number[],
): number => Math.max(...relativeTimes(loads, placement, speeds));

/** What the search minimises, computed anew: mean over scenarios of the busiest GPU, or the worst. */
export const placementValue = (problem: LayerProblem, placement: LayerPlacement): number => {
  const each = problem.loads.map((loads) => maxOverMean(loads, placement, problem.speeds));
  return problem.objective === 'worst'
    ? Math.max(...each)
    : each.reduce((sum, value) => sum + value, 0) / each.length;
};

/** GPUs of a placement that hold some expert more than once: how often, all together. */
export const duplicateCount = (placement: LayerPlacement): number =>
  placement.reduce((total, held) => total + held.length - new Set(held).size, 0);

/** What is wrong with a placement of a layer; empty where nothing is. */
export const placementFaults = (problem: LayerProblem, placement: LayerPlacement): string[] => {
  const experts = expertCount(problem);
  const faults: string[] = [];
  const replicas = placement.reduce((total, held) => total + held.length, 0);
  if (placement.length !== problem.slots.length)
    faults.push(`${placement.length} GPUs in place of ${problem.slots.length}`);
  if (replicas !== problem.replicas) faults.push(`${replicas} replicas in place of ${problem.replicas}`);
  placement.forEach((held, gpu) => {
    if (held.length > (problem.slots[gpu] ?? 0))
      faults.push(`GPU ${gpu} holds ${held.length} experts in ${problem.slots[gpu] ?? 0} slots`);
    if (new Set(held).size !== held.length) faults.push(`GPU ${gpu} holds two replicas of one expert`);
    for (const expert of held)
      if (!Number.isInteger(expert) || expert < 0 || expert >= experts)
        faults.push(`GPU ${gpu} holds an expert ${expert} that does not exist`);
  });
  countReplicas(placement, experts).forEach((count, expert) => {
    if (count === 0) faults.push(`expert ${expert} is nowhere`);
  });
  return faults;
};
