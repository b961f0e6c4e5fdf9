/* eslint-disable @typescript-eslint/no-non-null-assertion -- inner loops over typed arrays; indices are in range by construction */
/** Random changes that take a search out of a local optimum. */
import { maySwap } from './improve.ts';
import { FREE } from './layer-state.ts';
import type { LayerState } from './layer-state.ts';
import { randomIndex } from './random.ts';

/** Whether an exchange would leave one of the two GPUs busier than `ceiling` in some scenario. */
const exceeds = (state: LayerState, a: number, b: number, ceiling: number): boolean => {
  const { scenarios, experts, gpus, slot, gpuOf, share, slowness, time } = state;
  const x = gpuOf[a]!;
  const y = gpuOf[b]!;
  for (let scenario = 0; scenario < scenarios; scenario += 1) {
    const moved =
      (slot[a] === FREE ? 0 : share[scenario * experts + slot[a]!]!) -
      (slot[b] === FREE ? 0 : share[scenario * experts + slot[b]!]!);
    if (time[scenario * gpus + x]! - moved * slowness[x]! > ceiling) return true;
    if (time[scenario * gpus + y]! + moved * slowness[y]! > ceiling) return true;
  }
  return false;
};

/** A random exchange of equal right between GPUs none of which becomes busier than `ceiling`. */
const kickBySwap = (state: LayerState, random: () => number, ceiling: number): boolean => {
  const { slot, gpuOf } = state;
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const a = randomIndex(random, slot.length);
    const b = randomIndex(random, slot.length);
    const x = gpuOf[a]!;
    const y = gpuOf[b]!;
    if (x === y || !maySwap(state, a, b)) continue;
    if (exceeds(state, a, b, ceiling)) continue;
    state.swap(a, b);
    return true;
  }
  return false;
};

/** Gives a random slot of an expert with several replicas to an expert that its GPU does not hold. */
const kickByReplica = (state: LayerState, random: () => number): boolean => {
  const { slot, gpuOf, counts, holds, experts } = state;
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const index = randomIndex(random, slot.length);
    const old = slot[index]!;
    if (old === FREE || counts[old]! < 2) continue;
    const expert = randomIndex(random, experts);
    if (holds[gpuOf[index]! * experts + expert] === 1) continue;
    state.replace(index, expert);
    return true;
  }
  return false;
};

/**
 * The kick of a given number: replica changes and exchanges in turn; every fourth one is strong, up to four of them and
 * without regard to the times that result, for optima that small steps do not leave.
 */
export const kick = (
  state: LayerState,
  number: number,
  redundant: boolean,
  value: number,
  random: () => number,
): void => {
  const strong = number % 4 === 3;
  const changes = strong ? 1 + randomIndex(random, 4) : 1;
  for (let change = 0; change < changes; change += 1) {
    const replica = redundant && (strong ? random() < 0.5 : number % 2 === 0);
    if (replica && kickByReplica(state, random)) continue;
    for (let swap = 0; swap < (strong ? 1 : 3); swap += 1)
      kickBySwap(state, random, strong ? Infinity : value);
  }
};
