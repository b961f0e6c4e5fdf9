/** The assignment problem behind an order of hosts: slots of the launch, nodes of the matrix, rings and paths over slots. */
import type { NodeMatrix } from '../cluster/measured-links.ts';
import type { CommunicationShape } from '../cost/link-objective.ts';

/** Rate at which a link that must not be used is counted, bytes/s: avoided by all orders that can, and still finite. */
const UNUSABLE_RATE = 1e6;

/** Closed ring over slots; its time is weight · slowest arc (seconds per byte). */
export interface Ring {
  readonly slots: Int32Array;
  /** 2(R−1)∕R · gradient bytes. */
  readonly weight: number;
}

/** One pipeline; each hop is its links as from, to, from, to, …, of which the slowest counts. */
export interface Path {
  readonly hops: readonly Int32Array[];
}

/**
 * A grid of slots: every column is the ring of one stage (or of stages that share nodes), and pipelines cross the columns
 * in order at equal positions, `block` positions to a pipeline.
 */
export interface Grid {
  /** columns[column][position]: slot. */
  readonly columns: readonly Int32Array[];
  readonly weights: readonly number[];
  readonly positions: number;
  readonly block: number;
}

export interface DedicationInstance {
  readonly nodes: number;
  readonly slots: number;
  /** Seconds per byte, from · nodes + to. */
  readonly latency: Float64Array;
  readonly rings: readonly Ring[];
  readonly paths: readonly Path[];
  /** Bytes that a hop counts: 2 · activation, times how often the pipeline term counts. */
  readonly hopWeight: number;
  /** null where slots form no grid. */
  readonly grid: Grid | null;
}

/** Stages with the same nodes have one ring; the heaviest decides. */
const ringsOf = (shape: CommunicationShape): readonly Ring[] => {
  const rings = new Map<string, Ring>();
  for (const { nodes, bytes } of shape.rings) {
    const key = nodes.join();
    const weight = (2 * (nodes.length - 1) * bytes) / nodes.length;
    if (weight > (rings.get(key)?.weight ?? -1)) rings.set(key, { slots: Int32Array.from(nodes), weight });
  }
  return [...rings.values()];
};

const pathsOf = (shape: CommunicationShape): readonly Path[] =>
  shape.paths
    .map((path) => ({
      hops: path
        .filter((hop) => hop.length > 0)
        .map((hop) => Int32Array.from(hop.flatMap(({ from, to }) => [from, to]))),
    }))
    .filter(({ hops }) => hops.length > 0);

/** Which column and position each slot has; null where a slot has none or two, or columns differ in length. */
const placesOf = (slots: number, rings: readonly Ring[]): Int32Array | null => {
  const size = rings[0]?.slots.length ?? 0;
  if (rings.length * size !== slots || rings.some((ring) => ring.slots.length !== size)) return null;
  const place = new Int32Array(slots).fill(-1);
  for (const [column, ring] of rings.entries())
    for (const [position, slot] of ring.slots.entries()) {
      if (place[slot] !== -1) return null;
      place[slot] = column * size + position;
    }
  return place;
};

/** The grid of rings and paths, if there is one. */
export const gridOf = (slots: number, rings: readonly Ring[], paths: readonly Path[]): Grid | null => {
  const place = placesOf(slots, rings);
  const positions = rings[0]?.slots.length ?? 0;
  if (place === null) return null;
  const grid = (block: number): Grid => ({
    columns: rings.map((ring) => ring.slots),
    weights: rings.map(({ weight }) => weight),
    positions,
    block,
  });
  if (rings.length === 1) return paths.length === 0 ? grid(1) : null;
  const block = positions / paths.length;
  if (!Number.isInteger(block)) return null;
  const seen = new Set<number>();
  for (const { hops } of paths) {
    if (hops.length !== rings.length - 1) return null;
    const own = new Set<number>();
    for (const [column, hop] of hops.entries()) {
      if (hop.length !== 2 * block) return null;
      for (let link = 0; link < hop.length; link += 2) {
        const [from, to] = [place[hop[link] ?? 0] ?? 0, place[hop[link + 1] ?? 0] ?? 0];
        if (Math.floor(from / positions) !== column || to !== from + positions) return null;
        own.add(from % positions);
      }
    }
    const first = Math.min(...own);
    if (own.size !== block || first % block !== 0 || Math.max(...own) !== first + block - 1) return null;
    seen.add(first);
  }
  return seen.size === paths.length ? grid(block) : null;
};

/** Seconds per byte of every link. */
export const latencyTable = (matrix: NodeMatrix): Float64Array =>
  matrix.bandwidths.map((rate) => 1 / Math.max(rate, UNUSABLE_RATE));

/**
 * The problem of FORMATS' communication: `pipelineCount` is how often the largest pipeline counts (1 there; micro-batches
 * per stage in Pipette's sum). Throws RangeError where the matrix has fewer nodes than are launched.
 */
export const dedicationInstance = (
  shape: CommunicationShape,
  matrix: NodeMatrix,
  pipelineCount = 1,
): DedicationInstance => {
  if (shape.nodes > matrix.nodes)
    throw new RangeError(`${shape.nodes} launched nodes, but the matrix has ${matrix.nodes}`);
  const rings = ringsOf(shape);
  const paths = pathsOf(shape);
  return {
    nodes: matrix.nodes,
    slots: shape.nodes,
    latency: latencyTable(matrix),
    rings,
    paths,
    hopWeight: 2 * shape.activation * pipelineCount,
    grid: gridOf(shape.nodes, rings, paths),
  };
};

/** Time of one ring and of one path under an order: order[slot] is a node. */
export const ringValue = ({ latency, nodes }: DedicationInstance, ring: Ring, order: Int32Array): number => {
  const { slots, weight } = ring;
  if (slots.length < 2) return 0;
  let worst = 0;
  let from = order[slots[slots.length - 1] ?? 0] ?? 0;
  for (const slot of slots) {
    const to = order[slot] ?? 0;
    const arc = latency[from * nodes + to] ?? 0;
    if (arc > worst) worst = arc;
    from = to;
  }
  return weight * worst;
};

export const pathValue = (instance: DedicationInstance, path: Path, order: Int32Array): number => {
  const { latency, nodes, hopWeight } = instance;
  let sum = 0;
  for (const hop of path.hops) {
    let worst = 0;
    for (let link = 0; link < hop.length; link += 2) {
      const arc = latency[(order[hop[link] ?? 0] ?? 0) * nodes + (order[hop[link + 1] ?? 0] ?? 0)] ?? 0;
      if (arc > worst) worst = arc;
    }
    sum += worst;
  }
  return hopWeight * sum;
};

/** Largest ring plus largest path, seconds. */
export const orderValue = (instance: DedicationInstance, order: Int32Array): number => {
  let [data, pipeline] = [0, 0];
  for (const ring of instance.rings) data = Math.max(data, ringValue(instance, ring, order));
  for (const path of instance.paths) pipeline = Math.max(pipeline, pathValue(instance, path, order));
  return data + pipeline;
};

/** The nodes in the matrix's own order. */
export const hostOrder = ({ nodes }: Pick<DedicationInstance, 'nodes'>): Int32Array =>
  Int32Array.from({ length: nodes }, (_, node) => node);
