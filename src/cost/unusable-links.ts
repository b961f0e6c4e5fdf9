/** Links that a strategy needs although they were not measured, or measured as dead. */
import type { GroupSpan, Topology } from '../cluster/topology.ts';
import { gpusUsed } from '../strategy/strategy.ts';
import type { Strategy } from '../strategy/strategy.ts';
import { dataSpans, groupSpans, spanOf, stageAxis } from './group-spans.ts';

const MAXIMUM_NAMED = 3;

const ofSpan = ({ inside, outside }: GroupSpan): readonly string[] => [
  ...(inside?.measured?.unusable ?? []),
  ...(outside?.measured?.unusable ?? []),
];

/** One sentence where the strategy's groups cross unusable links, else nothing. */
export const unusableReasons = (topology: Topology, s: Strategy): readonly string[] => {
  if (topology.links === null || topology.links.dead.size === 0) return [];
  const span = spanOf(topology, s);
  const { size, stride } = stageAxis(s);
  const hops = topology.replicaHops({ world: gpusUsed(s), size, stride }, s.tensor * s.context);
  // The hop from the last stage to the first is used by interleaved schedules alone.
  const used = s.virtualStages > 1 ? size : size - 1;
  const links = new Set<string>([
    ...Object.values(groupSpans(span, s)).flatMap(ofSpan),
    ...Object.values(dataSpans(span, s)).flatMap(ofSpan),
    ...hops.flatMap((path) => path.slice(0, used).flatMap(({ measured }) => measured?.unusable ?? [])),
  ]);
  if (links.size === 0) return [];
  const named = [...links].slice(0, MAXIMUM_NAMED).join(', ');
  const more = links.size > MAXIMUM_NAMED ? ` and ${links.size - MAXIMUM_NAMED} more` : '';
  return [`needs links that the measurement lacks or calls dead: ${named}${more}`];
};
