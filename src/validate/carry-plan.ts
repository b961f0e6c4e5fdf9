import { gpuCount } from '../cluster/cluster.ts';
import type { Calibration } from '../cost/calibration.ts';
import type { Model } from '../model/model.ts';
import type { Plan } from '../plan/plan.ts';
import type { Problem, Training } from '../plan/problem.ts';
import { runtimeOfEmission } from '../runtimes/emit.ts';
import type { EmitTarget } from '../runtimes/emit-types.ts';
import { latestVersion } from '../runtimes/registry.ts';
import { createSearchCosts } from '../search/costs.ts';
import { judgeStrategy } from '../search/estimate.ts';
import { carriedOver } from './carry.ts';
import { runtimeOfTarget } from './target.ts';
import { knownStrategy } from './validate-file.ts';
import type { JudgedSubject } from './validate-file.ts';

/** The layout of a file as a plan for another runtime, or why there is none. */
export type CarriedPlan =
  | {
      readonly kind: 'plan';
      readonly plan: Plan;
      readonly problem: Problem;
      /** What the target cannot say, one sentence each. */
      readonly lost: readonly string[];
    }
  | {
      readonly kind: 'refused';
      readonly lost: readonly string[];
      readonly reasons: readonly { readonly message: string; readonly expected: string | null }[];
    };

/** Training as the file states it, where it does; the rest is the SPEC's. */
const trainingOf = (
  spec: Training,
  stated: Training | null,
  runtime: Training['runtime'],
  whole: boolean,
): Training => ({
  ...spec,
  runtime,
  ...(stated === null
    ? {}
    : {
        precision: stated.precision,
        ...(stated.sequenceLength > 0 ? { sequenceLength: stated.sequenceLength } : {}),
        ...(stated.globalBatchSize > 0 ? { globalBatchSize: stated.globalBatchSize } : {}),
        // Flags of Megatron's core say all of the optimizer, other files nothing.
        ...(whole ? { optimizer: stated.optimizer } : {}),
      }),
});

const otherModel = (file: Model | null, spec: Model): readonly string[] =>
  file === null || (file.layers.length === spec.layers.length && file.hidden === spec.hidden)
    ? []
    : [
        `the file's model has ${file.layers.length} layers of ${file.hidden}, the SPEC's ${spec.layers.length} of ${spec.hidden}: the layout is written for the SPEC's`,
      ];

/**
 * Carries the layout of a judged configuration to another runtime, on the cluster and for the model of a SPEC. The plan
 * is estimated there; what the target has no word for is listed, what its rules refuse is refused.
 */
export const carryPlan = (
  judged: JudgedSubject,
  spec: { readonly problem: Problem; readonly calibration: Calibration },
  target: EmitTarget,
  release: string | null = null,
): CarriedPlan => {
  const known = knownStrategy(judged);
  if (known === null)
    return {
      kind: 'refused',
      lost: [],
      reasons: [{ message: 'no strategy could be read', expected: null }],
    };
  const { first } = judged.decision;
  const planned = runtimeOfTarget[judged.subject.target.name] ?? 'megatron';
  const name = runtimeOfEmission(target, planned);
  const runtime = { name, version: release ?? latestVersion(name) };
  const { model, cluster } = spec.problem;
  const carried = carriedOver(known.strategy, known.unknown, runtime, model, gpuCount(cluster));
  const lost = [...otherModel(first.model, model), ...carried.lost];
  const problem: Problem = {
    ...spec.problem,
    training: trainingOf(
      spec.problem.training,
      first.training,
      carried.runtime,
      planned === 'megatron' && judged.subject.target.name === 'megatron',
    ),
  };
  const costs = createSearchCosts(problem, spec.calibration);
  const judgement = judgeStrategy(problem, costs, carried.strategy, first.partition);
  switch (judgement.kind) {
    case 'unsplittable':
      return {
        kind: 'refused',
        lost,
        reasons: [{ message: `${target} cannot split the layers over these stages`, expected: null }],
      };
    case 'illegal':
      return {
        kind: 'refused',
        lost,
        reasons: judgement.violations.map(({ rule, message, expected }) => ({
          message: `${target} would not run this layout: ${message} (${rule.id})`,
          expected,
        })),
      };
    default:
      return { kind: 'plan', plan: judgement.plan, problem, lost };
  }
};
