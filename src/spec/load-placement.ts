/** A SPEC file → what `planner place` works on. cluster (for its tiers) and model (for bytes) may be absent. */
import type { Result } from '../diagnostics.ts';
import type { ClusterSpec } from '../formats/spec.ts';
import { isDataMap, valueRange } from '../ingest/document.ts';
import { MAXIMUM_SPEC_BYTES, readTextFile } from '../ingest/read-file.ts';
import { readYaml } from '../ingest/read-yaml.ts';
import { diagnosticAt, sortDiagnostics } from '../ingest/source.ts';
import { BuildContext } from './build-context.ts';
import { buildCluster } from './build-cluster.ts';
import { buildModel } from './build-model.ts';
import { buildPlacement } from './build-placement.ts';
import type { PlacementInput } from './build-placement.ts';
import type { LoadOptions } from './load.ts';
import { applyOverrides } from './overrides.ts';
import { schemaDiagnostics } from './schema-diagnostics.ts';
import { schemaErrors } from './schema.ts';

/** Parts that a search needs, and a placement does not. */
const NOT_NEEDED = new Set(['cluster', 'model', 'training']);

/** Loads the placement of a SPEC. Never throws for any content of the file or of those that it names. */
export const loadPlacement = (file: string, options: LoadOptions = {}): Result<PlacementInput> => {
  const source = readTextFile(file, file, MAXIMUM_SPEC_BYTES);
  if (!source.ok) return source;
  const read = readYaml(source.value);
  if (read.document === null) return { ok: false, diagnostics: sortDiagnostics(read.diagnostics) };
  const overridden = applyOverrides(read.document, options.set ?? []);
  const { document } = overridden;
  const { root } = document;
  if (!isDataMap(root) || root['placement'] === undefined) {
    const range = { ...valueRange(document, ''), end: valueRange(document, '').start + 1 };
    const missing = diagnosticAt(
      range,
      'spec/missing',
      'the SPEC has no placement: nothing says what to place',
    );
    return {
      ok: false,
      diagnostics: sortDiagnostics([...read.diagnostics, ...overridden.diagnostics, missing]),
    };
  }
  const errors = schemaErrors(root).filter(
    ({ keyword, instancePath, params }) =>
      !(keyword === 'required' && instancePath === '' && NOT_NEEDED.has(String(params['missingProperty']))),
  );
  const faults = schemaDiagnostics(errors, document);
  const broken = errors
    .filter(({ keyword }) => keyword !== 'additionalProperties')
    .map(({ instancePath }) => instancePath);
  const context = new BuildContext(document, file, broken);
  const cluster = isDataMap(root['cluster'])
    ? buildCluster(root['cluster'] as unknown as ClusterSpec, context)
    : null;
  const choice = root['model'] === undefined ? null : buildModel(root['model'], context);
  const input = buildPlacement(root['placement'], cluster, choice?.model ?? null, context);
  const diagnostics = sortDiagnostics([
    ...read.diagnostics,
    ...overridden.diagnostics,
    ...faults,
    ...context.diagnostics,
  ]);
  const failed = diagnostics.some(({ severity }) => severity === 'error');
  if (input !== null && !failed) return { ok: true, value: input, warnings: diagnostics };
  if (!failed) throw new Error('the SPEC makes no placement, and no diagnostic says why');
  return { ok: false, diagnostics };
};
