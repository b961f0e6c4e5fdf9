/** `planner validate FILE --emit TARGET`: a layout goes from one runtime to another. */
import { carryPlan } from '../validate/carry-plan.ts';
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
  if (judged === undefined) return fail(report.file, 'no strategy could be read');
  if (report.verdict === 'invalid')
    return fail(
      report.file,
      'the configuration is invalid: planner validate says why, --fix proposes a legal one',
    );
  const carried = carryPlan(judged, spec, request.choice.target, request.choice.release);
  printDiagnostics(
    carried.lost.map((message) => ({ ...unreadable(report.file, message), severity: 'warning' })),
  );
  if (carried.kind === 'refused')
    throw new CommandFailure(
      carried.reasons.map(({ message, expected }) => ({
        ...unreadable(report.file, message),
        ...(expected === null ? {} : { expected }),
      })),
      EXIT.no,
    );
  emitPlan(carried.plan, carried.problem, request);
};
