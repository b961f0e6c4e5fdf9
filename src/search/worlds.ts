import { gpuCount } from '../cluster/cluster.ts';
import type { Problem } from '../plan/problem.ts';

/** GPUs of the first n nodes, in rank order, for n = 1 … all. */
const nodePrefixes = (problem: Problem): number[] => {
  const prefixes: number[] = [];
  let gpus = 0;
  for (const group of problem.cluster.groups)
    for (let node = 0; node < group.count; node += 1) {
      gpus += group.perNode;
      prefixes.push(gpus);
    }
  return prefixes;
};

/** Node counts that a search for the cheapest plan tries: all up to 32, beyond that those with at most 3 leading bits. */
const worthTrying = (nodes: number, all: number): boolean =>
  nodes <= 32 || nodes === all || nodes % 2 ** (Math.floor(Math.log2(nodes)) - 2) === 0;

/**
 * GPU counts that a search considers. Whoever describes a cluster means to use it: all of its GPUs, unless
 * - the objective is cost: then also the first n nodes, as a smaller job can be cheaper per token;
 * - `data` is fixed or limited: then also whatever sizes those replica counts lead to within the cluster.
 */
export const worldsOf = (problem: Problem): readonly number[] => {
  const all = gpuCount(problem.cluster);
  const prefixes = nodePrefixes(problem);
  if (problem.search.limits.data !== undefined) {
    const perNode = problem.cluster.groups[0]?.perNode ?? 1;
    const parts = Array.from({ length: perNode - 1 }, (_, index) => index + 1).filter(
      (gpus) => perNode % gpus === 0,
    );
    return [...new Set([...parts, ...prefixes])].sort((a, b) => b - a);
  }
  if (problem.search.objective !== 'cost') return [all];
  return prefixes.filter((_, index) => worthTrying(index + 1, prefixes.length)).sort((a, b) => b - a);
};
