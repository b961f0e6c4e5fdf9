import type { Plan } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import { strategyToText } from '../strategy/format.ts';
import { GIB } from '../units.ts';
import type { EmitOptions } from './emit-types.ts';

const gibibytes = (bytes: number): string => `${(bytes / GIB).toFixed(1)} GiB`;

/** What a reader of a launch file wants to know first. No clock: the same plan gives the same bytes. */
export const planHeader = (
  plan: Plan,
  problem: Problem,
  runtime: string,
  { version, estimatedFor }: EmitOptions,
): readonly string[] => {
  const { estimate } = plan;
  // Of the stage with the least room: devices differ, and so do stages.
  const [tightest] = estimate.memory.toSorted(
    (one, other) => other.bound / other.capacity - one.bound / one.capacity || other.bound - one.bound,
  );
  const capacity = tightest?.capacity ?? Infinity;
  const stages = plan.partition.map((stage) => stage.join('+')).join(' ');
  return [
    `${problem.model.name} on ${problem.cluster.name} with ${runtime}: ${plan.gpusUsed} GPUs (world size ${plan.gpusUsed}).`,
    `Written by planner${version === undefined ? '' : ` ${version}`}, plan ${plan.rank}.`,
    `Estimate${estimatedFor === undefined ? '' : ` (made for ${estimatedFor})`}: ${estimate.iterationTime.toPrecision(4)} s per iteration, ${estimate.modelTflopsPerGpu.toFixed(0)} TFLOP/s per GPU, MFU ${(100 * estimate.mfu).toFixed(1)} %.`,
    `Memory: peak ${gibibytes(tightest?.total ?? estimate.peakMemory)}, at most ${gibibytes(tightest?.bound ?? estimate.peakMemoryBound)} on the device${Number.isFinite(capacity) ? ` of ${gibibytes(capacity)}` : ''}${plan.strategy.pipeline > 1 ? ` (stage ${tightest?.stage ?? 0}, the tightest)` : ''}.`,
    `Strategy: ${strategyToText(plan.strategy)}`,
    `Decoder layers per stage (virtual stages joined by +): ${stages}`,
  ];
};
