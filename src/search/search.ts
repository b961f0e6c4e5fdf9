import type { LayerCosts } from '../cost/estimator.ts';
import { seconds, type Seconds } from '../units.ts';
import type { Estimate, Plan, SearchResult, StageMemory } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import { gpusUsed, type Partition, type Recompute, type Strategy } from '../strategy/strategy.ts';
import { combinations, fasterFirst, smallerFirst, undominated } from './dominance.ts';
import type { FlagChoice } from './flag-space.ts';
import { MinHeap } from './heap.ts';
import { layoutId } from './keys.ts';
import { Misses } from './misses.ts';
import { createPartitioner, stageExtras, type PartitionChoice } from './partition-choice.ts';
import { compareCandidates, createValue, type Candidate } from './ranking.ts';
import { createSpace, type Frame, type Space } from './space.ts';
import { addPruned, sortedCounts, type Tally } from './statistics.ts';

/** What the search asks of the cost model. */
export interface SearchCosts {
  readonly estimate: (strategy: Strategy, partition: Partition) => Estimate;
  readonly iterationTime: (strategy: Strategy, partition: Partition) => Seconds;
  /** No partition of the strategy takes less time. */
  readonly lowerBound: (strategy: Strategy) => Seconds;
  readonly stageCosts: (strategy: Strategy) => readonly LayerCosts[];
  readonly memory: (strategy: Strategy, partition: Partition) => readonly StageMemory[];
}

export interface SearchControls {
  /** Evaluate every legal strategy, without bounds or dominance. */
  readonly exhaustive: boolean;
  /** Asked now and then; true stops the search with what it has, and the result is not reproducible. */
  readonly expired: () => boolean;
  readonly progress: (evaluated: number, open: number) => void;
  /** Strategies that may be evaluated; a search that reaches it stops, reproducibly. */
  readonly evaluations: number;
}

export const defaultControls: SearchControls = {
  exhaustive: false,
  expired: () => false,
  progress: () => undefined,
  evaluations: 2_000_000,
};

export interface SearchOutcome extends SearchResult {
  /** When no strategy is legal: the rules that forbid all, in words. */
  readonly obstacles: readonly string[];
}

/** An open part of the space, with a bound on the objective of everything in it. */
type OpenNode =
  | { readonly kind: 'family'; readonly frames: readonly Frame[]; readonly count: number }
  | { readonly kind: 'frame'; readonly frame: Frame }
  | { readonly kind: 'layout'; readonly layout: Strategy; readonly count: number };

const bounds = {
  time: 'bound/time',
  memory: 'bound/memory',
  partition: 'bound/partition',
  limit: 'bound/evaluations',
};

/** Plans kept beyond those asked for, so that a tie at the end does not depend on the order of evaluation. */
class Incumbents {
  private readonly byLayout = new Map<string, Candidate>();
  private readonly wanted: number;
  /** Objective of the last wanted plan; Infinity until there are as many. */
  threshold = Infinity;

  constructor(wanted: number) {
    this.wanted = wanted;
  }

  get best(): number {
    return this.ranked()[0]?.value ?? Infinity;
  }

  of(layout: string): Candidate | undefined {
    return this.byLayout.get(layout);
  }

  offer(candidate: Candidate): void {
    if (candidate.value > this.threshold) return;
    const id = layoutId(candidate.strategy);
    const known = this.byLayout.get(id);
    if (known !== undefined && compareCandidates(known, candidate) <= 0) return;
    this.byLayout.set(id, candidate);
    const ranked = this.ranked();
    this.threshold = ranked[this.wanted - 1]?.value ?? Infinity;
    if (this.byLayout.size <= 2 * this.wanted) return;
    for (const each of ranked) if (each.value > this.threshold) this.byLayout.delete(layoutId(each.strategy));
  }

  ranked(): Candidate[] {
    return [...this.byLayout.values()].sort(compareCandidates);
  }
}

/**
 * Exact best-first branch and bound over the legal strategies: families of equal sizes, then schedules, then
 * recomputation, then switches. A part is opened in the order of its bound; the search ends when no open part can hold
 * a plan better than the last of the wanted ones. Memory removes a part when even its most frugal switches, with full
 * recomputation and with none, do not fit. The order of evaluation depends on the problem alone.
 */
export const searchPlans = (
  problem: Problem,
  costs: SearchCosts,
  controls: SearchControls = defaultControls,
): SearchOutcome => {
  const space = createSpace(problem);
  const tally: Tally = { pruned: { ...space.rejected }, evaluated: 0 };
  const state = new SearchState(problem, costs, controls, space, tally);
  const gap = controls.exhaustive ? state.exhaust() : state.branchAndBound();
  const plans = state.plans();
  return {
    search: {
      strategies: space.count,
      pruned: sortedCounts(tally.pruned),
      evaluated: tally.evaluated,
      provenOptimal: gap === 0,
      gap,
      reproducible: !state.wasCut,
    },
    plans,
    nearestMisses: plans.length > 0 ? [] : state.nearestMisses(),
    obstacles: space.obstacles,
  };
};

class SearchState {
  wasCut = false;
  private readonly problem: Problem;
  private readonly costs: SearchCosts;
  private readonly controls: SearchControls;
  private readonly space: Space;
  private readonly tally: Tally;
  private readonly partition: (strategy: Strategy) => PartitionChoice | null;
  private readonly value: (strategy: Strategy, time: number, shortage: number) => number;
  private readonly incumbents: Incumbents;
  private readonly misses = new Misses(10);

  constructor(problem: Problem, costs: SearchCosts, controls: SearchControls, space: Space, tally: Tally) {
    this.problem = problem;
    this.costs = costs;
    this.controls = controls;
    this.space = space;
    this.tally = tally;
    this.partition = createPartitioner(problem, costs);
    this.value = createValue(problem);
    this.incumbents = new Incumbents(problem.search.top);
  }

  /** Evaluates a strategy and keeps it if it is among the best. */
  private evaluate(strategy: Strategy): void {
    this.tally.evaluated += 1;
    const choice = this.partition(strategy);
    if (choice === null) return;
    if (choice.shortage > 0) {
      this.misses.add(strategy, choice);
      return;
    }
    const time = this.costs.iterationTime(strategy, choice.partition);
    this.incumbents.offer({
      strategy,
      partition: choice.partition,
      time,
      shortage: choice.shortage,
      value: this.value(strategy, time, choice.shortage),
    });
  }

  private stop(open: number): boolean {
    this.controls.progress(this.tally.evaluated, open);
    if (!this.controls.expired()) return this.tally.evaluated >= this.controls.evaluations;
    this.wasCut = true;
    return true;
  }

  /** Every strategy in turn. Returns the gap: 0, or 1 when it was cut off. */
  exhaust(): number {
    let left = this.space.families.length;
    for (const family of this.space.families) {
      left -= 1;
      for (const frame of family.frames)
        for (const recompute of frame.recomputes) {
          if (this.stop(left)) return 1;
          const layout = { ...frame.strategy, recompute };
          for (const flags of combinations(this.space.flagChoices(layout)))
            this.evaluate({ ...layout, ...flags });
        }
    }
    return 0;
  }

  /** Returns the gap between the first plan and the least bound of what was left open. */
  branchAndBound(): number {
    const heap = new MinHeap<OpenNode>();
    for (const { frames } of this.space.families) {
      const count = frames.reduce((sum, frame) => sum + frame.count, 0);
      heap.push(this.familyBound(frames), { kind: 'family', frames, count });
    }
    for (let node = heap.pop(); node !== undefined; node = heap.pop()) {
      if (node.key > this.incumbents.threshold) {
        addPruned(this.tally, bounds.time, countOf(node.value));
        continue;
      }
      if (this.stop(heap.size)) {
        addPruned(this.tally, bounds.limit, countOf(node.value));
        return this.gap(node.key);
      }
      this.open(node.value, heap);
    }
    return 0;
  }

  private gap(bound: number): number {
    const { best } = this.incumbents;
    if (!Number.isFinite(best)) return 1;
    return Math.max(0, best / bound - 1);
  }

  private open(node: OpenNode, heap: MinHeap<OpenNode>): void {
    switch (node.kind) {
      case 'family':
        for (const frame of node.frames) heap.push(this.frameBound(frame.strategy), { kind: 'frame', frame });
        return;
      case 'frame':
        this.openFrame(node.frame, heap);
        return;
      case 'layout':
        this.openLayout(node.layout);
    }
  }

  private openFrame(frame: Frame, heap: MinHeap<OpenNode>): void {
    if (!this.mayFit(frame)) {
      addPruned(this.tally, bounds.memory, frame.count);
      return;
    }
    for (const recompute of frame.recomputes) {
      const layout: Strategy = { ...frame.strategy, recompute };
      const count = this.space.flagChoices(layout).reduce((product, choices) => product * choices.length, 1);
      heap.push(this.frameBound(layout), { kind: 'layout', layout, count });
    }
  }

  private openLayout(layout: Strategy): void {
    const components = this.space.flagChoices(layout);
    const id = layoutId(layout);
    const ordered = [...combinations(components)]
      .map((flags) => ({ ...layout, ...flags }))
      .map((strategy) => ({ strategy, bound: this.bound(strategy) }))
      .sort((a, b) => a.bound - b.bound);
    for (const [index, { strategy, bound }] of ordered.entries()) {
      const own = this.incumbents.of(id)?.value ?? Infinity;
      if (bound > Math.min(own, this.incumbents.threshold)) {
        addPruned(this.tally, bounds.time, ordered.length - index);
        return;
      }
      this.evaluate(strategy);
    }
  }

  /** Bound on the objective of one strategy over its partitions. */
  private bound(strategy: Strategy): number {
    if (this.problem.search.objective === 'memory_headroom') return -Infinity;
    return this.value(strategy, this.costs.lowerBound(strategy), 0);
  }

  /** Bound over all switches of a layout: the least over those that no other is sure to beat. */
  private frameBound(layout: Strategy): number {
    let least = Infinity;
    for (const flags of combinations(this.choices(layout, 'time')))
      least = Math.min(least, this.bound({ ...layout, ...flags }));
    return least;
  }

  /** Bound over all schedules of a family: recomputation only adds work, and bubbles shrink with virtual stages. */
  private familyBound(frames: readonly Frame[]): number {
    return frames.reduce((least, frame) => Math.min(least, this.frameBound(frame.strategy)), Infinity);
  }

  private choices(layout: Strategy, by: 'time' | 'memory'): readonly (readonly FlagChoice[])[] {
    const preference = by === 'time' ? fasterFirst : smallerFirst;
    return this.space.flagChoices(layout).map((choices) => undominated(preference, choices));
  }

  /** Whether some strategy of the frame can fit, judged by its most frugal switches. */
  private mayFit(frame: Frame): boolean {
    const extremes: readonly Recompute['kind'][] = ['full', 'none'];
    const tried = frame.recomputes.filter(({ kind }) => extremes.includes(kind));
    if (!tried.some(({ kind }) => kind === 'full')) return true;
    for (const recompute of tried.reverse()) {
      const layout: Strategy = { ...frame.strategy, recompute };
      for (const flags of combinations(this.choices(layout, 'memory'))) {
        const strategy = { ...layout, ...flags };
        const choice = this.partition(strategy);
        if (choice === null) continue;
        if (choice.shortage <= 0) return true;
        this.misses.add(strategy, choice);
      }
    }
    return false;
  }

  plans(): readonly Plan[] {
    return this.incumbents
      .ranked()
      .slice(0, this.problem.search.top)
      .map(({ strategy, partition }, index) =>
        toPlan(this.problem, this.costs, strategy, partition, index + 1),
      );
  }

  nearestMisses(): SearchResult['nearestMisses'] {
    return this.misses.list((strategy, { partition }) => this.costs.estimate(strategy, partition).reasons);
  }
}

const countOf = (node: OpenNode): number => (node.kind === 'frame' ? node.frame.count : node.count);

const undedicated = {
  method: 'none',
  communication: seconds(0),
  hostOrder: seconds(0),
  lowerBound: seconds(0),
  gap: 0,
} as const;

/** A strategy with its estimate as a plan, ranks on the nodes in the SPEC's order. */
export const toPlan = (
  problem: Problem,
  costs: Pick<SearchCosts, 'estimate'>,
  strategy: Strategy,
  partition: Partition,
  rank: number,
): Plan => ({
  rank,
  gpusUsed: gpusUsed(strategy),
  strategy,
  partition,
  stageExtras: stageExtras(problem, strategy),
  hosts: null,
  devices: null,
  dedication: undedicated,
  estimate: costs.estimate(strategy, partition),
});
