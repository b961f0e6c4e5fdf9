import type { Calibration } from '../cost/calibration.ts';
import { createEstimator } from '../cost/estimator.ts';
import { createMemoryModel } from '../cost/memory.ts';
import { createOrderScore } from '../cost/order-score.ts';
import type { Problem } from '../plan/problem.ts';
import type { SearchCosts } from './search-types.ts';

/** The cost model of a problem, as the search asks for it. */
export const createSearchCosts = (problem: Problem, calibration: Calibration): SearchCosts => {
  const { stages, excess, stageExcess, leastExcess } = createMemoryModel(problem);
  return {
    ...createEstimator(problem, calibration),
    memory: stages,
    excess,
    stageExcess,
    leastExcess,
    orderScore: (strategy, partition) => createOrderScore(problem, calibration, strategy, partition),
    forProblem: (other) => createSearchCosts(other, calibration),
  };
};
