import javascriptLpSolver, { type SolverAPI } from 'javascript-lp-solver';
import { branchAndBound, type Relaxation } from './branch-and-bound.ts';
import { evaluateTerms, type LinearModel } from './linear-model.ts';
import { FEASIBILITY_TOLERANCE, type Solution, type SolverBackend } from './solution.ts';

/** How a variable stands in the library's program: x = shift + sign · p − q, with p and (for free ones) q ≥ 0. */
interface Column {
  readonly shift: number;
  readonly sign: 1 | -1;
  readonly split: boolean;
  /** Upper bound of p. */
  readonly span: number;
}

interface Rows {
  readonly constraints: Record<string, { min?: number; max?: number; equal?: number }>;
  readonly variables: Record<string, Record<string, number>>;
}

/** The package's types describe its CommonJS face, where the solver is a property `default`; under ESM it is the import itself. */
const solver = javascriptLpSolver as unknown as SolverAPI;

const COST = 'cost';

/**
 * Every variable becomes non-negative by a shift, a reflection or a split. (The library's own `unrestricted` variables
 * gave 0 in place of −16/3 as the optimum of a program of two variables: not used.)
 */
const columnOf = (lower: number, upper: number): Column => {
  if (Number.isFinite(lower)) return { shift: lower, sign: 1, split: false, span: upper - lower };
  if (Number.isFinite(upper)) return { shift: upper, sign: -1, split: false, span: Infinity };
  return { shift: 0, sign: 1, split: true, span: Infinity };
};

/** Names are indices: a variable called `result` or `feasible` would be overwritten in the library's answer. */
const toRows = (model: LinearModel, columns: readonly Column[]): Rows => {
  const rows: Rows = { constraints: {}, variables: {} };
  const add = (name: string, row: string, coefficient: number): void => {
    const column = (rows.variables[name] ??= { [COST]: 0 });
    column[row] = (column[row] ?? 0) + coefficient;
  };
  const addTerm = (row: string, variable: number, coefficient: number): void => {
    const column = columns[variable];
    if (column === undefined) return;
    add(`p${variable}`, row, coefficient * column.sign);
    if (column.split) add(`q${variable}`, row, -coefficient);
  };
  columns.forEach(({ span }, index) => {
    addTerm(COST, index, 0);
    if (!Number.isFinite(span)) return;
    rows.constraints[`u${index}`] = { max: span };
    add(`p${index}`, `u${index}`, 1);
  });
  for (const term of model.objective) addTerm(COST, term.variable, term.coefficient);
  model.constraints.forEach(({ terms, lower, upper }, index) => {
    const shift = evaluateTerms(
      terms,
      columns.map((column) => column.shift),
    );
    const row = `r${index}`;
    if (lower === upper) rows.constraints[row] = { equal: lower - shift };
    else {
      const range: { min?: number; max?: number } = {};
      if (Number.isFinite(lower)) range.min = lower - shift;
      if (Number.isFinite(upper)) range.max = upper - shift;
      if (range.min === undefined && range.max === undefined) return;
      rows.constraints[row] = range;
    }
    for (const term of terms) addTerm(row, term.variable, term.coefficient);
  });
  return rows;
};

const numberAt = (answer: Readonly<Record<string, unknown>>, name: string): number => {
  const value = answer[name];
  return typeof value === 'number' ? value : 0;
};

/**
 * The linear relaxation within the given variable bounds. An unbounded program is reported by this library as
 * `feasible: true, result: Infinity`, so `bounded` is read first; a column that is zero is absent from its answer.
 */
const relax: Relaxation = (model, lower, upper) => {
  if (lower.some((low, index) => low > (upper[index] ?? Infinity))) return { kind: 'infeasible' };
  const columns = lower.map((low, index) => columnOf(low, upper[index] ?? Infinity));
  const rows = toRows(model, columns);
  const answer = solver.Solve({
    optimize: COST,
    opType: model.sense === 'minimize' ? 'min' : 'max',
    constraints: rows.constraints,
    variables: rows.variables,
    options: { presolve: false },
  }) as Readonly<Record<string, unknown>>;
  if (answer['bounded'] === false) return { kind: 'unbounded' };
  if (answer['feasible'] !== true) return { kind: 'infeasible' };
  const values = columns.map(
    ({ shift, sign, split }, index) =>
      shift + sign * numberAt(answer, `p${index}`) - (split ? numberAt(answer, `q${index}`) : 0),
  );
  const objective = evaluateTerms(model.objective, values);
  const constant = evaluateTerms(
    model.objective,
    columns.map((column) => column.shift),
  );
  const claimed = numberAt(answer, 'result') + constant;
  if (!(Math.abs(claimed - objective) <= 100 * FEASIBILITY_TOLERANCE * Math.max(1, Math.abs(objective))))
    return { kind: 'failed', reason: `the claimed objective is ${claimed}, its variables give ${objective}` };
  return { kind: 'solved', values, objective };
};

/**
 * Small models: simplex by javascript-lp-solver 1.0.3 under our own branch and bound, which is bounded by nodes
 * (the library's own is bounded by wall time only, and so would not give the same answer every time).
 */
export const javascriptLp: SolverBackend = {
  name: 'javascript-lp-solver',
  solve: (model, limits): Solution => branchAndBound(model, relax, limits),
};
