/**
 * ibnetdiscover: switches and adapters of an InfiniBand fabric with the cables between them → which hosts share leaf
 * switches, and how much leaves those. Source of the format: ibnetdiscover(8), linux-rdma/rdma-core infiniband-diags.
 */
import { logLines } from './links-lines.ts';
import type { LogLine } from './links-lines.ts';
import { ReadingReport, noFacts, startOf } from './links-reading.ts';
import type { ReadingResult } from './links-reading.ts';
import type { Range, Source } from './source.ts';

/** Gb/s of a lane, as the tool names rates. */
const LANE: Readonly<Record<string, number>> = {
  SDR: 2,
  DDR: 4,
  QDR: 8,
  FDR10: 10,
  FDR: 14,
  EDR: 25,
  HDR: 50,
  NDR: 100,
  XDR: 200,
};

interface Port {
  readonly to: string;
  readonly name: string;
  /** bytes/s */
  readonly rate: number;
}

interface Switch {
  readonly id: string;
  readonly name: string;
  readonly declared: number;
  readonly ports: Port[];
  readonly range: Range;
}

const rangeIn = (line: LogLine, part: string): Range => {
  const start = line.start + Math.max(0, line.text.indexOf(part));
  return { source: line.source, start, end: start + Math.max(1, part.length) };
};

const switchesOf = (source: Source, report: ReadingReport): readonly Switch[] => {
  const switches: Switch[] = [];
  let open: Switch | null = null;
  for (const line of logLines(source)) {
    const head = /^(Switch|Ca|Rt)\s+(\d+)\s+"([^"]*)"\s*#\s*"([^"]*)"/u.exec(line.text);
    if (head !== null) {
      const [, kind, ports = '', id = '', name = ''] = head;
      open = null;
      if (kind !== 'Switch') continue;
      if (switches.some((known) => known.id === id))
        report.error(rangeIn(line, id), `the switch ${id} is given twice`);
      open = { id, name, declared: Number(ports), ports: [], range: rangeIn(line, id) };
      switches.push(open);
      continue;
    }
    if (/^(?:Switch|Ca)\s/u.test(line.text)) {
      report.error(
        rangeIn(line, line.text.trim()),
        'expected the number of ports, an id and a name in quotes',
      );
      open = null;
      continue;
    }
    if (open === null || !line.text.startsWith('[')) continue;
    const port =
      /^\[(\d+)\](?:\([0-9a-f]+\))?\s+"([^"]*)"\[\d+\](?:\([0-9a-f]+\))?\s*#\s*"([^"]*)".*?\s(\d+)x(\w+)\s*$/u.exec(
        line.text,
      );
    if (port === null) {
      report.error(rangeIn(line, line.text.trim()), 'expected [port] "id"[port] # "name" lid N WIDTHxSPEED');
      continue;
    }
    const [, number = '', to = '', name = '', width = '', speed = ''] = port;
    const lane = LANE[speed];
    if (lane === undefined)
      report.error(rangeIn(line, `${width}x${speed}`), `the speed ${width}x${speed} is not known`);
    if (Number(number) > open.declared)
      report.error(rangeIn(line, `[${number}]`), `port ${number} of a switch that has ${open.declared}`);
    open.ports.push({ to, name, rate: (Number(width) * (lane ?? 0) * 1e9) / 8 });
  }
  return switches;
};

/** `host hca` in an adapter's description; factory names and aggregation nodes of switches name no host. */
const hostOf = (name: string): string | null => {
  if (/Mellanox Technologies|Aggregation Node|ConnectX|MT\d{4}/iu.test(name)) return null;
  const parts = name.trim().split(/\s+/u);
  return parts.length >= 2 ? (parts[0] ?? null) : null;
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

export const readFabric = (source: Source): ReadingResult => {
  const report = new ReadingReport('ibnetdiscover');
  const switches = switchesOf(source, report);
  if (switches.length === 0 && report.errors.length === 0)
    report.error(startOf(source), 'no switch: expected lines Switch PORTS "S-…" # "name"');
  const ids = new Set(switches.map(({ id }) => id));
  for (const { ports, range, name } of switches)
    for (const { to } of ports)
      if (to.startsWith('S-') && !ids.has(to)) {
        report.error(range, `${name} leads to the switch ${to}, which the file does not hold: it is cut off`);
        break;
      }
  if (report.errors.length > 0) return report.refuse();
  let nameless = 0;
  const leaves = switches.flatMap((each) => {
    const hosts: string[] = [];
    let [down, up] = [0, 0];
    for (const { to, name, rate } of each.ports) {
      if (to.startsWith('S-')) up += rate;
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
      nics: { count: usual, bandwidth: Math.min(...rate) },
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
