/* eslint-disable @typescript-eslint/no-non-null-assertion -- inner loops over typed arrays; indices are in range by construction */
import { FREE } from './layer-state.ts';
import type { LayerState } from './layer-state.ts';

/**
 * Busiest of the GPUs that change when `index` is given to `expert`: those that hold the old expert or the new one.
 * Infinity as soon as one is at least `limit`. One scenario.
 */
const busiestAfter = (state: LayerState, index: number, expert: number, limit: number): number => {
  const { gpus, experts, slot, gpuOf, counts, share, holds, time, slowness, weights } = state;
  const old = slot[index]!;
  const gpu = gpuOf[index]!;
  const lighter = weights[expert]! / (counts[expert]! + 1);
  const relief = share[expert]! - lighter;
  const burden = weights[old]! / (counts[old]! - 1) - share[old]!;
  let busiest = time[gpu]! + (lighter - share[old]!) * slowness[gpu]!;
  if (busiest >= limit) return Infinity;
  for (let other = 0; other < gpus; other += 1) {
    if (other === gpu) continue;
    const holdsOld = holds[other * experts + old] === 1;
    const holdsNew = holds[other * experts + expert] === 1;
    if (!holdsOld && !holdsNew) continue;
    const after = time[other]! + ((holdsOld ? burden : 0) - (holdsNew ? relief : 0)) * slowness[other]!;
    if (after >= limit) return Infinity;
    if (after > busiest) busiest = after;
  }
  return busiest;
};

/**
 * The change of one replica that relieves the hottest GPU most: a further replica elsewhere of an expert that it holds,
 * or another expert in place of one of its replicas. The slot's expert must have another replica, and the number of
 * replicas stays. False where none helps. One scenario.
 */
export const replicaFromHottest = (state: LayerState, hottest: number): boolean => {
  const { experts, start, slot, gpuOf, counts, holds, time } = state;
  let best = time[hottest]! - 1e-12;
  let chosen = -1;
  let newcomer = -1;
  const consider = (index: number, expert: number): void => {
    const after = busiestAfter(state, index, expert, best);
    if (after >= best) return;
    best = after;
    chosen = index;
    newcomer = expert;
  };
  for (let index = 0; index < slot.length; index += 1) {
    const old = slot[index]!;
    const gpu = gpuOf[index]!;
    if (gpu === hottest || old === FREE || counts[old]! < 2) continue;
    for (let held = start[hottest]!; held < start[hottest + 1]!; held += 1) {
      const expert = slot[held]!;
      if (expert !== FREE && expert !== old && holds[gpu * experts + expert] === 0) consider(index, expert);
    }
  }
  for (let index = start[hottest]!; index < start[hottest + 1]!; index += 1) {
    const old = slot[index]!;
    if (old === FREE || counts[old]! < 2) continue;
    for (let expert = 0; expert < experts; expert += 1)
      if (holds[hottest * experts + expert] === 0) consider(index, expert);
  }
  if (chosen === -1) return false;
  state.replace(chosen, newcomer);
  return true;
};
