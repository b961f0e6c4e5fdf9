/* eslint-disable @typescript-eslint/no-non-null-assertion -- inner loops over typed arrays; indices are in range by construction */
/** A two-person zero-sum game whose columns arrive one by one, solved by the simplex method on a dense tableau. */

const REDUCED_COST = 1e-10;
const PIVOT = 1e-11;
const MOST_PIVOTS = 5000;

/**
 * The row player mixes rows to make the least expected entry over the columns as large as possible. With B = entries +
 * `shift` > 0 the column player's program is max Σ u, B u ≤ 1, u ≥ 0 (Dantzig 1951): its slack basis is feasible, added
 * columns leave the basis feasible, and reduced costs of the slacks are the row player's mixture.
 */
export class MatrixGame {
  /** Slacks first, then the columns in the order of their arrival. */
  readonly #columns: Float64Array[] = [];
  readonly #reduced: number[] = [];
  readonly #basis: number[] = [];
  readonly #right: Float64Array;
  readonly #shift: number;
  #sum = 0;

  /** No entry may be as low as −`shift`. */
  constructor(rows: number, shift: number) {
    this.#shift = shift;
    this.#right = new Float64Array(rows).fill(1);
    for (let row = 0; row < rows; row += 1) {
      const slack = new Float64Array(rows);
      slack[row] = 1;
      this.#columns.push(slack);
      this.#reduced.push(0);
      this.#basis.push(row);
    }
  }

  add(entries: readonly number[]): void {
    const column = new Float64Array(entries.length);
    let reduced = -1;
    for (const [row, entry] of entries.entries()) {
      const value = entry + this.#shift;
      const inverse = this.#columns[row]!;
      for (let at = 0; at < column.length; at += 1) column[at]! += inverse[at]! * value;
      reduced += this.#reduced[row]! * value;
    }
    this.#columns.push(column);
    this.#reduced.push(reduced);
  }

  /** The value of the game: what the row player can be sure of. */
  solve(): number {
    for (let pivots = 0; pivots < MOST_PIVOTS; pivots += 1) {
      let entering = -1;
      let least = -REDUCED_COST;
      for (let index = 0; index < this.#reduced.length; index += 1)
        if (this.#reduced[index]! < least) {
          least = this.#reduced[index]!;
          entering = index;
        }
      if (entering === -1) break;
      if (!this.#pivot(entering)) break;
    }
    return 1 / this.#sum - this.#shift;
  }

  #pivot(entering: number): boolean {
    const column = Float64Array.from(this.#columns[entering]!);
    const cost = this.#reduced[entering]!;
    const right = this.#right;
    let leaving = -1;
    let ratio = Infinity;
    for (let row = 0; row < column.length; row += 1)
      if (column[row]! > PIVOT && right[row]! / column[row]! < ratio) {
        ratio = right[row]! / column[row]!;
        leaving = row;
      }
    if (leaving === -1) return false;
    for (let index = 0; index < this.#columns.length; index += 1) {
      const other = this.#columns[index]!;
      const factor = other[leaving]! / column[leaving]!;
      if (factor === 0) continue;
      for (let row = 0; row < column.length; row += 1) other[row]! -= column[row]! * factor;
      other[leaving] = factor;
      this.#reduced[index]! -= cost * factor;
    }
    for (let row = 0; row < column.length; row += 1) right[row]! -= column[row]! * ratio;
    right[leaving] = ratio;
    this.#sum -= cost * ratio;
    this.#basis[leaving] = entering;
    return true;
  }

  /** The row player's mixture: shares that sum to 1. */
  rowMixture(): Float64Array {
    const shares = Float64Array.from(this.#right, (_, row) => Math.max(0, this.#reduced[row]!));
    const sum = shares.reduce((total, share) => total + share, 0);
    return shares.map((share) => share / sum);
  }

  /** The column player's: [column, share] of those that have one. */
  columnMixture(): readonly (readonly [number, number])[] {
    const rows = this.#right.length;
    return this.#basis.flatMap((index, row) =>
      index < rows ? [] : [[index - rows, this.#right[row]! / this.#sum] as const],
    );
  }
}
