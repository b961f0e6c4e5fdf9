import type { NearestMiss, Plan } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import type { Recompute, Strategy } from '../strategy/strategy.ts';
import { createBounds, leastBound, type Bounds, type SwitchOrder } from './bounds.ts';
import { createCombiner } from './combinations.ts';
import { firstTrue } from './dedication-graph.ts';
import { dominates, smallerFirst } from './dominance.ts';
import { MinHeap } from './heap.ts';
import { Incumbents } from './incumbents.ts';
import { layoutId } from './keys.ts';
import { bySize, isBlock, type Chain, type OpenPart } from './open-part.ts';
import { createMemoryFloor, type MemoryFloor } from './memory-floor.ts';
import { Misses } from './misses.ts';
import { bestPartition } from './partition-best.ts';
import { createPartitioner, type PartitionChoice, type Partitioner } from './partition-choice.ts';
import { toPlan } from './plan.ts';
import { createValue, type Value } from './ranking.ts';
import type { SearchControls, SearchCosts } from './search-types.ts';
import { createSpace, type Frame, type Space } from './space.ts';
import { addPruned, type Tally } from './statistics.ts';

const MISSES = 10;
/** Relative error of a sum of times. */
const ROUNDING = 1e-9;

/** One search: the space, what was found, what was left out. */
export class Search {
  readonly space: Space;
  readonly tally: Tally;
  wasCut = false;
  /** Least bound of an evaluated strategy for which a faster partition may exist than the one that was chosen. */
  private unproven = Infinity;
  private readonly problem: Problem;
  private readonly costs: SearchCosts;
  private readonly controls: SearchControls;
  private readonly partitioner: Partitioner;
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
    this.partitioner = createPartitioner(problem, costs);
    this.value = createValue(problem);
    this.bounds = createBounds(problem, costs, this.space, this.partitioner, this.value);
    this.floor = createMemoryFloor(this.space, this.partitioner, (strategy, choice) => {
      this.missed(strategy, choice);
    });
    this.incumbents = new Incumbents(problem.search.top);
  }

  /** What does not fit is of interest as long as nothing fits. */
  private missed(strategy: Strategy, choice: PartitionChoice): void {
    if (this.incumbents.isEmpty) this.misses.add(strategy, choice);
  }

  /** Judges one strategy and keeps it if it is among the best. */
  private evaluate(strategy: Strategy): PartitionChoice | null {
    this.tally.evaluated += 1;
    const choice = this.partitioner.choose(strategy);
    if (choice === null) return null;
    if (!choice.proven && !this.byMemory)
      this.unproven = Math.min(this.unproven, this.bounds.strategy(strategy, choice.bottleneck));
    if (choice.shortage > 0) {
      this.missed(strategy, choice);
      return choice;
    }
    const { partition, shortage, time } = bestPartition(strategy, choice, this.partitioner, this.costs);
    const value = this.value(strategy, time, shortage);
    this.incumbents.offer({ strategy, partition, time, shortage, value });
    return choice;
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

  /** Every strategy in turn. Returns the least bound of what was left open: Infinity when nothing was. */
  exhaust(): number {
    const combine = createCombiner(null);
    for (const [index, { frames }] of this.space.families.entries())
      for (const frame of frames)
        for (const recompute of frame.recomputes) {
          if (this.mustStop(this.space.families.length - index)) return 0;
          const layout: Strategy = { ...frame.strategy, recompute };
          for (const flags of combine(this.space.flagChoices(layout))) this.evaluate({ ...layout, ...flags });
        }
    return Infinity;
  }

  /** Returns the least bound of what was left open: Infinity when nothing was. */
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
        const bound = node.key;
        for (let left: typeof node | undefined = node; left !== undefined; left = heap.pop())
          this.cutOff(left.value, 'limit');
        return bound;
      }
      this.open(node.value, heap);
    }
    return Infinity;
  }

  private mostHeadroom(frames: readonly Frame[]): number {
    return Math.min(...frames.map((frame) => this.floor.frameShortage(frame)));
  }

  /** Between the first plan and the least bound of strategies that were left open, of which `open` is one. */
  gap(open: number): number {
    const { best } = this.incumbents;
    const bound = Math.min(open, this.unproven * (1 + ROUNDING));
    if (bound === Infinity) return 0;
    return Number.isFinite(best) && bound > 0 ? Math.max(0, best / bound - 1) : 1;
  }

  private cutOff(part: OpenPart, id: string): void {
    switch (part.kind) {
      case 'glance':
      case 'peek':
      case 'family':
        for (const frame of part.frames) addPruned(this.tally, id, frame.count);
        return;
      case 'frame':
        addPruned(this.tally, id, part.frame.count);
        return;
      case 'blocks':
        for (const recompute of part.chain.recomputes)
          addPruned(this.tally, id, this.strategiesOf({ ...part.frame.strategy, recompute }));
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
      case 'glance':
        if (this.byMemory) heap.push(-Infinity, { kind: 'family', frames: part.frames, orders: [] });
        else heap.push(this.bounds.peek(part.frames), { kind: 'peek', frames: part.frames });
        return;
      case 'peek': {
        const orders = this.bounds.family(part.frames);
        heap.push(leastBound(orders), { kind: 'family', frames: part.frames, orders });
        return;
      }
      case 'family':
        for (const frame of part.frames)
          heap.push(this.frameBound(frame, part.orders), { kind: 'frame', frame, orders: part.orders });
        return;
      case 'frame':
        this.openFrame(part.frame, part.orders, heap);
        return;
      case 'blocks':
        this.openBlocks(part.frame, part.orders, part.chain, heap);
        return;
      case 'layout':
        // Asked when its turn comes: time cuts most layouts off before.
        if (this.byMemory || this.floor.recomputeMayFit(part.frame, part.layout.recompute))
          this.openLayout(part.layout);
        else addPruned(this.tally, 'bound/memory', this.strategiesOf(part.layout));
    }
  }

  private frameBound(frame: Frame, orders: readonly SwitchOrder[]): number {
    return this.byMemory ? this.floor.frameShortage(frame) : this.bounds.layout(frame.strategy, orders);
  }

  private openFrame(frame: Frame, orders: readonly SwitchOrder[], heap: MinHeap<OpenPart>): void {
    if (!this.floor.frameMayFit(frame)) {
      addPruned(this.tally, 'bound/memory', frame.count);
      return;
    }
    const blocks = this.byMemory ? [] : frame.recomputes.filter(isBlock).sort(bySize);
    for (const recompute of frame.recomputes) {
      if (blocks.includes(recompute)) continue;
      const layout: Strategy = { ...frame.strategy, recompute };
      const bound = this.byMemory ? this.floor.layoutShortage(layout) : this.bounds.layout(layout, orders);
      heap.push(bound, { kind: 'layout', frame, layout });
    }
    this.pushBlocks(frame, orders, { recomputes: blocks, mayFit: false }, heap);
  }

  private pushBlocks(
    frame: Frame,
    orders: readonly SwitchOrder[],
    chain: Chain,
    heap: MinHeap<OpenPart>,
  ): void {
    const [recompute] = chain.recomputes;
    if (recompute === undefined) return;
    const bound = this.bounds.layout({ ...frame.strategy, recompute }, orders);
    heap.push(bound, { kind: 'blocks', frame, orders, chain });
  }

  /** Opens the fastest layout of a chain if it may fit; else leaves out those that do not. */
  private openBlocks(
    frame: Frame,
    orders: readonly SwitchOrder[],
    chain: Chain,
    heap: MinHeap<OpenPart>,
  ): void {
    const layoutOf = (recompute: Recompute): Strategy => ({ ...frame.strategy, recompute });
    const { recomputes } = chain;
    const first = chain.mayFit
      ? 0
      : firstTrue(0, recomputes.length - 1, (index) => {
          const recompute = recomputes[index];
          return recompute === undefined || this.floor.layoutMayFit(layoutOf(recompute));
        });
    for (const recompute of recomputes.slice(0, first))
      addPruned(this.tally, 'bound/memory', this.strategiesOf(layoutOf(recompute)));
    const [fastest] = recomputes;
    if (first === 0 && fastest !== undefined) this.openLayout(layoutOf(fastest));
    this.pushBlocks(frame, orders, { recomputes: recomputes.slice(Math.max(1, first)), mayFit: true }, heap);
  }

  private openLayout(layout: Strategy): void {
    const id = layoutId(layout);
    const candidates = this.bounds.candidates(layout);
    addPruned(this.tally, 'bound/dominated', this.strategiesOf(layout) - candidates.length);
    // What takes at least as much as one that fits in no partition does not fit either.
    const impossible: Strategy[] = [];
    const ordered = candidates
      .map((strategy) => ({ strategy, bound: this.byMemory ? -Infinity : this.bounds.strategy(strategy) }))
      .sort((a, b) => a.bound - b.bound);
    for (const [index, { strategy, bound }] of ordered.entries()) {
      const worst = Math.min(this.incumbents.of(id)?.value ?? Infinity, this.incumbents.threshold);
      if (bound > worst) {
        addPruned(this.tally, this.boundId, ordered.length - index);
        return;
      }
      if (!this.byMemory && this.partitionBound(strategy) > worst) addPruned(this.tally, this.boundId, 1);
      else if (impossible.some((smaller) => dominates(smallerFirst, smaller, strategy)))
        addPruned(this.tally, 'bound/memory', 1);
      else if (this.evaluate(strategy)?.impossible === true) impossible.push(strategy);
    }
  }

  /** No plan of the strategy is faster than its fastest partition's slowest stage allows. */
  private partitionBound(strategy: Strategy): number {
    return this.bounds.strategy(strategy, this.partitioner.bottleneck(strategy));
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
