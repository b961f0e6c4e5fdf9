import type { NearestMiss, Plan } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import type { Strategy } from '../strategy/strategy.ts';
import { createBounds, leastBound, type Bounds, type SwitchOrder } from './bounds.ts';
import { createCombiner } from './combinations.ts';
import { withHostOrderFigures } from './dedication-figures.ts';
import { dedicationIsIdle, searchJointly } from './dedication-search.ts';
import { MinHeap } from './heap.ts';
import { Incumbents } from './incumbents.ts';
import { layoutId } from './keys.ts';
import { createMemoryFloor, type MemoryFloor } from './memory-floor.ts';
import { Misses } from './misses.ts';
import { createPartitioner, type Partitioner } from './partition-choice.ts';
import { toPlan } from './plan.ts';
import { createValue, type Value } from './ranking.ts';
import {
  defaultControls,
  type SearchControls,
  type SearchCosts,
  type SearchOutcome,
} from './search-types.ts';
import { createSpace, type Frame, type Space } from './space.ts';
import { addPruned, sortedCounts, type Tally } from './statistics.ts';

/** An open part of the space; `orders` are known once its family has been looked at. */
type OpenPart =
  | { readonly kind: 'glance'; readonly frames: readonly Frame[] }
  | { readonly kind: 'family'; readonly frames: readonly Frame[]; readonly orders: readonly SwitchOrder[] }
  | { readonly kind: 'frame'; readonly frame: Frame; readonly orders: readonly SwitchOrder[] }
  | { readonly kind: 'layout'; readonly layout: Strategy };

const MISSES = 10;

class Search {
  readonly space: Space;
  readonly tally: Tally;
  wasCut = false;
  private readonly problem: Problem;
  private readonly costs: SearchCosts;
  private readonly controls: SearchControls;
  private readonly partition: Partitioner;
  private readonly value: Value;
  private readonly bounds: Bounds;
  private readonly floor: MemoryFloor;
  private readonly incumbents: Incumbents;
  private readonly misses = new Misses(MISSES);

  constructor(problem: Problem, costs: SearchCosts, controls: SearchControls) {
    this.problem = problem;
    this.costs = costs;
    this.controls = controls;
    this.space = createSpace(problem);
    this.tally = { pruned: { ...this.space.rejected }, evaluated: 0 };
    this.partition = createPartitioner(problem, costs);
    this.value = createValue(problem);
    this.bounds = createBounds(problem, costs, this.space, this.value);
    this.floor = createMemoryFloor(this.space, this.partition, (strategy, choice) => {
      this.misses.add(strategy, choice);
    });
    this.incumbents = new Incumbents(problem.search.top);
  }

  /** Judges one strategy and keeps it if it is among the best. */
  private evaluate(strategy: Strategy): void {
    this.tally.evaluated += 1;
    const choice = this.partition(strategy);
    if (choice === null) return;
    if (choice.shortage > 0) {
      this.misses.add(strategy, choice);
      return;
    }
    const time = this.costs.iterationTime(strategy, choice.partition);
    const value = this.value(strategy, time, choice.shortage);
    this.incumbents.offer({ strategy, partition: choice.partition, time, shortage: choice.shortage, value });
  }

  private get byMemory(): boolean {
    return this.problem.search.objective === 'memory_headroom';
  }

  private get boundId(): string {
    return this.byMemory ? 'bound/headroom' : 'bound/time';
  }

  private mustStop(open: number): boolean {
    this.controls.progress(this.tally.evaluated, open);
    if (this.controls.expired()) this.wasCut = true;
    return this.wasCut || this.tally.evaluated >= this.controls.evaluations;
  }

  /** Every strategy in turn. Returns the gap: 0, or 1 when it was cut off. */
  exhaust(): number {
    const combine = createCombiner(null);
    for (const [index, { frames }] of this.space.families.entries())
      for (const frame of frames)
        for (const recompute of frame.recomputes) {
          if (this.mustStop(this.space.families.length - index)) return 1;
          const layout: Strategy = { ...frame.strategy, recompute };
          for (const flags of combine(this.space.flagChoices(layout))) this.evaluate({ ...layout, ...flags });
        }
    return 0;
  }

  /** Returns the gap between the first plan and the least bound of what was left open. */
  branchAndBound(): number {
    const heap = new MinHeap<OpenPart>();
    for (const { frames } of this.space.families)
      heap.push(this.byMemory ? this.mostHeadroom(frames) : this.bounds.glance(frames), {
        kind: 'glance',
        frames,
      });
    for (let node = heap.pop(); node !== undefined; node = heap.pop()) {
      // Bounds come out in ascending order: from here on nothing is better than the last wanted plan.
      if (node.key > this.incumbents.threshold) {
        this.cutOff(node.value, this.boundId);
        continue;
      }
      if (this.mustStop(heap.size)) {
        const gap = this.gap(node.key);
        for (let left: typeof node | undefined = node; left !== undefined; left = heap.pop())
          this.cutOff(left.value, 'limit');
        return gap;
      }
      this.open(node.value, heap);
    }
    return 0;
  }

  private mostHeadroom(frames: readonly Frame[]): number {
    return Math.min(...frames.map((frame) => this.floor.frame(frame, -Infinity)));
  }

  private gap(bound: number): number {
    const { best } = this.incumbents;
    return Number.isFinite(best) && bound > 0 ? Math.max(0, best / bound - 1) : 1;
  }

  private cutOff(part: OpenPart, id: string): void {
    switch (part.kind) {
      case 'glance':
      case 'family':
        for (const frame of part.frames) addPruned(this.tally, id, frame.count);
        return;
      case 'frame':
        addPruned(this.tally, id, part.frame.count);
        return;
      case 'layout':
        addPruned(this.tally, id, this.strategiesOf(part.layout));
    }
  }

  private strategiesOf(layout: Strategy): number {
    return this.space.flagChoices(layout).reduce((count, choices) => count * choices.length, 1);
  }

  private open(part: OpenPart, heap: MinHeap<OpenPart>): void {
    switch (part.kind) {
      case 'glance': {
        const orders = this.byMemory ? [] : this.bounds.family(part.frames);
        const bound = this.byMemory ? -Infinity : leastBound(orders);
        heap.push(bound, { kind: 'family', frames: part.frames, orders });
        return;
      }
      case 'family':
        for (const frame of part.frames)
          heap.push(this.frameBound(frame, part.orders), { kind: 'frame', frame, orders: part.orders });
        return;
      case 'frame':
        this.openFrame(part.frame, part.orders, heap);
        return;
      case 'layout':
        this.openLayout(part.layout);
    }
  }

  private frameBound(frame: Frame, orders: readonly SwitchOrder[]): number {
    return this.byMemory ? this.floor.frame(frame, -Infinity) : this.bounds.layout(frame.strategy, orders);
  }

  private openFrame(frame: Frame, orders: readonly SwitchOrder[], heap: MinHeap<OpenPart>): void {
    if (this.floor.frame(frame, 0) > 0) {
      addPruned(this.tally, 'bound/memory', frame.count);
      return;
    }
    for (const recompute of frame.recomputes) {
      const layout: Strategy = { ...frame.strategy, recompute };
      const bound = this.byMemory ? this.floor.layout(layout) : this.bounds.layout(layout, orders);
      heap.push(bound, { kind: 'layout', layout });
    }
  }

  private openLayout(layout: Strategy): void {
    if (!this.byMemory && this.floor.layout(layout, 0) > 0) {
      addPruned(this.tally, 'bound/memory', this.strategiesOf(layout));
      return;
    }
    const id = layoutId(layout);
    const candidates = this.bounds.candidates(layout);
    addPruned(this.tally, 'bound/dominated', this.strategiesOf(layout) - candidates.length);
    const ordered = candidates
      .map((strategy) => ({ strategy, bound: this.byMemory ? -Infinity : this.bounds.strategy(strategy) }))
      .sort((a, b) => a.bound - b.bound);
    for (const [index, { strategy, bound }] of ordered.entries()) {
      if (bound > Math.min(this.incumbents.of(id)?.value ?? Infinity, this.incumbents.threshold)) {
        addPruned(this.tally, this.boundId, ordered.length - index);
        return;
      }
      this.evaluate(strategy);
    }
  }

  plans(): readonly Plan[] {
    return this.incumbents
      .ranked()
      .slice(0, this.problem.search.top)
      .map(({ strategy, partition }, index) =>
        toPlan(this.problem, strategy, partition, this.costs.estimate(strategy, partition), index + 1),
      );
  }

  nearestMisses(): readonly NearestMiss[] {
    return this.misses.list((strategy, { partition }) => this.costs.estimate(strategy, partition).reasons);
  }
}

/** The search with the nodes in the SPEC's order. */
const searchInOrder = (problem: Problem, costs: SearchCosts, controls: SearchControls): SearchOutcome => {
  const search = new Search(problem, costs, controls);
  const gap = controls.exhaustive ? search.exhaust() : search.branchAndBound();
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
    nearestMisses: plans.length > 0 ? [] : search.nearestMisses(),
    obstacles: search.space.obstacles,
  };
};

/**
 * Exact best-first branch and bound over the legal strategies: families of equal sizes, then schedules, then
 * recomputation, then switches. A part is opened in the order of its bound; the search ends when no open part can hold
 * a plan better than the last of the wanted ones. Memory removes a part when even its most frugal switches, with full
 * recomputation and with none, do not fit. The order of evaluation depends on the problem alone. With dedication the
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
