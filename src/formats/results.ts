/* Generated from schema/results.schema.json by scripts/generate-types.mjs; do not edit. */

/** Answer of `planner search`, `estimate` and `explain` with `--format json`. `explain` adds keys. */
export interface Results {
  schema_version: 1;
  /** The SPEC after defaults and presets. */
  problem: {
    [k: string]: unknown;
  };
  search: SearchResult;
  /** Best first; empty when nothing is feasible. */
  plans: PlanResult[];
  /**
   * Filled when nothing is feasible, the smallest lack first. Where rules or limits forbid everything:
   * strategies that one of them alone forbids (or a smallest set of them), with `missing_bytes` 0.
   */
  nearest_misses: NearestMissResult[];
  [k: string]: unknown;
}

/** What the search covered. */
export interface SearchResult {
  /** Legal strategies that the answer covers, evaluated or cut off by a bound. */
  strategies: number;
  /** Strategies removed, by id of the rule or bound. */
  pruned: {
    [k: string]: number;
  };
  /** Strategies estimated. */
  evaluated: number;
  /** No legal strategy is better in this model. */
  proven_optimal: boolean;
  /** Relative distance of the first plan to the proven bound. */
  gap: number;
  /** The same input gives the same bytes. */
  reproducible: boolean;
  /** Wall time, the only field that may differ between runs, seconds. */
  wall_time_s: number;
}

/** A ranked plan; by itself a plan file. `explain` adds keys. */
export interface PlanResult {
  /** Place in the ranking, from 1. */
  rank: number;
  /** Ranks. */
  gpus_used: number;
  /** Days of the whole training run, where the SPEC states its tokens. */
  training_days?: number;
  /** Cost of those days, in the currency of the SPEC's prices, where the nodes have prices. */
  training_cost?: number;
  /** Of a model with experts: which GPU of the expert-parallel group is taken to hold which expert. */
  expert_placement?: {
    /** contiguous, balanced, or the file of training.expert_placement. */
    placement: string;
    /** The count file; balanced where all experts are taken to get equally many tokens. */
    routing: string;
    /** Tokens of the busiest GPU over the mean, mean over the MoE layers: what time is computed with. */
    max_over_mean: number;
    /** The same of the worst layer: what memory is computed with. */
    worst_layer: number;
    /** max_over_mean of contiguous blocks. */
    contiguous: number;
  };
  strategy: StrategyResult;
  /** partition[stage][virtual stage]. */
  partition: number[][];
  /** One entry for each stage. */
  stage_extras: ('embedding' | 'head' | 'loss' | 'mtp')[][];
  /**
   * hosts[i]: the node, by index in the SPEC's order, that is launched as node i; null: the order of the
   * SPEC.
   */
  hosts: number[] | null;
  /** devices[i]: order of the GPUs on node i; null: 0, 1, 2, …. */
  devices: number[][] | null;
  dedication: DedicationResult;
  estimate: EstimateResult;
  [k: string]: unknown;
}

/** Every key of the strategy with its value. */
export interface StrategyResult {
  /** Tensor-parallel ranks. */
  tensor: number;
  /** Pipeline stages. */
  pipeline: number;
  /** Model chunks per stage. */
  virtual_stages: number;
  /** Context-parallel ranks. */
  context: number;
  /** Data-parallel replicas. */
  data: number;
  /** Expert-parallel ranks. */
  expert: number;
  /** Tensor-parallel ranks of an expert. */
  expert_tensor: number;
  /** Sequences. */
  micro_batch_size: number;
  /** Micro-batches per virtual stage before switching. */
  micro_batch_group: number;
  /** Order of forward and backward passes. */
  schedule: 'gpipe' | '1f1b' | 'interleaved' | 'zb-h1' | 'zb-h2' | 'zb-v' | 'v-half' | 'dualpipe-v';
  /** Where embedding and output layer stand. */
  vocabulary: 'last' | 'redistributed' | 'vocab-1' | 'vocab-2' | 'interlaced';
  /** Norms and residuals cut along the sequence. */
  sequence_parallel: boolean;
  /** What is recomputed in the backward pass. */
  recompute: string;
  /** What data-parallel ranks share (ZeRO-0 to ZeRO-3). */
  sharding: 'none' | 'optimizer' | 'gradients' | 'parameters';
  /** Ranks that share one copy. */
  sharding_group: number;
  /** Gradient reduction during the backward pass. */
  overlap_gradients: boolean;
  /** Parameter gathering during the forward pass. */
  overlap_parameters: boolean;
  /** Tensor-parallel communication during matrix products. */
  overlap_tensor: boolean;
  /** Token exchange during compute of another micro-batch. */
  overlap_expert: boolean;
  /** Exchange of keys and values. */
  context_communication: 'p2p' | 'a2a' | 'all-gather' | 'a2a+p2p';
  /** Token exchange of experts. */
  dispatcher: 'all-gather' | 'all-to-all' | 'deepep' | 'hybridep';
  /** Axes of the ranks, fastest first. */
  rank_order: 'tp-cp-ep-dp-pp' | 'tp-cp-ep-pp-dp';
  /** What waits in host memory. */
  offload: 'none' | 'optimizer';
}

/** Which node runs which ranks, and what that gains on the communication objective. */
export interface DedicationResult {
  /** How the order was found. */
  method: 'none' | 'exact' | 'search';
  /** Objective of the order, seconds. */
  communication_s: number;
  /** Objective of the SPEC's order, seconds. */
  host_order_s: number;
  /** Valid bound over all orders, seconds. */
  lower_bound_s: number;
  /** communication_s over lower_bound_s, less 1. */
  gap: number;
}

/** What a plan takes. `explain` adds keys. */
export interface EstimateResult {
  /** Every bound is within its capacity, and the strategy is legal. */
  feasible: boolean;
  /** Why not, one sentence each. */
  reasons: string[];
  /** Expected time of one iteration, seconds. */
  iteration_time_s: number;
  /** Lower end of its range, seconds. */
  iteration_time_low_s: number;
  /** Upper end of its range, seconds. */
  iteration_time_high_s: number;
  /** Per one of gpus_used. */
  tokens_per_s_per_gpu: number;
  /** Megatron's count: causal half of attention, no recomputation. */
  model_tflops_per_gpu: number;
  /** Fraction of the dense peak of the GEMM precision. */
  mfu: number;
  time: TimeResult;
  /** Largest total, bytes. */
  peak_memory_bytes: number;
  /** Largest bound, bytes. */
  peak_memory_bound_bytes: number;
  /** One entry for each stage, in order. */
  memory: StageMemoryResult[];
  [k: string]: unknown;
}

/** Exposed time of one iteration; sums to iteration_time_s. */
export interface TimeResult {
  /** Operators, seconds. */
  compute: number;
  /** Tensor-parallel collectives, seconds. */
  tensor_communication: number;
  /** Context-parallel exchange, seconds. */
  context_communication: number;
  /** Token exchange, seconds. */
  expert_communication: number;
  /** Transfers between stages, seconds. */
  pipeline_communication: number;
  /** Idle time of the schedule, seconds. */
  bubble: number;
  /** Gradient reduction and parameter gathering, seconds. */
  data_communication: number;
  /** Optimizer step, seconds. */
  optimizer: number;
  /** What the runtime adds to each iteration, seconds. */
  overhead: number;
}

/** Memory of the fullest GPU of one stage at its peak; parameters to workspace sum to total. */
export interface StageMemoryResult {
  /** From 0. */
  stage: number;
  /** Weights, bytes. */
  parameters: number;
  /** Gradient buffers, bytes. */
  gradients: number;
  /** Moments and main parameters, bytes. */
  optimizer_states: number;
  /** Activations kept for backward passes, bytes. */
  activations: number;
  /** Logits and what the loss keeps, bytes. */
  logits: number;
  /** Buffers of collectives inside the allocator, bytes. */
  communication_buffers: number;
  /** Temporary buffers, bytes. */
  workspace: number;
  /** Expected peak that the allocator logs, bytes. */
  total: number;
  /** total with fragmentation, bytes. */
  reserved: number;
  /** reserved with what lies outside the allocator, bytes. */
  device: number;
  /** One-sided bound on device, bytes. */
  bound: number;
  /** What may be planned on this GPU, bytes. */
  capacity: number;
}

/** A legal strategy that does not fit. */
export interface NearestMissResult {
  strategy: StrategyResult;
  /** The worst stage. */
  stage: number;
  /** Its bound less its capacity, bytes. */
  missing_bytes: number;
  /** One sentence each. */
  reasons: string[];
}
