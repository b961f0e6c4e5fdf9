/** Which node runs which ranks of a given strategy, with a proof of how far any other order can be ahead. */
import type { NodeMatrix } from '../cluster/measured-links.ts';
import type { CommunicationShape } from '../cost/link-objective.ts';
import { communicationTime } from '../cost/link-objective.ts';
import type { Found } from './dedication-cooling.ts';
import { dedicationBounds } from './dedication-bounds.ts';
import { exactSearch } from './dedication-exact.ts';
import { dedicationInstance, hostOrder, orderValue, type DedicationInstance } from './dedication-instance.ts';
import { localSearch } from './dedication-local-search.ts';
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
const SHORT_MOVES = 30_000;

/** Ring length up to which a move takes the same time. */
const LONG_RING = 120;

/** Moves of the local search: under ten seconds of one core, with room for a busy machine. */
const movesFor = ({ nodes, rings }: DedicationInstance): number => {
  if (nodes <= MOST_EXACT_NODES) return 1_000_000;
  const longest = Math.max(1, ...rings.map(({ slots }) => slots.length));
  const many = nodes <= 64 ? 5_000_000 : nodes <= 128 ? 4_000_000 : nodes <= 256 ? 2_500_000 : 1_150_000;
  return Math.floor(many * Math.min(1, LONG_RING / longest));
};

const usualBudget = (instance: DedicationInstance): DedicationBudget => ({
  moves: movesFor(instance),
  starts: 4,
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
  const done = (found: Found): boolean => found.value <= bounds.total * (1 + PROVEN);
  const bounded = (found: Found): Solved => ({ ...found, lowerBound: Math.min(bounds.total, found.value) });
  if (instance.grid === null || instance.nodes > MOST_EXACT_NODES)
    return bounded(localSearch(instance, bounds, budget));
  // Small clusters are mostly proven after a short search; only the others are worth a long one.
  const short = { ...budget, moves: Math.min(budget.moves, SHORT_MOVES), starts: 1 };
  const first = localSearch(instance, bounds, short);
  if (done(first)) return bounded(first);
  const tried = exactSearch(instance, instance.grid, bounds, first, Math.ceil(budget.searchNodes / 20));
  if (tried.value <= tried.lowerBound * (1 + PROVEN)) return tried;
  const found = localSearch(instance, bounds, budget);
  const best = found.value < tried.value ? found : tried;
  if (done(best)) return bounded(best);
  return exactSearch(instance, instance.grid, bounds, best, budget.searchNodes);
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
  const solved = solve(instance, { ...usualBudget(instance), ...question.budget });
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
