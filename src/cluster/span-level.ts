import type { Level } from './rank-map.ts';
import type { GroupFamily } from './group-family.ts';

/** How the groups of a family lie over the parts of one level. */
export interface LevelSpan {
  readonly name: string;
  /** Parts that one group touches, at most. */
  readonly parts: number;
  /** Ranks of one group in one part, at most and at least. */
  readonly mostRanks: number;
  readonly fewestRanks: number;
  /** Least bandwidth out of a part for each group, and for each rank of the groups, that cross its boundary; bytes/s, Infinity where none does. */
  readonly perGroup: number;
  readonly perRank: number;
}

interface Tally {
  parts: number;
  mostRanks: number;
  fewestRanks: number;
  /** Groups that cross the boundary of each part, and their ranks in it. */
  readonly groups: Int32Array;
  readonly ranks: Int32Array;
}

const crossesLevel = (
  { partOf, ascending }: Level,
  first: number,
  { size, stride }: GroupFamily,
): boolean => {
  const end = first + size * stride;
  // Where parts are runs of ranks a group crosses none when its ends share one.
  if (ascending || partOf[first] !== partOf[end - stride]) return partOf[first] !== partOf[end - stride];
  for (let rank = first + stride; rank < end; rank += stride) if (partOf[rank] !== partOf[first]) return true;
  return false;
};

const tallyGroup = (level: Level, first: number, family: GroupFamily, tally: Tally): void => {
  const { partOf } = level;
  const { size, stride } = family;
  const end = first + size * stride;
  const crosses = crossesLevel(level, first, family);
  let parts = 0;
  for (let start = first; start < end;) {
    const part = partOf[start] ?? 0;
    let next = start + stride;
    while (next < end && partOf[next] === part) next += stride;
    const run = (next - start) / stride;
    parts += 1;
    if (run > tally.mostRanks) tally.mostRanks = run;
    if (run < tally.fewestRanks) tally.fewestRanks = run;
    if (crosses) {
      tally.groups[part] = (tally.groups[part] ?? 0) + 1;
      tally.ranks[part] = (tally.ranks[part] ?? 0) + run;
    }
    start = next;
  }
  if (parts > tally.parts) tally.parts = parts;
};

const leastShare = (uplink: Float64Array, users: Int32Array): number => {
  let least = Infinity;
  for (const [part, count] of users.entries())
    if (count > 0) least = Math.min(least, (uplink[part] ?? 0) / count);
  return least;
};

/** Lays a family over one level. O(world). */
export const spanLevel = (level: Level, family: GroupFamily): LevelSpan => {
  const { world, size, stride } = family;
  const tally: Tally = {
    parts: 1,
    mostRanks: 1,
    fewestRanks: size,
    groups: new Int32Array(level.parts),
    ranks: new Int32Array(level.parts),
  };
  for (let block = 0; block < world; block += size * stride) {
    for (let first = block; first < block + stride; first += 1) tallyGroup(level, first, family, tally);
  }
  return {
    name: level.name,
    parts: tally.parts,
    mostRanks: tally.mostRanks,
    fewestRanks: tally.fewestRanks,
    perGroup: leastShare(level.uplink, tally.groups),
    perRank: leastShare(level.uplink, tally.ranks),
  };
};
