/**
 * NCCL's XML: a topology (`<system>`: CPUs, PCI bridges, GPUs, ports) or a graph (`<graphs>`: the channels that NCCL
 * made of it). Source of the format: NVIDIA/nccl src/graph/xml.cc.
 */
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { ReadingReport, noFacts, startOf } from './links-reading.ts';
import type { NodeFacts, ReadingResult } from './links-reading.ts';
import type { Range, Source } from './source.ts';

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  readonly range: Range;
}

const MAXIMUM_ELEMENTS = 50_000;
const MAXIMUM_DEPTH = 40;

/** Nesting and number of tags, before a recursive parser sees them. */
const tooComplex = ({ text }: Source): number | null => {
  let [depth, elements] = [0, 0];
  for (const match of text.matchAll(/<(\/?)[A-Za-z_][^<>]*?(\/?)>/gu)) {
    if (match[1] === '/') depth -= 1;
    else {
      elements += 1;
      if (match[2] !== '/') depth += 1;
    }
    if (depth > MAXIMUM_DEPTH || elements > MAXIMUM_ELEMENTS) return match.index;
  }
  return null;
};

const META = XMLParser.getMetaDataSymbol() as symbol;

type Raw = Readonly<Record<string | symbol, unknown>>;

const elementsOf = (raw: readonly Raw[], source: Source): readonly Element[] =>
  raw.flatMap((node): readonly Element[] => {
    const name = Object.keys(node).find((key) => key !== ':@' && key !== '#text');
    if (name === undefined) return [];
    const children = node[name];
    const { startIndex: start = 0 } = (node[META] ?? {}) as { readonly startIndex?: number };
    return [
      {
        name,
        attributes: (node[':@'] ?? {}) as Readonly<Record<string, string>>,
        children: Array.isArray(children) ? elementsOf(children as readonly Raw[], source) : [],
        range: { source, start, end: start + name.length + 1 },
      },
    ];
  });

/** Entities are neither declared nor replaced: a document type is refused before parsing. */
const parse = (source: Source, report: ReadingReport): readonly Element[] | null => {
  const { text } = source;
  const declared = /<!(?:DOCTYPE|ENTITY)/iu.exec(text);
  if (declared !== null) {
    const { index } = declared;
    report.error(
      { source, start: index, end: index + declared[0].length },
      'document types and entities are not read',
    );
    return null;
  }
  const deep = tooComplex(source);
  if (deep !== null) {
    report.error({ source, start: deep, end: deep + 1 }, 'nests too deep or holds too many elements');
    return null;
  }
  // Its successor is a package of its own; the parser alone passes over what is not well-formed.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  const valid = XMLValidator.validate(text);
  if (valid !== true) {
    const { line, col, msg } = valid.err;
    const lines = text.split('\n').slice(0, line - 1);
    const start = lines.reduce((sum, each) => sum + each.length + 1, 0) + Math.max(0, col - 1);
    report.error({ source, start: Math.min(start, text.length), end: start + 1 }, `is not XML: ${msg}`);
    return null;
  }
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: '',
    parseAttributeValue: false,
    processEntities: false,
    captureMetaData: true,
  });
  return elementsOf(parser.parse(text) as readonly Raw[], source);
};

const all = (elements: readonly Element[], test: (element: Element) => boolean): readonly Element[] =>
  elements.flatMap((element) => [...(test(element) ? [element] : []), ...all(element.children, test)]);

const attribute = ({ attributes }: Element, name: string): string => attributes[name] ?? '';

/** PCI class 0x0302: a 3D controller; 0x0300: one with a display. */
const isGpu = (pci: Element): boolean => pci.name === 'pci' && /^0x030[02]/u.test(attribute(pci, 'class'));
/** 0x0200 Ethernet, 0x0207 InfiniBand. */
const isPort = (pci: Element): boolean => pci.name === 'pci' && /^0x020[07]/u.test(attribute(pci, 'class'));

/** bytes/s of a PCIe link: GT/s × lanes, a bit each, 128/130 coded from 8 GT/s on. */
const pcieRate = (pci: Element): number | null => {
  const speed = /^([\d.]+) GT\/s/u.exec(attribute(pci, 'link_speed'))?.[1];
  const width = Number(attribute(pci, 'link_width'));
  if (speed === undefined || !(width > 0)) return null;
  return (Number(speed) * 1e9 * width * (Number(speed) < 8 ? 0.8 : 128 / 130)) / 8;
};

const intraNodeOf = (gpus: readonly Element[]): NodeFacts['intraNode'] => {
  const buses = new Set(gpus.map((gpu) => attribute(gpu, 'busid')));
  const links = gpus.map((gpu) =>
    all(gpu.children, ({ name }) => name === 'nvlink')
      // Links that end at the GPU itself, or at one that is not there, join nobody.
      .filter(
        (link) =>
          attribute(link, 'tclass').startsWith('0x0680') ||
          (buses.has(attribute(link, 'target')) && attribute(link, 'target') !== attribute(gpu, 'busid')),
      )
      .reduce((sum, link) => sum + Number(attribute(link, 'count')), 0),
  );
  const fewest = Math.min(...links);
  if (fewest > 0) return { bandwidth: fewest * 25e9, kind: gpus.length > 2 ? 'switch' : 'mesh' };
  const rates = gpus.map(pcieRate).filter((rate) => rate !== null);
  return rates.length === 0 ? null : { bandwidth: Math.min(...rates), kind: 'pcie' };
};

const readSystem = (source: Source, system: Element, report: ReadingReport): ReadingResult => {
  const gpus = all([system], isGpu);
  const devices = all([system], ({ name }) => name === 'gpu');
  const ports = all([system], isPort).length;
  const nets = all([system], ({ name }) => name === 'net');
  const count = Math.max(gpus.length, devices.length);
  if (count === 0) {
    const first = all([system], ({ name }) => name === 'pci')[0] ?? system;
    report.error(first.range, 'names no GPU: its PCI entries have no class, so what they are is not known');
  }
  const seen = new Map<string, Element>();
  for (const pci of all([system], ({ name }) => name === 'pci')) {
    const bus = attribute(pci, 'busid');
    if (bus === '' || seen.has(bus))
      report.error(pci.range, bus === '' ? 'a PCI entry without busid' : `the bus id ${bus} is given twice`);
    seen.set(bus, pci);
  }
  for (const net of nets)
    if (!(Number(attribute(net, 'speed')) > 0))
      report.error(net.range, `speed="${attribute(net, 'speed')}" is no speed`);
  for (const link of all([system], ({ name }) => name === 'nvlink'))
    if (!(Number(attribute(link, 'count')) > 0))
      report.error(link.range, `count="${attribute(link, 'count')}" is no number of links`);
  if (report.errors.length > 0) return report.refuse();
  const loops = all([system], ({ name }) => name === 'nvlink').filter((link) =>
    gpus.some(
      (gpu) =>
        gpu.children.some((dev) => dev.children.includes(link)) &&
        attribute(link, 'target') === attribute(gpu, 'busid'),
    ),
  );
  if (devices.length === 0)
    report.warn(system.range, 'names PCI devices alone, without NVLinks: how GPUs talk is not known from it');
  for (const link of loops) report.warn(link.range, 'ignored: this NVLink leads back to its own GPU');
  const speeds = nets.map((net) => (Number(attribute(net, 'speed')) * 1e6) / 8);
  return report.finish({
    kind: 'nccl-topology',
    source,
    summary: `NCCL topology of a node with ${count} GPUs and ${Math.max(ports, nets.length)} network ports`,
    facts: {
      ...noFacts,
      perNode: count,
      // A file for NCCL to start from leaves out what NCCL finds by itself: GPUs and their NVLinks.
      intraNode: devices.length === 0 ? null : intraNodeOf(gpus),
      nics:
        ports + nets.length === 0
          ? null
          : {
              count: Math.max(ports, nets.length),
              bandwidth: speeds.length > 0 ? Math.min(...speeds) : null,
            },
    },
    matrix: null,
    curves: [],
  });
};

/** Channels of a ring run side by side: bandwidth of a GPU is channels × speed (GB/s). */
const readGraphs = (source: Source, graphs: Element, report: ReadingReport): ReadingResult => {
  const list = graphs.children.filter(({ name }) => name === 'graph');
  if (list.length === 0) report.error(graphs.range, 'holds no graph');
  for (const graph of list)
    for (const key of ['nchannels', 'speedintra'])
      if (!(Number(attribute(graph, key)) > 0))
        report.error(graph.range, `${key}="${attribute(graph, key)}" is not a positive number`);
  const ring = list.find((graph) => attribute(graph, 'pattern') === '4') ?? list[0];
  if (ring === undefined || report.errors.length > 0) return report.refuse();
  const channel = ring.children.find(({ name }) => name === 'channel');
  const gpus = channel?.children.filter(({ name }) => name === 'gpu').length ?? 0;
  const rate = Number(attribute(ring, 'nchannels')) * Number(attribute(ring, 'speedintra')) * 1e9;
  return report.finish({
    kind: 'nccl-graph',
    source,
    summary: `NCCL graph over ${gpus} GPUs: ${attribute(ring, 'nchannels')} channels of ${attribute(ring, 'speedintra')} GB/s`,
    facts: {
      ...noFacts,
      perNode: gpus > 0 ? gpus : null,
      intraNode: { bandwidth: rate, kind: attribute(ring, 'typeintra') === 'NVL' ? 'switch' : 'pcie' },
    },
    matrix: null,
    curves: [],
  });
};

export const readNcclXml = (source: Source): ReadingResult => {
  const report = new ReadingReport('nccl-topology');
  const elements = parse(source, report);
  if (elements === null) return report.refuse();
  const root = elements.find(({ name }) => !name.startsWith('?'));
  if (root?.name === 'system') return readSystem(source, root, report);
  if (root?.name === 'graphs') return readGraphs(source, root, report);
  report.error(root?.range ?? startOf(source), `expected <system> or <graphs>, found <${root?.name ?? ''}>`);
  return report.refuse();
};
