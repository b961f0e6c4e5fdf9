/** Whether the order of hosts can matter at all, found before any search. */
import type { DedicationInstance } from './dedication-instance.ts';

/** Relative difference below which links count as equal. */
const EQUAL = 1e-9;
/** Nodes of a cluster up to which transpositions are compared; beyond, only equal links are recognised. */
const MOST_COMPARED = 64;

/** All links that are in question have one latency. */
export const linksAreEqual = ({ latency, nodes }: Pick<DedicationInstance, 'latency' | 'nodes'>): boolean => {
  const first = latency[1] ?? 0;
  const slack = EQUAL * first;
  for (let from = 0; from < nodes; from += 1)
    for (let to = 0; to < nodes; to += 1)
      if (from !== to && Math.abs((latency[from * nodes + to] ?? 0) - first) > slack) return false;
  return true;
};

/** Nodes a and b have the same links to all others and to each other: exchanging them changes nothing. */
const interchangeable = ({ latency, nodes }: DedicationInstance, a: number, b: number): boolean => {
  const same = (i: number, j: number): boolean => {
    const [x, y] = [latency[i] ?? 0, latency[j] ?? 0];
    return Math.abs(x - y) <= EQUAL * Math.max(x, y);
  };
  if (!same(a * nodes + b, b * nodes + a)) return false;
  for (let other = 0; other < nodes; other += 1) {
    if (other === a || other === b) continue;
    if (!same(a * nodes + other, b * nodes + other) || !same(other * nodes + a, other * nodes + b))
      return false;
  }
  return true;
};

/** Class of each node: nodes of one class may be exchanged freely. */
export const nodeClasses = (instance: DedicationInstance): Int32Array => {
  const { nodes } = instance;
  const classOf = new Int32Array(nodes).fill(-1);
  if (nodes > MOST_COMPARED) return hostless(nodes);
  let next = 0;
  for (let node = 0; node < nodes; node += 1) {
    if (classOf[node] !== -1) continue;
    classOf[node] = next;
    for (let other = node + 1; other < nodes; other += 1)
      if (classOf[other] === -1 && interchangeable(instance, node, other)) classOf[other] = next;
    next += 1;
  }
  return classOf;
};

const hostless = (nodes: number): Int32Array => Int32Array.from({ length: nodes }, (_, node) => node);

/** Why no order differs from another; null where one may. */
export const whyOrderCannotMatter = (instance: DedicationInstance): string | null => {
  const { rings, paths, nodes, slots } = instance;
  if (nodes === 1) return 'there is one node';
  const talks = rings.some(({ slots: own, weight }) => own.length > 1 && weight > 0) || paths.length > 0;
  if (!talks) return 'nothing is sent between nodes but what every order sends';
  if (linksAreEqual(instance)) return 'all links between nodes are equal';
  if (nodes === 2 && slots === 2) {
    const [ring, path] = [rings.some(({ slots: own }) => own.length > 1), paths.length > 0];
    if (ring && !path) return 'two nodes form one ring in either order';
  }
  return null;
};
