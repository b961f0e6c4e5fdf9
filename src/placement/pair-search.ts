/* eslint-disable @typescript-eslint/no-non-null-assertion -- inner loops over typed arrays; indices are in range by construction */
/** Replica counts for GPUs of two equal slots, where counts alone decide: heaviest with lightest is the best pairing. */
import { relaxPairs } from './pair-relaxation.ts';
import { randomIndex } from './random.ts';
import { replicaCounts } from './replicate.ts';

/** Shares of all replicas, ascending, with their experts. */
class SortedShares {
  value: Float64Array;
  expert: Int32Array;
  private spareValue: Float64Array;
  private spareExpert: Int32Array;

  constructor(weights: Float64Array, counts: Int32Array) {
    const items = Array.from(weights.keys()).sort(
      (a, b) => weights[a]! / counts[a]! - weights[b]! / counts[b]! || a - b,
    );
    const experts = items.flatMap((expert) => new Array<number>(counts[expert]!).fill(expert));
    this.expert = Int32Array.from(experts);
    this.value = Float64Array.from(experts, (expert) => weights[expert]! / counts[expert]!);
    this.spareValue = new Float64Array(this.value.length);
    this.spareExpert = new Int32Array(this.value.length);
  }

  /** The same with `up` having `upCount` replicas and `down` having `downCount`; kept until `accept`. Returns its value. */
  propose(weights: Float64Array, up: number, upCount: number, down: number, downCount: number): number {
    const { value, expert, spareValue, spareExpert } = this;
    const upShare = weights[up]! / upCount;
    const downShare = weights[down]! / downCount;
    let upLeft = upCount;
    let downLeft = downCount;
    let to = 0;
    const insert = (limit: number): void => {
      while ((upLeft > 0 && upShare <= limit) || (downLeft > 0 && downShare <= limit)) {
        const takeUp = upLeft > 0 && (downLeft === 0 || upShare <= downShare);
        spareValue[to] = takeUp ? upShare : downShare;
        spareExpert[to] = takeUp ? up : down;
        to += 1;
        if (takeUp) upLeft -= 1;
        else downLeft -= 1;
      }
    };
    for (let index = 0; index < value.length; index += 1) {
      const item = expert[index]!;
      if (item === up || item === down) continue;
      insert(value[index]!);
      spareValue[to] = value[index]!;
      spareExpert[to] = item;
      to += 1;
    }
    insert(Infinity);
    return busiestPair(spareValue);
  }

  accept(): void {
    [this.value, this.spareValue] = [this.spareValue, this.value];
    [this.expert, this.spareExpert] = [this.spareExpert, this.expert];
  }

  /** Experts of the busiest pair: the heavy one, the light one. */
  critical(): readonly [number, number] {
    const { value, expert } = this;
    let most = -1;
    let at = 0;
    for (let low = 0, high = value.length - 1; low < high; low += 1, high -= 1)
      if (value[low]! + value[high]! > most) {
        most = value[low]! + value[high]!;
        at = low;
      }
    return [expert[value.length - 1 - at]!, expert[at]!];
  }
}

const busiestPair = (sorted: Float64Array): number => {
  let most = 0;
  for (let low = 0, high = sorted.length - 1; low < high; low += 1, high -= 1)
    most = Math.max(most, sorted[low]! + sorted[high]!);
  return most;
};

/** The busiest pair of given counts that sum to an even number, heaviest with lightest. */
export const busiestPairOf = (weights: Float64Array, counts: Int32Array): number =>
  busiestPair(new SortedShares(weights, counts).value);

/** Distances from the bound, relative to it, at which the relaxation is asked for counts. */
const DISTANCES = [1e-4, 1e-3, 2e-3, 4e-3, 8e-3];
/** Roundings of one mixture. */
const ROUNDINGS = 30;

/** Counts that sum to `replicas`: too many are taken where the share stays least, missing ones go where it is largest. */
const mended = (weights: Float64Array, counts: Int32Array, replicas: number, most: number): Int32Array => {
  let total = counts.reduce((sum, count) => sum + count, 0);
  while (total !== replicas) {
    const step = total < replicas ? 1 : -1;
    let chosen = -1;
    let best = Infinity;
    for (let expert = 0; expert < counts.length; expert += 1) {
      const count = counts[expert]!;
      if (step === 1 ? count >= most : count < 2) continue;
      const share = step === 1 ? -weights[expert]! / count : weights[expert]! / (count - 1);
      if (share < best) {
        best = share;
        chosen = expert;
      }
    }
    counts[chosen]! += step;
    total += step;
  }
  return counts;
};

/**
 * Counts by rounding relaxed ones: each expert takes the count of one of the mixed answers, by their shares. Where the
 * relaxation is nearly integral few experts are undecided, and some rounding is near the bound.
 */
const roundedCounts = (
  weights: Float64Array,
  gpus: number,
  bound: number,
  enough: number,
  random: () => number,
): { readonly counts: Int32Array; readonly value: number } => {
  let counts = replicaCounts(weights, 2 * gpus, gpus);
  let value = busiestPairOf(weights, counts);
  let thresholds: readonly number[] = [];
  for (const distance of DISTANCES) {
    const tau = bound * (1 + distance);
    if (value <= Math.max(tau, enough)) break;
    const verdict = relaxPairs(weights, gpus, tau, thresholds);
    thresholds = verdict.thresholds;
    const { mixture } = verdict;
    if (mixture === null) continue;
    for (let rounding = 0; rounding < ROUNDINGS && value > tau; rounding += 1) {
      const tried = Int32Array.from(weights, (_, expert) => {
        let left = random();
        let count = 1;
        for (const answer of mixture) {
          count = answer.counts[expert]!;
          left -= answer.share;
          if (left < 0) break;
        }
        return count;
      });
      const reached = busiestPairOf(weights, mended(weights, tried, 2 * gpus, gpus));
      if (reached < value) {
        value = reached;
        counts = tried;
      }
    }
  }
  return { counts, value };
};

/**
 * Replica counts for 2 · gpus slots: rounded relaxed ones, then local search: a replica moves from one expert to another,
 * mostly to the heavy one of the busiest pair or away from those that can spare one; never to a worse value.
 */
export const pairCounts = (
  weights: Float64Array,
  gpus: number,
  bound: number,
  enough: number,
  tries: number,
  random: () => number,
): Int32Array => {
  const start = roundedCounts(weights, gpus, bound, enough, random);
  const { counts } = start;
  const shares = new SortedShares(weights, counts);
  let { value } = start;
  for (let attempt = 0; attempt < tries && value > enough; attempt += 1) {
    const [heavy, light] = shares.critical();
    const kind = randomIndex(random, 3);
    const anyone = randomIndex(random, weights.length);
    const spare = shares.expert[randomIndex(random, shares.expert.length)]!;
    const up = kind === 0 ? heavy : anyone;
    const down = kind === 1 && counts[light]! > 1 ? light : spare;
    if (up === down || counts[down]! < 2 || counts[up]! >= gpus) continue;
    const after = shares.propose(weights, up, counts[up]! + 1, down, counts[down]! - 1);
    if (after > value) continue;
    shares.accept();
    counts[up]! += 1;
    counts[down]! -= 1;
    value = after;
  }
  return counts;
};
