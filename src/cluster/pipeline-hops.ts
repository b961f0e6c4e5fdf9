import { bytesPerSecond } from '../units.ts';
import type { BytesPerSecond, Seconds } from '../units.ts';
import type { Cluster } from './cluster.ts';
import { checkFamily } from './group-family.ts';
import type { GroupFamily } from './group-family.ts';
import { groupsWithin, insideLinks, networkLatency, slowestPorts } from './links.ts';
import type { MeasuredHop } from './measured-rates.ts';
import type { RankMap } from './rank-map.ts';

/** Message from every rank of a pipeline stage to its peer in the next one. */
export interface Hop {
  /** The slowest pair lies in different domains. */
  readonly remote: boolean;
  /** Per sending rank, one direction, while all of the stage send. */
  readonly bandwidth: BytesPerSecond;
  readonly latency: Seconds;
  /** Where the link was measured: attained rates in both directions. */
  readonly measured?: MeasuredHop;
}

/** A hop between ranks of one domain. */
export const nearHop = (cluster: Cluster, map: RankMap, world: number): Hop => {
  const inside = insideLinks(groupsWithin(cluster, map, world), 2);
  if (inside === null) throw new Error('a cluster has at least one node group');
  return { remote: false, bandwidth: inside.bandwidth, latency: inside.latency };
};

/** Per-rank bandwidth of one stage's sends to the peers `distance` ranks away, and whether any leaves its domain. */
const findHop = (
  cluster: Cluster,
  map: RankMap,
  family: GroupFamily,
  stage: number,
  distance: number,
): Hop => {
  const { world, size, stride } = family;
  const groups = groupsWithin(cluster, map, world);
  const senders = map.levels.map((level) => new Int32Array(level.parts));
  let remote = false;
  for (let block = stage * stride; block < world; block += size * stride) {
    for (let rank = block; rank < block + stride; rank += 1) {
      for (const [index, { partOf }] of map.levels.entries()) {
        const from = partOf[rank] ?? 0;
        if (from === partOf[rank + distance]) continue;
        remote ||= index === 0;
        const counts = senders[index];
        if (counts !== undefined) counts[from] = (counts[from] ?? 0) + 1;
      }
    }
  }
  if (!remote) return nearHop(cluster, map, world);
  let bandwidth = slowestPorts(groups);
  for (const [index, { uplink }] of map.levels.entries()) {
    for (const [part, count] of (senders[index] ?? new Int32Array()).entries()) {
      if (count > 0) bandwidth = Math.min(bandwidth, (uplink[part] ?? 0) / count);
    }
  }
  return { remote, bandwidth: bytesPerSecond(bandwidth), latency: networkLatency(groups) };
};

/** Hop i leads from stage i to i + 1, the last one from the last stage to the first. O(world). */
export const findHops = (cluster: Cluster, map: RankMap, family: GroupFamily): readonly Hop[] => {
  checkFamily(map, family);
  const { size, stride } = family;
  return Array.from({ length: size }, (_, stage) =>
    findHop(cluster, map, family, stage, stage === size - 1 ? -stage * stride : stride),
  );
};
