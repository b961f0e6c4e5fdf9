/** Lower bounds on the communication of every order of hosts. */
import {
  distinctLatencies,
  firstTrue,
  linkGraph,
  matchingSize,
  mostOnRings,
  strongParts,
  type LinkGraph,
} from './dedication-graph.ts';
import { heaviestRings } from './dedication-disjoint-rings.ts';
import type { DedicationInstance, Grid } from './dedication-instance.ts';
import { createNodeBound, ringThrough } from './dedication-node-bounds.ts';
import { crossingLatency, gridPipelineLatency } from './dedication-pipeline-bounds.ts';
import { bottleneckPartition, MOST_SUBSET_NODES, ringBottlenecks } from './dedication-subsets.ts';

export interface DedicationBounds {
  /** No order's largest ring takes less, seconds. */
  readonly data: number;
  /** No order's largest pipeline takes less. */
  readonly pipeline: number;
  /** No order's sum is less; at least data + pipeline. */
  readonly total: number;
  /** `data` is attained by some order. */
  readonly dataIsExact: boolean;
  /** Rings of nodes for the heaviest columns, within little of `data`; null where none were looked for or found. */
  readonly heaviest: readonly Int32Array[] | null;
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
const ringsMayFit = (graph: LinkGraph, grid: Grid, through: Float64Array | null, data: number): boolean => {
  const { positions } = grid;
  return weightClasses(grid).every(({ weight, columns }) => {
    const limit = data / weight;
    // `through` ascends: the last node that these columns must take.
    if (through !== null && (through[columns * positions - 1] ?? 0) > limit) return false;
    const { sizes } = strongParts(graph, limit);
    if (columnsIn(sizes, positions) < columns) return false;
    const held = columns * positions;
    if (matchingSize(graph, limit) < held) return false;
    return held === graph.nodes || graph.nodes > MOST_RING_NODES || mostOnRings(graph, limit) >= held;
  });
};

/** Nodes up to which the stronger of two tests is worth its time. */
const MOST_RING_NODES = 256;

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

type DataBound = Pick<DedicationBounds, 'data' | 'dataIsExact' | 'heaviest'>;

const gridDataBound = (
  instance: DedicationInstance,
  grid: Grid,
  graph: LinkGraph,
  latencies: Float64Array,
  steps: Float64Array,
  incumbent: number,
): DataBound => {
  const { nodes } = instance;
  const { positions, weights } = grid;
  if (positions === 1 || steps.length === 0) return { data: 0, dataIsExact: true, heaviest: null };
  if (nodes <= MOST_SUBSET_NODES) {
    const rings = ringBottlenecks(nodes, positions, instance.latency);
    return { data: bottleneckPartition(nodes, positions, rings, weights), dataIsExact: true, heaviest: null };
  }
  const through = positions < 3 ? null : ringThrough(nodes, instance.latency, positions).sort();
  const index = firstTrue(0, steps.length - 1, (step) => ringsMayFit(graph, grid, through, steps[step] ?? 0));
  const data = (steps[index] ?? 0) / (1 + 1e-12);
  const weight = Math.max(...weights);
  const count = weights.filter((each) => each === weight).length;
  // Rings that take all nodes are decided by the nodes' worst links; of fewer, which nodes is the question.
  if (count * positions >= nodes) return { data, dataIsExact: false, heaviest: null };
  const above = (least: number): number =>
    firstTrue(0, latencies.length - 1, (step) => (latencies[step] ?? 0) * weight >= least);
  const range = { first: above(data * (1 - 1e-12)), last: Math.min(above(incumbent), latencies.length - 1) };
  const { least, rings } = heaviestRings(graph, latencies, { size: positions, count, ...range });
  // Only what was proven impossible raises the bound; `data` itself may come from lighter columns.
  const raised = least > range.first ? weight * (latencies[Math.min(least, latencies.length - 1)] ?? 0) : 0;
  return { data: Math.max(data, raised), dataIsExact: false, heaviest: rings };
};

/** Ranges of the data threshold that are split. */
const MOST_SPLITS = 40;

interface DataRange {
  readonly low: number;
  readonly high: number;
  readonly bound: number;
}

/**
 * Branches on how slow rings may be: the faster they must be, the more parts the columns lie in, the more slow links
 * every pipeline crosses, and the fewer columns take a bad node. A range of thresholds has the bound rings at its fast
 * end + pipelines at its slow end; the range of the least bound is split.
 */
const gridBounds = (instance: DedicationInstance, grid: Grid, incumbent: number): DedicationBounds => {
  const { nodes, hopWeight } = instance;
  const { positions, weights, columns } = grid;
  const rings = ringLatency(instance, positions);
  const graph = linkGraph(nodes, rings);
  const latencies = distinctLatencies(nodes, rings);
  const steps = dataSteps(grid, latencies);
  const bound = gridDataBound(instance, grid, graph, latencies, steps, incumbent);
  const { data } = bound;
  const pipeline = hopWeight * gridPipelineLatency(instance, grid);
  const plain = { ...bound, pipeline, total: data + pipeline };
  const lightest = Math.min(...weights);
  if (columns.length < 2) return plain;
  const nodeBound = createNodeBound(instance, grid, rings);
  const crossings = new Map<string, number>();
  const pipelineWithin = (seconds: number): number => {
    const node = hopWeight * nodeBound(seconds);
    if (positions === 1 || !(lightest > 0)) return Math.max(pipeline, node);
    const { sizes, partOf } = strongParts(graph, seconds / lightest);
    const parts = partsNeeded(sizes, positions, columns.length);
    if (parts === Infinity) return Infinity;
    if (parts < 2) return Math.max(pipeline, node);
    const key = partOf.join();
    const crossing = crossings.get(key) ?? hopWeight * crossingLatency(instance, grid, partOf, parts);
    crossings.set(key, crossing);
    return Math.max(pipeline, node, crossing);
  };
  const rangeOf = (low: number, high: number): DataRange => ({
    low,
    high,
    bound: Math.max(data, (steps[low] ?? 0) / (1 + 1e-12)) + pipelineWithin(steps[high] ?? Infinity),
  });
  if (positions === 1 || steps.length === 0) {
    const total = pipelineWithin(Infinity);
    return { ...plain, total: Math.max(plain.total, total) };
  }
  const first = Math.min(
    steps.length - 1,
    firstTrue(0, steps.length - 1, (step) => (steps[step] ?? 0) >= data),
  );
  const last = firstTrue(first, steps.length - 1, (step) => (steps[step] ?? 0) + pipeline >= incumbent);
  const ranges = [rangeOf(first, Math.min(last, steps.length - 1))];
  for (let split = 0; split < MOST_SPLITS; split += 1) {
    ranges.sort((a, b) => b.bound - a.bound);
    const range = ranges.at(-1);
    if (range === undefined || range.low === range.high || range.bound >= incumbent) break;
    ranges.pop();
    const middle = (range.low + range.high) >> 1;
    ranges.push(rangeOf(range.low, middle), rangeOf(middle + 1, range.high));
  }
  const total = Math.min(incumbent, ...ranges.map(({ bound }) => bound));
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
  return { data, pipeline, total: data + pipeline, dataIsExact: false, heaviest: null };
};

/** `incumbent`, a value that some order has, ends the work where it cannot help. */
export const dedicationBounds = (instance: DedicationInstance, incumbent = Infinity): DedicationBounds =>
  instance.grid === null ? looseBounds(instance) : gridBounds(instance, instance.grid, incumbent);
