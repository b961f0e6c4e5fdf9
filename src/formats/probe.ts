/* Generated from schema/probe.schema.json by scripts/generate-types.mjs; do not edit. */

export type Size = number;
export type Seconds = number;

/**
 * What the script of `planner calibrate --probe` measured on one kind of node; input of `planner calibrate`.
 */
export interface Probe {
  schema_version: 1;
  kind: 'planner-probe';
  gpu: ProbedGpu;
  software?: ProbedSoftware;
  /** Preset of the network ports, where the probe spans nodes; null: the accelerator's usual ones. */
  network?: string | null;
  gemm: ProbedProduct[];
  attention: ProbedAttention[];
  memory: ProbedMemory[];
  collectives: ProbedCollective[];
}

export interface ProbedGpu {
  /** As the driver prints it, or a preset of planner. */
  name: string;
  memory_bytes: number;
  /** Ranks of the probe on one node. */
  per_node: number;
  nodes: number;
}

export interface ProbedSoftware {
  [k: string]: string | null;
}

/** One matrix product [m, k] x [k, n]. */
export interface ProbedProduct {
  format: 'fp32' | 'bf16' | 'fp8' | 'nvfp4';
  pass?: 'forward' | 'dgrad' | 'wgrad';
  m: Size;
  n: Size;
  k: Size;
  /** After idling: clocks at their highest. */
  burst_s: Seconds;
  /** In a loop that lets clocks settle. */
  sustained_s: Seconds;
}

/** Causal attention with as many key heads as query heads. */
export interface ProbedAttention {
  kernel: 'flash1' | 'flash2' | 'flash3' | 'cudnn' | 'cudnn-v9';
  batch: Size;
  heads: Size;
  sequence: Size;
  head_dim: Size;
  forward_s: Seconds;
  backward_s: Seconds;
}

export interface ProbedMemory {
  /** copy streams; add reads two arrays and writes one. */
  kernel: 'copy' | 'add';
  /** Read and written together. */
  bytes: number;
  seconds: Seconds;
}

export interface ProbedCollective {
  operation: 'all-reduce' | 'all-gather' | 'reduce-scatter' | 'all-to-all' | 'p2p';
  /** Ranks of one node, or of all nodes. */
  scope: 'node' | 'world';
  ranks: number;
  /** Whole buffer on every rank; for all-to-all and p2p what every rank sends. */
  bytes: number;
  seconds: Seconds;
}
