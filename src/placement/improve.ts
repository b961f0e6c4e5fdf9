/* eslint-disable @typescript-eslint/no-non-null-assertion -- inner loops over typed arrays; indices are in range by construction */
import { replicaFromHottest } from './improve-replicas.ts';
import { FREE } from './layer-state.ts';
import type { LayerState } from './layer-state.ts';
import { MOST_ITEMS, PairSplitter } from './pair-split.ts';

/** Steps smaller than this are rounding, not progress. */
const PROGRESS = 1e-12;

/** Whether two slots of different GPUs may change places. */
export const maySwap = (state: LayerState, a: number, b: number): boolean => {
  const first = state.slot[a]!;
  const second = state.slot[b]!;
  return (
    first !== second &&
    (first === FREE || state.holds[state.gpuOf[b]! * state.experts + first] === 0) &&
    (second === FREE || state.holds[state.gpuOf[a]! * state.experts + second] === 0)
  );
};

/**
 * The exchange with the hottest GPU that leaves the busier of the two GPUs least busy (with a free slot: the move).
 * False where none helps. One scenario.
 */
export const swapFromHottest = (state: LayerState, hottest: number): boolean => {
  const { gpus, experts, start, slot, share, slowness, time, holds } = state;
  const most = time[hottest]!;
  let best = most - PROGRESS;
  let from = -1;
  let to = -1;
  for (let a = start[hottest]!; a < start[hottest + 1]!; a += 1) {
    const item = slot[a]!;
    if (item === FREE) continue;
    const weight = share[item]!;
    for (let other = 0; other < gpus; other += 1) {
      if (other === hottest || holds[other * experts + item] === 1) continue;
      const there = time[other]!;
      for (let b = start[other]!; b < start[other + 1]!; b += 1) {
        const back = slot[b]!;
        const moved = weight - (back === FREE ? 0 : share[back]!);
        if (moved <= 0) continue;
        const after = there + moved * slowness[other]!;
        if (after >= best || most - moved * slowness[hottest]! >= best) continue;
        if (back !== FREE && holds[hottest * experts + back] === 1) continue;
        best = Math.max(after, most - moved * slowness[hottest]!);
        from = a;
        to = b;
      }
    }
  }
  if (from === -1) return false;
  state.swap(from, to);
  return true;
};

/** Exact re-splits of pairs of GPUs. Holds buffers, so one is made for each search. */
export class PairImprover {
  private readonly splitter = new PairSplitter();
  private readonly items = new Float64Array(MOST_ITEMS);
  private readonly experts = new Int32Array(MOST_ITEMS);
  private readonly slots = new Int32Array(MOST_ITEMS);

  /**
   * Deals the replicas of two GPUs anew, exactly, so that the busier one is as little busy as it can be. What both hold
   * stays. False where nothing is gained, or where the GPUs hold more than can be enumerated. One scenario.
   */
  resplit(state: LayerState, x: number, y: number): boolean {
    const { experts, start, slot, share, slowness, time, holds } = state;
    let count = 0;
    let take = 0;
    let sum = 0;
    let fixed = 0;
    for (const gpu of [x, y])
      for (let index = start[gpu]!; index < start[gpu + 1]!; index += 1) {
        const expert = slot[index]!;
        if (expert !== FREE && holds[(gpu === x ? y : x) * experts + expert] === 1) {
          if (gpu === x) fixed += share[expert]!;
          continue;
        }
        if (count === MOST_ITEMS) return false;
        const weight = expert === FREE ? 0 : share[expert]!;
        this.items[count] = weight;
        this.experts[count] = expert;
        this.slots[count] = index;
        sum += weight;
        count += 1;
        if (gpu === x) take += 1;
      }
    if (count === 0 || take === 0 || take === count) return false;
    // Equal times: (fixed + s) · slow_x = (fixed + sum − s) · slow_y.
    const target = ((fixed + sum) * slowness[y]! - fixed * slowness[x]!) / (slowness[x]! + slowness[y]!);
    const mask = this.splitter.nearest(this.items, count, take, target);
    let taken = 0;
    for (let item = 0; item < count; item += 1) if ((mask >> item) & 1) taken += this.items[item]!;
    const after = Math.max((fixed + taken) * slowness[x]!, (fixed + sum - taken) * slowness[y]!);
    if (after >= Math.max(time[x]!, time[y]!) - PROGRESS) return false;
    this.exchange(state, mask, count, take);
    return true;
  }

  /** Slots of x come first: the items of the mask that stand beyond them change places with those before that left. */
  private exchange(state: LayerState, mask: number, count: number, take: number): void {
    let leaving = 0;
    for (let item = take; item < count; item += 1) {
      if (((mask >> item) & 1) === 0) continue;
      while ((mask >> leaving) & 1) leaving += 1;
      state.swap(this.slots[leaving]!, this.slots[item]!);
      leaving += 1;
    }
  }
}

/**
 * Lowers the busiest GPU by exchanges, by exact re-splits with every other GPU (idlest first), then by changes of one
 * replica, until none helps, the value is at most `enough`, or `limit` steps were made. One scenario. Returns the steps made.
 */
export const descend = (state: LayerState, pairs: PairImprover, enough: number, limit: number): number => {
  let steps = 0;
  while (steps < limit) {
    const hottest = state.hottest(0);
    if (state.time[hottest]! <= enough) break;
    steps += 1;
    if (swapFromHottest(state, hottest)) continue;
    if (resplitHottest(state, pairs, hottest)) continue;
    if (!replicaFromHottest(state, hottest)) break;
  }
  return steps;
};

const resplitHottest = (state: LayerState, pairs: PairImprover, hottest: number): boolean => {
  const others = Array.from({ length: state.gpus }, (_, gpu) => gpu)
    .filter((gpu) => gpu !== hottest)
    .sort((a, b) => state.time[a]! - state.time[b]! || a - b);
  return others.some((other) => pairs.resplit(state, hottest, other));
};
