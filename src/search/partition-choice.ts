import type { StageExtra, StageMemory } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import type { PassTime } from '../cost/estimator.ts';
import { evenPartition } from '../strategy/layer-split.ts';
import { modelEnds } from '../strategy/partition.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import { isExpressible } from './legality.ts';
import { stageLoads, type PartitionProblem } from './partition-problem.ts';
import { partitionLayers } from './partition.ts';
import type { SearchCosts } from './search-types.ts';

/** What a partition is chosen by. */
export type PartitionCosts = Pick<SearchCosts, 'stageCosts' | 'memory' | 'excess'>;

export interface PartitionChoice {
  readonly partition: Partition;
  /** Bytes by which the fullest stage exceeds what a plan may use; at most 0 when it fits. */
  readonly shortage: number;
  /** That stage. */
  readonly stage: number;
  /** The stages together hold more than they can: no other partition would help. */
  readonly hopeless: boolean;
}

/** Partial partitions that a search spends on one interleaved case of several layer kinds. */
const INTERLEAVED_NODES = 500;

/** Partitions remembered by their times. */
const REMEMBERED = 100_000;

/** Times that a partition which does not fit is moved towards lighter stages. */
const REPAIRS = 6;

const both = (pass: PassTime): number => pass.forward + pass.backward;

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

/** Both passes of each layer kind, and of what stands on the first and the last stage, on the machines of a stage. */
interface StageTimes {
  readonly kinds: readonly number[];
  readonly first: number;
  readonly last: number;
}

/**
 * The first N layers of a chunk that `full:block:N` recomputes cost every stage the same, so they are left out; what is
 * compared are plain layers. Who asks for memory headroom gets equal layer counts, whatever the switches.
 */
const stageTimes = (problem: Problem, strategy: Strategy, costs: PartitionCosts): readonly StageTimes[] => {
  if (problem.search.objective === 'memory_headroom')
    return [{ kinds: problem.model.kinds.map(() => 1), first: 0, last: 0 }];
  const plain: Strategy =
    strategy.recompute.kind === 'full-block' ? { ...strategy, recompute: { kind: 'none' } } : strategy;
  return costs.stageCosts(plain).map(({ kinds, embedding, head, mtp }) => ({
    kinds: kinds.map(both),
    first: both(embedding),
    last: both(head) + both(mtp),
  }));
};

const partitionProblem = (
  problem: Problem,
  { pipeline, virtualStages }: Strategy,
  times: readonly StageTimes[],
  limits: readonly number[] | null,
): PartitionProblem => {
  const rows = Array.from({ length: pipeline }, (_, stage) => times[Math.min(stage, times.length - 1)]);
  const counted = problem.model.kinds.map(() => 1);
  return {
    layers: problem.model.layers,
    stages: pipeline,
    virtualStages,
    layerTime: rows.map((row) => row?.kinds ?? []),
    stageTime: rows.map(
      (row, stage) => (stage === 0 ? (row?.first ?? 0) : 0) + (stage === pipeline - 1 ? (row?.last ?? 0) : 0),
    ),
    layerMemory: rows.map(() => counted),
    memoryLimit: limits ?? rows.map(() => Infinity),
    minimumLayers: pipeline === 1 ? { first: 1, middle: 1, last: 1 } : { first: 0, middle: 1, last: 0 },
  };
};

/**
 * Partitions that runtimes without a free layout can state: equal chunks, or a first and a last stage that differ from
 * equal middle ones.
 */
const simplePartitions = (layers: number, { pipeline, virtualStages }: Strategy): Partition[] => {
  const even = evenPartition(layers, pipeline, virtualStages);
  const found: Partition[] = even === null ? [] : [even];
  const units = layers / virtualStages;
  if (pipeline < 3 || !Number.isInteger(units)) return found;
  for (let middle = 1; middle * (pipeline - 2) < units; middle += 1) {
    const ends = units - middle * (pipeline - 2);
    for (let first = 1; first < ends; first += 1)
      found.push(
        Array.from({ length: pipeline }, (_, stage) => {
          const count = stage === 0 ? first : stage === pipeline - 1 ? ends - first : middle;
          return Array.from({ length: virtualStages }, () => count);
        }),
      );
  }
  return found;
};

/** Chooses the partition of a strategy: fastest first, lighter where memory asks for it; null where none can be stated. */
export type Partitioner = (strategy: Strategy) => PartitionChoice | null;

/**
 * The time-optimal partition, if every stage fits. Otherwise stages that do not fit give up layers – as many as their
 * excess holds at their mean bytes per layer, an under-estimate as not all bytes belong to layers – until all fit or
 * no partition is left; what fits is always judged by the whole memory model.
 */
export const createPartitioner = (problem: Problem, costs: PartitionCosts): Partitioner => {
  const known = new Map<string, Partition | null>();
  const interned = new Map<string, Partition | null>();
  const layers = problem.model.layers.length;

  const fastest = (instance: PartitionProblem, strategy: Strategy): Partition | null => {
    const answer = partitionLayers(instance, INTERLEAVED_NODES);
    if (answer !== null && isExpressible(problem, strategy, answer.partition)) return answer.partition;
    const allowed = simplePartitions(layers, strategy)
      .filter((partition) =>
        partition.every((chunks, stage) => sum(chunks) <= (instance.memoryLimit[stage] ?? Infinity)),
      )
      .filter((partition) => isExpressible(problem, strategy, partition))
      .map((partition) => ({ partition, bottleneck: Math.max(...stageLoads(instance, partition)) }));
    const first = allowed[0];
    if (first === undefined) return null;
    return allowed.reduce((best, each) => (each.bottleneck < best.bottleneck ? each : best), first).partition;
  };

  const remembered = (
    strategy: Strategy,
    times: readonly StageTimes[],
    limits: readonly number[] | null,
  ): Partition | null => {
    const { pipeline, virtualStages, schedule } = strategy;
    const timesKey = times.map(({ kinds, first, last }) => `${kinds.join(',')} ${first} ${last}`).join(';');
    const key = `${pipeline} ${virtualStages} ${schedule} ${timesKey} ${limits?.join(',') ?? ''}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const made = fastest(partitionProblem(problem, strategy, times, limits), strategy);
    // Times differ more often than the partitions that they lead to: equal ones are kept once.
    const text = JSON.stringify(made);
    const shared = interned.get(text) ?? made;
    interned.set(text, shared);
    if (known.size >= REMEMBERED) known.clear();
    known.set(key, shared);
    return shared;
  };

  return (strategy) => {
    const times = stageTimes(problem, strategy, costs);
    let partition = remembered(strategy, times, null);
    if (partition === null) return null;
    const shortage = costs.excess(strategy, partition);
    let best: PartitionChoice = { partition, shortage, stage: 0, hopeless: false };
    if (shortage <= 0) return best;
    let limits = Array.from({ length: strategy.pipeline }, () => Infinity);
    for (let repair = 0; partition !== null; repair += 1) {
      const stages = costs.memory(strategy, partition);
      const excess = stages.reduce((total, stage) => total + stage.bound - stage.capacity, 0);
      const choice: PartitionChoice = { partition, ...worst(stages), hopeless: excess > 0 };
      if (repair === 0 || choice.shortage < best.shortage) best = choice;
      const last = repair === REPAIRS || strategy.pipeline === 1;
      if (choice.shortage <= 0 || choice.hopeless || last) return best;
      limits = lighter(limits, partition, stages);
      partition = remembered(strategy, times, limits);
    }
    return best;
  };
};

/** Most layers of each stage after those that do not fit have given some up. */
const lighter = (limits: readonly number[], partition: Partition, stages: readonly StageMemory[]): number[] =>
  limits.map((limit, index) => {
    const memory = stages[index];
    const count = sum(partition[index] ?? []);
    if (memory === undefined || count === 0) return limit;
    const over = memory.bound - memory.capacity;
    return over > 0 ? count - Math.max(1, Math.floor((over * count) / memory.bound)) : limit;
  });

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
