/** Placements for little traffic under a ceiling on load, tokens returning to their home after each layer. */
import type { RoutingTrace } from '../plan/routing-trace.ts';
import { sliceTokens } from '../plan/routing-trace.ts';
import { anneal } from './annealing.ts';
import type { SwapObjective } from './annealing.ts';
import { balance } from './balance.ts';
import type { BalanceLimits } from './balance.ts';
import { lowerBound } from './bounds.ts';
import { relativeSpeeds, relativeWeights } from './layer-problem.ts';
import type { LayerPlacement, LayerProblem } from './layer-problem.ts';
import type { Level } from './levels.ts';
import { PartLoads, speedOfParts } from './load-limits.ts';
import { seededRandom } from './random.ts';
import { TokenTraffic } from './token-traffic.ts';
import { gpuOfExperts } from './traffic.ts';

export interface LocalitySettings {
  /** How much busier than the balanced placement the busiest GPU may be; Infinity: any load. */
  readonly slack: number;
  readonly levels: readonly Level[];
  readonly perNode: number;
  readonly limits: BalanceLimits;
}

/** Tokens beyond so many are sampled evenly: their statistics, not their number, decide. */
const MOST_TOKENS = 4096;
const STEPS_PER_KICK = 150;
const SWEEPS = 3;
/** Of a GPU's room above the mean: what a whole node may use. Each is tried. */
const NODE_SHARES = [0.5, 0.9];
/** Price, in copies to another node per token, of a load ceiling that is passed by the whole mean load. */
const OVERLOAD_PRICE = 100;

/** GPU of each expert as lists of experts. */
export const placementOf = (gpuOf: Int32Array, gpus: number): LayerPlacement => {
  const held: number[][] = Array.from({ length: gpus }, () => []);
  gpuOf.forEach((gpu, expert) => held[gpu]?.push(expert));
  return held;
};

/** Traffic and the price of passing load ceilings, as one objective of exchanges. */
const objectiveOf = (traffic: TokenTraffic, ceilings: readonly PartLoads[]): SwapObjective => ({
  delta: (a, b) => {
    const x = traffic.gpuOf[a] ?? 0;
    const y = traffic.gpuOf[b] ?? 0;
    if (x === y) return 0;
    let total = 0;
    for (const ceiling of ceilings) total += ceiling.delta(a, b, x, y);
    return total + traffic.delta(a, b);
  },
  swap: (a, b) => {
    const x = traffic.gpuOf[a] ?? 0;
    const y = traffic.gpuOf[b] ?? 0;
    for (const ceiling of ceilings) ceiling.swap(a, b, x, y);
    traffic.swap(a, b);
  },
  prepare: () => {
    traffic.tabulate();
  },
});

/** Deals each node's experts anew onto its GPUs, as balanced as they can be. */
export const rebalanceNodes = (
  problem: LayerProblem,
  placement: LayerPlacement,
  perNode: number,
  limits: BalanceLimits,
): LayerPlacement => {
  const loads = problem.loads[0] ?? [];
  const nodes = Math.ceil(placement.length / perNode);
  return Array.from({ length: nodes }, (_, node) => {
    const held = placement.slice(node * perNode, (node + 1) * perNode);
    const experts = held.flat();
    const inner: LayerProblem = {
      ...problem,
      loads: [experts.map((expert) => Math.max(loads[expert] ?? 0, Number.MIN_VALUE))],
      slots: held.map(({ length }) => length),
      replicas: experts.length,
      speeds: problem.speeds.slice(node * perNode, (node + 1) * perNode),
    };
    return balance(inner, lowerBound(inner).value, limits).map((list) =>
      list.map((index) => experts[index] ?? 0),
    );
  }).flat();
};

/**
 * Least traffic under the ceiling, each expert placed once: (1) experts to nodes by annealing, node loads priced; (2)
 * the GPUs of each node balanced; (3) exchanges of all GPUs for less traffic, none of which makes a GPU busier than the
 * ceiling. Starts from the balanced placement and returns nothing busier than the ceiling; where the ceiling cannot be
 * reached from (2), that balanced placement is what (3) starts from.
 */
export const localPlacement = (
  problem: LayerProblem,
  trace: RoutingTrace,
  column: number,
  balanced: { readonly placement: LayerPlacement; readonly value: number },
  settings: LocalitySettings,
): LayerPlacement => {
  const { levels, limits, perNode, slack } = settings;
  const gpus = problem.slots.length;
  const experts = trace.experts;
  const sample = sliceTokens(trace, MOST_TOKENS);
  const weights = relativeWeights(problem).subarray(0, experts);
  const ceiling = balanced.value * (1 + slack);
  const outer = levels.filter(({ name }) => name !== 'GPU');
  const random = seededRandom(limits.seed + column);
  const steps = { steps: limits.kicks * STEPS_PER_KICK, first: 0.02, last: 0.0005 };
  const start = gpuOfExperts(balanced.placement, experts);
  if (start === null) throw new RangeError('locality places each expert once');

  const candidates: LayerPlacement[] = [];
  if (outer.length > 0) {
    // A node whose mean is at the ceiling leaves nothing for the unevenness of its GPUs: it gets a part of the room.
    for (const part of Number.isFinite(slack) ? NODE_SHARES : [1]) {
      const traffic = new TokenTraffic(sample, column, outer, start);
      const room = 1 + (ceiling - 1) * part;
      const priced = outer.map(
        (level) =>
          new PartLoads(
            weights,
            level.partOf,
            speedOfParts(relativeSpeeds(problem), level.partOf, level.parts),
            room,
            OVERLOAD_PRICE,
            traffic.gpuOf,
          ),
      );
      anneal(objectiveOf(traffic, Number.isFinite(slack) ? priced : []), experts, steps, SWEEPS, random);
      candidates.push(rebalanceNodes(problem, placementOf(traffic.gpuOf, gpus), perNode, limits));
    }
  }
  candidates.push(balanced.placement);

  let best = balanced.placement;
  let least = Infinity;
  for (const candidate of candidates) {
    const gpuOf = gpuOfExperts(candidate, experts) ?? start;
    const traffic = new TokenTraffic(sample, column, levels, gpuOf);
    const inner = levels[0];
    if (inner === undefined) return balanced.placement;
    const one = Int32Array.from({ length: gpus }, (_, gpu) => gpu);
    const loads = new PartLoads(weights, one, relativeSpeeds(problem), ceiling, OVERLOAD_PRICE, gpuOf);
    const bounded = Number.isFinite(slack) ? [loads] : [];
    anneal(
      objectiveOf(traffic, bounded),
      experts,
      { ...steps, steps: steps.steps / 4, first: 0.003 },
      SWEEPS,
      random,
    );
    if (loads.worst() > ceiling + 1e-9) continue;
    const cost = traffic.cost();
    if (cost >= least) continue;
    least = cost;
    best = placementOf(traffic.gpuOf, gpus);
  }
  return best;
};
