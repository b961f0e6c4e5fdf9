import { balance } from './balance.ts';
import type { BalanceLimits } from './balance.ts';
import { lowerBound, pigeonholeBound } from './bounds.ts';
import type { BoundMethod, LowerBound } from './bounds.ts';
import { expertCount } from './layer-problem.ts';
import type { LayerPlacement, LayerProblem } from './layer-problem.ts';
import { balanceScenarios } from './robust.ts';
import { placementFaults, placementValue } from './score.ts';

/** Experts in equal consecutive groups, each of which stays whole on one node (node-limited routing). */
export interface GroupRule {
  readonly groups: number;
  readonly nodes: number;
}

export interface SolvedLayer {
  readonly placement: LayerPlacement;
  /** Mean over scenarios (or the worst) of the busiest GPU's time over the mean. */
  readonly value: number;
  readonly bound: LowerBound;
}

const search = (
  problem: LayerProblem,
  bound: number,
  limits: BalanceLimits,
  from?: LayerPlacement,
): LayerPlacement =>
  problem.loads.length === 1
    ? balance(problem, bound, limits, from)
    : balanceScenarios(problem, bound, limits, from);

const sumOf = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const groupLoads = (loads: readonly number[], groups: number): number[] => {
  const size = loads.length / groups;
  return Array.from({ length: groups }, (_, group) => sumOf(loads.slice(group * size, (group + 1) * size)));
};

/** Whether some group has replicas on more than one node. */
export const breaksGroups = (
  problem: LayerProblem,
  placement: LayerPlacement,
  rule: GroupRule | null,
): boolean => {
  if (rule === null) return false;
  const size = expertCount(problem) / rule.groups;
  const perNode = placement.length / rule.nodes;
  const nodeOf = new Map<number, number>();
  return placement.some((held, gpu) =>
    held.some((expert) => {
      const group = Math.floor(expert / size);
      const node = Math.floor(gpu / perNode);
      if (!nodeOf.has(group)) nodeOf.set(group, node);
      return nodeOf.get(group) !== node;
    }),
  );
};

/** The layer whose experts are the groups and whose GPUs are the nodes. */
const nodeProblem = (problem: LayerProblem, { groups, nodes }: GroupRule): LayerProblem => {
  const perNode = problem.slots.length / nodes;
  return {
    loads: problem.loads.map((loads) => groupLoads(loads, groups)),
    slots: new Array<number>(nodes).fill(groups / nodes),
    replicas: groups,
    speeds: Array.from({ length: nodes }, (_, node) =>
      sumOf(problem.speeds.slice(node * perNode, (node + 1) * perNode)),
    ),
    objective: problem.objective,
  };
};

/** Groups on nodes: no node is busier than the busiest pairing (two groups a node, exact) or the pigeonhole allows. */
const groupBound = (nodes: LayerProblem): number => {
  const perNode = nodes.slots[0] ?? 1;
  const fastest = (Math.max(...nodes.speeds) * nodes.speeds.length) / sumOf(nodes.speeds);
  const each = nodes.loads.map((loads) => {
    const scale = nodes.slots.length / sumOf(loads);
    const sorted = loads.map((load) => load * scale).sort((a, b) => a - b);
    if (perNode === 2)
      return (
        Math.max(...sorted.map((load, index) => load + (sorted[sorted.length - 1 - index] ?? 0))) / fastest
      );
    return pigeonholeBound(sorted, nodes.slots.length, perNode) / fastest;
  });
  return nodes.objective === 'worst' ? Math.max(...each) : sumOf(each) / each.length;
};

/** Loads of a part of the experts, on the scale of the whole layer: a scenario may give them nothing. */
const partLoads = (loads: readonly number[], experts: readonly number[]): readonly number[] => {
  const part = experts.map((expert) => loads[expert] ?? 0);
  return part.some((load) => load > 0) ? part : part.map(() => 1);
};

const solveGrouped = (problem: LayerProblem, limits: BalanceLimits, rule: GroupRule): LayerPlacement => {
  const nodes = nodeProblem(problem, rule);
  const packed = search(nodes, groupBound(nodes), limits);
  const size = expertCount(problem) / rule.groups;
  const perNode = problem.slots.length / rule.nodes;
  return packed.flatMap((groups, node) => {
    const experts = groups.flatMap((group) =>
      Array.from({ length: size }, (_, index) => group * size + index),
    );
    const slots = problem.slots.slice(node * perNode, (node + 1) * perNode);
    const inner: LayerProblem = {
      loads: problem.loads.map((loads) => partLoads(loads, experts)),
      slots,
      replicas: Math.min(sumOf(slots), experts.length * perNode),
      speeds: problem.speeds.slice(node * perNode, (node + 1) * perNode),
      objective: problem.objective,
    };
    return search(inner, lowerBound(inner).value, limits).map((held) =>
      held.map((index) => experts[index] ?? 0),
    );
  });
};

/** Places one layer and re-checks the answer. Throws where the search broke a rule: a defect of ours. */
export const solveLayer = (
  problem: LayerProblem,
  limits: BalanceLimits,
  rule: GroupRule | null,
  from?: LayerPlacement,
): SolvedLayer => {
  const plain = lowerBound(problem);
  const grouped = rule === null ? 0 : groupBound(nodeProblem(problem, rule));
  const method: BoundMethod = 'groups';
  const bound: LowerBound = grouped > plain.value ? { value: grouped, method } : plain;
  const placement =
    rule === null ? search(problem, bound.value, limits, from) : solveGrouped(problem, limits, rule);
  const faults = placementFaults(problem, placement);
  if (breaksGroups(problem, placement, rule)) faults.push('a group is on several nodes');
  if (faults.length > 0) throw new Error(`a placement broke its rules: ${faults.slice(0, 3).join('; ')}`);
  const value = placementValue(problem, placement);
  return { placement, value, bound: { ...bound, value: Math.min(bound.value, value) } };
};
