/** Strategy and order of hosts together. */
import { launchedCluster } from '../cluster/launch-order.ts';
import type { Plan } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import { hasEqualLinks, optimisticCluster } from './dedication-optimistic.ts';
import {
  dedicatePlan,
  measuredClusters,
  planInOrder,
  type Dedicated,
  type PlanQuestion,
} from './dedication-plan.ts';
import { layoutId } from './keys.ts';
import { createValue } from './ranking.ts';
import type { SearchControls, SearchCosts, SearchOutcome } from './search-types.ts';
import { launchBlocks, type LaunchBlock } from './unequal-blocks.ts';

/** How a search without dedication is made. */
export type SearchInOrder = (problem: Problem, costs: SearchCosts, controls: SearchControls) => SearchOutcome;

export interface JointSearch {
  readonly problem: Problem;
  readonly costsOf: (problem: Problem) => SearchCosts;
  readonly controls: SearchControls;
  readonly searchInOrder: SearchInOrder;
}

/** Strategies of each block that are dedicated, as a multiple of the plans wanted, and beside it. */
const DEDICATED_FACTOR = 2;
const DEDICATED_MORE = 4;

/** Nothing that the search could decide: one kind of node, and links that are equal or not measured. */
export const dedicationIsIdle = ({ cluster, search }: Problem): boolean =>
  search.dedication === 'none' ||
  search.objective === 'memory_headroom' ||
  (cluster.groups.length === 1 && measuredClusters(cluster).every(hasEqualLinks));

interface Candidate {
  readonly block: LaunchBlock;
  readonly plan: Plan;
  /** Objective on the best links: no order of this block's nodes goes below. */
  readonly bound: number;
}

const sumOf = (a: SearchOutcome, b: SearchOutcome): SearchOutcome => {
  const pruned = { ...a.search.pruned };
  for (const [id, count] of Object.entries(b.search.pruned)) pruned[id] = (pruned[id] ?? 0) + count;
  return {
    ...a,
    search: {
      strategies: a.search.strategies + b.search.strategies,
      pruned: Object.fromEntries(Object.entries(pruned).sort(([x], [y]) => (x < y ? -1 : 1))),
      evaluated: a.search.evaluated + b.search.evaluated,
      provenOptimal: a.search.provenOptimal && b.search.provenOptimal,
      gap: Math.max(a.search.gap, b.search.gap),
      reproducible: a.search.reproducible && b.search.reproducible,
    },
    obstacles: a.obstacles.length === 0 || b.obstacles.length === 0 ? [] : a.obstacles,
    nearestMisses: [...a.nearestMisses, ...b.nearestMisses]
      .sort((x, y) => x.missing - y.missing)
      .slice(0, Math.max(a.nearestMisses.length, b.nearestMisses.length)),
  };
};

/** In words: what the order of the best plan decided. */
const notesOf = (
  ranked: readonly { readonly candidate: Candidate; readonly found: Dedicated; readonly value: number }[],
  best: ReadonlyMap<string, number>,
  { cluster: { measured }, search }: Problem,
): readonly string[] => {
  const [first] = ranked;
  if (first === undefined) return [];
  const notes: string[] = [];
  const { what } = first.candidate.block;
  const own = best.get('');
  if (what !== '')
    notes.push(
      `plan 1: ${what}${own === undefined ? '; no plan uses all nodes in the given order' : `; ${((own / first.value - 1) * 100).toFixed(1)} % faster than the best plan on all nodes in the given order`}`,
    );
  if (measured !== null && first.found.reason !== null)
    notes.push(`plan 1 keeps the order of its hosts: ${first.found.reason}`);
  if (search.dedication === 'gpus' && measured?.level !== 'gpu')
    notes.push(
      'search.dedication: gpus needs links between GPUs in network.measured: GPUs keep the order of their nodes',
    );
  return notes;
};

/**
 * Every block of nodes is searched on its best links, where a strategy's time bounds that of all orders. The strategies of
 * least bound are dedicated in ascending order of it, until no bound is below the last wanted plan. What is ranked is the
 * time after dedication. The gap is that of the first plan to the least bound of all.
 */
export const searchJointly = ({ problem, costsOf, controls, searchInOrder }: JointSearch): SearchOutcome => {
  const { top } = problem.search;
  const value = createValue(problem);
  const wanted = { ...problem.search, top: DEDICATED_FACTOR * top + DEDICATED_MORE };
  const candidates: Candidate[] = [];
  let total: SearchOutcome | null = null;
  for (const block of launchBlocks(problem.cluster)) {
    const cluster = launchedCluster(problem.cluster, { hosts: block.hosts, devices: null });
    const optimistic: Problem = { ...problem, cluster: optimisticCluster(cluster), search: wanted };
    const outcome = searchInOrder(optimistic, costsOf(optimistic), controls);
    total = total === null ? outcome : sumOf(total, outcome);
    for (const plan of outcome.plans)
      candidates.push({ block, plan, bound: value(plan.strategy, plan.estimate.iterationTime, 0) });
  }
  if (total === null) throw new RangeError('a cluster has at least one block of nodes');
  candidates.sort((a, b) => a.bound - b.bound);
  const byLayout = new Map<string, { candidate: Candidate; found: Dedicated; value: number }>();
  const bestOfBlock = new Map<string, number>();
  const solved: PlanQuestion['solved'] = new Map();
  const threshold = (): number => {
    const values = [...byLayout.values()].map((each) => each.value).sort((a, b) => a - b);
    return values[top - 1] ?? Infinity;
  };
  for (const candidate of candidates) {
    if (candidate.bound > threshold()) break;
    const { strategy, partition } = candidate.plan;
    const { hosts } = candidate.block;
    const bound = candidate.plan.estimate.iterationTime;
    const found = dedicatePlan({ problem, costsOf, strategy, partition, hosts, bound, solved });
    if (!found.feasible) continue;
    const own = value(strategy, found.time, 0);
    const { what } = candidate.block;
    bestOfBlock.set(what, Math.min(bestOfBlock.get(what) ?? Infinity, own));
    const id = layoutId(strategy);
    if (own < (byLayout.get(id)?.value ?? Infinity)) byLayout.set(id, { candidate, found, value: own });
  }
  const ranked = [...byLayout.values()]
    .sort((a, b) => a.value - b.value || a.candidate.bound - b.candidate.bound)
    .slice(0, top);
  const plans = ranked.map(({ candidate, found }, index) => {
    const { plan, block } = candidate;
    const { strategy, partition } = plan;
    const question = {
      problem,
      costsOf,
      strategy,
      partition,
      hosts: block.hosts,
      bound: candidate.bound,
      solved,
    };
    return planInOrder({ ...plan, rank: index + 1 }, question, found);
  });
  const least = candidates[0]?.bound ?? 0;
  const gap = ranked[0] === undefined ? 0 : Math.max(total.search.gap, ranked[0].value / least - 1);
  return {
    ...total,
    search: {
      ...total.search,
      provenOptimal: total.search.provenOptimal && gap <= 1e-9,
      gap: Math.max(0, gap),
    },
    plans,
    nearestMisses: plans.length > 0 ? [] : total.nearestMisses,
    notes: notesOf(ranked, bestOfBlock, problem),
  };
};
