/** Lower bounds on the pipelines of every order of hosts. */
import { solveAssignment } from './dedication-assignment.ts';
import { forestBound } from './dedication-forest.ts';
import type { DedicationInstance, Grid } from './dedication-instance.ts';
import { bottleneckPartition, MOST_PATH_NODES, pathSums } from './dedication-subsets.ts';

/** Dual of the cheapest choice of path arcs: what the exact search prunes by. */
export interface ArcCover {
  /** Sum of latencies over all pipelines and positions. */
  readonly sum: number;
  readonly row: Float64Array;
  readonly column: Float64Array;
  /** Receiver of each node; not below the number of nodes where it sends to none. */
  readonly receiverOf: Int32Array;
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
  const { cost: sum, row, column, columnOf } = solveAssignment(size, table);
  return { sum, row, column, receiverOf: columnOf };
};

/** The better of two relaxations of the cheapest `arcs` arcs that form paths. */
const pathCover = (nodes: number, arcs: number, cost: Float64Array): number =>
  Math.max(arcCover(nodes, arcs, cost).sum, forestBound(nodes, arcs, cost));

/** Latency of the largest pipeline is at least the mean over positions; small clusters are solved by sets of nodes. */
export const gridPipelineLatency = ({ nodes, latency }: DedicationInstance, grid: Grid): number => {
  const { columns, positions, block } = grid;
  if (columns.length < 2) return 0;
  const mean = pathCover(nodes, positions * (columns.length - 1), latency) / positions;
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
export const crossingLatency = (
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
  inside.sort((x, y) => x - y);
  across.sort((x, y) => x - y);
  const arcs = positions * (columns.length - 1);
  const needed = (parts - 1) * positions;
  let [low, high] = [0, Math.max(0, (across.at(-1) ?? 0) - (inside[0] ?? 0))];
  let prize = Math.max(0, (across[0] ?? 0) - (inside[0] ?? 0));
  let best = 0;
  for (let step = 0; step < (nodes > 256 ? 4 : nodes > 128 ? 6 : 9) && high > low; step += 1) {
    const cheaper = latency.map((value, index) => (crossing(index) ? value - prize : value));
    const cover = arcCover(nodes, arcs, cheaper);
    best = Math.max(best, (cover.sum + prize * needed) / positions);
    let crossed = 0;
    for (let from = 0; from < nodes; from += 1) {
      const to = cover.receiverOf[from] ?? nodes;
      if (to < nodes && crossing(from * nodes + to)) crossed += 1;
    }
    if (crossed === needed) break;
    if (crossed < needed) low = prize;
    else high = prize;
    // The bound is concave in the prize; its peak lies where just the necessary arcs cross, near the first guess.
    prize = step === 0 ? prize * (crossed < needed ? 1.05 : 0.95) : (low + high) / 2;
    if (step === 0) [low, high] = [Math.max(low, 0.8 * prize), Math.min(high, 1.2 * prize)];
  }
  return best;
};
