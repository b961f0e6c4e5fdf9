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

/** Of a SPEC: what a measurement may lack, how far directions may differ (null: as far as its kind allows), which test. */
export interface MeasuredOptions {
  readonly allowMissing: boolean;
  readonly maximumAsymmetry: number | null;
  readonly test: string | null;
}

/** A plain matrix is its author's word: directions are held against each other where the SPEC asks for it. */
const believed = (
  source: Source,
  links: MeasuredLinks,
  maximumAsymmetry: number | null,
): Result<MeasuredLinks> => {
  if (maximumAsymmetry !== null)
    for (const [from, row] of links.bandwidth.entries())
      for (const [to, rate] of row.entries()) {
        const back = links.bandwidth[to]?.[from] ?? NaN;
        if (from !== to && rate > 0 && back > 0 && rate / back > maximumAsymmetry)
          return refuse(
            source,
            `${links.names[from] ?? ''} to ${links.names[to] ?? ''} runs ${(rate / back).toFixed(1)} times as fast as the way back: more than network.max_asymmetry ${maximumAsymmetry}`,
          );
      }
  return { ok: true, value: links, warnings: [] };
};

/** Errors stand in the measurement. Missing links are errors unless allowed, or the file names them as unusable. */
export const readMeasured = (
  source: Source,
  cluster: Cluster,
  { allowMissing, maximumAsymmetry, test }: MeasuredOptions,
): Result<MeasuredLinks> => {
  const context = { nodes: nodeCount(cluster), gpus: gpuCount(cluster) };
  if (isMatrix(source)) {
    if (test !== null) return refuse(source, 'is one matrix, without a test that network.test could name');
    const read = readMatrix(source, context, { allowMissing });
    if (!read.ok) return read;
    const checked = believed(source, read.value, maximumAsymmetry);
    return checked.ok ? { ...read, value: inHostOrder(checked.value, hostsOf(cluster)) } : checked;
  }
  const options = { allowMissing, test };
  const imported = importLinks([source], null, {
    ...defaultReadOptions,
    ...options,
    ...(maximumAsymmetry === null ? {} : { maximumAsymmetry }),
  });
  if (!imported.ok) return imported;
  const { links, readings } = imported.value;
  if (links === null)
    return refuse(source, `holds no links between nodes or GPUs: ${readings[0]?.summary ?? 'nothing'}`);
  const level = levelOf(links.names.length, links.level, context);
  if (typeof level !== 'string') return refuse(source, level.message);
  return { ok: true, value: inHostOrder(links, hostsOf(cluster)), warnings: imported.warnings };
};
