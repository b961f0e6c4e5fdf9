/** One MoE layer to place: loads of its experts under one or more scenarios, and the slots of the GPUs. */

/** What is minimised over scenarios of the busiest GPU: their mean, or the worst of them. */
export type ScenarioObjective = 'mean' | 'worst';

export interface LayerProblem {
  /** [scenario][expert], any unit; scenarios need not have equal sums. No scenario is all zero. */
  readonly loads: readonly (readonly number[])[];
  /** Experts that each GPU has room for. */
  readonly slots: readonly number[];
  /** Replicas to place, all experts together: from the number of experts to the number of slots. */
  readonly replicas: number;
  /** Relative speed of each GPU; only ratios matter. */
  readonly speeds: readonly number[];
  readonly objective: ScenarioObjective;
}

/** Expert ids that each GPU holds; no GPU holds one twice. */
export type LayerPlacement = readonly (readonly number[])[];

export const expertCount = (problem: LayerProblem): number => problem.loads[0]?.length ?? 0;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Why no placement of this layer exists; null where one does. */
export const impossibility = (problem: LayerProblem): string | null => {
  const experts = expertCount(problem);
  const gpus = problem.slots.length;
  const slots = sum(problem.slots);
  if (experts === 0 || gpus === 0) return 'there are no experts or no GPUs';
  if (problem.loads.some((loads) => loads.length !== experts)) return 'scenarios differ in their experts';
  if (problem.loads.some((loads) => !(sum(loads) > 0) || loads.some((load) => !(load >= 0))))
    return 'a scenario has no load, or a negative one';
  if (problem.speeds.length !== gpus || problem.speeds.some((speed) => !(speed > 0)))
    return `expected a positive speed for each of ${gpus} GPUs`;
  if (problem.replicas < experts) return `${problem.replicas} replicas are fewer than ${experts} experts`;
  if (problem.replicas > slots) return `${problem.replicas} replicas need more than the ${slots} slots`;
  if (problem.replicas > experts * gpus)
    return `${problem.replicas} replicas of ${experts} experts on ${gpus} GPUs would put two replicas of one expert on a GPU`;
  const widest = problem.slots.reduce((total, count) => total + Math.min(count, experts), 0);
  if (problem.replicas > widest)
    return `${problem.replicas} replicas would put two replicas of one expert on a GPU`;
  return null;
};

/** One scenario, replicas, GPUs of two slots each, all filled and equally fast: the replica counts alone decide. */
export const isPairing = (problem: LayerProblem): boolean =>
  problem.loads.length === 1 &&
  problem.replicas > expertCount(problem) &&
  problem.slots.every((count) => count === 2) &&
  problem.replicas === 2 * problem.slots.length &&
  problem.speeds.every((speed) => speed === problem.speeds[0]);

/**
 * Loads scaled so that a perfectly balanced layer has a time (load over speed) of 1 on every GPU, in every scenario:
 * a GPU's time is then its load over the mean. Flat, [scenario · experts + expert].
 */
export const relativeWeights = (problem: LayerProblem): Float64Array => {
  const experts = expertCount(problem);
  const gpus = problem.slots.length;
  const weights = new Float64Array(problem.loads.length * experts);
  problem.loads.forEach((loads, scenario) => {
    const scale = gpus / sum(loads);
    loads.forEach((load, expert) => {
      weights[scenario * experts + expert] = load * scale;
    });
  });
  return weights;
};

/** Speeds scaled to a mean of 1. */
export const relativeSpeeds = (problem: LayerProblem): Float64Array => {
  const scale = problem.speeds.length / sum(problem.speeds);
  return Float64Array.from(problem.speeds, (speed) => speed * scale);
};
