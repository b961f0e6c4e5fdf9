/** Measured links of a cluster: a matrix in the formats of section 6, or a log as its tool prints it. */
import { gpuCount, nodeCount } from '../cluster/cluster.ts';
import type { Cluster, MeasuredLinks } from '../cluster/cluster.ts';
import { launchedLinks } from '../cluster/launch-order.ts';
import type { Diagnostic, Result } from '../diagnostics.ts';
import { detectKind } from '../ingest/links-detect.ts';
import { importLinks } from '../ingest/links-import.ts';
import { defaultReadOptions } from '../ingest/links-reading.ts';
import { levelOf } from '../ingest/matrix-cells.ts';
import { readMatrix } from '../ingest/matrix.ts';
import { diagnosticAt } from '../ingest/source.ts';
import type { Source } from '../ingest/source.ts';

/** Host names in rank order where every group names its own. */
const hostsOf = (cluster: Cluster): readonly string[] | null => {
  const hosts = cluster.groups.flatMap((group) => group.hosts ?? []);
  return hosts.length === nodeCount(cluster) ? hosts : null;
};

/** The i-th name is the i-th node; where both name the same hosts in another order, names decide. */
const inHostOrder = (links: MeasuredLinks, hosts: readonly string[] | null): MeasuredLinks => {
  if (links.level !== 'node' || hosts === null) return links;
  const order = hosts.map((host) => links.names.indexOf(host));
  return order.includes(-1) ? links : launchedLinks(links, order);
};

const refuse = (source: Source, message: string): Result<never> => {
  const diagnostic: Diagnostic = diagnosticAt({ source, start: 0, end: 1 }, 'links/unfit', message);
  return { ok: false, diagnostics: [diagnostic] };
};

const isMatrix = (source: Source): boolean => {
  const kind = detectKind(source);
  return (kind === 'matrix' && !/^\s*\[/u.test(source.text)) || kind === null;
};

/** Errors stand in the measurement. Missing links are errors unless `allowMissing`, or the file names them as unusable. */
export const readMeasured = (
  source: Source,
  cluster: Cluster,
  allowMissing = false,
): Result<MeasuredLinks> => {
  const context = { nodes: nodeCount(cluster), gpus: gpuCount(cluster) };
  if (isMatrix(source)) {
    const read = readMatrix(source, context, { allowMissing });
    return read.ok ? { ...read, value: inHostOrder(read.value, hostsOf(cluster)) } : read;
  }
  const imported = importLinks([source], null, { ...defaultReadOptions, allowMissing });
  if (!imported.ok) return imported;
  const { links, readings } = imported.value;
  if (links === null)
    return refuse(source, `holds no links between nodes or GPUs: ${readings[0]?.summary ?? 'nothing'}`);
  const level = levelOf(links.names.length, links.level, context);
  if (typeof level !== 'string') return refuse(source, level.message);
  return { ok: true, value: inHostOrder(links, hostsOf(cluster)), warnings: imported.warnings };
};
