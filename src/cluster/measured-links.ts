/** Measured links at the level of nodes: what one node sends to another, direction by direction. */
import { gpuCount, nodeCount } from './cluster.ts';
import type { Cluster, MeasuredLinks } from './cluster.ts';
import { nodeBandwidth } from './rank-map.ts';

/** Directed links between nodes. Row = sender. A node's links to itself are never asked for. */
export interface NodeMatrix {
  readonly nodes: number;
  readonly names: readonly string[];
  /** All GPUs of the sender together to all of the receiver, bytes/s; 0 for a link that must not be used. */
  readonly bandwidth: (from: number, to: number) => number;
  /** Seconds; 0 where none was measured. */
  readonly latency: (from: number, to: number) => number;
  /** The same figures, from · nodes + to. */
  readonly bandwidths: Float64Array;
  readonly latencies: Float64Array;
}

const createMatrix = (
  names: readonly string[],
  bandwidths: Float64Array,
  latencies: Float64Array,
): NodeMatrix => {
  const nodes = names.length;
  return {
    nodes,
    names,
    bandwidth: (from, to) => bandwidths[from * nodes + to] ?? 0,
    latency: (from, to) => latencies[from * nodes + to] ?? 0,
    bandwidths,
    latencies,
  };
};

/** A matrix from rows: bytes/s and, where measured, seconds; whatever is not a positive number cannot be used. */
export const matrixOfRows = (
  names: readonly string[],
  bandwidth: readonly (readonly number[])[],
  latency: readonly (readonly number[])[] | null = null,
): NodeMatrix => {
  const nodes = names.length;
  const bandwidths = new Float64Array(nodes * nodes);
  const latencies = new Float64Array(nodes * nodes);
  for (let from = 0; from < nodes; from += 1)
    for (let to = 0; to < nodes; to += 1) {
      if (from === to) continue;
      const value = bandwidth[from]?.[to] ?? 0;
      const delay = latency?.[from]?.[to] ?? 0;
      bandwidths[from * nodes + to] = value > 0 ? value : 0;
      latencies[from * nodes + to] = delay > 0 ? delay : 0;
    }
  return createMatrix(names, bandwidths, latencies);
};

interface NodePlace {
  readonly name: string;
  readonly firstGpu: number;
  readonly gpus: number;
  /** bytes/s of all its ports. */
  readonly ports: number;
}

const nodePlaces = (cluster: Cluster): readonly NodePlace[] => {
  const places: NodePlace[] = [];
  let firstGpu = 0;
  for (const group of cluster.groups)
    for (let index = 0; index < group.count; index += 1) {
      const name = group.hosts?.[index] ?? `node ${places.length}`;
      places.push({ name, firstGpu, gpus: group.perNode, ports: nodeBandwidth(group) });
      firstGpu += group.perNode;
    }
  return places;
};

/**
 * Between GPUs each pair was measured by itself. GPUs of the same index talk at the same time (rails), so their links
 * add up, but no higher than the ports of either node; where one of the pairs is unusable so is the whole.
 */
const fromGpus = (places: readonly NodePlace[], measured: MeasuredLinks): NodeMatrix => {
  const rows = places.map((a) =>
    places.map((b) => {
      let sum = 0;
      for (let gpu = 0; gpu < Math.max(a.gpus, b.gpus); gpu += 1) {
        const rate = measured.bandwidth[a.firstGpu + (gpu % a.gpus)]?.[b.firstGpu + (gpu % b.gpus)] ?? 0;
        if (!(rate > 0)) return 0;
        sum += rate;
      }
      return Math.min(sum, a.ports, b.ports);
    }),
  );
  const delays =
    measured.latency === null
      ? null
      : places.map((a) => places.map((b) => measured.latency?.[a.firstGpu]?.[b.firstGpu] ?? 0));
  return matrixOfRows(
    places.map(({ name }) => name),
    rows,
    delays,
  );
};

/** Node-level links of a cluster; null where it has no measured ones. Throws RangeError where the matrix has another size. */
export const nodeMatrix = (cluster: Cluster): NodeMatrix | null => {
  const { measured } = cluster;
  if (measured === null) return null;
  const expected = measured.level === 'node' ? nodeCount(cluster) : gpuCount(cluster);
  if (measured.names.length !== expected)
    throw new RangeError(
      `${measured.names.length} measured ${measured.level}s, but the cluster has ${expected}`,
    );
  return measured.level === 'node'
    ? matrixOfRows(measured.names, measured.bandwidth, measured.latency)
    : fromGpus(nodePlaces(cluster), measured);
};

/** The same cluster with every usable link at the median of all, at every size of message; unusable ones stay so. */
export const measuredAtMedian = (cluster: Cluster): Cluster => {
  const { measured } = cluster;
  if (measured === null) return cluster;
  const even = (rows: readonly (readonly number[])[]): number[][] => {
    const sorted = rows
      .flatMap((row, from) => row.filter((value, to) => from !== to && value > 0))
      .toSorted((a, b) => a - b);
    const median = sorted[sorted.length >> 1] ?? 0;
    return rows.map((row) => row.map((value) => (value > 0 ? median : value)));
  };
  const { bySize } = measured;
  const sizes =
    bySize === undefined
      ? {}
      : { bySize: bySize.map(({ message, bandwidth }) => ({ message, bandwidth: even(bandwidth) })) };
  return { ...cluster, measured: { ...measured, bandwidth: even(measured.bandwidth), ...sizes } };
};
