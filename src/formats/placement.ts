/* Generated from schema/placement.schema.json by scripts/generate-types.mjs; do not edit. */

/** Output of `planner place --format json`, and input of `--score` and `--current`. */
export interface Placement {
  schema_version: 1;
  problem?: PlacementProblem;
  layers: PlacementLayer[];
  summary: PlacementSummary;
  /** `--sweep`: max / mean against the number of redundant experts. */
  sweep?: PlacementSweepRow[];
}

/** What was asked, after defaults. */
export interface PlacementProblem {
  counts: string[];
  traces?: string | null;
  experts: number;
  expert_parallel: number;
  per_node: number;
  redundant_experts: number;
  groups: number | null;
  /** Slots of each GPU; null where all are equal. */
  slots?: number[] | null;
  objective: 'balance' | 'locality' | 'joint' | 'robust';
  robust_over?: 'mean' | 'worst';
  communication: 'per_layer' | 'coherent';
  load_slack?: number;
  effort: 'normal' | 'high';
  solver: string;
  seed: number;
}

export interface PlacementLayer {
  /** Row of the counts. */
  layer: number;
  /** Expert of each slot; GPU g holds its contiguous block. */
  physical_to_logical: number[];
  load: PlacementLoad;
  traffic?: PlacementTraffic;
}

export interface PlacementLoad {
  /** Busiest GPU over the mean; several scenarios: their mean, or the worst. */
  max_over_mean: number;
  /** No placement is better than this. */
  lower_bound: number;
  /** max_over_mean / lower_bound - 1. */
  gap: number;
  /** What gives the bound. */
  bound?: string;
  proven_optimal?: boolean;
}

export interface PlacementTraffic {
  nodes_per_token: number;
  gpus_per_token: number;
}

export interface PlacementSummary {
  /** Mean over layers. */
  max_over_mean: number;
  worst_max_over_mean?: number;
  /** Sum of the busiest GPUs' loads over the sum of the means. */
  token_weighted?: number;
  /** Mean over layers of mean / max, as vLLM and SGLang print it. */
  balancedness?: number;
  /** Mean over layers. */
  lower_bound: number;
  gap?: number;
  worst_layer: number;
  /** Layers whose value is within 0.001 % of its bound. */
  proven_layers?: number;
  /** Replicas that share their GPU with another one of the same expert. */
  duplicates?: number;
  /** Distinct nodes among the experts of a token; null without traces. */
  nodes_per_token: number | null;
  gpus_per_token?: number | null;
  /** Of the transitions from a token's experts to those of the next layer. */
  same_node_share?: number | null;
  same_gpu_share?: number | null;
  /** Experts that GPUs must load that do not hold them now (--current). */
  moved_experts: number;
  moved_bytes?: number | null;
  move_time_s?: number | null;
  /** Seconds of expert computation after which the moves have paid; null: never, or unknown. */
  payback_s?: number | null;
  redundant_bytes_per_gpu?: number | null;
  baselines: PlacementBaselines;
  /** Planned on all scenarios but one and tested on that one. */
  cross_validation?: PlacementCrossValidation[];
  notes?: string[];
}

export interface PlacementBaselines {
  contiguous: number;
  eplb: number | null;
  eplb_duplicates?: number;
  current?: number | null;
}

export interface PlacementCrossValidation {
  held_out: string;
  max_over_mean: number;
  eplb: number | null;
}

export interface PlacementSweepRow {
  redundant_experts: number;
  max_over_mean: number;
  lower_bound: number;
  eplb?: number | null;
  bytes_per_gpu: number | null;
}
