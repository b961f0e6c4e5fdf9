/** Which node runs which ranks of a given strategy, with a proof of how far any other order can be ahead. */
import type { NodeMatrix } from '../cluster/measured-links.ts';
import type { CommunicationShape } from '../cost/link-objective.ts';
import { communicationTime } from '../cost/link-objective.ts';
import { dedicationBounds } from './dedication-bounds.ts';
import { exactSearch } from './dedication-exact.ts';
import { dedicationInstance, hostOrder, orderValue, type DedicationInstance } from './dedication-instance.ts';
import { localSearch, type Found } from './dedication-local-search.ts';
import { whyOrderCannotMatter } from './dedication-matters.ts';

/** How much work an assignment may take; counts, so that the answer never depends on the machine. */
export interface DedicationBudget {
  /** Moves of the local search. */
  readonly moves: number;
  readonly starts: number;
  /** Nodes of the exact search. */
  readonly searchNodes: number;
  readonly seed: number;
}

export interface DedicationQuestion {
  /** Rings and pipelines over launched nodes (communicationShape). */
  readonly shape: CommunicationShape;
  readonly matrix: NodeMatrix;
  /** How often the largest pipeline counts beside the largest ring; 1 in the figures that results print. */
  readonly pipelineCount?: number;
  readonly budget?: Partial<DedicationBudget>;
}

export interface DedicationAnswer {
  /** none: the host order is as good as any, `reason` says why; exact: proven; search: within `gap` of the bound. */
  readonly method: 'none' | 'exact' | 'search';
  /** Node launched as node i; nodes that are not launched are absent. */
  readonly order: readonly number[];
  /** Seconds; Infinity where every order found needs a link that must not be used. */
  readonly communication: number;
  readonly hostOrder: number;
  readonly lowerBound: number;
  /** communication ∕ lowerBound − 1. */
  readonly gap: number;
  readonly reason: string | null;
}

/** Gap that rounding alone can leave. */
const PROVEN = 1e-9;
/** Nodes up to which the exact search is tried. */
const MOST_EXACT_NODES = 24;
/** Nodes up to which a grid of few nodes is searched at full effort without bounds first. */
const MOVES_SMALL = 400_000;
const MOVES_LARGE = 2_000_000;

const usualBudget = (nodes: number): DedicationBudget => ({
  moves: nodes <= MOST_EXACT_NODES ? MOVES_SMALL : MOVES_LARGE,
  starts: nodes <= MOST_EXACT_NODES ? 4 : 3,
  searchNodes: 4_000_000,
  seed: 1,
});

const gapOf = (value: number, bound: number): number => (bound > 0 ? Math.max(0, value / bound - 1) : 0);

interface Solved extends Found {
  readonly lowerBound: number;
}

const solve = (instance: DedicationInstance, budget: DedicationBudget): Solved => {
  const host = hostOrder(instance);
  const start: Found = { order: host, value: orderValue(instance, host) };
  const bounds = dedicationBounds(instance, start.value);
  if (start.value <= bounds.total * (1 + PROVEN)) return { ...start, lowerBound: start.value };
  const found = localSearch(instance, bounds, budget);
  if (found.value <= bounds.total * (1 + PROVEN))
    return { ...found, lowerBound: Math.min(bounds.total, found.value) };
  if (instance.grid === null || instance.nodes > MOST_EXACT_NODES)
    return { ...found, lowerBound: Math.min(bounds.total, found.value) };
  return exactSearch(instance, instance.grid, bounds, found, budget.searchNodes);
};

/**
 * Least communication (FORMATS: largest ring of a stage's nodes plus largest pipeline) over the orders of hosts, fewer of
 * them where fewer are launched. Rings run in ascending rank order, so that the order of hosts is all that is decided.
 *
 * Bounds first; then annealing from the hosts' order and from clusters; for up to 24 nodes an exact branch and bound.
 * The same question has the same answer on every machine. Throws RangeError where the matrix is too small.
 */
export const dedicate = (question: DedicationQuestion): DedicationAnswer => {
  const { shape, matrix, pipelineCount = 1 } = question;
  const instance = dedicationInstance(shape, matrix, pipelineCount);
  const timeOf = (order: readonly number[] | null): number => {
    const { data, pipeline } = communicationTime(shape, matrix, order);
    return data + pipelineCount * pipeline;
  };
  const host = timeOf(null);
  const identity = Array.from({ length: shape.nodes }, (_, node) => node);
  const reason = whyOrderCannotMatter(instance);
  if (reason !== null)
    return {
      method: 'none',
      order: identity,
      communication: host,
      hostOrder: host,
      lowerBound: host,
      gap: 0,
      reason,
    };
  const solved = solve(instance, { ...usualBudget(matrix.nodes), ...question.budget });
  const order = [...solved.order.subarray(0, shape.nodes)];
  const communication = timeOf(order);
  const stays = !(communication < host);
  const value = stays ? host : communication;
  const lowerBound = Math.min(value, solved.lowerBound);
  const gap = gapOf(value, lowerBound);
  return {
    method: gap <= PROVEN ? 'exact' : 'search',
    order: stays ? identity : order,
    communication: value,
    hostOrder: host,
    lowerBound,
    gap,
    reason: stays && gap <= PROVEN ? 'no order is faster than that of the hosts' : null,
  };
};
