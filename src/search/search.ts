import type { NearestMiss } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import { Search } from './branch-and-bound.ts';
import { withHostOrderFigures } from './dedication-figures.ts';
import { dedicationIsIdle, searchJointly } from './dedication-search.ts';
import { forbiddenMisses } from './forbidden.ts';
import {
  defaultControls,
  type SearchControls,
  type SearchCosts,
  type SearchOutcome,
} from './search-types.ts';
import { sortedCounts } from './statistics.ts';

/** What came closest: what lacks the least memory, or, where nothing is legal, what a single rule or limit forbids. */
const missesOf = (problem: Problem, search: Search): readonly NearestMiss[] =>
  search.space.count === 0 ? forbiddenMisses(problem, search.space.rejected) : search.nearestMisses();

/** The search with the nodes in the SPEC's order. */
const searchInOrder = (problem: Problem, costs: SearchCosts, controls: SearchControls): SearchOutcome => {
  const search = new Search(problem, costs, controls);
  const gap = search.gap(controls.exhaustive ? search.exhaust() : search.branchAndBound());
  const plans = search.plans();
  return {
    search: {
      strategies: search.space.count,
      pruned: sortedCounts(search.tally.pruned),
      evaluated: search.tally.evaluated,
      provenOptimal: gap === 0,
      gap,
      reproducible: !search.wasCut,
    },
    plans,
    nearestMisses: plans.length > 0 ? [] : missesOf(problem, search),
    obstacles: search.space.obstacles,
  };
};

/**
 * Exact best-first branch and bound over the legal strategies: families of equal sizes, then schedules, then
 * recomputation, then switches. A part is opened in the order of its bound; the search ends when no open part can hold
 * a plan better than the last of the wanted ones. Memory removes a part when even its most frugal switches, with full
 * recomputation and with none, fit in no partition. The order of evaluation depends on the problem alone. With dedication the
 * order of hosts is searched with it.
 */
export const searchPlans = (
  problem: Problem,
  costs: SearchCosts,
  controls: SearchControls = defaultControls,
): SearchOutcome => {
  const { forProblem: costsOf } = costs;
  if (costsOf !== undefined && !dedicationIsIdle(problem))
    return searchJointly({ problem, costsOf, controls, searchInOrder });
  const outcome = searchInOrder(problem, costs, controls);
  return { ...outcome, plans: outcome.plans.map((plan) => withHostOrderFigures(problem, plan)) };
};
