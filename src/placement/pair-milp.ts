/** GPUs of two slots with replication: which replica counts keep every pair at τ, as a mixed-integer program. */
import { ModelBuilder } from '../solver/linear-model.ts';
import type { LinearModel, LinearTerm } from '../solver/linear-model.ts';
import type { SolverBackend } from '../solver/solution.ts';
import { balance } from './balance.ts';
import { packReplicas } from './pack.ts';
import type { LayerPlacement, LayerProblem } from './layer-problem.ts';
import { relativeWeights } from './layer-problem.ts';
import type { ProvenLayer } from './placement.ts';
import { placementFaults, placementValue } from './score.ts';

/** Halvings of the distance between bound and value, at most, and the distance that is near enough. */
const HALVINGS = 12;
const NEAR = 1e-5;
const TOLERANCE = 1e-12;
/** Perturbations of what is packed, where the rule against two replicas on a GPU kept the pairs from being the best. */
const KICKS = 20;

interface Candidate {
  readonly variable: number;
  readonly expert: number;
  readonly count: number;
  readonly share: number;
}

interface CountModel {
  readonly model: LinearModel;
  readonly candidates: readonly Candidate[];
}

/**
 * min s such that every expert has one count k, Σ k = 2 · gpus, and for each share b above τ ∕ 2 replicas of b and above are
 * at most s more than those of τ − b and below, which alone can stand beside them (Hall 1935). Feasible where s = 0. null
 * where the least counts are too many already.
 */
const countModel = (weights: Float64Array, gpus: number, tau: number): CountModel | null => {
  const fewest = Array.from(weights, (weight) => Math.max(1, Math.ceil(weight / tau - TOLERANCE)));
  const spare = 2 * gpus - fewest.reduce((sum, count) => sum + count, 0);
  if (spare < 0 || fewest.some((count) => count > gpus)) return null;
  const builder = new ModelBuilder();
  const candidates = fewest.flatMap((least, expert) =>
    Array.from({ length: Math.min(gpus, least + spare) - least + 1 }, (_, more): Candidate => {
      const count = least + more;
      const variable = builder.binary(`k${expert}_${count}`);
      return { variable, expert, count, share: (weights[expert] ?? 0) / count };
    }),
  );
  const byExpert = fewest.map((): LinearTerm[] => []);
  for (const { variable, expert } of candidates) byExpert[expert]?.push({ variable, coefficient: 1 });
  for (const [expert, terms] of byExpert.entries())
    builder.constraint(`one count of ${expert}`, terms, { lower: 1, upper: 1 });
  const total = candidates.map(({ variable, count }) => ({ variable, coefficient: count }));
  builder.constraint('replicas', total, { lower: 2 * gpus, upper: 2 * gpus });
  const excess = builder.variable('excess', { lower: 0 });
  const big = new Set(candidates.filter(({ share }) => share > tau / 2).map(({ share }) => share));
  for (const share of big) {
    const terms = candidates.flatMap((candidate): LinearTerm[] => {
      const { variable, count } = candidate;
      if (candidate.share >= share) return [{ variable, coefficient: count }];
      return candidate.share <= tau - share + TOLERANCE ? [{ variable, coefficient: -count }] : [];
    });
    builder.constraint(`partners of ${share}`, [...terms, { variable: excess, coefficient: -1 }], {
      upper: 0,
    });
  }
  return { model: builder.build('minimize', [{ variable: excess, coefficient: 1 }]), candidates };
};

/** The placement that counts stand for, as far as no GPU needs to hold two replicas of one expert for it. */
const placed = (
  problem: LayerProblem,
  weights: Float64Array,
  counts: Int32Array,
  bound: number,
): LayerPlacement => {
  const share = weights.map((weight, expert) => weight / (counts[expert] ?? 1));
  const packed = packReplicas(counts, share, problem.slots, new Float64Array(problem.slots.length).fill(1));
  return balance(problem, bound, { kicks: KICKS, tolerance: NEAR, seed: 1 }, packed);
};

/**
 * Bisects between a bound and a placement's value of one scenario: what the solver proves impossible raises the bound,
 * counts that it finds are packed and re-checked.
 */
export const provePairs = (
  problem: LayerProblem,
  from: ProvenLayer,
  backend: SolverBackend,
  nodes: number,
): ProvenLayer => {
  const weights = relativeWeights(problem);
  let { placement, value, bound } = from;
  let high = value;
  for (let halving = 0; halving < HALVINGS && high > bound * (1 + NEAR); halving += 1) {
    const tau = (bound + high) / 2;
    const built = countModel(weights, problem.slots.length, tau);
    if (built === null) {
      bound = tau;
      continue;
    }
    const solution = backend.solve(built.model, { nodes });
    if (solution.kind !== 'optimal' && solution.kind !== 'feasible') break;
    const least = solution.kind === 'optimal' ? solution.objective : solution.bound;
    if (least > 0.5) {
      bound = tau;
      continue;
    }
    if (solution.objective > 0.5) break;
    high = tau;
    const counts = new Int32Array(weights.length);
    for (const { variable, expert, count } of built.candidates)
      if ((solution.values[variable] ?? 0) > 0.5) counts[expert] = count;
    const found = placed(problem, weights, counts, bound);
    const reached = placementFaults(problem, found).length === 0 ? placementValue(problem, found) : Infinity;
    if (reached >= value) continue;
    placement = found;
    value = reached;
    high = Math.min(high, value);
  }
  return { placement, value, bound: Math.min(bound, value) };
};
