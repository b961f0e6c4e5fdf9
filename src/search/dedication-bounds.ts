/** Lower bounds on the communication of every order of hosts. */
import { solveAssignment } from './dedication-assignment.ts';
import {
  distinctLatencies,
  firstTrue,
  linkGraph,
  matchingSize,
  strongParts,
  type LinkGraph,
} from './dedication-graph.ts';
import type { DedicationInstance, Grid } from './dedication-instance.ts';
import {
  bottleneckPartition,
  MOST_PATH_NODES,
  MOST_SUBSET_NODES,
  pathSums,
  ringBottlenecks,
} from './dedication-subsets.ts';

export interface DedicationBounds {
  /** No order's largest ring takes less, seconds. */
  readonly data: number;
  /** No order's largest pipeline takes less. */
  readonly pipeline: number;
  /** No order's sum is less; at least data + pipeline. */
  readonly total: number;
  /** `data` is attained by some order. */
  readonly dataIsExact: boolean;
}

/** Weight classes from the heaviest: how many columns weigh at least so much. */
const weightClasses = ({ weights }: Grid): readonly { weight: number; columns: number }[] =>
  [...new Set(weights)]
    .filter((weight) => weight > 0)
    .sort((a, b) => b - a)
    .map((weight) => ({ weight, columns: weights.filter((each) => each >= weight).length }));

/** Columns of `positions` nodes that fit into strongly connected parts. */
const columnsIn = (sizes: readonly number[], positions: number): number =>
  sizes.reduce((sum, size) => sum + Math.floor(size / positions), 0);

/** Fewest strongly connected parts that hold `columns` columns; Infinity where they do not. */
const partsNeeded = (sizes: readonly number[], positions: number, columns: number): number => {
  let left = columns;
  const held = sizes.map((size) => Math.floor(size / positions)).sort((a, b) => b - a);
  for (const [index, count] of held.entries()) {
    left -= count;
    if (left <= 0) return index + 1;
  }
  return Infinity;
};

/** Rings of two need both directions. */
const ringLatency = ({ latency, nodes }: DedicationInstance, positions: number): Float64Array =>
  positions === 2
    ? latency.map((value, index) =>
        Math.max(value, latency[(index % nodes) * nodes + Math.floor(index / nodes)] ?? 0),
      )
    : latency;

/**
 * Necessary for rings within `data` seconds: for the columns of each weight and all heavier ones, enough nodes with
 * receivers of their own over links that are fast enough, in strongly connected parts that hold whole columns.
 */
const ringsMayFit = (graph: LinkGraph, grid: Grid, data: number): boolean => {
  const { positions } = grid;
  return weightClasses(grid).every(({ weight, columns }) => {
    const limit = data / weight;
    const { sizes } = strongParts(graph, limit);
    if (columnsIn(sizes, positions) < columns) return false;
    return matchingSize(graph, limit) >= columns * positions;
  });
};

/** Seconds that rings may take, ascending: every latency at every weight. */
const dataSteps = (grid: Grid, latencies: Float64Array): Float64Array => {
  const weights = weightClasses(grid).map(({ weight }) => weight);
  const steps = new Float64Array(weights.length * latencies.length);
  for (const [index, weight] of weights.entries())
    steps.set(
      latencies.map((latency) => latency * weight * (1 + 1e-12)),
      index * latencies.length,
    );
  return steps.sort();
};

const gridDataBound = (
  instance: DedicationInstance,
  grid: Grid,
  graph: LinkGraph,
  steps: Float64Array,
): { data: number; exact: boolean } => {
  const { nodes } = instance;
  const { positions, weights } = grid;
  if (positions === 1 || steps.length === 0) return { data: 0, exact: true };
  if (nodes <= MOST_SUBSET_NODES) {
    const rings = ringBottlenecks(nodes, positions, instance.latency);
    return { data: bottleneckPartition(nodes, positions, rings, weights), exact: true };
  }
  const index = firstTrue(0, steps.length - 1, (step) => ringsMayFit(graph, grid, steps[step] ?? 0));
  return { data: (steps[index] ?? 0) / (1 + 1e-12), exact: false };
};

/** Dual of the cheapest choice of path arcs: what the exact search prunes by. */
export interface ArcCover {
  /** Sum of latencies over all pipelines and positions. */
  readonly sum: number;
  readonly row: Float64Array;
  readonly column: Float64Array;
}

/**
 * Cheapest choice of positions · (columns − 1) arcs with at most one into and one out of a node: a relaxation of the
 * cover by pipelines. `cost` may be changed latencies.
 */
export const arcCover = (nodes: number, arcs: number, cost: Float64Array): ArcCover => {
  const size = 2 * nodes - arcs;
  let largest = 0;
  for (const value of cost) largest = Math.max(largest, Math.abs(value));
  const forbidden = (largest + 1e-300) * 4 * size;
  const table = new Float64Array(size * size);
  for (let row = 0; row < size; row += 1)
    for (let column = 0; column < size; column += 1) {
      const real = row < nodes && column < nodes;
      const value = real ? (row === column ? forbidden : (cost[row * nodes + column] ?? 0)) : 0;
      table[row * size + column] = row >= nodes && column >= nodes ? forbidden : value;
    }
  const { cost: sum, row, column } = solveAssignment(size, table);
  return { sum, row, column };
};

/** Latency of the largest pipeline is at least the mean over positions; small clusters are solved by sets of nodes. */
const gridPipelineLatency = ({ nodes, latency }: DedicationInstance, grid: Grid): number => {
  const { columns, positions, block } = grid;
  if (columns.length < 2) return 0;
  const mean = arcCover(nodes, positions * (columns.length - 1), latency).sum / positions;
  if (nodes > MOST_PATH_NODES || block > 1) return mean;
  const sums = pathSums(nodes, columns.length, latency);
  const exact = bottleneckPartition(
    nodes,
    columns.length,
    sums,
    Array.from({ length: positions }, () => 1),
  );
  return Math.max(mean, exact);
};

/**
 * As above where columns lie in strongly connected parts of the fast links: a pipeline that visits all columns crosses
 * from part to part at least once fewer than parts are needed. Lagrangian in the number of crossing arcs: crossing links
 * are made cheaper by a prize that the necessary ones pay back.
 */
const crossingLatency = (
  { nodes, latency }: DedicationInstance,
  { columns, positions }: Grid,
  partOf: Int32Array,
  parts: number,
): number => {
  const crossing = (index: number): boolean => partOf[Math.floor(index / nodes)] !== partOf[index % nodes];
  const inside: number[] = [];
  const across: number[] = [];
  for (const [index, value] of latency.entries())
    if (Math.floor(index / nodes) !== index % nodes) (crossing(index) ? across : inside).push(value);
  if (across.length === 0) return Infinity;
  const quantile = (values: number[], share: number): number =>
    values.sort((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? 0;
  const needed = (parts - 1) * positions;
  let best = 0;
  const shares = nodes > 128 ? [0.02, 0.3] : [0, 0.01, 0.05, 0.2, 0.5];
  for (const share of shares) {
    const prize = Math.max(0, quantile(across, share) - quantile(inside, share));
    if (prize === 0) continue;
    const cheaper = latency.map((value, index) => (crossing(index) ? value - prize : value));
    const { sum } = arcCover(nodes, positions * (columns.length - 1), cheaper);
    best = Math.max(best, (sum + prize * needed) / positions);
  }
  return best;
};

/** Intervals of the data threshold that are looked at one by one. */
const MOST_INTERVALS = 6;

/**
 * Branches on how slow rings may be: the faster they must be, the more parts the columns lie in, and the more slow links
 * every pipeline crosses. From the threshold at which one part is enough, the pipeline's own bound holds.
 */
const gridBounds = (instance: DedicationInstance, grid: Grid, incumbent: number): DedicationBounds => {
  const { nodes, hopWeight } = instance;
  const { positions, weights } = grid;
  const rings = ringLatency(instance, positions);
  const graph = linkGraph(nodes, rings);
  const steps = dataSteps(grid, distinctLatencies(nodes, rings));
  const { data, exact } = gridDataBound(instance, grid, graph, steps);
  const pipeline = hopWeight * gridPipelineLatency(instance, grid);
  const plain = { data, pipeline, total: data + pipeline, dataIsExact: exact };
  const lightest = Math.min(...weights);
  if (positions === 1 || grid.columns.length < 2 || !(lightest > 0)) return plain;
  const needed = (seconds: number): { parts: number; partOf: Int32Array } => {
    const { sizes, partOf } = strongParts(graph, seconds / lightest);
    return { parts: partsNeeded(sizes, positions, grid.columns.length), partOf };
  };
  let total = Infinity;
  let at = firstTrue(0, steps.length - 1, (step) => (steps[step] ?? 0) >= data);
  let reached = data;
  for (let interval = 0; interval < MOST_INTERVALS && at < steps.length; interval += 1) {
    if (reached + pipeline >= Math.min(total, incumbent)) break;
    const { parts } = needed(steps[at] ?? 0);
    if (parts <= 1) break;
    const next = firstTrue(at, steps.length - 1, (step) => needed(steps[step] ?? 0).parts < parts);
    // The graph grows within the interval; its largest one, which constrains least, stands for all of it.
    const { partOf } = needed(steps[next - 1] ?? 0);
    const crossing = hopWeight * crossingLatency(instance, grid, partOf, parts);
    total = Math.min(total, reached + Math.max(pipeline, crossing));
    at = next;
    reached = (steps[at] ?? Infinity) / (1 + 1e-12);
  }
  total = Math.min(total, reached + pipeline);
  return { ...plain, total: Math.max(plain.total, total) };
};

/** Slots that form no grid: each ring and each path for itself, on the best links that there are. */
const looseBounds = (instance: DedicationInstance): DedicationBounds => {
  const { nodes, latency, rings, paths, hopWeight } = instance;
  const graph = linkGraph(nodes, latency);
  const values = distinctLatencies(nodes, latency);
  const fastest = values[0] ?? 0;
  let data = 0;
  for (const { slots, weight } of rings) {
    if (slots.length < 2 || weight * (values.at(-1) ?? 0) <= data) continue;
    const index = firstTrue(
      0,
      values.length - 1,
      (step) =>
        Math.max(...strongParts(graph, values[step] ?? 0).sizes) >= slots.length &&
        matchingSize(graph, values[step] ?? 0) >= slots.length,
    );
    data = Math.max(data, weight * (values[index] ?? 0));
  }
  const pipeline = hopWeight * fastest * Math.max(0, ...paths.map(({ hops }) => hops.length));
  return { data, pipeline, total: data + pipeline, dataIsExact: false };
};

/** `incumbent`, a value that some order has, ends the work where it cannot help. */
export const dedicationBounds = (instance: DedicationInstance, incumbent = Infinity): DedicationBounds =>
  instance.grid === null ? looseBounds(instance) : gridBounds(instance, instance.grid, incumbent);
