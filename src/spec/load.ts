/** A SPEC file → Problem: read, override, validate, build; everything that is wrong, at once, each at its place. */
import type { Calibration } from '../cost/calibration.ts';
import type { Diagnostic, Result } from '../diagnostics.ts';
import type { ClusterSpec, SearchSpec, TrainingSpec } from '../formats/spec.ts';
import { CalibrationError, defaultCalibration, readCalibration } from '../ingest/calibration.ts';
import { describe, isDataMap, valueRange } from '../ingest/document.ts';
import type { DataDocument, DataMap } from '../ingest/document.ts';
import { MAXIMUM_SPEC_BYTES, readTextFile } from '../ingest/read-file.ts';
import { readYaml } from '../ingest/read-yaml.ts';
import { diagnosticAt, diagnosticOfFile, sortDiagnostics } from '../ingest/source.ts';
import type { Source } from '../ingest/source.ts';
import type { Problem } from '../plan/problem.ts';
import { BuildContext } from './build-context.ts';
import { buildCluster } from './build-cluster.ts';
import { buildModel } from './build-model.ts';
import { buildSearch } from './build-search.ts';
import { buildTraining } from './build-training.ts';
import { applyOverrides } from './overrides.ts';
import { schemaDiagnostics } from './schema-diagnostics.ts';
import { schemaErrors } from './schema.ts';

export interface LoadOptions {
  /** `key.path=value`, applied in order before anything is checked. */
  readonly set?: readonly string[];
}

/** What a SPEC says. */
export interface LoadedSpec {
  readonly problem: Problem;
  /** Of the file that the SPEC names, else the constants that planner ships with. */
  readonly calibration: Calibration;
}

const isError = ({ severity }: Diagnostic): boolean => severity === 'error';

const placeOf = ({ file, position }: Diagnostic): string =>
  `${file}:${String(position.line)}:${String(position.column)}`;

/** What the text itself made unreadable is null in the tree: that it is null needs not be said too. */
const besides = (diagnostics: readonly Diagnostic[], known: readonly Diagnostic[]): readonly Diagnostic[] => {
  const places = new Set(known.filter(isError).map(placeOf));
  return diagnostics.filter((diagnostic) => !places.has(placeOf(diagnostic)));
};

const buildCalibration = (name: unknown, context: BuildContext): Calibration | null => {
  if (typeof name !== 'string' || !context.isSound('/calibration')) return defaultCalibration();
  const source = context.readReference(name, '/calibration');
  if (source === null) return null;
  // Deep or hostile text is refused before the calibration's own reader sees it.
  const read = readYaml(source);
  const errors = read.diagnostics.filter(isError);
  context.diagnostics.push(...errors);
  if (read.document === null || errors.length > 0) return null;
  try {
    return readCalibration(source.text);
  } catch (error) {
    if (!(error instanceof CalibrationError)) throw error;
    context.diagnostics.push(diagnosticOfFile(name, 'calibration/value', error.message));
    return null;
  }
};

interface Built {
  readonly value: LoadedSpec | null;
  readonly diagnostics: readonly Diagnostic[];
}

const build = (document: DataDocument, root: DataMap, specPath: string, broken: readonly string[]): Built => {
  const context = new BuildContext(document, specPath, broken);
  // The schema has judged the form of each part; builders ask the context before they trust one.
  const {
    cluster: clusterSpec,
    training: trainingSpec,
    search: searchSpec,
  } = root as unknown as {
    readonly cluster: ClusterSpec;
    readonly training: TrainingSpec;
    readonly search?: SearchSpec;
  };
  const cluster = isDataMap(root['cluster']) ? buildCluster(clusterSpec, context) : null;
  const choice = buildModel(root['model'], context);
  const training = isDataMap(root['training'])
    ? buildTraining(trainingSpec, cluster, choice?.model ?? null, context)
    : null;
  const search = buildSearch(searchSpec, context);
  const calibration = buildCalibration(root['calibration'], context);
  const { diagnostics } = context;
  if (cluster === null || choice === null || training === null || search === null || calibration === null)
    return { value: null, diagnostics };
  const { model, config, layerTimes } = choice;
  const problem: Problem = {
    cluster,
    model,
    ...(config === null ? {} : { modelConfig: config }),
    ...(layerTimes === undefined ? {} : { layerTimes }),
    training,
    search,
  };
  return { value: { problem, calibration }, diagnostics };
};

const finish = (value: LoadedSpec | null, diagnostics: readonly Diagnostic[]): Result<LoadedSpec> => {
  const sorted = sortDiagnostics(diagnostics);
  if (value !== null && !sorted.some(isError)) return { ok: true, value, warnings: sorted };
  if (!sorted.some(isError)) throw new Error('the SPEC makes no problem, and no diagnostic says why');
  return { ok: false, diagnostics: sorted };
};

/** Loads a SPEC from text; `path` is where its file lies, from which its references count. */
export const loadSpecText = (source: Source, path: string, options: LoadOptions = {}): Result<LoadedSpec> => {
  const read = readYaml(source);
  if (read.document === null) return { ok: false, diagnostics: sortDiagnostics(read.diagnostics) };
  const overridden = applyOverrides(read.document, options.set ?? []);
  const { document } = overridden;
  const text = [...read.diagnostics, ...overridden.diagnostics];
  const { root } = document;
  if (!isDataMap(root)) {
    const range = valueRange(document, '');
    const found = source.text.trim() === '' ? 'nothing: the file is empty' : describe(root);
    const message = `a SPEC is a map with cluster, model and training; found ${found}`;
    const marked = { ...range, end: range.start + 1 };
    return finish(null, [...text, ...besides([diagnosticAt(marked, 'spec/type', message)], text)]);
  }
  const errors = schemaErrors(root);
  // Of an unknown key nothing is built, and what stands beside it is none the worse.
  const broken = errors
    .filter(({ keyword }) => keyword !== 'additionalProperties')
    .map(({ instancePath }) => instancePath);
  const schema = schemaDiagnostics(errors, document);
  const built = build(document, root, path, broken);
  return finish(built.value, [...text, ...besides([...schema, ...built.diagnostics], text)]);
};

/** Loads a SPEC with its calibration. Never throws for any content of the file or of those that it names. */
export const loadSpec = (file: string, options: LoadOptions = {}): Result<LoadedSpec> => {
  const source = readTextFile(file, file, MAXIMUM_SPEC_BYTES);
  return source.ok ? loadSpecText(source.value, file, options) : source;
};

/** The problem that a SPEC states. */
export const loadProblem = (file: string, options: LoadOptions = {}): Result<Problem> => {
  const loaded = loadSpec(file, options);
  return loaded.ok ? { ok: true, value: loaded.value.problem, warnings: loaded.warnings } : loaded;
};
