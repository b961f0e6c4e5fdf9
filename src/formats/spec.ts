/* Generated from schema/spec.schema.json by scripts/generate-types.mjs; do not edit. */

/** A preset (`planner presets accelerators`), or its figures. */
export type Accelerator = string | AcceleratorSpec;
/** Bytes, or a string with its unit ("80 GiB"). */
export type Size = number | string;
/** Bytes per second, or a string with its unit ("400 Gb/s"). */
export type Bandwidth = number | string;
/** FLOP/s, or a string with its unit ("989 TFLOP/s"). */
export type Compute = number | string;
/** Accelerators of a node. */
export type PerNode = number;
/** How the accelerators of a node talk: a preset (`planner presets links`), or its figures. */
export type IntraNode = string | IntraNodeSpec;
/** Seconds, or a string with its unit ("5 us"). */
export type Time = number | string;
/** A preset (`planner presets models`), a Hugging Face config.json, or a map with the keys of one. */
export type Model =
  | string
  | {
      [k: string]: unknown;
    };
export type OptimizerName = 'adam' | 'sgd' | 'muon';
export type DataType = 'fp32' | 'bf16' | 'fp16' | 'fp8';
export type Axis = number;
export type Schedule =
  'gpipe' | '1f1b' | 'interleaved' | 'zb-h1' | 'zb-h2' | 'zb-v' | 'v-half' | 'dualpipe-v';
export type Vocabulary = 'last' | 'redistributed' | 'vocab-1' | 'vocab-2' | 'interlaced';
/**
 * none, full, full:block:N, full:uniform:N, or selective: and a +-joined list of core_attn, mlp, moe,
 * moe_act, layernorm, mla_up_proj, shared_experts
 */
export type Recompute = string;
export type Sharding = 'none' | 'optimizer' | 'gradients' | 'parameters';
export type ContextCommunication = 'p2p' | 'a2a' | 'all-gather' | 'a2a+p2p';
export type Dispatcher = 'all-gather' | 'all-to-all' | 'deepep' | 'hybridep';
export type RankOrder = 'tp-cp-ep-dp-pp' | 'tp-cp-ep-pp-dp';
export type Offload = 'none' | 'optimizer';

/** Input of planner: a cluster, a model, how it is trained, and what the search may choose. YAML or JSON. */
export interface Spec {
  cluster: ClusterSpec;
  model: Model;
  training: TrainingSpec;
  search?: SearchSpec;
  placement?: PlacementSpec;
  /** File of constants that `planner calibrate` fitted, relative to the SPEC. */
  calibration?: string;
}

/** Machines, in rank order, and the network between them. */
export interface ClusterSpec {
  /** Free text. */
  name?: string;
  accelerator?: Accelerator;
  per_node?: PerNode;
  intra_node?: IntraNode;
  nics?: NicsSpec;
  /** A count, or groups of equal nodes in rank order. */
  nodes: number | NodeGroupSpec[];
  network?: NetworkSpec;
}

export interface AcceleratorSpec {
  name?: string;
  /** Decides which rules and kernels hold. */
  architecture?:
    'volta' | 'turing' | 'ampere' | 'ada' | 'hopper' | 'blackwell' | 'cdna2' | 'cdna3' | 'cdna4' | 'other';
  /** What a process can allocate. */
  memory: Size;
  memory_bandwidth: Bandwidth;
  /** Streaming multiprocessors or compute units. */
  multiprocessors?: number;
  peak: PeakSpec;
}

/** Dense FLOP/s by number format; bf16 or fp16 is needed. */
export interface PeakSpec {
  fp32?: Compute;
  tf32?: Compute;
  fp16?: Compute;
  bf16?: Compute;
  fp8?: Compute;
  nvfp4?: Compute;
}

export interface IntraNodeSpec {
  name?: string;
  /** Per GPU, one direction. */
  bandwidth: Bandwidth;
  latency: Time;
  kind: 'switch' | 'mesh' | 'pcie';
}

/** Network ports of a node: a preset for each port, or figures. */
export interface NicsSpec {
  name?: string;
  /** Ports of a node. */
  count: number;
  /** A preset (`planner presets nics`). */
  link?: string;
  /** Per port, one direction. */
  bandwidth?: Bandwidth;
  latency?: Time;
  kind?: 'infiniband' | 'roce' | 'efa' | 'ethernet' | 'other';
}

/** Equal nodes. What is absent is taken from the cluster, then from the accelerator's preset. */
export interface NodeGroupSpec {
  /** Nodes. */
  count: number;
  /** Names in rank order: a list, or a string such as gpu[001-016]. */
  hosts?: string | string[];
  accelerator?: Accelerator;
  per_node?: PerNode;
  intra_node?: IntraNode;
  nics?: NicsSpec;
  /** Of one node. */
  price_per_hour?: number;
}

export interface NetworkSpec {
  /** GPUs that one NVLink domain spans, where it is larger than a node. */
  domain?: number;
  /** From inside out. */
  tiers?: TierSpec[];
  /**
   * File of measured links (CSV, JSON or a log), which override presets; or several measurements of the same
   * links.
   */
  measured?: string | string[];
  /** With several measurements: a plan is to be good on the worst of them (default) or on their mean. */
  combine?: 'worst' | 'mean';
  /**
   * Of a measurement that carries quantiles: the one to plan for, such as p95 (what 95 % of transfers
   * attain).
   */
  quantile?: string;
  /** Links that a measurement lacks: an error (default), or links that must not be used. */
  missing?: 'error' | 'unusable';
  /**
   * How many times as fast one direction of a measured link may be as the other; logs are refused beyond 2
   * without it.
   */
  max_asymmetry?: number;
  /** Which of several measurements in one file: a collective, a direction, or a named test. */
  test?: string;
}

export interface TierSpec {
  name: string;
  /** Nodes that one group joins; absent: all. */
  nodes?: number;
  /** Downlink over uplink bandwidth. */
  oversubscription?: number;
}

export interface TrainingSpec {
  /** What will run the plan, with an optional version: megatron@0.20. */
  runtime?: string;
  /** Tokens. */
  sequence_length: number;
  /** Sequences of one iteration. */
  global_batch_size: number;
  precision?: 'fp32' | 'fp16' | 'bf16' | 'fp8' | 'mxfp8' | 'nvfp4';
  attention_kernel?: 'auto' | 'unfused' | 'flash2' | 'flash3';
  optimizer?: OptimizerName | OptimizerSpec;
  /** Load of the experts: balanced, or a file of token counts [layers][experts]. */
  routing?: string;
  /**
   * Which GPU holds which expert under measured routing: contiguous blocks (default), balanced (planner's own
   * placement for each size of the expert-parallel group), or a placement file, of whose order of experts
   * every GPU holds one block.
   */
  expert_placement?: string;
  /** Of the whole training run. */
  tokens?: number;
}

export interface OptimizerSpec {
  name: OptimizerName;
  /** Each moment. */
  states?: DataType;
  /** Accumulation and reduction. */
  gradients?: DataType;
  main_parameters?: DataType;
}

export interface SearchSpec {
  objective?: 'throughput' | 'cost' | 'memory_headroom';
  /** Plans printed. */
  top?: number;
  /** Strategy keys and the one value each has. */
  fix?: FixedStrategy;
  /** Strategy keys and the values that each may have. */
  limit?: StrategyLimits;
  /** Fraction of a GPU's memory that is never planned. */
  memory_reserve?: number;
  /** May the search choose which node (GPU) runs which rank. */
  dedication?: 'none' | 'nodes' | 'gpus';
  dedication_objective?: 'iteration_time' | 'communication';
}

export interface FixedStrategy {
  tensor?: Axis;
  pipeline?: Axis;
  virtual_stages?: Axis;
  context?: Axis;
  data?: Axis;
  expert?: Axis;
  expert_tensor?: Axis;
  micro_batch_size?: Axis;
  micro_batch_group?: Axis;
  schedule?: Schedule;
  vocabulary?: Vocabulary;
  sequence_parallel?: boolean;
  recompute?: Recompute;
  sharding?: Sharding;
  sharding_group?: Axis;
  overlap_gradients?: boolean;
  overlap_parameters?: boolean;
  overlap_tensor?: boolean;
  overlap_expert?: boolean;
  context_communication?: ContextCommunication;
  dispatcher?: Dispatcher;
  rank_order?: RankOrder;
  offload?: Offload;
}

export interface StrategyLimits {
  tensor?: Axis[];
  pipeline?: Axis[];
  virtual_stages?: Axis[];
  context?: Axis[];
  data?: Axis[];
  expert?: Axis[];
  expert_tensor?: Axis[];
  micro_batch_size?: Axis[];
  micro_batch_group?: Axis[];
  schedule?: Schedule[];
  vocabulary?: Vocabulary[];
  sequence_parallel?: boolean[];
  recompute?: Recompute[];
  sharding?: Sharding[];
  sharding_group?: Axis[];
  overlap_gradients?: boolean[];
  overlap_parameters?: boolean[];
  overlap_tensor?: boolean[];
  overlap_expert?: boolean[];
  context_communication?: ContextCommunication[];
  dispatcher?: Dispatcher[];
  rank_order?: RankOrder[];
  offload?: Offload[];
}

/** Experts on GPUs from measured routing; read by `planner place`. */
export interface PlacementSpec {
  /**
   * Files of measured loads: [layers][experts] or [snapshots][layers][experts], as JSON of any form that
   * docs/placement.md lists. Without them the trace is counted.
   */
  counts?: string[];
  /** Routes of single tokens: CSV (token, layer, expert ids), JSONL, or packed ids. */
  traces?: string;
  expert_parallel: Axis;
  per_node?: PerNode;
  redundant_experts?: number;
  groups?: Axis;
  communication?: 'per_layer' | 'coherent';
  objective?: 'balance' | 'locality' | 'joint' | 'robust';
  gpu_speeds?: string;
  /**
   * Experts that each GPU has room for, where GPUs differ; they sum to the experts and the redundant ones.
   */
  slots?: number[];
  /**
   * What a robust plan minimises over the count files: the mean of the busiest GPU (default), or the worst
   * file's.
   */
  robust_over?: 'mean' | 'worst';
  /**
   * How much busier than the balanced plan the busiest GPU may be, for less traffic (joint; default 0.01).
   */
  load_slack?: number;
  /** What a GPU may hold of routed experts, all layers together. */
  memory?: Size;
  /** Of one expert in one layer; default: that of the model in 16-bit numbers. */
  expert_size?: Size;
}
