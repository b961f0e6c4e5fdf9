/**
 * ibnetdiscover: switches and adapters of an InfiniBand fabric with the cables between them → which hosts share leaf
 * switches, and how much leaves those. Source of the format: ibnetdiscover(8), linux-rdma/rdma-core infiniband-diags.
 */
import { switchesOf } from './links-infiniband-lines.ts';
import type { Switch } from './links-infiniband-lines.ts';
import { ReadingReport, noFacts, startOf } from './links-reading.ts';
import type { ReadingResult } from './links-reading.ts';
import type { Source } from './source.ts';

/** `host hca`, or `host`, in an adapter's description; factory names and aggregation nodes of switches name no host. */
const hostOf = (name: string): string | null => {
  if (/Mellanox Technologies|Aggregation Node|ConnectX|InfiniHost|QLogic|MT\d{4}|^localhost\b/iu.test(name))
    return null;
  const [host = ''] = name.trim().split(/\s+/u);
  return /^(?:|(?:HCA-|mlx\d+_|hfi\d+_|qib)\d+)$/u.test(host) ? null : host;
};

/** Hosts joined by sharing a leaf switch: with rails every port of a host is on a leaf of its own. */
const podsOf = (leaves: readonly (readonly string[])[]): readonly (readonly string[])[] => {
  const podOf = new Map<string, string[]>();
  for (const hosts of leaves) {
    const merged = [...new Set(hosts.flatMap((host) => podOf.get(host) ?? [host]))];
    for (const host of merged) podOf.set(host, merged);
  }
  return [...new Set(podOf.values())];
};

const natural = new Intl.Collator('en', { numeric: true });

/** Cables between switches that run slower than most of them do: a degraded one slows all that cross it. */
const warnOfSlow = (switches: readonly Switch[], report: ReadingReport): void => {
  const ports = switches.flatMap((each) => each.ports.filter(({ toSwitch }) => toSwitch));
  const counts = new Map<string, number>();
  for (const { speed } of ports) counts.set(speed, (counts.get(speed) ?? 0) + 1);
  const usual = [...counts].toSorted(([, m], [, n]) => n - m)[0]?.[0];
  const rate = ports.find(({ speed }) => speed === usual)?.rate ?? 0;
  const slow = ports.filter((port) => port.rate < rate);
  const [first] = slow;
  if (first !== undefined)
    report.warn(
      first.range,
      `${slow.length} ports between switches run slower than the ${usual ?? ''} of most: ${first.speed}`,
    );
};

/** A cable stands with both of its ends: where one way lacks lines, the file does. */
const warnOfMissing = (switches: readonly Switch[], report: ReadingReport): void => {
  const cables = new Map<string, number>();
  for (const { id, ports } of switches)
    for (const { to, toSwitch } of ports)
      if (toSwitch) cables.set(`${id} ${to}`, (cables.get(`${id} ${to}`) ?? 0) + 1);
  for (const { id, ports, range } of switches)
    for (const to of new Set(ports.filter((port) => port.toSwitch).map((port) => port.to))) {
      const [there = 0, back = 0] = [cables.get(`${id} ${to}`), cables.get(`${to} ${id}`)];
      if (there > back)
        report.warn(range, `${there} cables lead from ${id} to ${to}, but ${back} back: lines are missing`);
    }
};

export const readFabric = (source: Source): ReadingResult => {
  const report = new ReadingReport('ibnetdiscover');
  const switches = switchesOf(source, report);
  if (switches.length === 0 && report.errors.length === 0)
    report.error(startOf(source), 'no switch: expected lines Switch PORTS "S-…" # "name"');
  const ids = new Set(switches.map(({ id }) => id));
  for (const { ports, range, name } of switches)
    for (const { to, toSwitch } of ports)
      if (toSwitch && !ids.has(to)) {
        report.error(range, `${name} leads to the switch ${to}, which the file does not hold: it is cut off`);
        break;
      }
  if (report.errors.length > 0) return report.refuse();
  let nameless = 0;
  const leaves = switches.flatMap((each) => {
    const hosts: string[] = [];
    let [down, up] = [0, 0];
    for (const { toSwitch, name, rate } of each.ports) {
      if (toSwitch) up += rate;
      else if (!/Aggregation Node/iu.test(name)) {
        const host = hostOf(name);
        down += rate;
        if (host === null) nameless += 1;
        else hosts.push(host);
      }
    }
    return hosts.length === 0 ? [] : [{ hosts, down, up }];
  });
  const counts = new Map<string, number>();
  for (const { hosts } of leaves) for (const host of hosts) counts.set(host, (counts.get(host) ?? 0) + 1);
  const pods = podsOf(leaves.map(({ hosts }) => hosts)).map((pod) =>
    pod.toSorted((a, b) => natural.compare(a, b)),
  );
  const ordered = pods.toSorted((a, b) => natural.compare(a[0] ?? '', b[0] ?? ''));
  const hosts = ordered.flat();
  const [firstSwitch] = switches;
  if (hosts.length === 0) {
    report.error(firstSwitch?.range ?? startOf(source), 'no port leads to an adapter that names its host');
    return report.refuse();
  }
  const first = firstSwitch?.range ?? startOf(source);
  if (nameless > 0)
    report.warn(
      first,
      `ignored: ${nameless} ports whose adapters carry a factory name instead of their host's`,
    );
  const ports = [...counts.values()];
  const usual = ports.toSorted((a, b) => a - b)[ports.length >> 1] ?? 0;
  const short = [...counts].filter(([, count]) => count !== usual).map(([host]) => host);
  if (short.length > 0)
    report.warn(
      first,
      `${short.length} hosts have another number of ports than ${usual}: ${short.slice(0, 5).join(', ')}${short.length > 5 ? ', …' : ''}`,
    );
  const sizes = ordered.map(({ length }) => length);
  const size = Math.max(...sizes);
  if (new Set(sizes).size > 1)
    report.warn(
      first,
      `groups of hosts that share leaf switches differ (${sizes.join(', ')}): the tier is taken with the largest`,
    );
  warnOfSlow(switches, report);
  warnOfMissing(switches, report);
  const oversubscription = Math.max(1, ...leaves.filter(({ up }) => up > 0).map(({ down, up }) => down / up));
  const rate = switches.flatMap((each) =>
    each.ports.filter(({ name }) => hostOf(name) !== null).map((port) => port.rate),
  );
  return report.finish({
    kind: 'ibnetdiscover',
    source,
    summary: `${hosts.length} hosts on ${leaves.length} leaf switches of ${switches.length}, in ${ordered.length} groups`,
    facts: {
      ...noFacts,
      hosts,
      nodes: hosts.length,
      nics: { count: usual, bandwidth: rate.some(Number.isNaN) ? null : Math.min(...rate) },
      tiers:
        ordered.length === 1
          ? []
          : [
              { name: 'leaf', nodes: size, oversubscription: Math.round(oversubscription * 100) / 100 },
              { name: 'spine', nodes: null, oversubscription: 1 },
            ],
    },
    matrix: null,
    curves: [],
  });
};
