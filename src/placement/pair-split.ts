/* eslint-disable @typescript-eslint/no-non-null-assertion -- inner loops over typed arrays; indices are in range by construction */
/** The exact best split of the replicas of two GPUs between them: meet in the middle over their sums. */

/** Items of two GPUs that a split may handle; 2^(ITEMS/2) sums are tabulated for each half. */
export const MOST_ITEMS = 24;

/** Sums of all subsets of up to 12 items by their size, each list ascending, with the subsets as bit masks. */
interface SubsetSums {
  readonly sums: readonly Float64Array[];
  readonly masks: readonly Int32Array[];
  readonly lengths: Int32Array;
}

const BINOMIAL_12 = [1, 12, 66, 220, 495, 792, 924, 792, 495, 220, 66, 12, 1];
const emptySums = (): SubsetSums => ({
  sums: BINOMIAL_12.map((count) => new Float64Array(count)),
  masks: BINOMIAL_12.map((count) => new Int32Array(count)),
  lengths: new Int32Array(BINOMIAL_12.length),
});

/** Adds item after item: lists of size k are merged with those of size k − 1 plus the item, so that all stay sorted. */
const tabulate = (
  items: Float64Array,
  from: number,
  count: number,
  table: SubsetSums,
  spare: SubsetSums,
): void => {
  const { sums, masks, lengths } = table;
  lengths.fill(0);
  lengths[0] = 1;
  sums[0]![0] = 0;
  masks[0]![0] = 0;
  for (let item = 0; item < count; item += 1) {
    const weight = items[from + item]!;
    const bit = 1 << item;
    for (let size = item + 1; size >= 1; size -= 1) {
      const kept = sums[size]!;
      const keptMasks = masks[size]!;
      const grown = sums[size - 1]!;
      const grownMasks = masks[size - 1]!;
      const left = lengths[size]!;
      const right = lengths[size - 1]!;
      const out = spare.sums[size]!;
      const outMasks = spare.masks[size]!;
      let a = 0;
      let b = 0;
      for (let to = 0; to < left + right; to += 1) {
        if (b >= right || (a < left && kept[a]! <= grown[b]! + weight)) {
          out[to] = kept[a]!;
          outMasks[to] = keptMasks[a]!;
          a += 1;
        } else {
          out[to] = grown[b]! + weight;
          outMasks[to] = grownMasks[b]! | bit;
          b += 1;
        }
      }
      kept.set(out.subarray(0, left + right));
      keptMasks.set(outMasks.subarray(0, left + right));
      lengths[size] = left + right;
    }
  }
};

/** Working memory of splits, reused from call to call. */
export class PairSplitter {
  private readonly low = emptySums();
  private readonly high = emptySums();
  private readonly spare = emptySums();

  /**
   * Chooses `take` of the first `count` items so that their sum is nearest to `target`; returns them as a bit mask, bit i
   * for item i. Exact. `count` ≤ MOST_ITEMS.
   */
  nearest(items: Float64Array, count: number, take: number, target: number): number {
    const lowCount = count >> 1;
    const highCount = count - lowCount;
    tabulate(items, 0, lowCount, this.low, this.spare);
    tabulate(items, lowCount, highCount, this.high, this.spare);
    let best = 0;
    let nearest = Infinity;
    for (let size = Math.max(0, take - highCount); size <= Math.min(lowCount, take); size += 1) {
      const left = this.low.sums[size]!;
      const leftMasks = this.low.masks[size]!;
      const right = this.high.sums[take - size]!;
      const rightMasks = this.high.masks[take - size]!;
      let b = this.high.lengths[take - size]! - 1;
      for (let a = 0; a < this.low.lengths[size]! && b >= 0;) {
        const difference = left[a]! + right[b]! - target;
        if (Math.abs(difference) < nearest) {
          nearest = Math.abs(difference);
          best = leftMasks[a]! | (rightMasks[b]! << lowCount);
        }
        if (difference > 0) b -= 1;
        else a += 1;
      }
    }
    return best;
  }
}
