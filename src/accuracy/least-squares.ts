/** Weighted least squares with a pull to given values, robust to outliers; dense and small. */

/** Solves A·x = b for a symmetric positive definite A by Cholesky's factors; a pivot that vanishes counts as 1. */
export const solveSymmetric = (
  matrix: readonly (readonly number[])[],
  right: readonly number[],
): readonly number[] => {
  const n = right.length;
  const l = Array.from({ length: n }, () => new Float64Array(n));
  const at = (row: number, column: number): number => l[row]?.[column] ?? 0;
  for (let i = 0; i < n; i += 1)
    for (let j = 0; j <= i; j += 1) {
      let sum = matrix[i]?.[j] ?? 0;
      for (let k = 0; k < j; k += 1) sum -= at(i, k) * at(j, k);
      const row = l[i];
      if (row !== undefined) row[j] = i === j ? (sum > 1e-30 ? Math.sqrt(sum) : 1) : sum / at(j, j);
    }
  const x = [...right];
  for (let i = 0; i < n; i += 1) {
    let sum = x[i] ?? 0;
    for (let k = 0; k < i; k += 1) sum -= at(i, k) * (x[k] ?? 0);
    x[i] = sum / at(i, i);
  }
  for (let i = n - 1; i >= 0; i -= 1) {
    let sum = x[i] ?? 0;
    for (let k = i + 1; k < n; k += 1) sum -= at(k, i) * (x[k] ?? 0);
    x[i] = sum / at(i, i);
  }
  return x;
};

export interface LinearRow {
  /** Error at the point of linearisation. */
  readonly error: number;
  /** Its derivatives. */
  readonly slopes: readonly number[];
  readonly weight: number;
}

export interface LinearProblem {
  readonly rows: readonly LinearRow[];
  /** Where each unknown is pulled to, and how strongly. */
  readonly centre: readonly number[];
  readonly pull: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
  /** Errors beyond it count linearly. */
  readonly soft: number;
}

const ROUNDS = 12;

/**
 * Minimises Σ w·soft²·(√(1 + (e/soft)²) − 1) + Σ pull·(x − centre)² over low ≤ x ≤ high, e = error + slopes·x, by
 * reweighted least squares; unknowns are held to their range after each round.
 */
export const robustFit = (problem: LinearProblem): readonly number[] => {
  const { rows, centre, pull, low, high, soft } = problem;
  const n = centre.length;
  let x: readonly number[] = centre.map(() => 0);
  for (let round = 0; round < ROUNDS; round += 1) {
    const matrix = Array.from({ length: n }, (_, i) =>
      Array.from({ length: n }, (__, j) => (i === j ? 2 * (pull[i] ?? 0) : 0)),
    );
    const right = centre.map((value, i) => 2 * (pull[i] ?? 0) * value);
    for (const { error, slopes, weight } of rows) {
      const e = slopes.reduce((sum, slope, j) => sum + slope * (x[j] ?? 0), error);
      const w = weight / Math.sqrt(1 + (e / soft) ** 2);
      slopes.forEach((slope, i) => {
        if (slope === 0) return;
        right[i] = (right[i] ?? 0) - w * slope * error;
        const line = matrix[i];
        if (line !== undefined) slopes.forEach((other, j) => (line[j] = (line[j] ?? 0) + w * slope * other));
      });
    }
    x = solveSymmetric(matrix, right).map((value, j) =>
      Math.min(high[j] ?? Infinity, Math.max(low[j] ?? -Infinity, value)),
    );
  }
  return x;
};
