import type { LayerCosts, PassTime } from '../cost/estimator.ts';
import type { StageExtra, StageMemory } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import { SCHEDULES } from '../strategy/keys.ts';
import { modelEnds } from '../strategy/partition.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import { createExpressible } from './legality.ts';
import { bottleneckBound, memoryMayFit } from './partition-bound.ts';
import { evenChunks } from './partition-even.ts';
import { partitionProblem } from './partition-instance.ts';
import { kindRoomsOf, reachOfStages, roomsOfStages } from './partition-memory.ts';
import { stageLoads, TIE, type PartitionAnswer, type PartitionProblem } from './partition-problem.ts';
import { simplePartitions } from './partition-simple.ts';
import { leastBottleneck, partitionLayers } from './partition.ts';
import type { SearchCosts } from './search-types.ts';

/** What a partition is chosen by. */
export type PartitionCosts = Pick<
  SearchCosts,
  'stageCosts' | 'memory' | 'excess' | 'stageExcess' | 'leastExcess'
>;

export interface PartitionChoice {
  readonly partition: Partition;
  /** Bytes by which the fullest stage exceeds what a plan may use; at most 0 when it fits. */
  readonly shortage: number;
  /** That stage. */
  readonly stage: number;
  /** No other partition would fit either. */
  readonly impossible: boolean;
  /** Seconds of one micro-batch that the slowest stage takes in every partition that fits. */
  readonly bottleneck: number;
  /** The partition attains `bottleneck`, or none fits. */
  readonly proven: boolean;
}

/** Partial partitions that a search spends on one interleaved case of several layer kinds. */
const INTERLEAVED_NODES = 500;

/** Times that an interleaved partition of several layer kinds which does not fit is moved towards lighter stages. */
const REPAIRS = 6;

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

const worst = (stages: readonly StageMemory[]): { shortage: number; stage: number } =>
  stages.reduce(
    (most, stage) => {
      const shortage = stage.bound - stage.capacity;
      return shortage > most.shortage ? { shortage, stage: stage.stage } : most;
    },
    { shortage: -Infinity, stage: 0 },
  );

/** What stands beside the decoder layers on each stage. */
export const stageExtras = (problem: Problem, strategy: Strategy): readonly (readonly StageExtra[])[] => {
  const { first, last } = modelEnds(strategy.pipeline, strategy.virtualStages, strategy.schedule);
  return Array.from({ length: strategy.pipeline }, (_, stage) => {
    const extras: StageExtra[] = [];
    if (stage === first) extras.push('embedding');
    if (stage === last) extras.push('head', 'loss');
    if (stage === last && problem.model.multiTokenPrediction !== null) extras.push('mtp');
    return extras;
  });
};

/** The fastest partition of a shape under some layer times, before memory is asked. */
interface Fastest extends PartitionAnswer {
  readonly instance: PartitionProblem;
  /** Where the runtime cannot be told the best: those that it can be told, fastest first. */
  readonly alternatives: readonly { readonly partition: Partition; readonly bottleneck: number }[] | null;
}

/** What is known of one shape under some layer times; the partition itself when it is first asked for. */
interface Entry {
  readonly bottleneck: number;
  fastest: Fastest | null | undefined;
  even: Partition | null | undefined;
}

export interface Partitioner {
  /** Fastest first, lighter where memory asks for it; null where no partition can be stated. */
  readonly choose: (strategy: Strategy) => PartitionChoice | null;
  /** Interleaved: the partition with the shortest longest chunk, if it can be stated and fits; else null. */
  readonly even: (strategy: Strategy) => Partition | null;
  /** Seconds of one micro-batch that the slowest stage takes in every partition; cheap. */
  readonly bottleneck: (strategy: Strategy) => number;
}

/** Equal times of all layers and nothing beside them: who asks for memory headroom gets equal layer counts. */
const evenTimes = (problem: Problem): readonly LayerCosts[] => {
  const pass = (forward: number): PassTime => ({ forward, backward: 0 }) as PassTime;
  const kinds = problem.model.kinds.map(() => pass(1));
  return [{ kinds, plain: kinds, embedding: pass(0), head: pass(0), mtp: pass(0) }];
};

/**
 * The time-optimal partition, if every stage fits; else the time-optimal one of those that fit, exactly for one chunk per
 * stage, for models of one layer kind and for runtimes that know few partitions. For several kinds on several chunks
 * stages that do not fit give up layers, as many as their excess holds at their mean bytes per layer, until all fit.
 */
export const createPartitioner = (problem: Problem, costs: PartitionCosts): Partitioner => {
  const expressible = createExpressible(problem);
  const known = new WeakMap<readonly LayerCosts[], Map<number, Entry>>();
  const interned = new Map<string, Partition>();
  const even = problem.search.objective === 'memory_headroom' ? evenTimes(problem) : null;
  const oneKind = problem.model.layers.every((kind) => kind === problem.model.layers[0]);

  // Times differ more often than the partitions that they lead to: equal ones are kept once.
  const shared = (partition: Partition): Partition => {
    const text = partition.map((chunks) => chunks.join(' ')).join();
    const before = interned.get(text);
    if (before !== undefined) return before;
    interned.set(text, partition);
    return partition;
  };

  const entryOf = (strategy: Strategy): Entry => {
    const times = even ?? costs.stageCosts(strategy);
    const byShape = known.get(times) ?? new Map<number, Entry>();
    known.set(times, byShape);
    const { pipeline, virtualStages, schedule, recompute } = strategy;
    const block = recompute.kind === 'full-block' ? recompute.layers : 0;
    const shape = ((block * 4096 + pipeline) * 4096 + virtualStages) * 16 + SCHEDULES.indexOf(schedule);
    const before = byShape.get(shape);
    if (before !== undefined) return before;
    const instance = partitionProblem(problem, strategy, times);
    const made: Entry = { bottleneck: leastBottleneck(instance), fastest: undefined, even: undefined };
    byShape.set(shape, made);
    return made;
  };

  const make = (strategy: Strategy): Fastest | null => {
    const instance = partitionProblem(problem, strategy, even ?? costs.stageCosts(strategy));
    const answer = partitionLayers(instance, INTERLEAVED_NODES);
    if (answer !== null && expressible(strategy, answer.partition))
      return { ...answer, partition: shared(answer.partition), instance, alternatives: null };
    const alternatives = simplePartitions(problem.model.layers.length, strategy)
      .filter((partition) => expressible(strategy, partition))
      .map((partition) => ({ partition, bottleneck: Math.max(...stageLoads(instance, partition)) }))
      .sort((a, b) => a.bottleneck - b.bottleneck);
    const first = alternatives[0];
    if (first === undefined) return null;
    return { ...first, bound: first.bottleneck, proven: true, instance, alternatives };
  };

  const fastest = (strategy: Strategy): Fastest | null => {
    const entry = entryOf(strategy);
    if (entry.fastest === undefined) entry.fastest = make(strategy);
    return entry.fastest;
  };

  const miss = (strategy: Strategy, { partition, bound }: Fastest): PartitionChoice => ({
    partition,
    ...worst(costs.memory(strategy, partition)),
    impossible: true,
    bottleneck: bound,
    proven: true,
  });

  const fit = (strategy: Strategy, answer: PartitionAnswer): PartitionChoice => ({
    partition: shared(answer.partition),
    shortage: costs.excess(strategy, answer.partition),
    stage: 0,
    impossible: false,
    bottleneck: answer.bound,
    proven: answer.proven,
  });

  /** Moved towards lighter stages, from one that does not fit; `bound`: of the bottleneck of what fits. */
  const repaired = (strategy: Strategy, start: Fastest, bound: number): PartitionChoice => {
    let limits = start.instance.memoryLimit;
    let answer: PartitionAnswer = start;
    let best: PartitionChoice | null = null;
    for (let repair = 0; ; repair += 1) {
      const stages = costs.memory(strategy, answer.partition);
      const { shortage, stage } = worst(stages);
      if (best === null || shortage < best.shortage)
        best = {
          partition: shared(answer.partition),
          shortage,
          stage,
          impossible: false,
          bottleneck: bound,
          proven: shortage <= 0 && answer.bottleneck <= bound * (1 + TIE),
        };
      const excess = stages.reduce((total, each) => total + each.bound - each.capacity, 0);
      if (shortage <= 0 || excess > 0 || repair === REPAIRS) return best;
      limits = lighter(limits, answer.partition, stages);
      const next = partitionLayers({ ...start.instance, memoryLimit: limits }, INTERLEAVED_NODES);
      if (next === null || !expressible(strategy, next.partition)) return best;
      answer = next;
    }
  };

  /** Several kinds of layers on several chunks: memory of counts in whatever order says what cannot fit. */
  const interleaved = (strategy: Strategy, start: Fastest): PartitionChoice => {
    const rooms = kindRoomsOf(start.instance, strategy, costs);
    if (rooms === null) return repaired(strategy, start, start.bound);
    if (!memoryMayFit(start.instance, rooms)) return miss(strategy, start);
    return repaired(strategy, start, Math.max(start.bound, bottleneckBound(start.instance, rooms)));
  };

  const withinMemory = (strategy: Strategy, start: Fastest): PartitionChoice => {
    const { instance, alternatives } = start;
    if (strategy.pipeline === 1) return miss(strategy, start);
    if (alternatives !== null) {
      const found = alternatives.find(({ partition }) => costs.excess(strategy, partition) <= 0);
      if (found === undefined) return miss(strategy, start);
      return fit(strategy, { ...found, bound: found.bottleneck, proven: true });
    }
    if (oneKind) {
      const rooms = roomsOfStages(instance, strategy, start.partition, costs);
      const answer = rooms === null ? null : partitionLayers({ ...instance, memoryLimit: rooms });
      return answer === null ? miss(strategy, start) : fit(strategy, answer);
    }
    if (strategy.virtualStages > 1) return interleaved(strategy, start);
    const reach = reachOfStages(instance, strategy, costs);
    const answer = reach === null ? null : partitionLayers({ ...instance, reach });
    return answer === null ? miss(strategy, start) : fit(strategy, answer);
  };

  const choose = (strategy: Strategy): PartitionChoice | null => {
    const start = fastest(strategy);
    if (start === null) return null;
    const { partition, bound, proven } = start;
    const shortage = costs.excess(strategy, partition);
    if (shortage > 0) return withinMemory(strategy, start);
    return { partition, shortage, stage: 0, impossible: false, bottleneck: bound, proven };
  };

  const evenOf = (strategy: Strategy): Partition | null => {
    if (strategy.schedule !== 'interleaved' || strategy.virtualStages === 1 || even !== null) return null;
    const entry = entryOf(strategy);
    if (entry.even === undefined) {
      const found = evenChunks(partitionProblem(problem, strategy, costs.stageCosts(strategy)));
      entry.even = found !== null && expressible(strategy, found) ? shared(found) : null;
    }
    return entry.even !== null && costs.excess(strategy, entry.even) <= 0 ? entry.even : null;
  };
  return { choose, even: evenOf, bottleneck: (strategy) => entryOf(strategy).bottleneck };
};

/** Most layers of each stage after those that do not fit have given some up. */
const lighter = (
  limits: readonly number[],
  partition: Partition,
  stages: readonly StageMemory[],
): readonly number[] =>
  limits.map((limit, index) => {
    const memory = stages[index];
    const count = sum(partition[index] ?? []);
    if (memory === undefined || count === 0) return limit;
    const over = memory.bound - memory.capacity;
    return over > 0 ? count - Math.max(1, Math.floor((over * count) / memory.bound)) : limit;
  });
