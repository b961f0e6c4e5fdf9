/**
 * A topology of NCCL (`<system>`): CPUs, PCI bridges, GPUs, their NVLinks, ports. Source of the format: NVIDIA/nccl
 * src/graph/xml.cc, topo.h; ROCm/rccl for xgmi.
 */
import { noFacts } from './links-reading.ts';
import type { NodeFacts, ReadingResult, ReadingReport } from './links-reading.ts';
import type { Source } from './source.ts';
import { allElements as all, attribute } from './links-xml-elements.ts';
import type { Element } from './links-xml-elements.ts';

/** PCI classes: 0x0302 a 3D controller, 0x0300 and 0x0380 displays, 0x1200 and 0x1300 accelerators (AMD). */
const isGpu = (pci: Element): boolean =>
  pci.name === 'pci' && /^0x(?:030[02]|0380|1[23]00)/u.test(attribute(pci, 'class'));
/** 0x0200 Ethernet, 0x0207 InfiniBand. */
const isPort = (pci: Element): boolean => pci.name === 'pci' && /^0x020[07]/u.test(attribute(pci, 'class'));
const isLink = ({ name }: Element): boolean => name === 'nvlink' || name === 'xgmi';

/** bytes/s of a PCIe link: GT/s × lanes, a bit each, 128/130 coded from 8 GT/s on. */
const pcieRate = (pci: Element): number | null => {
  const speed = /^([\d.]+) GT\/s/u.exec(attribute(pci, 'link_speed'))?.[1];
  const width = Number(attribute(pci, 'link_width'));
  if (speed === undefined || !(width > 0)) return null;
  return (Number(speed) * 1e9 * width * (Number(speed) < 8 ? 0.8 : 128 / 130)) / 8;
};

/** One direction of one link, bytes/s, by compute capability (data sheets of P100 to B200) or gfx target (MI200 to MI355X). */
const linkRate = (gpu: Element): number => {
  const gfx = /^gfx(9[\da-f]{2})/u.exec(attribute(gpu, 'gcn'))?.[1];
  if (gfx !== undefined) return gfx === '950' ? 76.8e9 : gfx >= '940' ? 64e9 : 50e9;
  const sm = Number(attribute(gpu, 'sm'));
  if (sm >= 100) return 50e9;
  if (sm === 86 || sm === 89) return 14.0625e9;
  return sm >= 60 && sm < 70 ? 20e9 : 25e9;
};

/** A GPU of one host, in its PCI entry. */
interface Device {
  readonly host: string;
  readonly gpu: Element;
  readonly pci: Element;
}

interface Host {
  readonly name: string;
  readonly cpus: readonly Element[];
}

/** Systems whose NVLinks join several hosts hold the CPUs of all of them. */
const hostsOf = (system: Element): readonly Host[] => {
  const hosts = new Map<string, Element[]>();
  for (const child of system.children) {
    const name = attribute(child, 'host_hash');
    hosts.set(name, [...(hosts.get(name) ?? []), child]);
  }
  return [...hosts].map(([name, cpus]) => ({ name, cpus }));
};

const devicesOf = ({ name, cpus }: Host): readonly Device[] =>
  all(cpus, ({ children }) => children.some((child) => child.name === 'gpu')).flatMap((pci) =>
    pci.children.filter((child) => child.name === 'gpu').map((gpu) => ({ host: name, gpu, pci })),
  );

/** To NVSwitch (tclass 0x068000), or to another GPU of the same host; those to a CPU (0x068001) or back to itself join nobody. */
const joins = (link: Element, own: Device, buses: ReadonlySet<string>): boolean => {
  const target = attribute(link, 'target');
  if (attribute(link, 'tclass').startsWith('0x0680')) return attribute(link, 'tclass') === '0x068000';
  return buses.has(target) && target !== attribute(own.pci, 'busid');
};

const intraNodeOf = (
  devices: readonly Device[],
  perNode: number,
  report: ReadingReport,
): NodeFacts['intraNode'] => {
  if (perNode < 2 || devices.length === 0) return null;
  const buses = new Set(devices.map(({ pci }) => attribute(pci, 'busid')));
  const links = devices.map((device) =>
    all([device.gpu], isLink)
      .filter((link) => joins(link, device, buses))
      .reduce((sum, link) => sum + Number(attribute(link, 'count')), 0),
  );
  const most = Math.max(...links);
  for (const [index, count] of links.entries())
    if (count < most) {
      const { gpu } = devices[index] as Device;
      report.warn(
        gpu.range,
        `GPU ${attribute(gpu, 'dev')}, rank ${attribute(gpu, 'rank') || '?'}, has ${count} links to other GPUs, others ${most}`,
      );
    }
  const rates = devices.map(({ gpu }, index) => (links[index] ?? 0) * linkRate(gpu));
  const switched = devices.some(({ gpu }) =>
    gpu.children.some((link) => isLink(link) && attribute(link, 'tclass') === '0x068000'),
  );
  if (Math.min(...links) > 0) return { bandwidth: Math.min(...rates), kind: switched ? 'switch' : 'mesh' };
  const pcie = devices.map(({ pci }) => pcieRate(pci)).filter((rate) => rate !== null);
  return pcie.length === 0 ? null : { bandwidth: Math.min(...pcie), kind: 'pcie' };
};

/** Ports of the speed that most have: those of management are slower and fewer. Speeds in Mb/s. */
const nicsOf = (
  system: Element,
  hosts: number,
  started: boolean,
  report: ReadingReport,
): NodeFacts['nics'] => {
  const ports = all([system], isPort).length;
  const nets = all([system], ({ name }) => name === 'net');
  const speeds = nets.map((net) => Number(attribute(net, 'speed')));
  if (nets.length === 0 || speeds.every((speed) => speed === 0)) {
    const count = Math.max(ports, nets.length);
    return count === 0 ? null : { count: Math.ceil(count / hosts), bandwidth: null };
  }
  const counts = new Map<number, number>();
  for (const speed of speeds) counts.set(speed, (counts.get(speed) ?? 0) + 1);
  const [usual] = [...counts].toSorted(([a, m], [b, n]) => n - m || b - a);
  const [speed, count] = usual ?? [0, 0];
  const other = nets.find((net) => Number(attribute(net, 'speed')) !== speed);
  if (other !== undefined)
    report.warn(
      other.range,
      `ignored: ${nets.length - count} ports of other speeds than ${speed} Mb/s, which most have`,
    );
  // A file to start from may name the ports of the PCI alone that NCCL finds by itself.
  const listed = started && other === undefined ? Math.max(ports, count) : count;
  return { count: Math.ceil(listed / hosts), bandwidth: (speed * 1e6) / 8 };
};

const checkEntries = (system: Element, hosts: readonly Host[], report: ReadingReport): void => {
  for (const { cpus } of hosts) {
    const seen = new Set<string>();
    for (const pci of all(cpus, ({ name }) => name === 'pci')) {
      const bus = attribute(pci, 'busid');
      if (bus === '' || seen.has(bus))
        report.error(
          pci.range,
          bus === '' ? 'a PCI entry without busid' : `the bus id ${bus} is given twice`,
        );
      seen.add(bus);
    }
  }
  for (const net of all([system], ({ name }) => name === 'net')) {
    const speed = attribute(net, 'speed');
    if ('speed' in net.attributes && !(Number(speed) > 0))
      report.error(net.range, `speed="${speed}" is no speed`);
  }
  for (const link of all([system], isLink))
    if (!(Number(attribute(link, 'count')) > 0))
      report.error(link.range, `count="${attribute(link, 'count')}" is no number of links`);
};

const same = (a: Element, b: Element): boolean => attribute(a, 'dev') === attribute(b, 'dev');

const checkDevices = (devices: readonly Device[], hosts: readonly Host[], report: ReadingReport): void => {
  const counts = hosts.map(({ name }) => devices.filter(({ host }) => host === name).length);
  const odd = hosts[counts.findIndex((count) => count !== counts[0])];
  const at = odd?.cpus[0];
  if (at !== undefined) report.error(at.range, `the hosts differ: ${counts.join(', ')} GPUs`);
  for (const device of devices)
    for (const link of device.gpu.children)
      if (isLink(link) && attribute(link, 'target') === attribute(device.pci, 'busid'))
        report.warn(link.range, 'ignored: this NVLink leads back to its own GPU');
  const shared = devices.find((device, index) =>
    devices.slice(0, index).some((other) => other.pci === device.pci && same(other.gpu, device.gpu)),
  );
  if (shared !== undefined)
    report.warn(shared.gpu.range, 'ignored: a further rank on the same GPU, which counts once');
};

export const readSystem = (source: Source, system: Element, report: ReadingReport): ReadingResult => {
  const hosts = hostsOf(system);
  const devices = hosts.flatMap(devicesOf);
  checkEntries(system, hosts, report);
  checkDevices(devices, hosts, report);
  // Several ranks on a GPU stand in one PCI entry with one dev; hand-written files put several GPUs there.
  const named = new Set(
    devices.map(({ host, gpu, pci }) => `${host} ${attribute(pci, 'busid')} ${attribute(gpu, 'dev')}`),
  );
  const total = Math.max(named.size, all([system], isGpu).length);
  if (total === 0) {
    const first = all([system], ({ name }) => name === 'pci')[0] ?? system;
    report.error(first.range, 'names no GPU: its PCI entries have no class, so what they are is not known');
  }
  if (report.errors.length > 0) return report.refuse();
  if (devices.length === 0)
    report.warn(system.range, 'names PCI devices alone, without NVLinks: how GPUs talk is not known from it');
  const perNode = total / hosts.length;
  const nics = nicsOf(system, hosts.length, devices.length === 0, report);
  const where = hosts.length === 1 ? 'a node' : `${hosts.length} nodes, each`;
  return report.finish({
    kind: 'nccl-topology',
    source,
    summary: `NCCL topology of ${where} with ${perNode} GPUs and ${nics?.count ?? 0} network ports`,
    facts: {
      ...noFacts,
      nodes: hosts.length === 1 ? null : hosts.length,
      perNode,
      // A file for NCCL to start from leaves out what NCCL finds by itself: GPUs and their NVLinks.
      intraNode: intraNodeOf(devices, perNode, report),
      nics,
    },
    matrix: null,
    curves: [],
  });
};
