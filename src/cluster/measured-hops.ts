/** Transfers between pipeline stages over measured links: those of each replica, in both directions. */
import { bytesPerSecond, seconds } from '../units.ts';
import type { GroupFamily } from './group-family.ts';
import { LinkLoad, arcLatency, arcName, forEachGroup, isDead } from './measured-rates.ts';
import type { LinkTable } from './measured-rates.ts';
import type { Hop } from './pipeline-hops.ts';
import type { RankMap } from './rank-map.ts';

interface Draft {
  readonly forward: number[];
  readonly back: number[];
  latency: number | null;
  remote: boolean;
  readonly unusable: Set<string>;
}

const lower = (rates: number[], size: number, rate: number): void => {
  rates[size] = Math.min(rates[size] ?? Infinity, rate);
};

/**
 * All ranks of a stage send to their peers of the next one at once and divide the links that they share; a replica goes
 * on when the slowest of its `inner` ranks has its part. Replicas with equal hops appear once. `near`: a hop inside a
 * domain, for stages that share a node.
 */
export const findMeasuredHops = (
  table: LinkTable,
  map: RankMap,
  nominal: readonly Hop[],
  near: Hop,
  family: GroupFamily,
  inner: number,
): readonly (readonly Hop[])[] => {
  const { size } = family;
  const { endOf, messages } = table;
  const domains = map.levels[0]?.partOf ?? map.nodeOf;
  const loads = nominal.map(() => ({ forward: new LinkLoad(table, map), back: new LinkLoad(table, map) }));
  const eachHop = (visit: (hop: number, from: number, to: number, replica: number) => void): void => {
    forEachGroup(family, (rankAt, first) => {
      for (let hop = 0; size > 1 && hop < size; hop += 1) {
        const [from, to] = [rankAt(hop), rankAt((hop + 1) % size)];
        if (endOf[from] !== endOf[to]) visit(hop, from, to, Math.floor(first / inner));
      }
    });
  };
  eachHop((hop, from, to) => {
    loads[hop]?.forward.add(from, to, 1);
    loads[hop]?.back.add(to, from, 1);
  });
  const replicas = new Map<number, Map<number, Draft>>();
  forEachGroup(family, (_, first) => replicas.set(Math.floor(first / inner), new Map()));
  eachHop((hop, from, to, replica) => {
    const load = loads[hop];
    const hops = replicas.get(replica);
    if (load === undefined || hops === undefined) return;
    const draft = hops.get(hop) ?? {
      forward: messages.map(() => Infinity),
      back: messages.map(() => Infinity),
      latency: null,
      remote: false,
      unusable: new Set<string>(),
    };
    hops.set(hop, draft);
    draft.remote ||= domains[from] !== domains[to];
    for (let message = 0; message < messages.length; message += 1) {
      lower(draft.forward, message, load.forward.share(from, to, message));
      lower(draft.back, message, load.back.share(to, from, message));
    }
    for (const [a, b] of [[from, to] as const, [to, from] as const]) {
      const latency = arcLatency(table, a, b);
      if (latency !== null) draft.latency = Math.max(draft.latency ?? 0, latency);
      if (isDead(table, a, b)) draft.unusable.add(arcName(table, a, b));
    }
  });
  const distinct = new Map<string, readonly Hop[]>();
  for (const hops of replicas.values()) {
    const path = nominal.map((hop, index): Hop => {
      const draft = hops.get(index);
      if (draft === undefined) return hop.remote ? near : hop;
      const { forward, back, latency, remote, unusable } = draft;
      return {
        remote,
        bandwidth: bytesPerSecond(Math.min(forward.at(-1) ?? 0, back.at(-1) ?? 0)),
        latency: latency === null ? hop.latency : seconds(latency),
        measured: { messages, forward, back, unusable: [...unusable] },
      };
    });
    distinct.set(JSON.stringify(path.map(({ measured, latency }) => [measured, latency])), path);
  }
  return [...distinct.values()];
};
