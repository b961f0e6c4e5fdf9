/**
 * The constants that measurements fix, apart from formulas: a small set per accelerator, per link and per software
 * profile. Values stand in `configs/calibration/*.yaml`, each with its meaning, unit, plausible range and source.
 */
import type { Accelerator } from '../cluster/cluster.ts';
import type { SoftwareProfile } from '../plan/conditions.ts';

/** Formats in which a matrix product can run. */
export type GemmFormat = 'fp32' | 'bf16' | 'fp8' | 'nvfp4';

/** Generations of attention kernels whose rates differ. */
export type AttentionGeneration = 'triton' | 'flash1' | 'flash2' | 'flash3' | 'cudnn' | 'cudnn-v9';

export interface GemmCurve {
  /** Attained share of the dense peak of the format at infinite depth, 0 to 1. */
  readonly efficiency: number;
  /** Depth k0 (elements) whose cost is the prologue of a tile: time grows by 1 + k0/k. */
  readonly depth: number;
}

export interface AttentionCurve {
  /** Share of the bf16 peak that the forward kernel attains on causal FLOPs at infinite length. */
  readonly rate: number;
  /** Length (tokens of a context-parallel chunk) at which half of it is attained. */
  readonly halfLength: number;
  /** Rate of the backward kernel over that of the forward one; backward does 2.5 times the FLOPs. */
  readonly backward: number;
}

export interface AcceleratorCalibration {
  /** Presets that it holds for; the first is the one it was fitted on. */
  readonly names: readonly string[];
  readonly gemm: Readonly<Record<GemmFormat, GemmCurve>>;
  /** Sustained over burst rate of matrix products: clocks under load, kernel variety; 0 to 1. */
  readonly sustained: number;
  readonly attention: Readonly<Record<AttentionGeneration, AttentionCurve>>;
  /** Batched GEMM of unfused attention: share of bf16 peak, head dimension a multiple of 8 and otherwise. */
  readonly batchedGemm: number;
  readonly batchedGemmMisaligned: number;
  /** Attained share of the memory bandwidth: elementwise kernels; streaming kernels (loss, optimizer, token permutation). */
  readonly elementwise: number;
  readonly streaming: number;
  /** Seconds per local expert and grouped-GEMM pass beyond the roofline: unequal tiles, a product's launch. */
  readonly expertOverhead: number;
  /** The same, added in low precision: each expert's operands are cast, scaled and transposed by kernels of their own. */
  readonly expertCast: number;
  /** Shortest time of a kernel, seconds. */
  readonly kernelFloor: number;
  /** Rate of linear-time mixers (state space, delta rule): share of bf16 peak. */
  readonly recurrence: number;
}

/** A class of links: how much of its nominal bandwidth a collective attains, and what a step costs. */
export interface LinkCalibration {
  /** Bus bandwidth over nominal bandwidth for large messages, by collective. */
  readonly reduce: number;
  readonly gather: number;
  readonly allToAll: number;
  readonly pointToPoint: number;
  /** The same for dispatch and combine of DeepEP and HybridEP, by the rows that cross. */
  readonly tokenExchange: number;
  /** Seconds per step of a ring whose slowest hop is such a link. */
  readonly step: number;
  /** Fixed seconds of a collective (launch, synchronisation). */
  readonly base: number;
  /** Low-latency protocols: share of the rate for large messages that they attain. */
  readonly quick: number;
  /** Seconds that the protocol for large messages needs beyond the base. */
  readonly setup: number;
}

/** NVLink by generation: 3 and before (Volta, Ampere), 4 (Hopper), 5 (Blackwell). */
export type LinkClass =
  'nvlink3' | 'nvlink4' | 'nvlink5' | 'pcie' | 'infinity-fabric' | 'infiniband' | 'roce' | 'efa' | 'ethernet';

/** Constants of a software profile; what it does in which order is data in `runtimes/time-behaviour.ts`. */
export interface RuntimeCalibration {
  /** Host seconds per dense layer and micro-batch, both passes. */
  readonly hostDense: number;
  /** The same per MoE layer, eager, all-to-all dispatcher. */
  readonly hostMoe: number;
  /** What each local expert adds to it: operands, products and gradients of its own. */
  readonly hostExpert: number;
  /** Exponent p of (gpu^p + host^p)^(1/p). */
  readonly hostNorm: number;
  /** Factor on host time of a MoE layer with a fused dispatcher (DeepEP, HybridEP), with expert overlap, with graphs of attention and router. */
  readonly hostFusedDispatcher: number;
  readonly hostExpertOverlap: number;
  readonly hostAttentionGraph: number;
  /** Factor on elementwise bytes where a compiler or fused kernels merge them, and where none does. */
  readonly traffic: number;
  readonly eagerTraffic: number;
  /** Bytes per token and norm element that an unfused norm adds, each pass. */
  readonly unfusedNorm: number;
  /** Bytes per attention score (one of batch · heads · length²) that dropout adds to unfused attention, each pass. */
  readonly dropoutScore: number;
  /** Bytes per logit of the loss, forward and backward together. */
  readonly lossBytes: number;
  /** Bytes per local parameter and micro-batch of gradient accumulation. */
  readonly accumulationBytes: number;
  /** Exposed share of tensor-parallel communication: plain; with the runtime's overlap switched on. */
  readonly tensorExposed: number;
  readonly tensorOverlapExposed: number;
  /** Exposed share of gradient reduction and parameter gathering with overlap. */
  readonly dataExposed: number;
  /** FSDP: a layer costs max + x · min of compute and communication; within a node, across nodes. */
  readonly fsdpNode: number;
  readonly fsdpNetwork: number;
  /** max + x · min of expert communication and compute when they overlap. */
  readonly expertOverlap: number;
  /** Bytes per parameter of the step, whole copy and owned shard. */
  readonly optimizerParameter: number;
  readonly optimizerShard: number;
  /** Seconds per owned parameter of a step on the host: transfers both ways and Adam on the processor. */
  readonly offloadSeconds: number;
  /** Seconds per iteration whatever the layout. */
  readonly iterationOverhead: number;
  /** Seconds per layer and rank of the shard to gather parameters tensor by tensor. */
  readonly gatherHost: number;
}

export interface Calibration {
  /** Script and version that wrote it. */
  readonly name: string;
  readonly accelerators: Readonly<Record<string, AcceleratorCalibration>>;
  /** Architecture → key of `accelerators` for accelerators that no entry names. */
  readonly fallback: Readonly<Record<string, string>>;
  readonly links: Readonly<Record<LinkClass, LinkCalibration>>;
  readonly runtimes: Readonly<Record<SoftwareProfile, RuntimeCalibration>>;
  /** Median absolute relative error on the corpus: dense and MoE; gives the range of an estimate. */
  readonly error: { readonly dense: number; readonly moe: number };
}

/** The entry that names the accelerator, or the one of its architecture, or that of `other`. */
export const acceleratorCalibration = (
  calibration: Calibration,
  accelerator: Accelerator,
): AcceleratorCalibration => {
  for (const entry of Object.values(calibration.accelerators))
    if (entry.names.includes(accelerator.name)) return entry;
  const key = calibration.fallback[accelerator.architecture] ?? calibration.fallback['other'];
  const entry = key === undefined ? undefined : calibration.accelerators[key];
  if (entry === undefined)
    throw new Error(`calibration ${calibration.name} has no fallback for ${accelerator.architecture}`);
  return entry;
};
