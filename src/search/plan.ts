import type { Estimate, Plan } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import { gpusUsed, type Partition, type Strategy } from '../strategy/strategy.ts';
import { seconds } from '../units.ts';
import { stageExtras } from './partition-choice.ts';

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
  strategy: Strategy,
  partition: Partition,
  estimate: Estimate,
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
  estimate,
});
