/** A linear program or mixed-integer linear program as data, independent of who solves it. */

export interface LinearVariable {
  readonly name: string;
  /** −Infinity: no lower bound. */
  readonly lower: number;
  /** Infinity: no upper bound. */
  readonly upper: number;
  readonly integer: boolean;
}

export interface LinearTerm {
  /** Index into `variables`. */
  readonly variable: number;
  readonly coefficient: number;
}

/** lower ≤ Σ coefficient · variable ≤ upper; equal bounds make an equality. */
export interface LinearConstraint {
  readonly name: string;
  readonly terms: readonly LinearTerm[];
  readonly lower: number;
  readonly upper: number;
}

export interface LinearModel {
  readonly sense: 'minimize' | 'maximize';
  readonly objective: readonly LinearTerm[];
  readonly variables: readonly LinearVariable[];
  readonly constraints: readonly LinearConstraint[];
}

export const evaluateTerms = (terms: readonly LinearTerm[], values: readonly number[]): number =>
  terms.reduce((sum, term) => sum + term.coefficient * (values[term.variable] ?? Number.NaN), 0);

/**
 * A model under construction: variables and constraints are added by meaning, indices are handed out.
 * Names must be unique; a repeated one is a defect of the caller and throws.
 */
export class ModelBuilder {
  private readonly variables: LinearVariable[] = [];
  private readonly constraints: LinearConstraint[] = [];
  private readonly names = new Set<string>();

  variable(name: string, bounds: { lower?: number; upper?: number; integer?: boolean } = {}): number {
    if (this.names.has(name)) throw new Error(`variable ${name} is defined twice`);
    this.names.add(name);
    this.variables.push({
      name,
      lower: bounds.lower ?? 0,
      upper: bounds.upper ?? Infinity,
      integer: bounds.integer ?? false,
    });
    return this.variables.length - 1;
  }

  binary(name: string): number {
    return this.variable(name, { lower: 0, upper: 1, integer: true });
  }

  constraint(name: string, terms: readonly LinearTerm[], range: { lower?: number; upper?: number }): void {
    this.constraints.push({ name, terms, lower: range.lower ?? -Infinity, upper: range.upper ?? Infinity });
  }

  build(sense: LinearModel['sense'], objective: readonly LinearTerm[]): LinearModel {
    return { sense, objective, variables: [...this.variables], constraints: [...this.constraints] };
  }
}
