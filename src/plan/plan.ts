import type { Bytes, Seconds } from '../units.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';

/** Exposed time of one iteration; the fields sum to the iteration time. */
export interface TimeBreakdown {
  readonly compute: Seconds;
  readonly tensorCommunication: Seconds;
  readonly contextCommunication: Seconds;
  readonly expertCommunication: Seconds;
  readonly pipelineCommunication: Seconds;
  readonly bubble: Seconds;
  readonly dataCommunication: Seconds;
  readonly optimizer: Seconds;
  readonly overhead: Seconds;
}

/** Memory of the most loaded GPU of one pipeline stage; parameters … workspace sum to total. */
export interface StageMemory {
  readonly stage: number;
  readonly parameters: Bytes;
  readonly gradients: Bytes;
  readonly optimizerStates: Bytes;
  readonly activations: Bytes;
  readonly logits: Bytes;
  readonly communicationBuffers: Bytes;
  readonly workspace: Bytes;
  /** Expected peak that the framework's allocator logs. */
  readonly total: Bytes;
  /** total with fragmentation. */
  readonly reserved: Bytes;
  /** reserved with what lies outside the allocator (context, NCCL). */
  readonly device: Bytes;
  /** One-sided bound on device: feasible when it is within capacity. */
  readonly bound: Bytes;
  readonly capacity: Bytes;
}

export interface Estimate {
  readonly feasible: boolean;
  /** Why not, one sentence each; empty when feasible. */
  readonly reasons: readonly string[];
  readonly iterationTime: Seconds;
  readonly iterationTimeLow: Seconds;
  readonly iterationTimeHigh: Seconds;
  readonly tokensPerSecondPerGpu: number;
  /** Megatron's count: causal half of attention, no recomputation. */
  readonly modelTflopsPerGpu: number;
  /** Of the dense peak of the GEMM precision. */
  readonly mfu: number;
  readonly time: TimeBreakdown;
  /** Largest total over stages. */
  readonly peakMemory: Bytes;
  /** Largest bound over stages. */
  readonly peakMemoryBound: Bytes;
  readonly memory: readonly StageMemory[];
}

export type StageExtra = 'embedding' | 'head' | 'loss' | 'mtp';

export interface Dedication {
  readonly method: 'none' | 'exact' | 'search';
  readonly communication: Seconds;
  readonly hostOrder: Seconds;
  readonly lowerBound: Seconds;
  readonly gap: number;
}

export interface Plan {
  readonly rank: number;
  readonly gpusUsed: number;
  readonly strategy: Strategy;
  readonly partition: Partition;
  /** Per stage. */
  readonly stageExtras: readonly (readonly StageExtra[])[];
  /** Node launched as node i, by index in the SPEC's order; null: the order of the SPEC. */
  readonly hosts: readonly number[] | null;
  readonly devices: readonly (readonly number[])[] | null;
  readonly dedication: Dedication;
  readonly estimate: Estimate;
}

export interface NearestMiss {
  readonly strategy: Strategy;
  readonly stage: number;
  readonly missing: Bytes;
  readonly reasons: readonly string[];
}

export interface SearchStatistics {
  /** Legal strategies that the answer covers, evaluated or cut off by a bound. */
  readonly strategies: number;
  /** By rule or bound id: strategies removed. */
  readonly pruned: Readonly<Record<string, number>>;
  readonly evaluated: number;
  readonly provenOptimal: boolean;
  readonly gap: number;
  readonly reproducible: boolean;
}

export interface SearchResult {
  readonly search: SearchStatistics;
  readonly plans: readonly Plan[];
  readonly nearestMisses: readonly NearestMiss[];
}
