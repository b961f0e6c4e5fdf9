/** Which groups of nodes are launched, and in which order: what a search over unequal or sick clusters tries. */
import type { Cluster, NodeGroup } from '../cluster/cluster.ts';
import { nodeCount } from '../cluster/cluster.ts';
import { nodeMatrix } from '../cluster/measured-links.ts';

export interface LaunchBlock {
  /** Nodes in launch order, by index in the SPEC's order; null: all, in that order. */
  readonly hosts: readonly number[] | null;
  /** What is special about it, in words; empty for the SPEC's own order. */
  readonly what: string;
}

/** Groups of which every order and choice is tried: 3 of them have 15. */
const MOST_GROUPS = 3;

/** A group's name for people. */
export const groupName = (group: NodeGroup): string => `${String(group.count)} × ${group.accelerator.name}`;

const permutations = (items: readonly number[]): readonly (readonly number[])[] =>
  items.length < 2
    ? [items]
    : items.flatMap((item) =>
        permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
      );

const subsets = (items: readonly number[]): readonly (readonly number[])[] =>
  items.reduce<readonly (readonly number[])[]>(
    (found, item) => found.flatMap((set) => [set, [...set, item]]),
    [[]],
  );

/** First node of each group. */
const firstNodes = (cluster: Cluster): readonly number[] => {
  const firsts: number[] = [];
  let next = 0;
  for (const group of cluster.groups) {
    firsts.push(next);
    next += group.count;
  }
  return firsts;
};

/** Every choice of whole groups in every order; beyond three groups all of them, as given and from last to first. */
const groupBlocks = (cluster: Cluster): readonly LaunchBlock[] => {
  const indices = cluster.groups.map((_, index) => index);
  const firsts = firstNodes(cluster);
  const chosen =
    indices.length <= MOST_GROUPS
      ? subsets(indices).flatMap((set) => (set.length === 0 ? [] : permutations(set)))
      : [indices, [...indices].reverse()];
  return chosen.map((groups) => {
    const own = groups.every((group, position) => group === position) && groups.length === indices.length;
    const names = groups.map((group) => {
      const found = cluster.groups[group];
      return found === undefined ? '' : groupName(found);
    });
    const out = indices.filter((index) => !groups.includes(index));
    const left = out.map((index) => {
      const found = cluster.groups[index];
      return found === undefined ? '' : groupName(found);
    });
    return {
      hosts: own
        ? null
        : groups.flatMap((group) =>
            Array.from(
              { length: cluster.groups[group]?.count ?? 0 },
              (_, node) => (firsts[group] ?? 0) + node,
            ),
          ),
      what: own
        ? ''
        : [
            ...(groups.length > 1
              ? [`stages in the order ${names.join(', ')}`]
              : [`on ${names.join(', ')} alone`]),
            ...(left.length > 0 ? [`${left.join(', ')} left out`] : []),
          ].join('; '),
    };
  });
};

/** A node whose best link is this much slower than the median node's best is sick. */
const SICK = 0.6;

/** Nodes from the most to the least worth having: by the median of their links, both directions. */
const byWorth = (cluster: Cluster): { order: readonly number[]; sick: number } | null => {
  const matrix = nodeMatrix(cluster);
  if (matrix === null) return null;
  const worth = Array.from({ length: matrix.nodes }, (_, node) => {
    const links: number[] = [];
    for (let other = 0; other < matrix.nodes; other += 1)
      if (other !== node) links.push(Math.min(matrix.bandwidth(node, other), matrix.bandwidth(other, node)));
    links.sort((a, b) => a - b);
    // The lower quartile: one bad link is routed around, many are the node's own.
    return links[Math.floor(links.length / 4)] ?? 0;
  });
  const median = [...worth].sort((a, b) => a - b)[Math.floor(worth.length / 2)] ?? 0;
  return {
    order: worth.map((_, node) => node).sort((a, b) => (worth[b] ?? 0) - (worth[a] ?? 0) || a - b),
    sick: worth.filter((value) => value < SICK * median).length,
  };
};

/** All nodes, and fewer of them: without the sick ones, without one where the count divides badly, the power of two below. */
const spareBlocks = (cluster: Cluster): readonly LaunchBlock[] => {
  const nodes = nodeCount(cluster);
  const all: LaunchBlock = { hosts: null, what: '' };
  const ranked = byWorth(cluster);
  if (ranked === null || nodes < 3) return [all];
  const counts = new Set<number>();
  if (ranked.sick > 0 && ranked.sick < nodes) counts.add(nodes - ranked.sick);
  const power = 2 ** Math.floor(Math.log2(nodes));
  if (power < nodes) counts.add(power).add(nodes - 1);
  const fewer = [...counts]
    .filter((count) => count > 1)
    .sort((a, b) => b - a)
    .map((count) => ({
      hosts: ranked.order.slice(0, count).sort((a, b) => a - b),
      what: `${String(nodes - count)} of ${String(nodes)} nodes left out`,
    }));
  return [all, ...fewer];
};

export const launchBlocks = (cluster: Cluster): readonly LaunchBlock[] =>
  cluster.groups.length > 1 ? groupBlocks(cluster) : spareBlocks(cluster);
