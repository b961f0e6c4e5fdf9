/** What measured links leave to each process group: the slowest or the most shared link that it really crosses. */
import { nodeCount } from './cluster.ts';
import type { Cluster, MeasuredLinks } from './cluster.ts';
import type { GroupFamily } from './group-family.ts';
import { nodeBandwidth } from './rank-map.ts';
import type { RankMap } from './rank-map.ts';

/**
 * A link that must not be used is counted at this rate, bytes/s: so slow that no plan needs it gladly, and finite, so
 * that plans that need one still compare.
 */
export const UNUSABLE_RATE = 1e6;

/** Pipeline stages of a family's groups: rank r is on stage ⌊r ∕ stride⌋ mod size. */
export interface StageAxis {
  readonly size: number;
  readonly stride: number;
}

export interface MeasuredRates {
  /** Message sizes that the rates belong to, bytes, ascending; one entry where sizes make no difference. */
  readonly messages: readonly number[];
  /** bytes/s that one group's ring gets: slowest arc, each divided among the rings that use it. */
  readonly ring: readonly number[];
  /** bytes/s of one rank that sends equal parts to all ranks of its group over these links, all ranks at once. */
  readonly allToAll: () => readonly number[];
  /** Longest latency of an arc, seconds; null where none was measured. */
  readonly latency: number | null;
  /** `a → b` of the slowest arc at the largest message. */
  readonly slowest: string;
  /** Arcs that must not be used. */
  readonly unusable: readonly string[];
  /** Other links of the groups, of nominal speed, limit them too: only those between nodes of a domain were measured. */
  readonly partial: boolean;
}

/** bytes/s of one rank's message by measured size: to the next stage (activations), and back (gradients). */
export interface MeasuredHop {
  readonly messages: readonly number[];
  readonly forward: readonly number[];
  readonly back: readonly number[];
  readonly unusable: readonly string[];
}

/** Links of one kind (inside a domain, or between domains) by stage; null where no group of the stage has such a link. */
export type StageRates = readonly (MeasuredRates | null)[];

/** Ends of measured links: nodes or GPUs, with what each sends and receives at most. */
export interface LinkTable {
  readonly level: 'node' | 'gpu';
  readonly names: readonly string[];
  readonly messages: readonly number[];
  /** By message size: bytes/s, from · ends + to; UNUSABLE_RATE where not usable. */
  readonly rates: readonly Float64Array[];
  readonly latencies: Float64Array | null;
  /** By message size: the best that each end has shown, out and in. */
  readonly out: readonly Float64Array[];
  readonly into: readonly Float64Array[];
  readonly dead: ReadonlySet<number>;
  /** End of each rank. */
  readonly endOf: Int32Array;
}

const flat = (rows: readonly (readonly number[])[], dead: Set<number>): Float64Array => {
  const ends = rows.length;
  const table = new Float64Array(ends * ends);
  for (let from = 0; from < ends; from += 1)
    for (let to = 0; to < ends; to += 1) {
      const value = rows[from]?.[to] ?? 0;
      if (from !== to && !(value > 0)) dead.add(from * ends + to);
      table[from * ends + to] = value > 0 ? value : UNUSABLE_RATE;
    }
  return table;
};

/** What leaves and enters a node: the best that it has shown to one peer; between GPUs, what its ports can carry. */
const ceilings = (
  cluster: Cluster,
  { level }: MeasuredLinks,
  rates: Float64Array,
  ends: number,
): { out: Float64Array; into: Float64Array } => {
  if (level === 'gpu') {
    const ports = Float64Array.from(
      cluster.groups.flatMap((group) => Array.from({ length: group.count }, () => nodeBandwidth(group))),
    );
    return { out: ports, into: ports };
  }
  const out = new Float64Array(ends);
  const into = new Float64Array(ends);
  for (let from = 0; from < ends; from += 1)
    for (let to = 0; to < ends; to += 1) {
      if (from === to) continue;
      const rate = rates[from * ends + to] ?? 0;
      out[from] = Math.max(out[from] ?? 0, rate);
      into[to] = Math.max(into[to] ?? 0, rate);
    }
  return { out, into };
};

/** null without measured links. Throws RangeError where their number is not that of the cluster's nodes (GPUs). */
export const createLinkTable = (cluster: Cluster, map: RankMap): LinkTable | null => {
  const { measured } = cluster;
  if (measured === null) return null;
  const ends = measured.names.length;
  const expected = measured.level === 'node' ? nodeCount(cluster) : map.ranks;
  if (ends !== expected)
    throw new RangeError(`${ends} measured ${measured.level}s, but the cluster has ${expected}`);
  const dead = new Set<number>();
  const sizes = measured.bySize ?? [];
  const rates = (sizes.length > 0 ? sizes.map(({ bandwidth }) => bandwidth) : [measured.bandwidth]).map(
    (rows) => flat(rows, dead),
  );
  const tops = rates.map((table) => ceilings(cluster, measured, table, ends));
  return {
    level: measured.level,
    names: measured.names,
    messages: sizes.length > 0 ? sizes.map(({ message }) => message) : [0],
    rates,
    latencies: measured.latency === null ? null : Float64Array.from(measured.latency.flat()),
    out: tops.map(({ out }) => out),
    into: tops.map(({ into }) => into),
    dead,
    endOf: measured.level === 'node' ? map.nodeOf : Int32Array.from({ length: map.ranks }, (_, rank) => rank),
  };
};

/** Rate at a message size: linear in its logarithm between measured sizes, the nearest one's beyond them. */
export const rateAt = (messages: readonly number[], rates: readonly number[], bytes: number): number => {
  const above = messages.findIndex((message) => message >= bytes);
  if (above === -1) return rates.at(-1) ?? 0;
  const high = rates[above] ?? 0;
  if (above === 0) return high;
  const [small, large] = [messages[above - 1] ?? 0, messages[above] ?? 0];
  const low = rates[above - 1] ?? 0;
  return low + ((high - low) * Math.log(bytes / small)) / Math.log(large / small);
};

/** Uses of directed links by everything that runs at once. */
export class LinkLoad {
  readonly #table: LinkTable;
  readonly #map: RankMap;
  readonly #uses = new Map<number, number>();
  readonly #out: Float64Array;
  readonly #into: Float64Array;

  constructor(table: LinkTable, map: RankMap) {
    this.#table = table;
    this.#map = map;
    this.#out = new Float64Array(map.groupOf.length);
    this.#into = new Float64Array(map.groupOf.length);
  }

  /** `count` flows from one rank to another. */
  add(from: number, to: number, count: number): void {
    const { endOf, names } = this.#table;
    const key = (endOf[from] ?? 0) * names.length + (endOf[to] ?? 0);
    this.#uses.set(key, (this.#uses.get(key) ?? 0) + count);
    const [a, b] = [this.#map.nodeOf[from] ?? 0, this.#map.nodeOf[to] ?? 0];
    if (a === b) return;
    this.#out[a] = (this.#out[a] ?? 0) + count;
    this.#into[b] = (this.#into[b] ?? 0) + count;
  }

  /** bytes/s of one flow from rank to rank at a measured size: the link, and the ends' ports, over all who share them. */
  share(from: number, to: number, size: number): number {
    const { endOf, names, rates, out, into } = this.#table;
    const key = (endOf[from] ?? 0) * names.length + (endOf[to] ?? 0);
    const link = (rates[size]?.[key] ?? 0) / (this.#uses.get(key) ?? 1);
    const [a, b] = [this.#map.nodeOf[from] ?? 0, this.#map.nodeOf[to] ?? 0];
    if (a === b) return link;
    return Math.min(
      link,
      (out[size]?.[a] ?? 0) / Math.max(1, this.#out[a] ?? 0),
      (into[size]?.[b] ?? 0) / Math.max(1, this.#into[b] ?? 0),
    );
  }
}

export const arcName = ({ names, endOf }: LinkTable, from: number, to: number): string =>
  `${names[endOf[from] ?? 0] ?? ''} → ${names[endOf[to] ?? 0] ?? ''}`;

export const isDead = ({ names, endOf, dead }: LinkTable, from: number, to: number): boolean =>
  dead.has((endOf[from] ?? 0) * names.length + (endOf[to] ?? 0));

export const arcLatency = (
  { names, endOf, latencies }: LinkTable,
  from: number,
  to: number,
): number | null =>
  latencies === null ? null : (latencies[(endOf[from] ?? 0) * names.length + (endOf[to] ?? 0)] ?? 0);

/** Calls `visit` with the ranks of every group of a family, and its first rank. */
export const forEachGroup = (
  { world, size, stride }: GroupFamily,
  visit: (rankAt: (index: number) => number, first: number) => void,
): void => {
  for (let block = 0; block < world; block += size * stride)
    for (let first = block; first < block + stride; first += 1)
      visit((index) => first + index * stride, first);
};

export const stageOf = (rank: number, axis: StageAxis): number => Math.floor(rank / axis.stride) % axis.size;
