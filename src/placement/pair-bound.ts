/** A lower bound for GPUs of two slots with replication, by the relaxation of the replica counts. */
import { busiestPairOf } from './pair-search.ts';
import { relaxPairs } from './pair-relaxation.ts';
import { replicaCounts } from './replicate.ts';

const HALVINGS = 10;

/**
 * With two slots on each of `gpus` GPUs, all filled: bisects the least value that the relaxation lets pass, between
 * `known`, a valid bound, and what greedy counts reach. What it returns was refuted, so it is valid.
 */
export const pairBound = (weights: Float64Array, gpus: number, known: number): number => {
  let low = known;
  let high = busiestPairOf(weights, replicaCounts(weights, 2 * gpus, gpus));
  let thresholds: readonly number[] = [];
  for (let halving = 0; halving < HALVINGS && high > low * (1 + 1e-5); halving += 1) {
    const tau = (low + high) / 2;
    const verdict = relaxPairs(weights, gpus, tau, thresholds);
    thresholds = verdict.thresholds;
    if (verdict.mixture === null) low = tau;
    else high = tau;
  }
  return low;
};
