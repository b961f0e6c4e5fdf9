import type { Model } from '../model/model.ts';
import type { RuntimeName } from '../plan/problem.ts';
import type { Strategy } from '../strategy/strategy.ts';
import type { Rule } from './rule.ts';

/** Strategy keys that neither follow from others nor from the GPU count. */
export type FlagKey =
  | 'vocabulary'
  | 'sequenceParallel'
  | 'recompute'
  | 'sharding'
  | 'overlapGradients'
  | 'overlapParameters'
  | 'overlapTensor'
  | 'overlapExpert'
  | 'contextCommunication'
  | 'dispatcher'
  | 'rankOrder'
  | 'offload';

/** What a runtime does when a strategy does not say. */
export interface RuntimeDefaults {
  readonly flags: Readonly<Pick<Strategy, FlagKey>>;
  /** Expert tensor parallelism of a model with experts, where it is not set. */
  readonly expertTensor: (tensor: number, expert: number) => number;
  /** Micro-batches per virtual stage before switching. */
  readonly microBatchGroup: (pipeline: number) => number;
}

export interface Runtime {
  readonly name: RuntimeName;
  /** Releases that planner has facts about, oldest first; the last is the default. */
  readonly versions: readonly string[];
  /** Exact commit or release that the facts of the last version were read from. */
  readonly source: string;
  readonly defaults: (version: string) => RuntimeDefaults;
  readonly rules: readonly Rule[];
}

/** A strategy as a user writes it: any key may be absent. */
export type PartialStrategy = { readonly [K in keyof Strategy]?: Strategy[K] | undefined };

/** What else than the strategy a default depends on. */
export interface CompletionContext {
  /** GPUs that the strategy may use. */
  readonly gpus: number;
  readonly runtime: Runtime;
  readonly version: string;
  readonly model: Model;
}
