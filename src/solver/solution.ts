import { evaluateTerms, type LinearModel } from './linear-model.ts';

/** What a solver found. `values` are in the order of the model's variables, integers exactly integral. */
export type Solution =
  | {
      readonly kind: 'optimal';
      readonly values: readonly number[];
      readonly objective: number;
      readonly nodes: number;
    }
  /** A limit was reached: `values` satisfy every constraint, nothing better than `bound` exists. */
  | {
      readonly kind: 'feasible';
      readonly values: readonly number[];
      readonly objective: number;
      readonly bound: number;
      readonly nodes: number;
    }
  | { readonly kind: 'infeasible'; readonly nodes: number }
  | { readonly kind: 'unbounded' }
  /** A limit was reached before any solution, or the backend's answer broke a constraint. */
  | { readonly kind: 'unknown'; readonly reason: string };

export interface SolverLimits {
  /** Relaxations that branch and bound may solve. */
  readonly nodes: number;
  /** Relative distance to the bound that counts as optimal; absent: 0. Not every backend knows it. */
  readonly gap?: number;
  /** Wall time after which the best so far is taken; absent: none. Answers are then not reproducible: for reports alone. */
  readonly seconds?: number;
  /** A solution to begin with, for backends that can use one. */
  readonly start?: readonly number[];
}

/** Who solves a model. Every implementation returns answers that passed `violations`. */
export interface SolverBackend {
  readonly name: string;
  solve(model: LinearModel, limits: SolverLimits): Solution;
}

/** Feasibility tolerance relative to the size of the numbers in a row; integrality tolerance absolute. */
export const FEASIBILITY_TOLERANCE = 1e-6;
export const INTEGRALITY_TOLERANCE = 1e-6;

/** Names of bounds, constraints and integrality requirements that `values` break; empty when all hold. */
export const violations = (model: LinearModel, values: readonly number[]): string[] => {
  const broken: string[] = [];
  model.variables.forEach((variable, index) => {
    const value = values[index] ?? Number.NaN;
    const slack = FEASIBILITY_TOLERANCE * Math.max(1, Math.abs(value));
    if (!(value >= variable.lower - slack && value <= variable.upper + slack)) broken.push(variable.name);
    else if (variable.integer && Math.abs(value - Math.round(value)) > INTEGRALITY_TOLERANCE)
      broken.push(`${variable.name} (not an integer)`);
  });
  for (const constraint of model.constraints) {
    const value = evaluateTerms(constraint.terms, values);
    const magnitude = constraint.terms.reduce(
      (size, term) => Math.max(size, Math.abs(term.coefficient * (values[term.variable] ?? 0))),
      1,
    );
    const slack = FEASIBILITY_TOLERANCE * magnitude;
    if (!(value >= constraint.lower - slack && value <= constraint.upper + slack))
      broken.push(constraint.name);
  }
  return broken;
};

/** Rounds integer variables that are within the tolerance of an integer. */
export const roundIntegers = (model: LinearModel, values: readonly number[]): number[] =>
  values.map((value, index) => {
    const nearest = Math.round(value);
    const isInteger = model.variables[index]?.integer === true;
    return isInteger && Math.abs(value - nearest) <= INTEGRALITY_TOLERANCE ? nearest : value;
  });
