/** `planner validate FILE --emit TARGET`: a layout goes from one runtime to another. */
import { gpuCount } from '../cluster/cluster.ts';
import type { Plan } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import { createSearchCosts } from '../search/costs.ts';
import { runtimeOfEmission } from '../runtimes/emit.ts';
import { judgeStrategy } from '../search/estimate.ts';
import { carriedOver } from '../validate/carry.ts';
import { runtimeOfTarget } from '../validate/target.ts';
import { knownStrategy } from '../validate/validate-file.ts';
import type { FileReport } from '../validate/validate-file.ts';
import { printDiagnostics } from './diagnostic-text.ts';
import { emitPlan } from './emit-plan.ts';
import type { EmitRequest } from './emit-plan.ts';
import { CommandFailure, EXIT, failUsage } from './fail.ts';
import { unreadable } from './validation-input.ts';
import type { Prepared } from './validation-input.ts';

const fail = (file: string, message: string): never => {
  throw new CommandFailure([unreadable(file, message)], EXIT.no);
};

/** Writes the launch files of the target; what could not be carried over goes to stderr, one line each. */
export const emitConfiguration = (
  reports: readonly FileReport[],
  prepared: Prepared,
  request: EmitRequest,
): void => {
  const { spec } = prepared;
  if (spec === null)
    return failUsage('--emit', 'needs the cluster and the model', { expected: '--spec SPEC' });
  const [report, ...others] = reports;
  if (report === undefined || others.length > 0)
    return failUsage('--emit', 'takes one file', { found: String(reports.length), expected: '1' });
  const [judged] = report.subjects;
  const known = judged === undefined ? null : knownStrategy(judged);
  if (judged === undefined || known === null) return fail(report.file, 'no strategy could be read');
  if (report.verdict === 'invalid')
    return fail(
      report.file,
      'the configuration is invalid: planner validate says why, --fix proposes a legal one',
    );
  const open = [...known.unknown];
  const planned = runtimeOfTarget[judged.subject.target.name] ?? 'megatron';
  const carried = carriedOver(
    known.strategy,
    new Set(open),
    runtimeOfEmission(request.target, planned),
    spec.problem.model,
    gpuCount(spec.problem.cluster),
  );
  const { training } = judged.decision.first;
  const problem: Problem = {
    ...spec.problem,
    training: {
      ...spec.problem.training,
      runtime: carried.runtime,
      ...(training !== null && training.sequenceLength > 0
        ? { sequenceLength: training.sequenceLength }
        : {}),
      ...(training !== null && training.globalBatchSize > 0
        ? { globalBatchSize: training.globalBatchSize }
        : {}),
    },
  };
  const judgement = judgeStrategy(
    problem,
    createSearchCosts(problem, spec.calibration),
    carried.strategy,
    judged.decision.first.partition,
  );
  printDiagnostics(
    carried.lost.map((message) => ({ ...unreadable(report.file, message), severity: 'warning' })),
  );
  if (judgement.kind === 'unsplittable')
    return fail(report.file, `${request.target} cannot split the layers over these stages`);
  if (judgement.kind === 'illegal')
    throw new CommandFailure(
      judgement.violations.map(({ rule, message, expected }) => ({
        ...unreadable(report.file, `${request.target} would not run this layout: ${message} (${rule.id})`),
        expected,
      })),
      EXIT.no,
    );
  const plan: Plan = judgement.plan;
  emitPlan(plan, problem, request);
};
