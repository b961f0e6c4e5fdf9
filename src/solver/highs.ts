import type { Highs, InitOptions, Model } from 'highs';
import { evaluateTerms, type LinearModel } from './linear-model.ts';
import {
  roundIntegers,
  violations,
  type Solution,
  type SolverBackend,
  type SolverLimits,
} from './solution.ts';

/** Model statuses of HiGHS, as its C API numbers them. */
const OPTIMAL = 7;
const INFEASIBLE = 8;
const UNBOUNDED_OR_INFEASIBLE = 9;
const UNBOUNDED = 10;
/** Bound, target, time, iterations, solutions or nodes: a limit of ours was reached. */
const LIMITS = new Set([11, 12, 13, 14, 16]);

const PRIMAL_FEASIBLE = 2;
const CONTINUOUS = 0;
const INTEGER = 1;
/** Simplex iterations of one model: a bound that is the same on every machine, unlike time. */
const ITERATIONS = 2_000_000;

/** The constraint matrix row by row; terms of one variable in a row are added up, for HiGHS takes none twice. */
const rowMatrix = (model: LinearModel) => {
  const starts = [0];
  const indices: number[] = [];
  const values: number[] = [];
  for (const { terms } of model.constraints) {
    const row = new Map<number, number>();
    for (const { variable, coefficient } of terms) row.set(variable, (row.get(variable) ?? 0) + coefficient);
    for (const [variable, coefficient] of [...row].sort(([a], [b]) => a - b)) {
      indices.push(variable);
      values.push(coefficient);
    }
    starts.push(indices.length);
  }
  return {
    format: 'csr' as const,
    numRows: model.constraints.length,
    numCols: model.variables.length,
    starts: Int32Array.from(starts),
    indices: Int32Array.from(indices),
    values: Float64Array.from(values),
  };
};

const costs = (model: LinearModel): Float64Array => {
  const cost = new Float64Array(model.variables.length);
  for (const { variable, coefficient } of model.objective)
    cost[variable] = (cost[variable] ?? 0) + coefficient;
  return cost;
};

const load = (highs: Highs, model: LinearModel): Model => {
  const integers = model.variables.some(({ integer }) => integer);
  return highs.createModel({
    numCols: model.variables.length,
    numRows: model.constraints.length,
    sense:
      model.sense === 'minimize'
        ? highs.constants.objectiveSense.minimize
        : highs.constants.objectiveSense.maximize,
    colCost: costs(model),
    colLower: Float64Array.from(model.variables, ({ lower }) => lower),
    colUpper: Float64Array.from(model.variables, ({ upper }) => upper),
    rowLower: Float64Array.from(model.constraints, ({ lower }) => lower),
    rowUpper: Float64Array.from(model.constraints, ({ upper }) => upper),
    matrix: rowMatrix(model),
    ...(integers
      ? { integrality: Int32Array.from(model.variables, ({ integer }) => (integer ? INTEGER : CONTINUOUS)) }
      : {}),
  });
};

/** What HiGHS left, checked against the model: its word alone is not taken. */
const readSolution = (handle: Model, model: LinearModel): Solution => {
  const status: number = handle.getModelStatus();
  const nodes = Math.max(0, Number(handle.info.get('mip_node_count')));
  if (status === INFEASIBLE) return { kind: 'infeasible', nodes };
  if (status === UNBOUNDED) return { kind: 'unbounded' };
  if (status === UNBOUNDED_OR_INFEASIBLE) return { kind: 'unknown', reason: 'unbounded or infeasible' };
  if (status !== OPTIMAL && !LIMITS.has(status))
    return { kind: 'unknown', reason: `HiGHS ended with status ${status}` };
  if (Number(handle.info.get('primal_solution_status')) !== PRIMAL_FEASIBLE)
    return { kind: 'unknown', reason: 'a limit was reached before any solution' };
  const values = roundIntegers(model, Array.from(handle.getSolution().colValue));
  const broken = violations(model, values);
  if (broken.length > 0)
    return { kind: 'unknown', reason: `the answer breaks ${broken.slice(0, 5).join(', ')}` };
  const objective = evaluateTerms(model.objective, values);
  if (status === OPTIMAL) return { kind: 'optimal', values, objective, nodes };
  const integers = model.variables.some(({ integer }) => integer);
  const worst = model.sense === 'minimize' ? -Infinity : Infinity;
  const bound = integers ? Number(handle.info.get('mip_dual_bound')) : worst;
  return { kind: 'feasible', values, objective, bound: Number.isFinite(bound) ? bound : worst, nodes };
};

const solve = (highs: Highs, model: LinearModel, limits: SolverLimits): Solution => {
  // HiGHS calls a program without columns empty; its constraints may still be impossible.
  if (model.variables.length === 0)
    return violations(model, []).length === 0
      ? { kind: 'optimal', values: [], objective: 0, nodes: 0 }
      : { kind: 'infeasible', nodes: 0 };
  const handle = load(highs, model);
  try {
    handle.options.set('output_flag', false);
    handle.options.set('mip_max_nodes', limits.nodes);
    handle.options.set('simplex_iteration_limit', ITERATIONS);
    handle.options.set('mip_rel_gap', limits.gap ?? 0);
    if (limits.seconds !== undefined) handle.options.set('time_limit', limits.seconds);
    if (limits.start !== undefined) handle.setSolution({ colValue: Float64Array.from(limits.start) });
    handle.run();
    return readSolution(handle, model);
  } finally {
    handle.dispose();
  }
};

/**
 * HiGHS 1.15 as WebAssembly: larger models, with dual bounds. Loaded when it is asked for (a fifth of a second), bounded
 * by nodes and simplex iterations; every answer is rounded and checked. Source: Huangfu & Hall 2018.
 */
export const loadHighs = async (): Promise<SolverBackend> => {
  const { default: loader } = await import('highs');
  // The package's types describe its CommonJS face; under ESM the default export is the loader itself.
  const highs = await (loader as unknown as (options?: InitOptions) => Promise<Highs>)();
  return { name: 'highs', solve: (model, limits) => solve(highs, model, limits) };
};
