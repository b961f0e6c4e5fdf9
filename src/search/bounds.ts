import type { Problem } from '../plan/problem.ts';
import { microBatches, type Schedule, type Strategy } from '../strategy/strategy.ts';
import { createCombiner } from './combinations.ts';
import { fasterFirst, neverWorse } from './dominance.ts';
import type { FlagChoice } from './flag-space.ts';
import type { Value } from './ranking.ts';
import type { SearchCosts } from './search-types.ts';
import type { Frame, Space } from './space.ts';

/** Switches of one schedule of a family, by ascending bound of the frame with the shortest bubble. */
export interface SwitchOrder {
  readonly schedule: Schedule;
  readonly switches: readonly { readonly flags: FlagChoice; readonly bound: number }[];
}

/** What no strategy of a part of the space can beat. */
export interface Bounds {
  /** A family at a glance: its operators alone. */
  readonly glance: (frames: readonly Frame[]) => number;
  /** A family with all that its switches cost. */
  readonly family: (frames: readonly Frame[]) => readonly SwitchOrder[];
  /** All switches of a layout of the family. */
  readonly layout: (layout: Strategy, orders: readonly SwitchOrder[]) => number;
  readonly strategy: (strategy: Strategy) => number;
  /** Strategies of a layout without those that another one never does worse than. */
  readonly candidates: (layout: Strategy) => readonly Strategy[];
}

/** The frames of a family that can hold its fastest strategy: of each schedule the one with most virtual stages. */
const shortestBubbles = (frames: readonly Frame[]): readonly Frame[] => {
  const bySchedule = new Map<Schedule, Frame>();
  for (const frame of frames) {
    const known = bySchedule.get(frame.strategy.schedule);
    if (known === undefined || frame.strategy.virtualStages > known.strategy.virtualStages)
      bySchedule.set(frame.strategy.schedule, frame);
  }
  return [...bySchedule.values()];
};

const fills = ({ schedule }: Strategy): boolean =>
  schedule === '1f1b' || schedule === 'gpipe' || schedule === 'interleaved';

export const leastBound = (orders: readonly SwitchOrder[]): number =>
  orders.reduce((least, { switches }) => Math.min(least, switches[0]?.bound ?? Infinity), Infinity);

/** Bounds on time, through the objective. Of a part, its most favourable strategy is bounded; recomputation only adds work. */
export const createBounds = (problem: Problem, costs: SearchCosts, space: Space, value: Value): Bounds => {
  const faster = createCombiner(fasterFirst);
  const worthwhile = createCombiner(neverWorse);
  const byTime = (strategy: Strategy): number => value(strategy, costs.lowerBound(strategy), 0);

  const works = new Map<string, number>();
  const operatorWork = ({ strategy }: Frame): number => {
    const { tensor, context, microBatchSize, expert, expertTensor } = strategy;
    const key = `${tensor} ${context} ${microBatchSize} ${expert} ${expertTensor}`;
    const known = works.get(key);
    if (known !== undefined) return known;
    const sequenceParallel = tensor > 1;
    const work = Math.min(
      costs.operatorWork({ ...strategy, sequenceParallel }),
      costs.operatorWork(strategy),
    );
    works.set(key, work);
    return work;
  };

  return {
    glance: (frames) => {
      let least = Infinity;
      for (const frame of shortestBubbles(frames)) {
        const { strategy } = frame;
        const { pipeline, virtualStages } = strategy;
        const passes = microBatches(strategy, problem.training.globalBatchSize) / pipeline;
        const bubble = fills(strategy) ? (pipeline - 1) / pipeline / virtualStages : 0;
        least = Math.min(least, value(strategy, operatorWork(frame) * (passes + bubble), 0));
      }
      return least;
    },
    family: (frames) =>
      shortestBubbles(frames).map(({ strategy }) => ({
        schedule: strategy.schedule,
        switches: faster(space.flagChoices(strategy))
          .map((flags) => ({ flags, bound: byTime({ ...strategy, ...flags }) }))
          .sort((a, b) => a.bound - b.bound),
      })),
    // More bubble or recomputation lengthens every choice of switches: a later one cannot undercut what is found already.
    layout: (layout, orders) => {
      const order = orders.find(({ schedule }) => schedule === layout.schedule);
      let least = Infinity;
      for (const { flags, bound } of order?.switches ?? []) {
        if (bound >= least) break;
        least = Math.min(least, byTime({ ...layout, ...flags }));
      }
      return least;
    },
    strategy: (strategy) => value(strategy, costs.exchangeBound(strategy), 0),
    candidates: (layout) => worthwhile(space.flagChoices(layout)).map((flags) => ({ ...layout, ...flags })),
  };
};
