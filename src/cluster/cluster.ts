import type { Bytes, BytesPerSecond, FlopsPerSecond, Seconds } from '../units.ts';

/** Number formats that have a peak rate of their own. */
export type PeakFormat = 'fp32' | 'tf32' | 'fp16' | 'bf16' | 'fp8' | 'nvfp4';

export type AcceleratorArchitecture =
  'volta' | 'turing' | 'ampere' | 'ada' | 'hopper' | 'blackwell' | 'cdna2' | 'cdna3' | 'cdna4' | 'other';

export interface Accelerator {
  readonly name: string;
  readonly architecture: AcceleratorArchitecture;
  /** Memory that a process can allocate, as the driver reports it (not the marketing figure). */
  readonly memory: Bytes;
  readonly memoryBandwidth: BytesPerSecond;
  /** Dense peak, without structured sparsity. bf16 or fp16 is always present. */
  readonly peak: Readonly<Partial<Record<PeakFormat, FlopsPerSecond>>>;
  /** Streaming multiprocessors or compute units. */
  readonly multiprocessors: number;
  /** Where the figures come from. */
  readonly source: string;
}

/** How the accelerators of one node (or NVLink domain) talk. */
export interface IntraNodeLink {
  readonly name: string;
  readonly kind: 'switch' | 'mesh' | 'pcie';
  /** Per GPU, one direction. */
  readonly bandwidth: BytesPerSecond;
  readonly latency: Seconds;
}

/** The network ports of one node. */
export interface Nics {
  readonly name: string;
  /** Ports per node. */
  readonly count: number;
  /** Per port, one direction. */
  readonly bandwidth: BytesPerSecond;
  readonly latency: Seconds;
  readonly kind: 'infiniband' | 'roce' | 'efa' | 'ethernet' | 'other';
}

export interface NodeGroup {
  readonly count: number;
  /** Host names in rank order, `count` of them. */
  readonly hosts: readonly string[] | null;
  readonly accelerator: Accelerator;
  readonly perNode: number;
  readonly intraNode: IntraNodeLink;
  readonly nics: Nics;
  /** Per node and hour, in the user's currency. */
  readonly pricePerHour: number | null;
}

/** A level of the network above the node, from inside out. */
export interface Tier {
  readonly name: string;
  /** Nodes that one group of this tier joins; null: all of them. The last group may be partial. */
  readonly nodes: number | null;
  /** Uplink bandwidth divided into downlink bandwidth: 2 means that half of it leaves the group. */
  readonly oversubscription: number;
}

/** Measured bandwidth between nodes or GPUs; row = sender, column = receiver. */
export interface MeasuredLinks {
  readonly level: 'node' | 'gpu';
  readonly names: readonly string[];
  /** bytes/s; NaN on the diagonal, 0 for a link that must not be used. */
  readonly bandwidth: readonly (readonly number[])[];
  /** seconds; null where not measured. */
  readonly latency: readonly (readonly number[])[] | null;
  /** The same links by size of message, ascending, where they were measured so; `bandwidth` is for where no size is known. */
  readonly bySize?: readonly MeasuredSize[];
  /** What share of transfers attains at least: `p95` → bytes/s, as in `bandwidth`. */
  readonly quantiles?: Readonly<Record<string, readonly (readonly number[])[]>>;
}

export interface MeasuredSize {
  readonly message: Bytes;
  /** bytes/s, as in MeasuredLinks. */
  readonly bandwidth: readonly (readonly number[])[];
}

export interface Cluster {
  readonly name: string;
  /** Node groups in rank order. */
  readonly groups: readonly NodeGroup[];
  /** GPUs that one NVLink domain spans where it is larger than a node, else null. The last domain may be partial. */
  readonly domain: number | null;
  readonly tiers: readonly Tier[];
  readonly measured: MeasuredLinks | null;
  /** Several measurements of the same links, where there are: a plan is to be good on the worst, or on their mean. */
  readonly measurements?: {
    readonly links: readonly MeasuredLinks[];
    readonly combine: 'worst' | 'mean';
  };
  /** Where nodes are launched in another order than the SPEC's: that cluster, and the index there of each launched node. */
  readonly launched?: { readonly origin: Cluster; readonly hosts: readonly number[] };
}

export const nodeCount = (cluster: Cluster): number =>
  cluster.groups.reduce((sum, group) => sum + group.count, 0);

export const gpuCount = (cluster: Cluster): number =>
  cluster.groups.reduce((sum, group) => sum + group.count * group.perNode, 0);
