import type { Problem } from '../plan/problem.ts';
import { gpusUsed, type Partition, type Strategy } from '../strategy/strategy.ts';
import { flagKeys, layoutKeys, spell, type FlagKey } from './keys.ts';

/** A strategy that fits, with the figures that rank it. */
export interface Candidate {
  readonly strategy: Strategy;
  readonly partition: Partition;
  /** Seconds. */
  readonly time: number;
  /** Bytes: bound less usable capacity on the stage where that is largest; not positive when the plan fits. */
  readonly shortage: number;
  /** What the objective minimises. */
  readonly value: number;
}

/** Values of switches in the order in which ties prefer them. */
const preferred: Readonly<Record<FlagKey, readonly string[]>> = {
  sequenceParallel: ['true', 'false'],
  overlapTensor: ['true', 'false'],
  contextCommunication: ['p2p', 'a2a', 'all-gather', 'a2a+p2p'],
  dispatcher: ['all-to-all', 'deepep', 'hybridep', 'all-gather'],
  overlapExpert: ['false', 'true'],
  sharding: ['optimizer', 'none', 'gradients', 'parameters'],
  overlapGradients: ['true', 'false'],
  overlapParameters: ['true', 'false'],
  rankOrder: ['tp-cp-ep-dp-pp', 'tp-cp-ep-pp-dp'],
  offload: ['none', 'optimizer'],
};

const compareValues = (a: Strategy[keyof Strategy], b: Strategy[keyof Strategy]): number => {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [left, right] = [spell(a), spell(b)];
  return left < right ? -1 : left > right ? 1 : 0;
};

const compareStrategies = (a: Strategy, b: Strategy): number => {
  for (const key of layoutKeys) {
    const order = compareValues(a[key], b[key]);
    if (order !== 0) return order;
  }
  for (const key of flagKeys) {
    const order = preferred[key].indexOf(spell(a[key])) - preferred[key].indexOf(spell(b[key]));
    if (order !== 0) return order;
  }
  return 0;
};

/**
 * The order of plans: by the objective, then time, then memory, then sizes (smaller first) and switches in the order of
 * preference. A total order: two searches never disagree.
 */
export const compareCandidates = (a: Candidate, b: Candidate): number =>
  a.value - b.value ||
  a.time - b.time ||
  a.shortage - b.shortage ||
  compareStrategies(a.strategy, b.strategy);

/** Price per second of the nodes that the first `gpus` ranks stand on; without prices, one per GPU. */
const priceOf = (problem: Problem, gpus: number): number => {
  let left = gpus;
  let price = 0;
  for (const group of problem.cluster.groups) {
    const nodes = Math.min(group.count, Math.ceil(left / group.perNode));
    price += nodes * (group.pricePerHour ?? group.perNode);
    left -= nodes * group.perNode;
    if (left <= 0) break;
  }
  return price / 3600;
};

/** Objective of a strategy from its time in seconds and its shortage in bytes. */
export type Value = (strategy: Strategy, time: number, shortage: number) => number;

/**
 * What the search minimises: throughput – iteration time (tokens of an iteration are given); cost – price of an
 * iteration; memory_headroom – bytes by which the fullest stage exceeds its limit (the more negative the better).
 */
export const createValue = (problem: Problem): Value => {
  const prices = new Map<number, number>();
  const price = (strategy: Strategy): number => {
    const gpus = gpusUsed(strategy);
    const known = prices.get(gpus) ?? priceOf(problem, gpus);
    prices.set(gpus, known);
    return known;
  };
  switch (problem.search.objective) {
    case 'throughput':
      return (_, time) => time;
    case 'cost':
      return (strategy, time) => time * price(strategy);
    case 'memory_headroom':
      return (_strategy, _time, shortage) => shortage;
  }
};
