/** Simulated annealing over exchanges of two experts, for objectives that know what an exchange changes. */
import { randomIndex } from './random.ts';

/** An objective with its own state. Experts are moved by `swap` alone. */
export interface SwapObjective {
  /** Change of the objective if the two experts changed places; Infinity where they must not. */
  readonly delta: (a: number, b: number) => number;
  readonly swap: (a: number, b: number) => void;
  /** Called before the exchanges of all pairs, most of which are judged and not made. */
  readonly prepare?: () => void;
}

export interface AnnealingLimits {
  readonly steps: number;
  /** Temperatures, geometrically from first to last. */
  readonly first: number;
  readonly last: number;
}

/**
 * Random exchanges, worse ones accepted with probability exp(−Δ ∕ T) (Metropolis 1953), then exchanges of all pairs as
 * long as one helps. Ends in a local optimum of exchanges. `sweeps` bounds the latter.
 */
export const anneal = (
  objective: SwapObjective,
  experts: number,
  limits: AnnealingLimits,
  sweeps: number,
  random: () => number,
): void => {
  const cooling = limits.steps === 0 ? 1 : (limits.last / limits.first) ** (1 / limits.steps);
  let temperature = limits.first;
  for (let step = 0; step < limits.steps; step += 1) {
    temperature *= cooling;
    const a = randomIndex(random, experts);
    const b = randomIndex(random, experts);
    if (a === b) continue;
    const delta = objective.delta(a, b);
    if (delta <= 0 || random() < Math.exp(-delta / temperature)) objective.swap(a, b);
  }
  objective.prepare?.();
  for (let sweep = 0; sweep < sweeps; sweep += 1) {
    let improved = false;
    for (let a = 0; a < experts; a += 1)
      for (let b = a + 1; b < experts; b += 1)
        if (objective.delta(a, b) < -1e-9) {
          objective.swap(a, b);
          improved = true;
        }
    if (!improved) break;
  }
};
