/** Launch files of a plan: on stdout the script alone, with -o every file into a folder. */
import type { Plan } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import { assumedPlacement } from '../report/expert-placement.ts';
import { emit, emitTargets } from '../runtimes/emit.ts';
import type { EmitTarget, Launcher } from '../runtimes/emit-types.ts';
import { printDiagnostics } from './diagnostic-text.ts';
import { CommandFailure, EXIT } from './fail.ts';
import { writeAnswer, writeAnswerFiles } from './output.ts';
import { packageVersion } from './version.ts';

export const launchTargets: readonly string[] = emitTargets;
export const launchers: readonly Launcher[] = ['torchrun', 'slurm', 'jobset', 'pytorchjob'];

export interface EmitRequest {
  readonly target: EmitTarget;
  readonly launcher: Launcher;
  readonly onlyFlags: boolean;
  readonly output: string | undefined;
  readonly force: boolean;
}

const note = (target: string, message: string) =>
  ({ id: 'cli/emit', severity: 'warning', file: target, position: { line: 1, column: 1 }, message }) as const;

/** Writes or prints the launch files; a plan that the target cannot run ends the command with exit status 1. */
export const emitPlan = (plan: Plan, problem: Problem, request: EmitRequest): void => {
  const { target, launcher } = request;
  const emission = emit(plan, problem, {
    target,
    launcher,
    version: packageVersion(),
    ...(request.onlyFlags ? { only: 'flags' as const } : {}),
  });
  if (emission.unsupported !== null)
    throw new CommandFailure([{ ...note(target, emission.unsupported), severity: 'error' }], EXIT.no);
  const placement = assumedPlacement(problem, plan)?.placement ?? 'contiguous';
  const notes =
    placement === 'contiguous'
      ? emission.notes
      : [
          ...emission.notes,
          `the plan assumes the experts of placement ${placement}, which a launch file cannot ask for: permute them in the checkpoint (planner place --emit megatron)`,
        ];
  printDiagnostics([
    ...emission.notCarried.map(({ text }) => note(target, `not carried over: ${text}`)),
    ...notes.map((message) => note(target, message)),
  ]);
  if (request.output === undefined) {
    writeAnswer(emission.files[0]?.text ?? '');
    return;
  }
  const files = emission.files.map(({ name, text }) => ({
    name,
    content: text,
    executable: name.endsWith('.sh'),
  }));
  writeAnswerFiles(request.output, files, request.force);
};
