/** One estimator for all runtimes and accelerators: time and memory of a strategy. */
import type { Estimate } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import type { Bytes, Seconds } from '../units.ts';
import type { Calibration } from './calibration.ts';

/** Both passes of one micro-batch through one piece of the model on one rank, exposed communication included. */
export interface PassTime {
  readonly forward: Seconds;
  readonly backward: Seconds;
}

/** What the pipeline partition is made of; `kinds` follows `model.kinds`. */
export interface LayerCosts {
  readonly kinds: readonly PassTime[];
  /** Input embedding, on the first stage. */
  readonly embedding: PassTime;
  /** Final norm, output projection and loss, on the last stage. */
  readonly head: PassTime;
  /** All multi-token-prediction modules, on the last stage. */
  readonly mtp: PassTime;
}

/** The little that a search needs of most strategies. */
export interface Evaluation {
  readonly iterationTime: Seconds;
  readonly peakMemoryBound: Bytes;
  readonly feasible: boolean;
}

export interface Estimator {
  /** Everything of FORMATS section 3. Throws RangeError on a strategy that does not fit the model or cluster (rules come first). */
  readonly estimate: (strategy: Strategy, partition: Partition) => Estimate;
  /** The same figures without breakdowns. */
  readonly evaluate: (strategy: Strategy, partition: Partition) => Evaluation;
  /** Iteration time alone. */
  readonly iterationTime: (strategy: Strategy, partition: Partition) => Seconds;
  readonly layerCosts: (strategy: Strategy) => LayerCosts;
  /** Valid for every partition of the strategy: balanced stages, no transfers, no exposed data communication. */
  readonly lowerBound: (strategy: Strategy) => Seconds;
}

export const createEstimator = (problem: Problem, calibration: Calibration): Estimator => {
  throw new Error(`not yet: ${problem.model.name} ${calibration.name}`);
};
