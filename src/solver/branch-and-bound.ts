import type { LinearModel } from './linear-model.ts';
import {
  INTEGRALITY_TOLERANCE,
  roundIntegers,
  violations,
  type Solution,
  type SolverLimits,
} from './solution.ts';

export type RelaxedSolution =
  | { readonly kind: 'solved'; readonly values: readonly number[]; readonly objective: number }
  | { readonly kind: 'infeasible' }
  | { readonly kind: 'unbounded' }
  | { readonly kind: 'failed'; readonly reason: string };

/** Solves a model without its integrality requirements, within the given bounds of the variables. */
export type Relaxation = (
  model: LinearModel,
  lower: readonly number[],
  upper: readonly number[],
) => RelaxedSolution;

interface Node {
  readonly lower: readonly number[];
  readonly upper: readonly number[];
  /** Objective of the parent's relaxation, as a minimisation. */
  readonly bound: number;
}

/** The integer variable furthest from an integer, lowest index on ties; −1 when all are integral. */
const mostFractional = (model: LinearModel, values: readonly number[]): number => {
  let chosen = -1;
  let furthest = INTEGRALITY_TOLERANCE;
  model.variables.forEach((variable, index) => {
    const value = values[index] ?? 0;
    const distance = Math.abs(value - Math.round(value));
    if (variable.integer && distance > furthest + 1e-12) {
      furthest = distance;
      chosen = index;
    }
  });
  return chosen;
};

const replaced = (bounds: readonly number[], index: number, value: number): number[] => {
  const copy = [...bounds];
  copy[index] = value;
  return copy;
};

/**
 * Depth-first branch and bound on the most fractional variable, nearer side first. Deterministic; every incumbent is
 * checked against the model before it counts. Stops after `limits.nodes` relaxations with the best solution so far.
 * Source: Land & Doig 1960.
 */
export const branchAndBound = (model: LinearModel, relax: Relaxation, limits: SolverLimits): Solution => {
  const sign = model.sense === 'minimize' ? 1 : -1;
  const stack: Node[] = [
    {
      lower: model.variables.map((v) => (v.integer ? Math.ceil(v.lower - INTEGRALITY_TOLERANCE) : v.lower)),
      upper: model.variables.map((v) => (v.integer ? Math.floor(v.upper + INTEGRALITY_TOLERANCE) : v.upper)),
      bound: -Infinity,
    },
  ];
  let best: { values: number[]; cost: number } | null = null;
  let nodes = 0;
  let failure: string | null = null;
  while (stack.length > 0 && nodes < limits.nodes) {
    const node = stack.pop();
    if (node === undefined) break;
    if (best !== null && node.bound >= best.cost - tolerance(best.cost)) continue;
    nodes += 1;
    const relaxed = relax(model, node.lower, node.upper);
    if (relaxed.kind === 'infeasible') continue;
    if (relaxed.kind === 'unbounded') return { kind: 'unbounded' };
    if (relaxed.kind === 'failed') {
      failure = relaxed.reason;
      continue;
    }
    const cost = sign * relaxed.objective;
    if (best !== null && cost >= best.cost - tolerance(best.cost)) continue;
    const branch = mostFractional(model, relaxed.values);
    if (branch < 0) {
      const values = roundIntegers(model, relaxed.values);
      const broken = violations(model, values);
      if (broken.length > 0) failure = `the answer breaks ${broken.join(', ')}`;
      else best = { values, cost };
      continue;
    }
    const value = relaxed.values[branch] ?? 0;
    const down: Node = {
      lower: node.lower,
      upper: replaced(node.upper, branch, Math.floor(value)),
      bound: cost,
    };
    const up: Node = {
      lower: replaced(node.lower, branch, Math.ceil(value)),
      upper: node.upper,
      bound: cost,
    };
    if (value - Math.floor(value) <= 0.5) stack.push(up, down);
    else stack.push(down, up);
  }
  if (best === null) {
    if (failure !== null) return { kind: 'unknown', reason: failure };
    return stack.length > 0
      ? { kind: 'unknown', reason: `no solution within ${limits.nodes} nodes` }
      : { kind: 'infeasible', nodes };
  }
  const objective = sign * best.cost;
  const open = stack.filter((node) => node.bound < (best as { cost: number }).cost);
  if (open.length === 0 && failure === null)
    return { kind: 'optimal', values: best.values, objective, nodes };
  const bound = open.reduce(
    (least, node) => Math.min(least, node.bound),
    failure === null ? best.cost : -Infinity,
  );
  return { kind: 'feasible', values: best.values, objective, bound: sign * bound, nodes };
};

const tolerance = (cost: number): number => 1e-9 * Math.max(1, Math.abs(cost));
