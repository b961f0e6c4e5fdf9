import type { Plan } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import { strategyToText } from '../strategy/format.ts';
import { GIB } from '../units.ts';

const gibibytes = (bytes: number): string => `${(bytes / GIB).toFixed(1)} GiB`;

/** What a reader of a launch file wants to know first. No clock: the same plan gives the same bytes. */
export const planHeader = (
  plan: Plan,
  problem: Problem,
  runtime: string,
  plannerVersion: string | undefined,
): readonly string[] => {
  const { estimate } = plan;
  const capacity = Math.min(...estimate.memory.map((stage) => stage.capacity));
  const stages = plan.partition.map((stage) => stage.join('+')).join(' ');
  return [
    `${problem.model.name} on ${problem.cluster.name} with ${runtime}: ${plan.gpusUsed} GPUs (world size ${plan.gpusUsed}).`,
    `Written by planner${plannerVersion === undefined ? '' : ` ${plannerVersion}`}, plan ${plan.rank}.`,
    `Estimate: ${estimate.iterationTime.toPrecision(4)} s per iteration, ${estimate.modelTflopsPerGpu.toFixed(0)} TFLOP/s per GPU, MFU ${(100 * estimate.mfu).toFixed(1)} %.`,
    `Memory: peak ${gibibytes(estimate.peakMemory)}, at most ${gibibytes(estimate.peakMemoryBound)} on the device${Number.isFinite(capacity) ? ` of ${gibibytes(capacity)}` : ''}.`,
    `Strategy: ${strategyToText(plan.strategy)}`,
    `Decoder layers per stage (virtual stages joined by +): ${stages}`,
  ];
};
