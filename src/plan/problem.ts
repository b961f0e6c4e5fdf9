import type { Cluster } from '../cluster/cluster.ts';
import type { LayerTimes } from '../model/layer-times.ts';
import type { Model } from '../model/model.ts';
import type { Strategy } from '../strategy/strategy.ts';
import type { RunConditions } from './conditions.ts';
import type { ExpertLoad } from './expert-load.ts';

export type RuntimeName = 'megatron' | 'torchtitan' | 'nanotron' | 'deepspeed' | 'fsdp';

export interface RuntimeReference {
  readonly name: RuntimeName;
  /** Release as the runtime numbers it (`0.20`); the newest that planner knows when the user names none. */
  readonly version: string;
}

export type Precision = 'fp32' | 'fp16' | 'bf16' | 'fp8' | 'mxfp8' | 'nvfp4';
export type AttentionKernel = 'unfused' | 'flash2' | 'flash3';
export type DataType = 'fp32' | 'bf16' | 'fp16' | 'fp8';

export interface Optimizer {
  readonly name: 'adam' | 'sgd' | 'muon';
  /** Each moment. */
  readonly states: DataType;
  /** Gradient accumulation and reduction. */
  readonly gradients: DataType;
  readonly mainParameters: DataType;
}

/** Load of the experts under measured routing. */
export interface MeasuredRouting {
  readonly kind: 'counts';
  readonly file: string;
  /** [layers][experts]; rows of dense layers are zero or absent. */
  readonly counts: readonly (readonly number[])[];
  /** Which GPU holds which expert: blocks in the model's order, planner's balanced ones, or those of the named file. */
  readonly placement: string;
  /** What the placement makes of the counts on a group of so many ranks. Pure; each size is computed once. */
  readonly load: (ranks: number) => ExpertLoad;
  /** The same for contiguous blocks: what the placement is compared with. */
  readonly contiguous: (ranks: number) => ExpertLoad;
}

export type Routing = { readonly kind: 'balanced' } | MeasuredRouting;

export interface Training {
  readonly runtime: RuntimeReference;
  readonly sequenceLength: number;
  /** Sequences per iteration. */
  readonly globalBatchSize: number;
  readonly precision: Precision;
  /** `auto` of the SPEC, resolved by the runtime and the accelerator. */
  readonly attentionKernel: AttentionKernel;
  readonly optimizer: Optimizer;
  readonly routing: Routing;
  /** Tokens of the whole training run; null where not stated. */
  readonly tokens: number | null;
  /** What is known of the software stack beyond runtime and version; absent in a search. */
  readonly conditions?: RunConditions;
}

export type Objective = 'throughput' | 'cost' | 'memory_headroom';
export type DedicationScope = 'none' | 'nodes' | 'gpus';
export type DedicationObjective = 'iteration_time' | 'communication';

/** A strategy key and the values that the search may take for it, in the SPEC's spelling ("none", 8, true). */
export type Limits = Readonly<Partial<Record<keyof Strategy, readonly (string | number | boolean)[]>>>;

export interface SearchOptions {
  readonly objective: Objective;
  /** Plans to report. */
  readonly top: number;
  /** `fix` and `limit` of the SPEC together: fixed keys have one value. */
  readonly limits: Limits;
  /** Fraction of a GPU's memory that is never planned, 0 to 1. */
  readonly memoryReserve: number;
  readonly dedication: DedicationScope;
  readonly dedicationObjective: DedicationObjective;
}

/** All that a search or an estimate needs. Immutable. */
export interface Problem {
  readonly cluster: Cluster;
  readonly model: Model;
  /** The config.json or map that the model was read from, for the echo in results; absent for presets. */
  readonly modelConfig?: Readonly<Record<string, unknown>>;
  /** Profiles of the model's layers, which replace the operator model. */
  readonly layerTimes?: readonly LayerTimes[];
  readonly training: Training;
  readonly search: SearchOptions;
}
