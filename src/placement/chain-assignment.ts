/* eslint-disable @typescript-eslint/no-non-null-assertion -- inner loops over typed arrays; indices are in range by construction */
/** Given clusters of experts in each layer: which GPU each cluster goes to (MoETuner's second stage), without a MILP. */
import { assignRows } from './assignment.ts';

/** [step][from cluster][to cluster]: tokens that go from a cluster of a layer to one of the next. */
export type Flows = readonly (readonly (readonly number[])[])[];

export interface ChainAssignment {
  /** [layer][cluster]: its GPU. */
  readonly gpus: readonly (readonly number[])[];
  readonly cost: number;
  /** Whether nothing better exists. */
  readonly exact: boolean;
}

export type ChainObjective = 'sum' | 'max';

/** Price of a token that goes from one GPU to another: 0 on the same GPU, else by whether the node is the same. */
export interface ChainPrices {
  readonly perNode: number;
  readonly insideNode: number;
  readonly betweenNodes: number;
}

const priceOf = (a: number, b: number, prices: ChainPrices): number => {
  if (a === b) return 0;
  return Math.floor(a / prices.perNode) === Math.floor(b / prices.perNode)
    ? prices.insideNode
    : prices.betweenNodes;
};

/** Cost of one step: all pairs of GPUs added up, or the costliest pair (MoETuner's equation 8, the max over pairs). */
const stepCost = (
  flow: readonly (readonly number[])[],
  from: readonly number[],
  to: readonly number[],
  prices: ChainPrices,
  objective: ChainObjective,
): number => {
  let total = 0;
  from.forEach((a, i) => {
    to.forEach((b, j) => {
      const cost = flow[i]![j]! * priceOf(a, b, prices);
      total = objective === 'sum' ? total + cost : Math.max(total, cost);
    });
  });
  return total;
};

/** Σ over steps. */
export const chainCost = (
  flows: Flows,
  gpus: readonly (readonly number[])[],
  prices: ChainPrices,
  objective: ChainObjective,
): number =>
  flows.reduce((sum, flow, step) => sum + stepCost(flow, gpus[step]!, gpus[step + 1]!, prices, objective), 0);

const permutations = (size: number): number[][] => {
  if (size === 0) return [[]];
  return permutations(size - 1).flatMap((rest) =>
    Array.from({ length: size }, (_, at) => [...rest.slice(0, at), size - 1, ...rest.slice(at)]),
  );
};

/** Dynamic programming over layers with any list of states; the first layer's states all cost nothing. */
const cheapestPath = (
  layers: number,
  states: number,
  stepOf: (step: number, from: number, to: number) => number,
): { readonly path: readonly number[]; readonly cost: number } => {
  let cost = new Float64Array(states);
  const back: Int32Array[] = [];
  for (let step = 0; step < layers - 1; step += 1) {
    const next = new Float64Array(states).fill(Infinity);
    const came = new Int32Array(states);
    for (let from = 0; from < states; from += 1)
      for (let to = 0; to < states; to += 1) {
        const total = cost[from]! + stepOf(step, from, to);
        if (total < next[to]!) {
          next[to] = total;
          came[to] = from;
        }
      }
    back.push(came);
    cost = next;
  }
  let state = cost.indexOf(Math.min(...cost));
  const least = cost[state]!;
  const path = [state];
  for (let step = layers - 2; step >= 0; step -= 1) {
    state = back[step]![state]!;
    path.unshift(state);
  }
  return { path, cost: least };
};

/** Any prices and objective, up to five GPUs: all permutations are states of a Viterbi search. Exact. */
const byPermutations = (
  flows: Flows,
  size: number,
  prices: ChainPrices,
  objective: ChainObjective,
): ChainAssignment => {
  const states = permutations(size);
  const { path, cost } = cheapestPath(flows.length + 1, states.length, (step, from, to) =>
    stepCost(flows[step]!, states[from]!, states[to]!, prices, objective),
  );
  return { gpus: path.map((state) => states[state]!), cost, exact: true };
};

/** One node, sum: what stays on its GPU saves its price, so each step is an assignment of its own. Exact. */
const byAssignments = (flows: Flows, size: number, prices: ChainPrices): ChainAssignment => {
  const gpus: number[][] = [Array.from({ length: size }, (_, gpu) => gpu)];
  for (const flow of flows) {
    const before = gpus.at(-1)!;
    const to = new Array<number>(size).fill(0);
    assignRows(flow.map((row) => row.map((count) => -count))).forEach((next, cluster) => {
      to[next] = before[cluster]!;
    });
    gpus.push(to);
  }
  return { gpus, cost: chainCost(flows, gpus, prices, 'sum'), exact: true };
};

/**
 * One node, max: the flows above a threshold must all stay on their GPU, so they must form a matching; the lowest such
 * threshold is the optimum of the step. Exact.
 */
const byBottlenecks = (flows: Flows, size: number, prices: ChainPrices): ChainAssignment => {
  const gpus: number[][] = [Array.from({ length: size }, (_, gpu) => gpu)];
  for (const flow of flows) {
    const cells = flow
      .flatMap((row, from) => row.map((count, to) => ({ from, to, count })))
      .sort((a, b) => b.count - a.count);
    const partner = new Int32Array(size).fill(-1);
    const taken = new Set<number>();
    for (const { from, to } of cells) {
      if (partner[from] !== -1 || taken.has(to)) break;
      partner[from] = to;
      taken.add(to);
    }
    // The others are assigned for the least sum: the maximum is settled.
    const costs = flow.map((row, from) => row.map((count, to) => (partner[from] === to ? -1e15 : -count)));
    const before = gpus.at(-1)!;
    const next = new Array<number>(size).fill(0);
    assignRows(costs).forEach((to, from) => {
      next[to] = before[from]!;
    });
    gpus.push(next);
  }
  return { gpus, cost: chainCost(flows, gpus, prices, 'max'), exact: true };
};

/** All ways to deal clusters to nodes of equal size: [cluster] → node. */
const nodeDeals = (size: number, perNode: number): number[][] => {
  const nodes = size / perNode;
  const deal = (prefix: readonly number[]): number[][] => {
    if (prefix.length === size) return [[...prefix]];
    return Array.from({ length: nodes }, (_, node) => node)
      .filter((node) => prefix.filter((taken) => taken === node).length < perNode)
      .flatMap((node) => deal([...prefix, node]));
  };
  return deal([]);
};

/**
 * Several nodes, sum: dynamic programming over which clusters are on which node; the GPUs within each node follow by an
 * assignment for each step. Exact, for as many deals as can be enumerated.
 */
const byNodes = (
  flows: Flows,
  size: number,
  prices: ChainPrices,
  deals: readonly number[][],
): ChainAssignment => {
  const { perNode } = prices;
  const nodes = size / perNode;
  const members = deals.map((deal) =>
    Array.from({ length: nodes }, (_, node) => deal.flatMap((on, cluster) => (on === node ? [cluster] : []))),
  );
  const inner = (
    flow: readonly (readonly number[])[],
    from: readonly number[],
    to: readonly number[],
  ): number[] => assignRows(from.map((a) => to.map((b) => -flow[a]![b]!)));
  const stepOf = (step: number, from: number, to: number): number => {
    const flow = flows[step]!;
    let cost = 0;
    for (let node = 0; node < nodes; node += 1) {
      const here = members[from]![node]!;
      const there = members[to]![node]!;
      const matched = inner(flow, here, there);
      here.forEach((a, index) => {
        flow[a]!.forEach((count, b) => {
          if (deals[to]![b] !== node) cost += count * prices.betweenNodes;
          else if (there[matched[index]!] !== b) cost += count * prices.insideNode;
        });
      });
    }
    return cost;
  };
  const { path, cost } = cheapestPath(flows.length + 1, deals.length, stepOf);
  const first = new Array<number>(size).fill(0);
  members[path[0]!]!.forEach((clusters, node) => {
    clusters.forEach((cluster, index) => {
      first[cluster] = node * perNode + index;
    });
  });
  const gpus = [first];
  flows.forEach((flow, step) => {
    const before = gpus[step]!;
    const next = new Array<number>(size).fill(0);
    for (let node = 0; node < nodes; node += 1) {
      const here = members[path[step]!]![node]!;
      const there = members[path[step + 1]!]![node]!;
      inner(flow, here, there).forEach((match, index) => {
        next[there[match]!] = before[here[index]!]!;
      });
    }
    gpus.push(next);
  });
  return { gpus, cost, exact: true };
};

/** Many GPUs on several nodes: each step by exchanges of GPUs from the identity, the layers in turn. Not proven. */
const byExchanges = (
  flows: Flows,
  size: number,
  prices: ChainPrices,
  objective: ChainObjective,
): ChainAssignment => {
  const gpus = Array.from({ length: flows.length + 1 }, () => Array.from({ length: size }, (_, gpu) => gpu));
  const around = (layer: number): number =>
    (layer > 0 ? stepCost(flows[layer - 1]!, gpus[layer - 1]!, gpus[layer]!, prices, objective) : 0) +
    (layer < flows.length ? stepCost(flows[layer]!, gpus[layer]!, gpus[layer + 1]!, prices, objective) : 0);
  for (let pass = 0, improved = true; improved && pass < 20; pass += 1) {
    improved = false;
    for (let layer = 0; layer <= flows.length; layer += 1) {
      const own = gpus[layer]!;
      for (let a = 0; a < size; a += 1)
        for (let b = a + 1; b < size; b += 1) {
          const before = around(layer);
          [own[a], own[b]] = [own[b]!, own[a]!];
          if (around(layer) < before - 1e-9) improved = true;
          else [own[a], own[b]] = [own[b]!, own[a]!];
        }
    }
  }
  return { gpus, cost: chainCost(flows, gpus, prices, objective), exact: false };
};

const MOST_PERMUTED = 5;
const MOST_DEALT = 8;

/** Clusters of every layer to GPUs for the least cost of all steps, exactly wherever that is known to be possible. */
export const assignChain = (
  flows: Flows,
  prices: ChainPrices,
  objective: ChainObjective,
): ChainAssignment => {
  const size = flows[0]?.length ?? 0;
  if (size <= prices.perNode)
    return objective === 'sum' ? byAssignments(flows, size, prices) : byBottlenecks(flows, size, prices);
  if (size <= MOST_PERMUTED) return byPermutations(flows, size, prices, objective);
  if (objective === 'sum' && size <= MOST_DEALT && size % prices.perNode === 0)
    return byNodes(flows, size, prices, nodeDeals(size, prices.perNode));
  return byExchanges(flows, size, prices, objective);
};
