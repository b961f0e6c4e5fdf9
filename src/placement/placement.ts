/** A whole model's placement: what is asked, and what is found. */
import type { LowerBound } from './bounds.ts';
import type { LayerPlacement, ScenarioObjective } from './layer-problem.ts';

/** Loads of one MoE layer. */
export interface LayerLoads {
  /** Row of the counts, from 0. */
  readonly layer: number;
  /** [scenario][expert]; every scenario has some load. */
  readonly scenarios: readonly (readonly number[])[];
}

export type PlacementObjective = 'balance' | 'locality' | 'joint' | 'robust';
export type Effort = 'normal' | 'high';

/** GPUs of one expert-parallel group. */
export interface PlacementGpus {
  /** Experts of one layer that each GPU has room for. */
  readonly slots: readonly number[];
  readonly perNode: number;
  /** Relative speeds; equal where unknown. */
  readonly speeds: readonly number[];
}

export interface PlacementTask {
  readonly layers: readonly LayerLoads[];
  readonly experts: number;
  readonly gpus: PlacementGpus;
  /** Replicas of one layer, all experts together. */
  readonly replicas: number;
  /** Expert groups that stay whole on a node; null: none. */
  readonly groups: number | null;
  readonly objective: PlacementObjective;
  /** Over several scenarios, where the objective is robust. */
  readonly over: ScenarioObjective;
}

export interface PlacedLayer {
  readonly layer: number;
  readonly placement: LayerPlacement;
  readonly maxOverMean: number;
  readonly bound: LowerBound;
}

export const gapOf = ({ maxOverMean, bound }: PlacedLayer): number => maxOverMean / bound.value - 1;

/** Nodes of the expert-parallel group; the last may be partial. */
export const nodesOf = ({ slots, perNode }: PlacementGpus): number => Math.ceil(slots.length / perNode);

/** A layer that a solver is asked about, and its answer. */
export interface ProvenLayer {
  readonly placement: LayerPlacement;
  readonly value: number;
  /** No placement is better; at least `lower`. */
  readonly bound: number;
}
