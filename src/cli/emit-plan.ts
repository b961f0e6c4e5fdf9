/** Launch files of a plan: on stdout the script alone, with -o every file into a folder. */
import type { Plan } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import { assumedPlacement } from '../report/expert-placement.ts';
import { emit, emitTargets, releasesOf } from '../runtimes/emit.ts';
import type { EmitTarget, Launcher } from '../runtimes/emit-types.ts';
import { printDiagnostics } from './diagnostic-text.ts';
import { CommandFailure, EXIT, failUsage } from './fail.ts';
import { writeAnswer, writeAnswerFiles } from './output.ts';
import { packageVersion } from './version.ts';

/** A target and the release of its runtime; null: that of the plan where it is the same runtime, else the newest. */
export interface EmitChoice {
  readonly target: EmitTarget;
  readonly release: string | null;
}

/** What `--emit` takes, for its help. */
export const emitHelp = `${emitTargets.join(', ')}, or a release of one: torchtitan@2025`;

/** `megatron`, `torchtitan@2025`; anything else ends the command. */
export const parseEmit = (text: string): EmitChoice => {
  const [name = '', release = null, ...rest] = text.split('@');
  const target = emitTargets.find((known) => known === name);
  if (target === undefined || rest.length > 0)
    return failUsage('--emit', 'no target of this name', { found: text, expected: emitTargets.join(', ') });
  const releases = releasesOf(target);
  if (release !== null && !releases.includes(release))
    return failUsage('--emit', `no release of ${target} that planner knows`, {
      found: release,
      expected: releases.length === 0 ? `${target} alone` : releases.join(', '),
    });
  return { target, release };
};

export const launchers: readonly Launcher[] = ['torchrun', 'slurm', 'jobset', 'pytorchjob'];

export interface EmitRequest {
  readonly choice: EmitChoice;
  readonly launcher: Launcher;
  readonly onlyFlags: boolean;
  readonly output: string | undefined;
  readonly force: boolean;
}

const note = (target: string, message: string) =>
  ({ id: 'cli/emit', severity: 'warning', file: target, position: { line: 1, column: 1 }, message }) as const;

/** Writes or prints the launch files; a plan that the target cannot run ends the command with exit status 1. */
export const emitPlan = (plan: Plan, problem: Problem, request: EmitRequest): void => {
  const { launcher } = request;
  const { target, release } = request.choice;
  const emission = emit(plan, problem, {
    target,
    ...(release === null ? {} : { release }),
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
