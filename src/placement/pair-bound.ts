/** A lower bound for GPUs of two slots with replication, by Lagrangian relaxation of the replica counts. */

const THRESHOLDS = 24;
const MULTIPLIERS = [0, 0.1, 0.25, 0.5, 1, 2, 5];
const HALVINGS = 14;

/**
 * Least Σ k · cost(w ∕ k) over replica counts k, each expert for itself. A replica above `tau − small` can share a GPU
 * only with one below `small`: such big ones cost 2 + δ, small ones δ, those between 1 + δ. Costs are linear in k within
 * a kind, so only the least k of each kind can be best.
 */
const leastCost = (
  weights: ArrayLike<number>,
  tau: number,
  small: number,
  delta: number,
  gpus: number,
): number => {
  let total = 0;
  for (let expert = 0; expert < weights.length; expert += 1) {
    const weight = weights[expert] ?? 0;
    const fewest = Math.max(1, Math.ceil(weight / tau - 1e-12));
    const middle = Math.max(fewest, Math.ceil(weight / (tau - small) - 1e-12));
    const light = Math.max(fewest, Math.floor(weight / small + 1e-12) + 1);
    let least = Infinity;
    if (middle > fewest) least = fewest * (2 + delta);
    if (middle <= gpus && light > middle) least = Math.min(least, middle * (1 + delta));
    if (light <= gpus) least = Math.min(least, light * delta);
    total += least;
    if (total === Infinity) break;
  }
  return total;
};

/** Whether some threshold and multiplier prove that no placement has a value of `tau`. */
const refuted = (weights: ArrayLike<number>, tau: number, gpus: number): boolean => {
  for (let step = 1; step <= THRESHOLDS; step += 1) {
    const small = (tau / 2) * (step / (THRESHOLDS + 1));
    for (const delta of MULTIPLIERS)
      if (leastCost(weights, tau, small, delta, gpus) > 2 * gpus * (1 + delta) * (1 + 1e-12)) return true;
  }
  return false;
};

/**
 * With two slots on each of `gpus` GPUs, all filled: for every threshold c ≤ τ ∕ 2, big replicas (> τ − c) are at most
 * as many as small ones (< c), the condition of Hall 1935 for pairing them; relaxed with its multiplier and that of the
 * number of replicas. Bisects τ from `known`, a valid bound; what it returns was refuted, so it is valid as well.
 */
export const pairBound = (weights: ArrayLike<number>, gpus: number, known: number): number => {
  let low = known;
  let high = known * 2;
  for (let halving = 0; halving < HALVINGS; halving += 1) {
    const tau = (low + high) / 2;
    if (refuted(weights, tau, gpus)) low = tau;
    else high = tau;
  }
  return low;
};
