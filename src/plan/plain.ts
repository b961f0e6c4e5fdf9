/** What a problem says where nothing particular is asked. */
import type { Optimizer, SearchOptions } from './problem.ts';

export const FP32_ADAM: Optimizer = {
  name: 'adam',
  states: 'fp32',
  gradients: 'fp32',
  mainParameters: 'fp32',
};

/** For an estimate of a plan that is given: nothing is left open, no memory is held back. */
export const PLAN_AS_GIVEN: SearchOptions = {
  objective: 'throughput',
  top: 1,
  limits: {},
  memoryReserve: 0,
  dedication: 'none',
  dedicationObjective: 'iteration_time',
};
