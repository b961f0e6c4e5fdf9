import type { Plan, SearchResult } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import type { Seconds } from '../units.ts';

/** All that a reporter of `search` and `estimate` is given; an estimate is a result of one plan. */
export interface Results {
  readonly problem: Problem;
  /** The SPEC after defaults and presets, as JSON values: printed as it is. */
  readonly echo: unknown;
  readonly result: SearchResult;
  readonly wallTime: Seconds;
}

const overlaps = (a: Plan, b: Plan): boolean =>
  a.estimate.iterationTimeLow <= b.estimate.iterationTimeHigh &&
  b.estimate.iterationTimeLow <= a.estimate.iterationTimeHigh;

/** For each plan the best-ranked earlier plan whose range of iteration time overlaps its own: a tie; null without one. */
export const ties = (plans: readonly Plan[]): readonly (number | null)[] =>
  plans.map((plan, index) => plans.slice(0, index).find((earlier) => overlaps(earlier, plan))?.rank ?? null);

/** Explains the marks of ties; null where there are none. */
export const tieNote = (plans: readonly Plan[]): string | null =>
  ties(plans).some((rank) => rank !== null)
    ? '≈ k: a tie with plan k, whose range of iteration time overlaps.'
    : null;

/** Days that the whole training run takes, null where its tokens are not stated. */
export const trainingDays = (problem: Problem, plan: Plan): number | null => {
  const { tokens } = problem.training;
  const rate = plan.estimate.tokensPerSecondPerGpu * plan.gpusUsed;
  return tokens === null || rate === 0 ? null : tokens / rate / 86_400;
};

/** Price per hour of the nodes that a plan occupies, null where one of them has none. */
const hourlyPrice = (problem: Problem, plan: Plan): number | null => {
  const nodes = problem.cluster.groups.flatMap((group) => Array.from({ length: group.count }, () => group));
  const order = plan.hosts ?? nodes.map((_, node) => node);
  let gpus = 0;
  let price = 0;
  for (const index of order) {
    if (gpus >= plan.gpusUsed) break;
    const node = nodes[index];
    if (node === undefined || node.pricePerHour === null) return null;
    gpus += node.perNode;
    price += node.pricePerHour;
  }
  return price;
};

/** Cost of the whole training run in the user's currency: every node that the plan touches, for all of its days. */
export const trainingCost = (problem: Problem, plan: Plan): number | null => {
  const days = trainingDays(problem, plan);
  const price = hourlyPrice(problem, plan);
  return days === null || price === null ? null : days * 24 * price;
};
