/** Balance and replication of one layer as a mixed-integer linear program, for instances small enough to be proven. */
import { ModelBuilder } from '../solver/linear-model.ts';
import type { LinearModel, LinearTerm } from '../solver/linear-model.ts';
import type { SolverBackend } from '../solver/solution.ts';
import type { LowerBound } from './bounds.ts';
import type { LayerPlacement, LayerProblem } from './layer-problem.ts';
import { expertCount, isPairing, relativeSpeeds, relativeWeights } from './layer-problem.ts';
import { provePairs } from './pair-milp.ts';
import { gapOf } from './placement.ts';
import type { PlacedLayer, ProvenLayer } from './placement.ts';
import { countReplicas, placementFaults, placementValue } from './score.ts';

interface BalanceModel {
  readonly model: LinearModel;
  /** [expert][replicas − 1][gpu]: variable of "the expert has so many replicas, one of them on this GPU". */
  readonly on: readonly (readonly (readonly number[])[])[];
  /** [expert][replicas − 1]: variable of "so many replicas"; −1 where an expert can only have one. */
  readonly has: readonly (readonly number[])[];
  readonly values: readonly number[];
}

/**
 * min Σ z_s ∕ S (or the worst z_s) such that every expert e has k replicas for one k (b[e, k]), each on a GPU of its own
 * (n[e, k, g] ≤ b[e, k]), replicas are R in all, slots hold, and on each GPU Σ w[s, e] ∕ k · n[e, k, g] ≤ speed · z_s. The
 * share w ∕ k stands in the coefficient, so that the model is linear although the number of replicas is chosen.
 */
export const balanceModel = (problem: LayerProblem, lower: number): BalanceModel => {
  const builder = new ModelBuilder();
  const experts = expertCount(problem);
  const gpus = problem.slots.length;
  const weights = relativeWeights(problem);
  const speeds = relativeSpeeds(problem);
  const most = Math.min(gpus, problem.replicas - experts + 1);
  const one = (variable: number, coefficient = 1): LinearTerm => ({ variable, coefficient });
  const has: number[][] = [];
  const on: number[][][] = [];
  for (let expert = 0; expert < experts; expert += 1) {
    has.push(
      Array.from({ length: most }, (_, k) => (most === 1 ? -1 : builder.binary(`b${expert}_${k + 1}`))),
    );
    on.push(
      Array.from({ length: most }, (_, k) =>
        Array.from({ length: gpus }, (__, gpu) => builder.binary(`n${expert}_${k + 1}_${gpu}`)),
      ),
    );
  }
  const values = problem.loads.map((_, scenario) => builder.variable(`z${scenario}`, { lower: 0 }));
  on.forEach((byCount, expert) => {
    const counts = has[expert] ?? [];
    if (most > 1)
      builder.constraint(
        `one count of ${expert}`,
        counts.map((b) => one(b)),
        { lower: 1, upper: 1 },
      );
    byCount.forEach((places, k) => {
      const count = counts[k] ?? -1;
      const terms = places.map((n) => one(n));
      if (most === 1) builder.constraint(`place ${expert}`, terms, { lower: 1, upper: 1 });
      else {
        builder.constraint(`places ${expert} ${k}`, [...terms, one(count, -(k + 1))], { lower: 0, upper: 0 });
        for (const [gpu, n] of places.entries())
          builder.constraint(`only ${expert} ${k} ${gpu}`, [one(n), one(count, -1)], { upper: 0 });
      }
    });
  });
  const everything = on.flat(2).map((n) => one(n));
  builder.constraint('replicas', everything, { lower: problem.replicas, upper: problem.replicas });
  for (let gpu = 0; gpu < gpus; gpu += 1) {
    const here = on.map((byCount) => byCount.map((places) => places[gpu] ?? -1));
    builder.constraint(
      `slots ${gpu}`,
      here.flat().map((n) => one(n)),
      { upper: problem.slots[gpu] ?? 0 },
    );
    values.forEach((z, scenario) => {
      const load = here.flatMap((byCount, expert) =>
        byCount.map((n, k) => one(n, (weights[scenario * experts + expert] ?? 0) / (k + 1))),
      );
      builder.constraint(`time ${gpu} ${scenario}`, [...load, one(z, -(speeds[gpu] ?? 1))], { upper: 0 });
    });
  }
  if (problem.objective === 'worst') {
    const worst = builder.variable('worst', { lower });
    for (const [scenario, z] of values.entries())
      builder.constraint(`worst ${scenario}`, [one(z), one(worst, -1)], { upper: 0 });
    return { model: builder.build('minimize', [one(worst)]), on, has, values: [...values, worst] };
  }
  builder.constraint(
    'bound',
    values.map((z) => one(z)),
    { lower: lower * values.length },
  );
  return {
    model: builder.build(
      'minimize',
      values.map((z) => one(z, 1 / values.length)),
    ),
    on,
    has,
    values,
  };
};

/** A placement as values of the model's variables. */
const startOf = (
  built: BalanceModel,
  problem: LayerProblem,
  placement: LayerPlacement,
): readonly number[] => {
  const start = new Array<number>(built.model.variables.length).fill(0);
  countReplicas(placement, expertCount(problem)).forEach((count, expert) => {
    const has = built.has[expert]?.[count - 1] ?? -1;
    if (has >= 0) start[has] = 1;
    placement.forEach((held, gpu) => {
      const variable = built.on[expert]?.[count - 1]?.[gpu];
      if (variable !== undefined && held.includes(expert)) start[variable] = 1;
    });
  });
  const each = problem.loads.map((loads) => placementValue({ ...problem, loads: [loads] }, placement));
  built.values.forEach((variable, index) => {
    start[variable] = each[index] ?? Math.max(...each);
  });
  return start;
};

/** Binary variables of the model: what decides whether a backend should be asked at all. */
export const balanceModelSize = (problem: LayerProblem): number => {
  const most = Math.min(problem.slots.length, problem.replicas - expertCount(problem) + 1);
  return expertCount(problem) * most * (problem.slots.length + (most === 1 ? 0 : 1));
};

/**
 * Improves a placement and its bound by a solver; what the solver says is re-checked, and where it has nothing better
 * (or breaks a rule), the given placement stays.
 */
export const proveLayer = (
  problem: LayerProblem,
  from: ProvenLayer,
  backend: SolverBackend,
  nodes: number,
): ProvenLayer => {
  const built = balanceModel(problem, from.bound);
  const solution = backend.solve(built.model, {
    nodes,
    gap: 1e-6,
    start: startOf(built, problem, from.placement),
  });
  if (solution.kind !== 'optimal' && solution.kind !== 'feasible') return from;
  const claimed = solution.kind === 'optimal' ? solution.objective * (1 - 2e-6) : solution.bound;
  const placement = problem.slots.map((_, gpu) =>
    built.on.flatMap((byCount, expert) =>
      byCount.some((places) => (solution.values[places[gpu] ?? -1] ?? 0) > 0.5) ? [expert] : [],
    ),
  );
  const better =
    placementFaults(problem, placement).length === 0 ? placementValue(problem, placement) : Infinity;
  const value = Math.min(better, from.value);
  return {
    placement: better < from.value ? placement : from.placement,
    value,
    bound: Math.min(value, Math.max(from.bound, claimed)),
  };
};

/** Binaries up to which a backend is worth asking: beyond, it has found nothing within any sensible limit. */
const LARGEST: Readonly<Record<string, number>> = { highs: 20_000, 'javascript-lp-solver': 100 };

export interface ProofCount {
  readonly asked: number;
  /** Layers too large for the backend. */
  readonly tooLarge: number;
}

/** Asks the backend for every layer that its bound does not prove yet. Layers and problems correspond. */
export const proveLayers = (
  layers: readonly PlacedLayer[],
  problems: readonly LayerProblem[],
  backend: SolverBackend,
  nodes: number,
): { readonly layers: readonly PlacedLayer[]; readonly count: ProofCount } => {
  let asked = 0;
  let tooLarge = 0;
  const proven = layers.map((layer, index): PlacedLayer => {
    const problem = problems[index];
    if (problem === undefined || gapOf(layer) <= 1e-6) return layer;
    const known = { placement: layer.placement, value: layer.maxOverMean, bound: layer.bound.value };
    const pairs = isPairing(problem) && backend.name === 'highs';
    if (!pairs && balanceModelSize(problem) > (LARGEST[backend.name] ?? 0)) {
      tooLarge += 1;
      return layer;
    }
    asked += 1;
    const found = (pairs ? provePairs : proveLayer)(problem, known, backend, nodes);
    const bound: LowerBound =
      found.bound > layer.bound.value ? { value: found.bound, method: 'milp' } : layer.bound;
    return { ...layer, placement: found.placement, maxOverMean: found.value, bound };
  });
  return { layers: proven, count: { asked, tooLarge } };
};
