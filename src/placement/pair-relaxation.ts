/* eslint-disable @typescript-eslint/no-non-null-assertion -- inner loops over typed arrays; indices are in range by construction */
/** GPUs of two slots with replication: whether any replica counts could keep every pair of replicas at τ, relaxed. */
import { MatrixGame } from './matrix-game.ts';

const MARGIN = 1e-7;
const MOST_ROWS = 60;
const MOST_COLUMNS = 400;

/** Replica counts of every expert with their share in the relaxed answer; shares sum to 1. */
export type CountMixture = readonly { readonly counts: Int32Array; readonly share: number }[];

/**
 * What is asked about counts k with Σ k = 2 · gpus and shares w ∕ k ≤ τ. For a threshold a ≤ τ ∕ 2 replicas above τ − a need
 * partners of at most a, so that they are no more than those (Hall 1935): Σ k · h(w ∕ k) ≤ gpus for h = 1 above τ − a, 0 up
 * to a, ½ between; h = ½ everywhere says that replicas are at most 2 · gpus. For a mixture of such rows the best counts
 * are found expert by expert, so that a row player who mixes rows and a column player who mixes counts play a game
 * (Dantzig and Wolfe 1960). A value above zero refutes τ.
 */
class PairQuestion {
  readonly #first: Int32Array;
  readonly #count: Int32Array;
  /** Of each candidate: the first threshold that calls it small, or 2 · thresholds + 1 − the first that calls it big. */
  readonly #place: Int32Array;
  readonly thresholds: readonly number[];
  readonly #gpus: number;
  readonly #price: Float64Array;

  constructor(weights: ArrayLike<number>, tau: number, gpus: number, fewest: Int32Array, spare: number) {
    const counts: number[] = [];
    const shares: number[] = [];
    this.#first = new Int32Array(weights.length + 1);
    for (let expert = 0; expert < weights.length; expert += 1) {
      const most = Math.min(gpus, fewest[expert]! + spare);
      for (let count = fewest[expert]!; count <= most; count += 1) {
        counts.push(count);
        shares.push(weights[expert]! / count);
      }
      this.#first[expert + 1] = counts.length;
    }
    const big = [...new Set(shares.filter((share) => share > tau / 2))].sort((a, b) => b - a);
    this.thresholds = big.map((share) => tau - share + 1e-12);
    this.#gpus = gpus;
    this.#count = Int32Array.from(counts);
    const last = 2 * big.length + 1;
    this.#place = Int32Array.from(shares, (share) =>
      share > tau / 2 ? last - this.threshold(tau - share) : this.threshold(share),
    );
    this.#price = new Float64Array(last + 1);
  }

  /** Index of the first threshold from `least` on. */
  threshold(least: number): number {
    let low = 0;
    let high = this.thresholds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.thresholds[middle]! < least) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Counts of least price under a mixture of the rows (thresholds, then ½ everywhere), and Σ k · h − gpus of every row. */
  answer(mixture: Float64Array): {
    readonly counts: Int32Array;
    readonly excess: Float64Array;
    readonly value: number;
  } {
    const price = this.#price;
    const size = this.thresholds.length;
    let half = mixture[size]!;
    for (let at = 0; at <= size; at += 1) {
      price[at] = half / 2;
      price[2 * size + 1 - at] = 1 - half / 2;
      if (at < size) half += mixture[at]!;
    }
    const counts = new Int32Array(this.#first.length - 1);
    const replicas = new Float64Array(price.length);
    let value = -this.#gpus;
    let all = 0;
    for (let expert = 0; expert < counts.length; expert += 1) {
      let least = Infinity;
      let chosen = -1;
      for (let at = this.#first[expert]!; at < this.#first[expert + 1]!; at += 1) {
        const cost = this.#count[at]! * price[this.#place[at]!]!;
        if (cost < least - 1e-12) {
          least = cost;
          chosen = at;
        }
      }
      counts[expert] = this.#count[chosen]!;
      replicas[this.#place[chosen]!]! += counts[expert]!;
      all += counts[expert]!;
      value += least;
    }
    const excess = new Float64Array(size + 1);
    let small = 0;
    let big = 0;
    for (let row = 0; row < size; row += 1) {
      small += replicas[row]!;
      big += replicas[2 * size + 1 - row]!;
      excess[row] = (all - small + big) / 2 - this.#gpus;
    }
    excess[size] = all / 2 - this.#gpus;
    return { counts, excess, value };
  }
}

/** null: no counts keep every pair at τ. Else counts that do so when mixed, or the last ones where work ran out. */
export interface PairVerdict {
  readonly mixture: CountMixture | null;
  /** Thresholds that mattered, with which a question about another τ may begin. */
  readonly thresholds: readonly number[];
}

/**
 * Rows are added where a mixture of counts breaks them, columns where other counts undercut. Exact up to its limits,
 * which only ever let a τ pass.
 */
export const relaxPairs = (
  weights: ArrayLike<number>,
  gpus: number,
  tau: number,
  begin: readonly number[],
): PairVerdict => {
  const fewest = Int32Array.from(weights, (weight) => Math.max(1, Math.ceil(weight / tau - 1e-12)));
  const spare = 2 * gpus - fewest.reduce((sum, count) => sum + count, 0);
  if (spare < 0 || fewest.some((count) => count > gpus)) return { mixture: null, thresholds: begin };
  const question = new PairQuestion(weights, tau, gpus, fewest, spare);
  const size = question.thresholds.length;
  const rows = [size];
  for (const threshold of begin) {
    const row = question.threshold(threshold);
    if (row < size && !rows.includes(row)) rows.push(row);
  }
  const mixture = new Float64Array(size + 1);
  mixture[size] = 1;
  let columns = [question.answer(mixture)];
  const mattered = (): readonly number[] => rows.flatMap((row) => question.thresholds[row] ?? []);
  for (;;) {
    const game = new MatrixGame(rows.length, 4 * gpus);
    const add = (excess: Float64Array): void => {
      game.add(rows.map((row) => excess[row]!));
    };
    for (const { excess } of columns) add(excess);
    let value = game.solve();
    for (let tries = 0; tries < MOST_COLUMNS; tries += 1) {
      mixture.fill(0);
      for (const [index, share] of game.rowMixture().entries()) mixture[rows[index]!] = share;
      const answer = question.answer(mixture);
      if (answer.value > MARGIN) return { mixture: null, thresholds: mattered() };
      if (answer.value > value - MARGIN) break;
      columns.push(answer);
      add(answer.excess);
      value = game.solve();
    }
    const mixed = game.columnMixture();
    let worst = -1;
    let most = Math.max(MARGIN, value + MARGIN);
    for (let row = 0; row <= size; row += 1) {
      const excess = mixed.reduce((sum, [column, share]) => sum + share * columns[column]!.excess[row]!, 0);
      if (excess > most && !rows.includes(row)) {
        most = excess;
        worst = row;
      }
    }
    if (worst === -1 || rows.length > MOST_ROWS)
      return {
        mixture: mixed.map(([column, share]) => ({ counts: columns[column]!.counts, share })),
        thresholds: mattered(),
      };
    rows.push(worst);
    // Columns outside the basis are dear or slow: what is missing then comes again.
    columns = mixed.map(([column]) => columns[column]!);
  }
};
