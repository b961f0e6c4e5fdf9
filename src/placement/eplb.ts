/** DeepSeek's expert-parallelism load balancer, the baseline that serving systems run; single precision as there. */

const sortedDescending = (weights: readonly number[]): number[] =>
  Array.from(weights.keys()).sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0) || a - b);

/** Pack and rank within it of each item: longest processing time first, equally many items in each pack. */
const balancedPacking = (
  weights: readonly number[],
  packs: number,
): { readonly pack: readonly number[]; readonly rank: readonly number[] } => {
  const perPack = weights.length / packs;
  if (perPack === 1) return { pack: weights.map((_, index) => index), rank: weights.map(() => 0) };
  const pack = weights.map(() => -1);
  const rank = weights.map(() => -1);
  const load = new Float32Array(packs);
  const held = new Int32Array(packs);
  for (const item of sortedDescending(weights)) {
    let chosen = -1;
    for (let candidate = 0; candidate < packs; candidate += 1)
      if ((held[candidate] ?? 0) < perPack && (chosen === -1 || (load[candidate] ?? 0) < (load[chosen] ?? 0)))
        chosen = candidate;
    pack[item] = chosen;
    rank[item] = held[chosen] ?? 0;
    load[chosen] = (load[chosen] ?? 0) + (weights[item] ?? 0);
    held[chosen] = (held[chosen] ?? 0) + 1;
  }
  return { pack, rank };
};

/** Logical expert of each replica: the experts in order, then each further replica of the heaviest one. */
const replicateExperts = (
  weights: readonly number[],
  replicas: number,
): { readonly logical: readonly number[]; readonly counts: readonly number[] } => {
  const counts = weights.map(() => 1);
  const logical = weights.map((_, expert) => expert);
  while (logical.length < replicas) {
    let chosen = 0;
    let most = -Infinity;
    weights.forEach((weight, expert) => {
      const share = Math.fround(weight / (counts[expert] ?? 1));
      if (share > most) {
        most = share;
        chosen = expert;
      }
    });
    logical.push(chosen);
    counts[chosen] = (counts[chosen] ?? 0) + 1;
  }
  return { logical, counts };
};

export interface EplbShape {
  readonly replicas: number;
  readonly groups: number;
  readonly nodes: number;
  readonly gpus: number;
}

/**
 * Logical expert of each slot of one layer, GPU by GPU: groups packed onto nodes, replicas made within each node, packed
 * onto its GPUs; the global policy (one group, one node) where groups do not divide among nodes. Like its original it
 * may put two replicas of one expert on a GPU.
 * Source: deepseek-ai/EPLB @ 5791971, eplb.py, rebalance_experts.
 */
export const eplbLayer = (loads: readonly number[], shape: EplbShape): readonly number[] => {
  const hierarchical = shape.groups % shape.nodes === 0;
  const groups = hierarchical ? shape.groups : 1;
  const nodes = hierarchical ? shape.nodes : 1;
  const weights = loads.map(Math.fround);
  const experts = weights.length;
  const groupSize = experts / groups;
  const perNode = experts / nodes;
  if (
    !Number.isInteger(groupSize) ||
    !Number.isInteger(shape.gpus / nodes) ||
    !Number.isInteger(shape.replicas / shape.gpus)
  )
    throw new RangeError('experts, groups, nodes, GPUs and replicas do not divide');
  const groupLoads = Array.from({ length: groups }, (_, group) =>
    weights
      .slice(group * groupSize, (group + 1) * groupSize)
      .reduce((total, weight) => Math.fround(total + weight), 0),
  );
  const { pack, rank } = balancedPacking(groupLoads, nodes);
  // Middle numbering: node by node, group by group in the order in which they were packed.
  const middle = new Array<number>(experts).fill(0);
  weights.forEach((_, expert) => {
    const group = Math.floor(expert / groupSize);
    middle[((pack[group] ?? 0) * (groups / nodes) + (rank[group] ?? 0)) * groupSize + (expert % groupSize)] =
      expert;
  });
  return Array.from({ length: nodes }, (_, node) => node).flatMap((node) => {
    const ids = middle.slice(node * perNode, (node + 1) * perNode);
    const own = ids.map((expert) => weights[expert] ?? 0);
    const { logical, counts } = replicateExperts(own, shape.replicas / nodes);
    const share = own.map((weight, expert) => Math.fround(weight / (counts[expert] ?? 1)));
    const gpusHere = shape.gpus / nodes;
    const packed = balancedPacking(
      logical.map((expert) => share[expert] ?? 0),
      gpusHere,
    );
    const perGpu = shape.replicas / shape.gpus;
    const slots = new Array<number>(perGpu * gpusHere).fill(0);
    logical.forEach((expert, replica) => {
      slots[(packed.pack[replica] ?? 0) * perGpu + (packed.rank[replica] ?? 0)] = ids[expert] ?? 0;
    });
    return slots;
  });
};
