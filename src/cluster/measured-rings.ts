/** Rings and all-to-alls of a family of groups over measured links, stage by stage. */
import type { GroupFamily } from './group-family.ts';
import { LinkLoad, arcLatency, arcName, forEachGroup, isDead, stageOf } from './measured-rates.ts';
import type { LinkTable, MeasuredRates, StageAxis, StageRates } from './measured-rates.ts';
import type { RankMap } from './rank-map.ts';

export interface FamilyRates {
  /** Links between ends of one domain, and links between domains. */
  readonly inside: StageRates;
  readonly outside: StageRates;
}

interface Draft {
  readonly ring: number[];
  latency: number | null;
  slowest: string;
  readonly unusable: Set<string>;
}

const MAXIMUM_NAMED = 8;

/** Parts that ranks lie in for the split into inside and outside: the innermost boundary of the topology. */
const domainOf = (map: RankMap): Int32Array => map.levels[0]?.partOf ?? map.nodeOf;

/**
 * Slowest share of a closed ring in ascending rank order, for the groups of each stage; all groups of the family run at
 * once and divide the links that they share. A ring that passes a node's ranks one after the other crosses to the next
 * node once. null where no group crosses a measured link.
 */
export const familyRates = (
  table: LinkTable,
  map: RankMap,
  family: GroupFamily,
  axis: StageAxis,
): FamilyRates | null => {
  const { size } = family;
  const { endOf, messages } = table;
  const load = new LinkLoad(table, map);
  let crossings = 0;
  forEachGroup(family, (rankAt) => {
    for (let index = 0; size > 1 && index < size; index += 1) {
      const [from, to] = [rankAt(index), rankAt((index + 1) % size)];
      if (endOf[from] === endOf[to]) continue;
      load.add(from, to, 1);
      crossings += 1;
    }
  });
  if (crossings === 0) return null;
  const drafts = { inside: new Map<number, Draft>(), outside: new Map<number, Draft>() };
  const domains = domainOf(map);
  forEachGroup(family, (rankAt, first) => {
    const stage = stageOf(first, axis);
    for (let index = 0; index < size; index += 1) {
      const [from, to] = [rankAt(index), rankAt((index + 1) % size)];
      if (endOf[from] === endOf[to]) continue;
      const side = domains[from] === domains[to] ? drafts.inside : drafts.outside;
      const draft = side.get(stage) ?? {
        ring: messages.map(() => Infinity),
        latency: null,
        slowest: '',
        unusable: new Set<string>(),
      };
      side.set(stage, draft);
      for (let message = 0; message < messages.length; message += 1) {
        const share = load.share(from, to, message);
        if (share >= (draft.ring[message] ?? 0)) continue;
        draft.ring[message] = share;
        if (message === messages.length - 1) draft.slowest = arcName(table, from, to);
      }
      const latency = arcLatency(table, from, to);
      if (latency !== null) draft.latency = Math.max(draft.latency ?? 0, latency);
      if (draft.unusable.size < MAXIMUM_NAMED && isDead(table, from, to))
        draft.unusable.add(arcName(table, from, to));
    }
  });
  const exchanges = allToAllRates(table, map, family, axis);
  const finish = (side: 'inside' | 'outside'): StageRates =>
    Array.from({ length: axis.size }, (_, stage): MeasuredRates | null => {
      const draft = drafts[side].get(stage);
      if (draft === undefined) return null;
      const { ring, latency, slowest, unusable } = draft;
      return {
        messages,
        ring,
        allToAll: () => exchanges()[side][stage] ?? ring,
        latency,
        slowest,
        unusable: [...unusable],
        partial: side === 'inside' && table.level === 'node',
      };
    });
  return { inside: finish('inside'), outside: finish('outside') };
};

interface Exchanges {
  readonly inside: readonly (readonly number[])[];
  readonly outside: readonly (readonly number[])[];
}

/**
 * Every rank sends equal parts to every rank of its group: links and ports carry as many flows as there are pairs of
 * ranks over them. The rate of a rank is what it sends over such links divided by the time of the slowest flow.
 */
const allToAllRates = (
  table: LinkTable,
  map: RankMap,
  family: GroupFamily,
  axis: StageAxis,
): (() => Exchanges) => {
  let known: Exchanges | null = null;
  const find = (): Exchanges => {
    const { endOf, messages } = table;
    const { size } = family;
    const domains = domainOf(map);
    const load = new LinkLoad(table, map);
    const eachPair = (visit: (from: number, to: number, first: number) => void): void => {
      forEachGroup(family, (rankAt, first) => {
        for (let a = 0; a < size; a += 1)
          for (let b = 0; b < size; b += 1)
            if (endOf[rankAt(a)] !== endOf[rankAt(b)]) visit(rankAt(a), rankAt(b), first);
      });
    };
    eachPair((from, to) => {
      load.add(from, to, 1);
    });
    const slowest = (): number[][] => Array.from({ length: axis.size }, () => messages.map(() => Infinity));
    const shares = { inside: slowest(), outside: slowest() };
    const most = { inside: new Float64Array(axis.size), outside: new Float64Array(axis.size) };
    eachPair((from, to, first) => {
      const side = domains[from] === domains[to] ? 'inside' : 'outside';
      const own = shares[side][stageOf(first, axis)] ?? [];
      for (let message = 0; message < messages.length; message += 1)
        own[message] = Math.min(own[message] ?? Infinity, load.share(from, to, message));
    });
    forEachGroup(family, (rankAt, first) => {
      const stage = stageOf(first, axis);
      for (let a = 0; a < size; a += 1) {
        let [near, far] = [0, 0];
        for (let b = 0; b < size; b += 1) {
          if (endOf[rankAt(a)] === endOf[rankAt(b)]) continue;
          if (domains[rankAt(a)] === domains[rankAt(b)]) near += 1;
          else far += 1;
        }
        most.inside[stage] = Math.max(most.inside[stage] ?? 0, near);
        most.outside[stage] = Math.max(most.outside[stage] ?? 0, far);
      }
    });
    const scaled = (side: 'inside' | 'outside'): number[][] =>
      shares[side].map((rates, stage) => rates.map((rate) => rate * (most[side][stage] ?? 0)));
    return { inside: scaled('inside'), outside: scaled('outside') };
  };
  return () => (known ??= find());
};
