import { bytesPerSecond } from '../units.ts';
import type { BytesPerSecond, Seconds } from '../units.ts';
import type { Cluster } from './cluster.ts';
import { checkFamily } from './group-family.ts';
import type { GroupFamily } from './group-family.ts';
import { groupsWithin, insideLinks, networkLatency, slowestPorts } from './links.ts';
import type { InsideLinks } from './links.ts';
import { findHops, nearHop } from './pipeline-hops.ts';
import type { Hop } from './pipeline-hops.ts';
import { findMeasuredHops } from './measured-hops.ts';
import { createLinkTable } from './measured-rates.ts';
import type { LinkTable, MeasuredRates, StageAxis } from './measured-rates.ts';
import { familyRates } from './measured-rings.ts';
import { createRankMap } from './rank-map.ts';
import type { RankMap } from './rank-map.ts';
import { spanLevel } from './span-level.ts';

/** Links between domains, shared by all that cross them at the same time. */
export interface OutsideLinks {
  /** What one group gets for a ring, which enters and leaves each domain once: slowest boundary over the groups that share it. */
  readonly ringBandwidth: BytesPerSecond;
  /** What one rank gets when every rank sends out of its domain at once (all-to-all). */
  readonly rankBandwidth: BytesPerSecond;
  readonly latency: Seconds;
  /** Boundary that limits a ring: `node`, `domain`, or the name of a tier. */
  readonly bottleneck: string;
  /** Index of the innermost tier that holds every group whole; the number of the cluster's tiers where none does. */
  readonly tier: number;
  /** What measured links between domains leave: attained, in place of the nominal figures. */
  readonly measured?: MeasuredRates;
}

/** Where the groups of a family lie; over unequal groups the worst counts. */
export interface GroupSpan {
  readonly size: number;
  /** Ranks of one group that share a node, at most; nodes of one group, at most. */
  readonly perNode: number;
  readonly nodes: number;
  /** Ranks of one group that share a domain, at most and at least; domains of one group, at most. */
  readonly perDomain: number;
  readonly fewestPerDomain: number;
  readonly domains: number;
  /** null where no two ranks of a group share a domain. */
  readonly inside: InsideLinks | null;
  /** null where every group stays in its domain. */
  readonly outside: OutsideLinks | null;
}

export interface Topology {
  readonly cluster: Cluster;
  readonly map: RankMap;
  /** Memoised; O(world) the first time. Throws RangeError where the family does not tile the world or exceeds the cluster. */
  readonly groupSpan: (family: GroupFamily) => GroupSpan;
  /**
   * The span of the groups of each pipeline stage apart, sharing links with those of all others. One entry for all
   * stages where no group crosses a measured link. Memoised. Throws as `groupSpan`.
   */
  readonly stageSpans: (family: GroupFamily, axis: StageAxis) => readonly GroupSpan[];
  /** Hop i leads from stage i to i + 1, the last one from the last stage to the first. Memoised. Throws as `groupSpan`. */
  readonly pipelineHops: (family: GroupFamily) => readonly Hop[];
  /**
   * The hops of every replica of `inner` neighbouring ranks, those with equal links once; a single entry without
   * measured links. Memoised. Throws as `groupSpan`.
   */
  readonly replicaHops: (family: GroupFamily, inner: number) => readonly (readonly Hop[])[];
  /** Measured links as the ranks see them; null without. */
  readonly links: LinkTable | null;
}

const findSpan = (cluster: Cluster, map: RankMap, family: GroupFamily): GroupSpan => {
  checkFamily(map, family);
  const groups = groupsWithin(cluster, map, family.world);
  const [domain, ...tiers] = map.levels.map((level) => spanLevel(level, family));
  if (domain === undefined) throw new Error('a rank map has at least one level');
  const node = cluster.domain === null ? domain : spanLevel(map.node, family);
  const crossed = [domain, ...tiers].filter((level) => level.parts > 1);
  const ring = crossed.reduce<{ name: string; value: number }>(
    (least, { name, perGroup }) => (perGroup < least.value ? { name, value: perGroup } : least),
    { name: domain.name, value: domain.fewestRanks * slowestPorts(groups) },
  );
  const rank = crossed.reduce((least, level) => Math.min(least, level.perRank), slowestPorts(groups));
  // A tier without a level joins everything and follows those that have one.
  const whole = tiers.findIndex((level) => level.parts === 1);
  return {
    size: family.size,
    perNode: node.mostRanks,
    nodes: node.parts,
    perDomain: domain.mostRanks,
    fewestPerDomain: domain.fewestRanks,
    domains: domain.parts,
    inside: domain.mostRanks > 1 ? insideLinks(groups, Math.max(2, domain.fewestRanks)) : null,
    outside:
      domain.parts > 1
        ? {
            ringBandwidth: bytesPerSecond(ring.value),
            rankBandwidth: bytesPerSecond(rank),
            latency: networkLatency(groups),
            bottleneck: ring.name,
            tier: whole === -1 ? tiers.length : whole,
          }
        : null,
  };
};

const memoised = <T>(
  find: (family: GroupFamily, more: StageAxis) => T,
): ((family: GroupFamily, more?: StageAxis) => T) => {
  const known = new Map<string, T>();
  return (family, more = WHOLE) => {
    const key = `${family.world} ${family.size} ${family.stride} ${more.size} ${more.stride}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const value = find(family, more);
    known.set(key, value);
    return value;
  };
};

/** All ranks as one stage. */
const WHOLE: StageAxis = { size: 1, stride: 1 };

const measuredSpan = (
  span: GroupSpan,
  inside: MeasuredRates | null,
  outside: MeasuredRates | null,
  level: 'node' | 'gpu',
): GroupSpan => ({
  ...span,
  inside:
    span.inside === null || (inside === null && level === 'gpu')
      ? null
      : inside === null
        ? span.inside
        : { ...span.inside, measured: inside },
  outside:
    span.outside === null || outside === null
      ? null
      : { ...span.outside, measured: outside, bottleneck: outside.slowest },
});

const memoisedPaths = (
  find: (family: GroupFamily, inner: number) => readonly (readonly Hop[])[],
): Topology['replicaHops'] => {
  const kept = memoised((family, { size }) => find(family, size));
  return (family, inner) => kept(family, { size: inner, stride: 1 });
};

/**
 * Places ranks on the cluster's nodes in order and answers what groups of ranks cross. Nominal link figures: what a
 * collective attains of them is the cost model's matter. Shared links are divided equally among those that use them.
 */
export const createTopology = (cluster: Cluster): Topology => {
  const map = createRankMap(cluster);
  const links = createLinkTable(cluster, map);
  const nominal = memoised((family) => findSpan(cluster, map, family));
  const pipelineHops = memoised((family) => findHops(cluster, map, family));
  const stageSpans = memoised((family, axis): readonly GroupSpan[] => {
    const span = nominal(family);
    const rates = links === null ? null : familyRates(links, map, family, axis);
    if (links === null || rates === null) return [span];
    return rates.inside.map((inside, stage) =>
      measuredSpan(span, inside, rates.outside[stage] ?? null, links.level),
    );
  });
  return {
    cluster,
    map,
    links,
    stageSpans,
    groupSpan: (family) => stageSpans(family)[0] ?? nominal(family),
    pipelineHops,
    replicaHops: memoisedPaths((family, inner) =>
      links === null
        ? [pipelineHops(family)]
        : findMeasuredHops(
            links,
            map,
            pipelineHops(family),
            nearHop(cluster, map, family.world),
            family,
            inner,
          ),
    ),
  };
};
