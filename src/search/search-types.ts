import type { LaunchOrder } from '../cluster/launch-order.ts';
import type { LayerCosts } from '../cost/estimator.ts';
import type { LayerChoices } from '../cost/layer-bound.ts';
import type { Estimate, SearchResult, StageMemory } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import type { Bytes, Seconds } from '../units.ts';

/** What the search asks of the cost model. */
export interface SearchCosts {
  readonly estimate: (strategy: Strategy, partition: Partition) => Estimate;
  readonly iterationTime: (strategy: Strategy, partition: Partition) => Seconds;
  /**
   * No partition of the strategy takes less time; `bottleneck`: seconds of one micro-batch that the slowest stage takes
   * at least, where that is known.
   */
  readonly lowerBound: (strategy: Strategy, bottleneck?: number) => Seconds;
  /** As lowerBound, with exposed data communication. */
  readonly exchangeBound: (strategy: Strategy, bottleneck?: number) => Seconds;
  /** Operators of both passes of one micro-batch, which no switch but sequence parallelism changes. */
  readonly operatorWork: (strategy: Strategy) => Seconds;
  /** The same with the communication that no choice of switches avoids. */
  readonly leastOfSwitches: (strategy: Strategy, choices: LayerChoices) => Seconds;
  /** One entry for all stages, or one for each; the same array for strategies whose layers cost the same. */
  readonly stageCosts: (strategy: Strategy) => readonly LayerCosts[];
  readonly memory: (strategy: Strategy, partition: Partition) => readonly StageMemory[];
  /** Largest of bound − capacity over stages. */
  readonly excess: (strategy: Strategy, partition: Partition) => Bytes;
  /** The same of one stage, which what stands on other stages does not change. */
  readonly stageExcess: (strategy: Strategy, partition: Partition, stage: number) => Bytes;
  /** No more than that of a stage which holds so many layers of each kind, wherever they stand. */
  readonly leastExcess: (strategy: Strategy, counts: readonly number[], stage: number) => Bytes;
  /** The same cost model for another problem (nodes in another order, fewer of them); absent: no dedication. */
  readonly forProblem?: (problem: Problem) => SearchCosts;
  /** Iteration time of a strategy in any order of hosts, for who compares many orders of one. */
  readonly orderScore?: (strategy: Strategy, partition: Partition) => (order: LaunchOrder) => Seconds;
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
  /** What the order of hosts decided, in words; absent without dedication. */
  readonly notes?: readonly string[];
}
