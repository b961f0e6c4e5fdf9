/** The estimator's answer for a recorded run; estimators are shared by records of one problem. */
import type { Calibration } from '../cost/calibration.ts';
import { createEstimator } from '../cost/estimator.ts';
import type { Estimator } from '../cost/estimator.ts';
import { memoryBoundFigure, memoryFigure } from '../cost/memory.ts';
import type { RunConfiguration } from '../ingest/measured-configuration.ts';
import type { Estimate, StageMemory } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import type { Strategy } from '../strategy/strategy.ts';
import { memoryBehaviour } from '../runtimes/memory-behaviour.ts';
import type { MemoryView } from './record/memory-view.ts';
import { recordProblem } from './record-problem.ts';
import type { RecordedProblem } from './record-problem.ts';
import type { Software } from './record/software.ts';

export interface Prediction {
  readonly iterationTimeS: number | null;
  /** Of the kind and the rank that the source prints. */
  readonly peakMemoryBytes: number | null;
  /** One-sided bound on the same figure. */
  readonly peakMemoryBoundBytes: number | null;
  readonly feasible: boolean | null;
}

export type Predicted =
  | {
      readonly ok: true;
      readonly prediction: Prediction;
      readonly estimate: Estimate;
      readonly strategy: Strategy;
      readonly recorded: RecordedProblem;
    }
  | { readonly ok: false; readonly reason: string };

export type Predictor = (configuration: RunConfiguration, software?: Software) => Predicted;

const finite = (value: number): number | null => (Number.isFinite(value) && value > 0 ? value : null);

const stagesOf = (memory: readonly StageMemory[], view: MemoryView): readonly StageMemory[] => {
  const chosen = view.stage === 'first' ? memory[0] : view.stage === 'last' ? memory.at(-1) : undefined;
  return chosen === undefined ? memory : [chosen];
};

const largest = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), -Infinity);

/** `others`: memory under the partitions that may have run instead: the bound holds for them, too. */
const predictionOf = (
  estimate: Estimate,
  others: readonly (readonly StageMemory[])[],
  view: MemoryView,
  margin: number,
  fits: boolean,
): Prediction => {
  const stages = stagesOf(estimate.memory, view);
  const peak = largest(stages.map((stage) => memoryFigure(stage, view.kind)));
  // What an allocator can give back tells what fits, not what a run in excess of the device would show.
  const bounds = [estimate.memory, ...others].flatMap((memory) =>
    stagesOf(memory, view).map((stage) => memoryBoundFigure(stage, view.bound, margin)),
  );
  return {
    iterationTimeS: finite(estimate.iterationTime),
    peakMemoryBytes: finite(peak),
    peakMemoryBoundBytes: finite(Math.max(peak, ...bounds)),
    feasible: estimate.memory.length === 0 ? null : fits,
  };
};

/** Software of which little is known as its nearest relative alone. */
const asRelative = ({ training, ...problem }: Problem): Problem => ({
  ...problem,
  training: { ...training, conditions: { ...training.conditions, boundedBy: [] } },
});

/** Margin of a stack on what its allocator hands out; Infinity where freed blocks that wait have one of their own. */
const allocatedMargin = ({ training, cluster }: Problem): number => {
  const architecture = cluster.groups[0]?.accelerator.architecture ?? 'other';
  const { bound, pipelineBound, retention } = memoryBehaviour(training, architecture);
  return retention > 0 ? Infinity : Math.max(bound, pipelineBound);
};

/** The lightest recomputation that fits, where the source prints none; the heaviest where none fits. */
const settleRecompute = (recorded: RecordedProblem, estimator: Estimator): Strategy => {
  const { strategy, partition, recomputeChoices } = recorded;
  if (recomputeChoices.length < 2) return strategy;
  for (const recompute of recomputeChoices) {
    const candidate = { ...strategy, recompute };
    if (estimator.evaluate(candidate, partition).feasible) return candidate;
  }
  return { ...strategy, recompute: recomputeChoices.at(-1) ?? strategy.recompute };
};

/** One predictor keeps its estimators; they are bounded in number so that a file of a million problems fits in memory. */
const MAX_ESTIMATORS = 4096;

export const createPredictor = (calibration: Calibration): Predictor => {
  const estimators = new Map<string, Estimator>();
  const estimatorFor = (problem: Problem): Estimator => {
    const key = JSON.stringify([problem.cluster, problem.model, problem.training]);
    const known = estimators.get(key);
    if (known !== undefined) return known;
    if (estimators.size >= MAX_ESTIMATORS) estimators.clear();
    const made = createEstimator(problem, calibration);
    estimators.set(key, made);
    return made;
  };
  return (configuration, software) => {
    const recorded = recordProblem(configuration, software);
    if (!recorded.ok) return recorded;
    try {
      const { problem, partition, software: as, memory } = recorded.value;
      const estimator = estimatorFor(problem);
      const relative = as.boundedBy.length === 0 ? estimator : estimatorFor(asRelative(problem));
      const strategy = settleRecompute(recorded.value, relative);
      const estimate = estimator.estimate(strategy, partition);
      const others = recorded.value.otherPartitions.map((other) => estimator.estimate(strategy, other));
      // What has no name must fit as the worst of the known stacks; a relative of one, as that one.
      const fits =
        as.assumption === null
          ? relative.evaluate(strategy, partition).feasible
          : [estimate, ...others].every(({ feasible }) => feasible);
      const prediction = predictionOf(
        estimate,
        others.map((other) => other.memory),
        memory,
        as.boundedBy.length === 0 ? allocatedMargin(problem) : Infinity,
        fits,
      );
      return { ok: true, prediction, estimate, strategy, recorded: recorded.value };
    } catch (error) {
      // A record may name a layout that no runtime accepts; one such record must not end the report.
      return {
        ok: false,
        reason: `cannot be estimated: ${error instanceof Error ? error.message : 'unknown'}`.slice(0, 300),
      };
    }
  };
};
