/**
 * NCCL's XML: a topology (`<system>`: CPUs, PCI bridges, GPUs, ports) or a graph (`<graphs>`: the channels that NCCL
 * made of it). Source of the format: NVIDIA/nccl src/graph/xml.cc.
 */
import { ReadingReport, noFacts, startOf } from './links-reading.ts';
import type { ReadingResult } from './links-reading.ts';
import { attribute, parseXml } from './links-xml-elements.ts';
import type { Element } from './links-xml-elements.ts';
import { readSystem } from './links-xml-system.ts';
import type { Source } from './source.ts';

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
  const elements = parseXml(source, report);
  if (elements === null) return report.refuse();
  const root = elements.find(({ name }) => !name.startsWith('?'));
  if (root?.name === 'system') return readSystem(source, root, report);
  if (root?.name === 'graphs') return readGraphs(source, root, report);
  report.error(root?.range ?? startOf(source), `expected <system> or <graphs>, found <${root?.name ?? ''}>`);
  return report.refuse();
};
