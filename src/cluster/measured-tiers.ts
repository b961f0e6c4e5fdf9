/** What a matrix shows of the network behind it: tiers, sick links, sick nodes. */
import type { MeasuredLinks } from './cluster.ts';

export interface DetectedTier {
  /** Members of each group, by index, largest groups first; groups of one are not listed. */
  readonly groups: readonly (readonly number[])[];
  /** Median bandwidth inside the groups, and between them, bytes/s. */
  readonly inside: number;
  readonly between: number;
}

export interface SlowLink {
  readonly from: number;
  readonly to: number;
  /** bytes/s; 0 for one that must not be used. */
  readonly bandwidth: number;
  /** Of the median of links alike: those inside a group of the innermost tier, or those between groups. */
  readonly share: number;
}

export interface SlowEnd {
  readonly index: number;
  /** Median of its links over the median of all links alike. */
  readonly share: number;
}

export interface LinkSurvey {
  readonly median: number;
  readonly slowest: number;
  readonly fastest: number;
  /** Largest ratio of the two directions of one link. */
  readonly asymmetry: number;
  /** From inside out. */
  readonly tiers: readonly DetectedTier[];
  /** Slowest first. */
  readonly slowLinks: readonly SlowLink[];
  readonly slowEnds: readonly SlowEnd[];
}

/** Merging rates that fall by this factor from one to the next are the boundary of a tier. */
export const TIER_FACTOR = 1.25;
/** A link below this share of the median of its kind is slow, an end whose median is below the other is. */
export const SLOW_LINK = 0.75;
export const SLOW_END = 0.85;

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
};

interface Merge {
  readonly rate: number;
  /** Members of all groups after the merge. */
  readonly groups: readonly (readonly number[])[];
}

/**
 * Average linkage of the logarithms of bandwidth, both directions together: the two groups with the fastest links
 * between them merge first. O(n³). Dead links tell nothing of tiers: they count as the median.
 */
const merges = ({ bandwidth }: MeasuredLinks): readonly Merge[] => {
  const n = bandwidth.length;
  const usual = Math.log(median(bandwidth.flat().filter((value) => value > 0)));
  const close = bandwidth.map((row, from) =>
    row.map((value, to) => {
      const back = bandwidth[to]?.[from] ?? 0;
      return from === to
        ? -Infinity
        : ((value > 0 ? Math.log(value) : usual) + (back > 0 ? Math.log(back) : usual)) / 2;
    }),
  );
  const groups: (number[] | null)[] = close.map((_, index) => [index]);
  const found: Merge[] = [];
  for (let step = 1; step < n; step += 1) {
    let [a, b, best] = [-1, -1, -Infinity];
    for (let i = 0; i < n; i += 1) {
      if (groups[i] === null) continue;
      const row = close[i] ?? [];
      for (let j = i + 1; j < n; j += 1)
        if (groups[j] !== null && (row[j] ?? -Infinity) > best) [a, b, best] = [i, j, row[j] ?? -Infinity];
    }
    const [first, second] = [groups[a] ?? [], groups[b] ?? []];
    for (let other = 0; other < n; other += 1) {
      if (groups[other] === null || other === a || other === b) continue;
      const mean =
        (first.length * (close[a]?.[other] ?? 0) + second.length * (close[b]?.[other] ?? 0)) /
        (first.length + second.length);
      (close[a] as number[])[other] = mean;
      (close[other] as number[])[a] = mean;
    }
    groups[a] = [...first, ...second].toSorted((x, y) => x - y);
    groups[b] = null;
    found.push({ rate: Math.exp(best), groups: groups.filter((group) => group !== null) });
  }
  return found;
};

const isInside = (groups: readonly (readonly number[])[], n: number): ((a: number, b: number) => boolean) => {
  const groupOf = new Int32Array(n).fill(-1);
  for (const [index, group] of groups.entries()) for (const member of group) groupOf[member] = index;
  return (a, b) => groupOf[a] !== -1 && groupOf[a] === groupOf[b];
};

const eachLink = (n: number, visit: (from: number, to: number) => void): void => {
  for (let from = 0; from < n; from += 1) for (let to = 0; to < n; to += 1) if (from !== to) visit(from, to);
};

/**
 * Groups at every fall of the merging rate, where two or more groups of two or more stand; what joins late and alone is
 * a slow end, no tier.
 */
const tiersOf = (links: MeasuredLinks): readonly DetectedTier[] => {
  const n = links.names.length;
  const all = merges(links);
  const tiers: DetectedTier[] = [];
  for (let index = 0; index + 1 < all.length; index += 1) {
    const [now, next] = [all[index], all[index + 1]];
    if (now === undefined || next === undefined || now.rate / next.rate < TIER_FACTOR) continue;
    const groups = now.groups.filter(({ length }) => length > 1).toSorted((a, b) => b.length - a.length);
    const covered = groups.reduce((sum, { length }) => sum + length, 0);
    // A tier holds most of the cluster in groups: otherwise the fall only sets single ends apart.
    if (groups.length < 2 || covered < 0.75 * n) continue;
    const inside = isInside(groups, n);
    const [near, far]: [number[], number[]] = [[], []];
    eachLink(n, (from, to) => {
      const value = links.bandwidth[from]?.[to] ?? 0;
      if (value > 0) (inside(from, to) ? near : far).push(value);
    });
    const [within, across] = [median(near), median(far)];
    if (within / across >= TIER_FACTOR) tiers.push({ groups, inside: within, between: across });
  }
  return tiers;
};

/** Throws RangeError on a matrix without a usable link. */
export const surveyLinks = (links: MeasuredLinks): LinkSurvey => {
  const { bandwidth, names } = links;
  const n = names.length;
  const used: number[] = [];
  let asymmetry = 1;
  eachLink(n, (from, to) => {
    const [value, back] = [bandwidth[from]?.[to] ?? 0, bandwidth[to]?.[from] ?? 0];
    if (value > 0) used.push(value);
    if (value > 0 && back > 0) asymmetry = Math.max(asymmetry, value / back);
  });
  if (used.length === 0) throw new RangeError('a matrix without a usable link');
  const tiers = tiersOf(links);
  const inside = isInside(tiers[0]?.groups ?? [], n);
  const kinds = { near: [] as number[], far: [] as number[] };
  eachLink(n, (from, to) => {
    const value = bandwidth[from]?.[to] ?? 0;
    if (value > 0) kinds[inside(from, to) ? 'near' : 'far'].push(value);
  });
  const usual = { near: median(kinds.near), far: median(kinds.far) };
  const shareOf = (from: number, to: number): number =>
    (bandwidth[from]?.[to] ?? 0) / usual[inside(from, to) ? 'near' : 'far'];
  const slowLinks: SlowLink[] = [];
  const shares = names.map((): number[] => []);
  eachLink(n, (from, to) => {
    const share = shareOf(from, to);
    shares[from]?.push(share);
    shares[to]?.push(share);
    if (share < SLOW_LINK) slowLinks.push({ from, to, bandwidth: bandwidth[from]?.[to] ?? 0, share });
  });
  return {
    median: median(used),
    slowest: used.reduce((least, value) => Math.min(least, value), Infinity),
    fastest: used.reduce((most, value) => Math.max(most, value), 0),
    asymmetry,
    tiers,
    slowLinks: slowLinks.toSorted((a, b) => a.share - b.share),
    slowEnds: shares
      .map((own, index) => ({ index, share: median(own) }))
      .filter(({ share }) => share < SLOW_END)
      .toSorted((a, b) => a.share - b.share),
  };
};
