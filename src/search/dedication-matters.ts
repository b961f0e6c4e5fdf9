/** Whether the order of hosts can matter at all, found before any search. */
import type { DedicationInstance } from './dedication-instance.ts';

/** Relative difference below which links count as equal. */
const EQUAL = 1e-9;

/** All links that are in question have one latency. */
export const linksAreEqual = ({ latency, nodes }: Pick<DedicationInstance, 'latency' | 'nodes'>): boolean => {
  const first = latency[1] ?? 0;
  const slack = EQUAL * first;
  for (let from = 0; from < nodes; from += 1)
    for (let to = 0; to < nodes; to += 1)
      if (from !== to && Math.abs((latency[from * nodes + to] ?? 0) - first) > slack) return false;
  return true;
};

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
