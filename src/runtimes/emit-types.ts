import type { Plan } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import type { Strategy } from '../strategy/strategy.ts';

export type EmitTarget = 'megatron' | 'bridge' | 'torchtitan' | 'deepspeed' | 'nanotron' | 'accelerate';
export type Launcher = 'torchrun' | 'slurm' | 'jobset' | 'pytorchjob';

/** Parts of a plan beside the strategy's own keys. */
export type PlanPart = keyof Strategy | 'partition' | 'precision' | 'optimizer' | 'model' | 'batch';

/** Something of the plan that the target's files do not say: the run would differ in it unless the user adds it. */
export interface NotCarried {
  readonly part: PlanPart;
  /** What it is, what the target does instead, and where it can be said if anywhere. */
  readonly text: string;
}

export interface EmitOptions {
  readonly target: EmitTarget;
  /** Of the target's runtime, one that planner knows; absent: the plan's, or the newest. */
  readonly release?: string;
  readonly launcher: Launcher;
  /** The runtime's flags alone, one per line with its values quoted for a shell. */
  readonly only?: 'flags';
  /** Of planner, for the header. */
  readonly version?: string;
  /** The runtime that the plan was estimated for, where it is not the target's. */
  readonly estimatedFor?: string;
}

export interface EmittedFile {
  /** Without folders. */
  readonly name: string;
  readonly text: string;
}

export interface Emission {
  /** The first is the one to run. Empty when `unsupported` is set. */
  readonly files: readonly EmittedFile[];
  /** What the reader should know: what the files leave to her. */
  readonly notes: readonly string[];
  /** What of the plan the files do not say. Empty: they say all of it. */
  readonly notCarried: readonly NotCarried[];
  /** Why nothing could be written; null otherwise. */
  readonly unsupported: string | null;
}

/** Writes the launch files of one runtime. */
export type Emitter = (plan: Plan, problem: Problem, options: EmitOptions) => Emission;

export const unsupported = (reason: string): Emission => ({
  files: [],
  notes: [],
  notCarried: [],
  unsupported: reason,
});
