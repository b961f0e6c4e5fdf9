/** The linear assignment problem, with its dual solution. */

export interface Assignment {
  readonly cost: number;
  /** Column of each row. */
  readonly columnOf: Int32Array;
  /** cost[i][j] − row[i] − column[j] ≥ 0, and 0 on the assignment. */
  readonly row: Float64Array;
  readonly column: Float64Array;
}

/**
 * Minimum-cost perfect matching of a square matrix (row · size + column) by shortest augmenting paths, O(size³).
 * Source: Jonker & Volgenant 1987, in the form with row and column potentials.
 */
export const solveAssignment = (size: number, cost: Float64Array): Assignment => {
  const row = new Float64Array(size + 1);
  const column = new Float64Array(size + 1);
  const rowOf = new Int32Array(size + 1);
  const way = new Int32Array(size + 1);
  const least = new Float64Array(size + 1);
  const used = new Uint8Array(size + 1);
  for (let next = 1; next <= size; next += 1) {
    rowOf[0] = next;
    let at = 0;
    least.fill(Infinity);
    used.fill(0);
    do {
      used[at] = 1;
      const from = rowOf[at] ?? 0;
      const base = (from - 1) * size - 1;
      const own = row[from] ?? 0;
      let step = Infinity;
      let to = 0;
      for (let j = 1; j <= size; j += 1) {
        if (used[j] === 1) continue;
        const reduced = (cost[base + j] ?? 0) - own - (column[j] ?? 0);
        if (reduced < (least[j] ?? 0)) {
          least[j] = reduced;
          way[j] = at;
        }
        const value = least[j] ?? 0;
        if (value < step) {
          step = value;
          to = j;
        }
      }
      for (let j = 0; j <= size; j += 1) {
        if (used[j] === 1) {
          const matched = rowOf[j] ?? 0;
          row[matched] = (row[matched] ?? 0) + step;
          column[j] = (column[j] ?? 0) - step;
        } else least[j] = (least[j] ?? 0) - step;
      }
      at = to;
    } while (rowOf[at] !== 0);
    do {
      const previous = way[at] ?? 0;
      rowOf[at] = rowOf[previous] ?? 0;
      at = previous;
    } while (at !== 0);
  }
  const columnOf = new Int32Array(size);
  let total = 0;
  for (let j = 1; j <= size; j += 1) {
    const i = (rowOf[j] ?? 0) - 1;
    columnOf[i] = j - 1;
    total += cost[i * size + j - 1] ?? 0;
  }
  return { cost: total, columnOf, row: row.slice(1), column: column.slice(1) };
};
