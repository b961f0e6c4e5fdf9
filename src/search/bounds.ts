import type { LayerChoices } from '../cost/layer-bound.ts';
import type { Problem } from '../plan/problem.ts';
import { microBatches, type Schedule, type Strategy } from '../strategy/strategy.ts';
import { createCombiner } from './combinations.ts';
import { fasterFirst, neverWorse } from './dominance.ts';
import type { FlagChoice } from './flag-space.ts';
import type { FlagKey } from './keys.ts';
import type { Partitioner } from './partition-choice.ts';
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
  /** The same with the communication that every choice of switches has. */
  readonly peek: (frames: readonly Frame[]) => number;
  /** A family with all that its switches cost. */
  readonly family: (frames: readonly Frame[]) => readonly SwitchOrder[];
  /** All switches of a layout of the family. */
  readonly layout: (layout: Strategy, orders: readonly SwitchOrder[]) => number;
  /** With the bottleneck of the fastest partition, where it is known. */
  readonly strategy: (strategy: Strategy, bottleneck?: number) => number;
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

const sizesKey = ({ tensor, context, microBatchSize, expert, expertTensor }: Strategy): string =>
  `${tensor} ${context} ${microBatchSize} ${expert} ${expertTensor}`;

export const leastBound = (orders: readonly SwitchOrder[]): number =>
  orders.reduce((least, { switches }) => Math.min(least, switches[0]?.bound ?? Infinity), Infinity);

/** Bounds on time, through the objective. Of a part, its most favourable strategy is bounded; recomputation only adds work. */
export const createBounds = (
  problem: Problem,
  costs: SearchCosts,
  space: Space,
  partitioner: Pick<Partitioner, 'bottleneck'>,
  value: Value,
): Bounds => {
  const faster = createCombiner(fasterFirst);
  const worthwhile = createCombiner(neverWorse);
  const byTime = (strategy: Strategy, bottleneck = 0): number =>
    value(strategy, costs.lowerBound(strategy, bottleneck), 0);

  const works = new Map<string, number>();
  const operatorWork = ({ strategy }: Frame): number => {
    const key = sizesKey(strategy);
    const known = works.get(key);
    if (known !== undefined) return known;
    const sequenceParallel = strategy.tensor > 1;
    const work = Math.min(
      costs.operatorWork({ ...strategy, sequenceParallel }),
      costs.operatorWork(strategy),
    );
    works.set(key, work);
    return work;
  };

  /** Values that legal switches of a layout take, each key for itself. */
  const layerChoices = (strategy: Strategy): LayerChoices => {
    const values = <Key extends FlagKey>(key: Key): readonly Strategy[Key][] => {
      const found = new Set<Strategy[Key]>();
      for (const component of components)
        for (const choice of component) {
          const value = choice[key];
          if (value !== undefined) found.add(value);
        }
      return [...found];
    };
    const components = space.flagChoices(strategy);
    return {
      dispatchers: values('dispatcher'),
      contextMethods: values('contextCommunication'),
      overlapTensor: values('overlapTensor'),
      overlapExpert: values('overlapExpert'),
    };
  };
  const switchWorks = new Map<string, number>();
  const leastOfSwitches = ({ strategy }: Frame): number => {
    const key = `${sizesKey(strategy)} ${strategy.tensor * strategy.context * strategy.pipeline * strategy.data}`;
    const choices = layerChoices(strategy);
    const whole = `${key} ${Object.values(choices).join(';')}`;
    const known = switchWorks.get(whole);
    if (known !== undefined) return known;
    const sequenceParallel = strategy.tensor > 1;
    const work = Math.min(
      costs.leastOfSwitches({ ...strategy, sequenceParallel }, choices),
      costs.leastOfSwitches({ ...strategy, sequenceParallel: false }, choices),
    );
    switchWorks.set(whole, work);
    return work;
  };
  const least = (frames: readonly Frame[], workOf: (frame: Frame) => number): number => {
    let best = Infinity;
    for (const frame of shortestBubbles(frames)) {
      const { strategy } = frame;
      const { pipeline, virtualStages } = strategy;
      const passes = microBatches(strategy, problem.training.globalBatchSize) / pipeline;
      const bubble = fills(strategy) ? (pipeline - 1) / pipeline / virtualStages : 0;
      best = Math.min(best, value(strategy, workOf(frame) * (passes + bubble), 0));
    }
    return best;
  };

  return {
    glance: (frames) => least(frames, operatorWork),
    peek: (frames) => least(frames, leastOfSwitches),
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
        const strategy = { ...layout, ...flags };
        if (byTime(strategy) >= least) continue;
        // Layers cannot be cut: the slowest stage of the fastest partition tells more than the mean.
        least = Math.min(least, byTime(strategy, partitioner.bottleneck(strategy)));
      }
      return least;
    },
    strategy: (strategy, bottleneck) => value(strategy, costs.exchangeBound(strategy, bottleneck), 0),
    candidates: (layout) => worthwhile(space.flagChoices(layout)).map((flags) => ({ ...layout, ...flags })),
  };
};
