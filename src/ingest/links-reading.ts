/** What a log or file of somebody's cluster tells: links, nodes, and everything that was ignored on the way. */
import type { Diagnostic } from '../diagnostics.ts';
import { diagnosticAt } from './source.ts';
import type { Range, Source } from './source.ts';

export type LinkKind =
  | 'nccl-tests'
  | 'mpigraph'
  | 'nvidia-smi-topo'
  | 'nccl-topology'
  | 'nccl-graph'
  | 'scontrol'
  | 'ibnetdiscover'
  | 'matrix'
  | 'mpigraph-json'
  | 'nccl-pairs'
  | 'collectives';

export type Collective =
  'all-reduce' | 'all-gather' | 'reduce-scatter' | 'all-to-all' | 'sendrecv' | 'broadcast' | 'reduce';

/** Bandwidth by message size of one group of ranks. */
export interface LinkCurve {
  readonly collective: Collective;
  /** Ranks of the group; null where the file does not tell. */
  readonly ranks: number | null;
  /** Their hosts in the order of ranks, each once; empty where not printed, or printed in part. */
  readonly hosts: readonly string[];
  /** Ranks on each host; null where they differ or are not known. */
  readonly perHost: number | null;
  readonly device: string | null;
  /** How the ranks lie, in the words of the source (`consecutive`, `strided`, `inter`), where it says so. */
  readonly layout: string | null;
  /** Bytes, ascending. */
  readonly messages: readonly number[];
  /** Bus bandwidth, bytes/s. */
  readonly bandwidth: readonly number[];
  /** Seconds; empty where not printed. */
  readonly times: readonly number[];
  /** Where it stands. */
  readonly range: Range;
}

/** Directed links before they are trusted: NaN where a pair is missing. */
export interface LinkMatrix {
  readonly level: 'node' | 'gpu';
  readonly names: readonly string[];
  /** bytes/s, row = sender. */
  readonly bandwidth: readonly (readonly number[])[];
  readonly latency: readonly (readonly number[])[] | null;
  readonly bySize: readonly {
    readonly message: number;
    readonly bandwidth: readonly (readonly number[])[];
  }[];
  /** Where a link stands in the file. */
  readonly rangeOf: (from: number, to: number) => Range;
  /** Pairs that the source itself calls failed: `a → b`. */
  readonly failed: readonly string[];
  /** Figures follow from the kind of a link, not from a measurement. */
  readonly nominal: boolean;
}

/** What one node of a cluster of unequal ones has. */
export interface NodeKind {
  readonly host: string;
  readonly perNode: number;
  /** As the source calls its GPUs. */
  readonly type: string | null;
  readonly accelerator: string | null;
}

/** What the source says of nodes, in a SPEC's words; null where it is silent. */
export interface NodeFacts {
  readonly hosts: readonly string[] | null;
  readonly nodes: number | null;
  readonly perNode: number | null;
  /** Of each host, where they are not all equal. */
  readonly kinds: readonly NodeKind[] | null;
  /** Preset, where the name of the device is one that planner knows. */
  readonly accelerator: string | null;
  /** Preset, or figures: bytes/s per GPU, one direction. */
  readonly intraNode:
    string | { readonly bandwidth: number; readonly kind: 'switch' | 'mesh' | 'pcie' } | null;
  /** Links of one GPU, where `intraNode` counts them at an assumed rate. */
  readonly nvlinks: number | null;
  readonly nics: { readonly count: number; readonly bandwidth: number | null } | null;
  readonly tiers: readonly {
    readonly name: string;
    readonly nodes: number | null;
    readonly oversubscription: number;
  }[];
}

export const noFacts: NodeFacts = {
  hosts: null,
  nodes: null,
  perNode: null,
  kinds: null,
  accelerator: null,
  intraNode: null,
  nvlinks: null,
  nics: null,
  tiers: [],
};

export interface LinkReading {
  readonly kind: LinkKind;
  readonly source: Source;
  /** One line for the person who imports. */
  readonly summary: string;
  readonly facts: NodeFacts;
  readonly matrix: LinkMatrix | null;
  readonly curves: readonly LinkCurve[];
}

export interface ReadOptions {
  /** Missing and dead links become unusable instead of errors. */
  readonly allowMissing: boolean;
  /** Largest ratio of the two directions of one link that is believed. */
  readonly maximumAsymmetry: number;
  /** Which of several measurements in one file: `sendrecv_perf_G8`, `send`; null: the reader's own choice. */
  readonly test: string | null;
}

export const defaultReadOptions: ReadOptions = { allowMissing: false, maximumAsymmetry: 2, test: null };

export type ReadingResult =
  | { readonly ok: true; readonly value: LinkReading; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

const MAXIMUM_DIAGNOSTICS = 50;

/** Collects what is wrong with a file and what was passed over. */
export class ReadingReport {
  readonly errors: Diagnostic[] = [];
  readonly warnings: Diagnostic[] = [];
  readonly #id: string;

  constructor(kind: LinkKind) {
    this.#id = `links/${kind}`;
  }

  error(range: Range, message: string): void {
    if (this.errors.length < MAXIMUM_DIAGNOSTICS) this.errors.push(diagnosticAt(range, this.#id, message));
  }

  warn(range: Range, message: string): void {
    if (this.warnings.length < MAXIMUM_DIAGNOSTICS)
      this.warnings.push(diagnosticAt(range, this.#id, message, {}, 'warning'));
  }

  refuse(): ReadingResult {
    return { ok: false, diagnostics: this.errors };
  }

  finish(value: LinkReading): ReadingResult {
    return this.errors.length > 0 ? this.refuse() : { ok: true, value, warnings: this.warnings };
  }
}

export const startOf = (source: Source): Range => ({ source, start: 0, end: 1 });
