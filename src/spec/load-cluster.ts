/** The cluster of a SPEC alone: for what needs neither model nor training, and for fragments that have none. */
import type { Cluster } from '../cluster/cluster.ts';
import type { Diagnostic, Result } from '../diagnostics.ts';
import type { ClusterSpec } from '../formats/spec.ts';
import { isDataMap, valueRange } from '../ingest/document.ts';
import { readYaml } from '../ingest/read-yaml.ts';
import { diagnosticAt, sortDiagnostics } from '../ingest/source.ts';
import type { Source } from '../ingest/source.ts';
import { BuildContext } from './build-context.ts';
import { buildCluster } from './build-cluster.ts';
import { schemaDiagnostics } from './schema-diagnostics.ts';
import { schemaErrors } from './schema.ts';

const isError = ({ severity }: Diagnostic): boolean => severity === 'error';

/** `path` is where the file lies, from which its references count. Parts beside `cluster` are not looked at. */
export const loadClusterText = (source: Source, path: string): Result<Cluster> => {
  const read = readYaml(source);
  const { document } = read;
  if (document === null) return { ok: false, diagnostics: sortDiagnostics(read.diagnostics) };
  const { root } = document;
  if (!isDataMap(root) || !isDataMap(root['cluster'])) {
    const range = { ...valueRange(document, ''), end: 1 };
    const missing = diagnosticAt(range, 'spec/missing-key', 'expected a map with the key "cluster"');
    return { ok: false, diagnostics: sortDiagnostics([...read.diagnostics, missing]) };
  }
  const errors = schemaErrors(root).filter(({ instancePath }) => instancePath.startsWith('/cluster'));
  const broken = errors
    .filter(({ keyword }) => keyword !== 'additionalProperties')
    .map(({ instancePath }) => instancePath);
  const context = new BuildContext(document, path, broken);
  const cluster = buildCluster(root['cluster'] as unknown as ClusterSpec, context);
  const all = sortDiagnostics([
    ...read.diagnostics,
    ...schemaDiagnostics(errors, document),
    ...context.diagnostics,
  ]);
  return cluster === null || all.some(isError)
    ? { ok: false, diagnostics: all }
    : { ok: true, value: cluster, warnings: all };
};
