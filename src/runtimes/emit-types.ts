import type { Plan } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';

export type EmitTarget = 'megatron' | 'torchtitan' | 'deepspeed' | 'nanotron';
export type Launcher = 'torchrun' | 'slurm' | 'k8s';

export interface EmitOptions {
  readonly target: EmitTarget;
  readonly launcher: Launcher;
  /** The runtime's flags alone, one per line with its values quoted for a shell. */
  readonly only?: 'flags';
  /** Of planner, for the header. */
  readonly version?: string;
}

export interface EmittedFile {
  /** Without folders. */
  readonly name: string;
  readonly text: string;
}

export interface Emission {
  /** The first is the one to run. Empty when `unsupported` is set. */
  readonly files: readonly EmittedFile[];
  /** What the reader should know: what the files leave to her, and what the runtime cannot express. */
  readonly notes: readonly string[];
  /** Why nothing could be written; null otherwise. */
  readonly unsupported: string | null;
}

/** Writes the launch files of one runtime. */
export type Emitter = (plan: Plan, problem: Problem, options: EmitOptions) => Emission;

export const unsupported = (reason: string): Emission => ({ files: [], notes: [], unsupported: reason });
