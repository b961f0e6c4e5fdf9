/** Exact branch and bound over orders of a grid: thresholds of the rings outside, positions one by one inside. */
import type { DedicationBounds } from './dedication-bounds.ts';
import { distinctLatencies } from './dedication-graph.ts';
import { orderValue, type DedicationInstance, type Grid } from './dedication-instance.ts';
import type { Found } from './dedication-cooling.ts';
import { arcCover } from './dedication-pipeline-bounds.ts';

export interface ExactResult extends Found {
  readonly lowerBound: number;
}

/** Relative slack below which two values count as equal. */
const TIE = 1e-11;

interface Limits {
  /** Seconds that the largest ring and the largest pipeline may take. */
  readonly data: number;
  readonly pipeline: number;
}

type Answer = { readonly kind: 'found'; readonly order: Int32Array } | { readonly kind: 'none' | 'unknown' };

/** What every probe of one instance shares. */
interface Probe {
  readonly instance: DedicationInstance;
  readonly grid: Grid;
  /** Reduced latencies of path arcs under the dual of their cheapest cover, and that cover's sum. */
  readonly reduced: Float64Array;
  readonly cover: number;
  /** walk[h][node]: least latency of h hops from a node. */
  readonly walk: readonly Float64Array[];
  /** Receivers of each node, nearest first. */
  readonly near: readonly Int32Array[];
}

const createProbe = (instance: DedicationInstance, grid: Grid): Probe => {
  const { nodes, latency } = instance;
  const { columns, positions } = grid;
  const cover = columns.length < 2 ? null : arcCover(nodes, positions * (columns.length - 1), latency);
  const reduced = new Float64Array(nodes * nodes);
  for (let from = 0; from < nodes; from += 1)
    for (let to = 0; to < nodes; to += 1)
      if (from !== to && cover !== null)
        reduced[from * nodes + to] = Math.max(
          0,
          (latency[from * nodes + to] ?? 0) - (cover.row[from] ?? 0) - (cover.column[to] ?? 0),
        );
  const walk: Float64Array[] = [new Float64Array(nodes)];
  for (let hops = 1; hops < columns.length; hops += 1) {
    const before = walk[hops - 1] ?? new Float64Array(nodes);
    walk.push(
      Float64Array.from({ length: nodes }, (_, from) => {
        let least = Infinity;
        for (let to = 0; to < nodes; to += 1)
          if (to !== from) least = Math.min(least, (latency[from * nodes + to] ?? 0) + (before[to] ?? 0));
        return least;
      }),
    );
  }
  const near = Array.from({ length: nodes }, (_, from) =>
    Int32Array.from({ length: nodes }, (__, to) => to)
      .filter((to) => to !== from)
      .sort((a, b) => (latency[from * nodes + a] ?? 0) - (latency[from * nodes + b] ?? 0)),
  );
  return { instance, grid, reduced, cover: cover?.sum ?? 0, walk, near };
};

/** Is there an order within the limits? Depth-first, pipeline after pipeline; `budget.left` nodes at most. */
const search = (probe: Probe, limits: Limits, budget: { left: number }): Answer => {
  const { instance, grid, reduced, cover, walk, near } = probe;
  const { nodes, latency, hopWeight } = instance;
  const { columns, positions, block, weights } = grid;
  const width = columns.length;
  const cells = width * positions;
  const arcLimit = weights.map((weight) =>
    positions === 1 || weight === 0 ? Infinity : (limits.data / weight) * (1 + TIE),
  );
  const pathLimit = width < 2 ? Infinity : (limits.pipeline / hopWeight) * (1 + TIE);
  const slack = width < 2 ? Infinity : positions * pathLimit - cover;
  if (slack < 0) return { kind: 'none' };
  // cell = position · width + column
  const nodeOf = new Int32Array(cells).fill(-1);
  const used = new Uint8Array(nodes);
  const hopWorst = new Float64Array(width);
  const fits = (cell: number, node: number): boolean => {
    const column = cell % width;
    const position = (cell - column) / width;
    const limit = arcLimit[column] ?? Infinity;
    if (position > 0 && (latency[(nodeOf[cell - width] ?? 0) * nodes + node] ?? 0) > limit) return false;
    if (position === positions - 1 && positions > 1) {
      if ((latency[node * nodes + (nodeOf[column] ?? 0)] ?? 0) > limit) return false;
    }
    // Pipelines may be renumbered by turning all rings together: the first holds the lowest node of the first column.
    return column > 0 || position === 0 || position % block !== 0 || node > (nodeOf[0] ?? 0);
  };
  /** `done`: latency of the hops of this pipeline so far; `paid`: reduced latencies of all arcs. */
  const fill = (cell: number, done: number, paid: number): boolean => {
    if (cell === cells) return true;
    const column = cell % width;
    const inside = ((cell - column) / width) % block;
    const before = column === 0 ? -1 : (nodeOf[cell - 1] ?? 0);
    const candidates = before >= 0 ? near[before] : cell >= width ? near[nodeOf[cell - width] ?? 0] : null;
    for (let index = 0; index < (candidates?.length ?? nodes); index += 1) {
      const node = candidates === null || candidates === undefined ? index : (candidates[index] ?? 0);
      if (used[node] === 1) continue;
      let sum = column === 0 ? 0 : done;
      let debt = paid;
      let worst = 0;
      if (before >= 0) {
        const arc = latency[before * nodes + node] ?? 0;
        worst = inside === 0 ? arc : Math.max(hopWorst[column] ?? 0, arc);
        sum += worst;
        debt += reduced[before * nodes + node] ?? 0;
        // Candidates come nearest first: what follows is no shorter.
        if (sum > pathLimit) break;
        if (debt > slack) continue;
      }
      if (sum + (walk[width - 1 - column]?.[node] ?? 0) > pathLimit || !fits(cell, node)) continue;
      budget.left -= 1;
      if (budget.left < 0) return false;
      const kept = hopWorst[column] ?? 0;
      hopWorst[column] = worst;
      nodeOf[cell] = node;
      used[node] = 1;
      if (fill(cell + 1, sum, debt)) return true;
      used[node] = 0;
      hopWorst[column] = kept;
      if (budget.left < 0) return false;
    }
    return false;
  };
  if (!fill(0, 0, 0)) return { kind: budget.left < 0 ? 'unknown' : 'none' };
  const order = new Int32Array(nodes).fill(-1);
  for (const [column, slots] of columns.entries())
    for (const [position, slot] of slots.entries()) order[slot] = nodeOf[position * width + column] ?? 0;
  let spare = instance.slots;
  for (let node = 0; node < nodes; node += 1) if (used[node] === 0) order[spare++] = node;
  return { kind: 'found', order };
};

/** Values that the largest ring may take in [low, high], ascending. */
const ringValues = (
  { nodes, latency }: DedicationInstance,
  grid: Grid,
  low: number,
  high: number,
): number[] => {
  if (grid.positions === 1) return [0];
  const latencies = distinctLatencies(nodes, latency);
  const values = new Set<number>();
  for (const weight of new Set(grid.weights))
    for (const each of latencies) {
      const value = each * weight;
      if (value >= low * (1 - TIE) && value <= high) values.add(value);
    }
  return [...values].sort((a, b) => a - b);
};

/** Share of the budget that one probe may take. */
const PROBE_SHARE = 0.25;

/**
 * Improves `start` until it is optimal or `nodes` search nodes are spent. For every value d that the rings may take below
 * incumbent − least pipeline: is there an order with rings within d and pipelines below incumbent − d? Ranges of d are
 * asked at once (rings within the largest, pipelines by the smallest), and split where the answer is not no.
 */
export const exactSearch = (
  instance: DedicationInstance,
  grid: Grid,
  bounds: DedicationBounds,
  start: Found,
  nodes: number,
): ExactResult => {
  let best = start;
  let open = Infinity;
  const probe = createProbe(instance, grid);
  const values = ringValues(instance, grid, bounds.data, start.value - bounds.pipeline);
  const budget = { left: nodes };
  const stack: [number, number][] = values.length > 0 ? [[0, values.length - 1]] : [];
  for (let range = stack.pop(); range !== undefined; range = stack.pop()) {
    const [low, high] = range;
    const least = Math.max(bounds.total, (values[low] ?? 0) + bounds.pipeline);
    if (least >= best.value * (1 - TIE)) continue;
    if (budget.left <= 0) {
      open = Math.min(open, least);
      continue;
    }
    const own = { left: Math.min(budget.left, Math.max(2000, Math.floor(nodes * PROBE_SHARE))) };
    const given = own.left;
    const limits = { data: values[high] ?? 0, pipeline: (best.value - (values[low] ?? 0)) * (1 - 100 * TIE) };
    const answer = search(probe, limits, own);
    budget.left -= given - Math.max(0, own.left);
    if (answer.kind === 'none') continue;
    if (answer.kind === 'found') {
      const value = orderValue(instance, answer.order);
      if (value < best.value) {
        best = { order: answer.order, value };
        stack.push(range);
        continue;
      }
    }
    if (low === high) open = Math.min(open, least);
    else {
      const middle = (low + high) >> 1;
      stack.push([middle + 1, high], [low, middle]);
    }
  }
  return { ...best, lowerBound: Math.min(best.value, Math.max(bounds.total, open)) };
};
