/**
 * Profiled times of layers: JSON `{ unit, layers: { name: { forward, backward } }, by: { tensor, micro_batch_size } }`.
 * A name is that of a layer kind, `layer` for all decoder layers, the number of one from 0, `embedding` or `head`.
 */
import type { Diagnostic, Result } from '../diagnostics.ts';
import type { LayerTimes, PassTimes } from '../model/layer-times.ts';
import type { Model } from '../model/model.ts';
import { diagnosticInJson, readJson } from './read-json.ts';
import type { Source } from './source.ts';

type Json = Readonly<Record<string, unknown>>;

const UNITS: Readonly<Record<string, number>> = { s: 1, ms: 1e-3, us: 1e-6, ns: 1e-9 };
const KEYS = ['unit', 'layers', 'by'];
const BY = ['tensor', 'micro_batch_size'];

const isMap = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isSize = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1;

class Report {
  readonly diagnostics: Diagnostic[] = [];
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
  }

  at(path: readonly string[], message: string): void {
    this.diagnostics.push(diagnosticInJson(this.#source, path, 'model/layer-times', message));
  }
}

const passOf = (value: unknown, path: readonly string[], unit: number, report: Report): PassTimes | null => {
  const [forward, backward] = isMap(value) ? [value['forward'], value['backward']] : [undefined, undefined];
  const sound = (time: unknown): time is number =>
    typeof time === 'number' && time >= 0 && Number.isFinite(time);
  if (sound(forward) && sound(backward)) return { forward: forward * unit, backward: backward * unit };
  report.at(path, `${path.at(-1) ?? ''}: expected forward and backward, each a number of at least 0`);
  return null;
};

const mean = (times: readonly PassTimes[]): PassTimes | null =>
  times.length === 0
    ? null
    : {
        forward: times.reduce((sum, { forward }) => sum + forward, 0) / times.length,
        backward: times.reduce((sum, { backward }) => sum + backward, 0) / times.length,
      };

/** Layers of one kind measured apart count with their mean. Errors stand at the value at fault. */
export const readLayerTimes = (source: Source, model: Model): Result<LayerTimes> => {
  const read = readJson(source);
  if (!read.ok) return read;
  const report = new Report(source);
  const { value } = read;
  if (!isMap(value)) {
    report.at([], 'expected a map with unit, layers and by');
    return { ok: false, diagnostics: report.diagnostics };
  }
  for (const key of Object.keys(value))
    if (!KEYS.includes(key))
      report.at([key], `unknown key "${key.slice(0, 60)}": expected ${KEYS.join(', ')}`);
  const { unit: written = 's' } = value;
  const unit = typeof written === 'string' ? UNITS[written] : undefined;
  if (unit === undefined) report.at(['unit'], 'unit: expected s, ms, us or ns');
  const by = value['by'] ?? {};
  if (!isMap(by)) report.at(['by'], 'by: expected a map with tensor and micro_batch_size');
  const { tensor = 1, micro_batch_size: microBatchSize = 1, ...others } = isMap(by) ? by : {};
  for (const key of Object.keys(others))
    report.at(['by', key], `unknown key "${key.slice(0, 60)}": expected ${BY.join(', ')}`);
  for (const [key, size] of Object.entries({ tensor, micro_batch_size: microBatchSize }))
    if (!isSize(size)) report.at(['by', key], `${key}: expected a whole number of at least 1`);
  const layers = value['layers'];
  if (!isMap(layers) || Object.keys(layers).length === 0)
    report.at(['layers'], 'layers: expected a map of names to { forward, backward }');
  const kinds = model.kinds.map((): PassTimes[] => []);
  let embedding: PassTimes | null = null;
  let head: PassTimes | null = null;
  for (const [name, entry] of Object.entries(isMap(layers) ? layers : {})) {
    const path = ['layers', name];
    const times = passOf(entry, path, unit ?? 1, report);
    if (times === null) continue;
    const kind = model.kinds.findIndex((each) => each.name === name);
    const numbered = /^\d{1,5}$/u.test(name) ? model.layers[Number(name)] : undefined;
    if (name === 'embedding') embedding = times;
    else if (name === 'head') head = times;
    else if (name === 'layer') kinds.forEach((of) => of.push(times));
    else if (kind !== -1) kinds[kind]?.push(times);
    else if (numbered !== undefined) kinds[numbered]?.push(times);
    else {
      const known = ['embedding', 'head', 'layer', ...model.kinds.map((each) => each.name)].join(', ');
      report.at(
        path,
        `the model has no layer "${name.slice(0, 60)}": expected ${known}, or a number below ${model.layers.length}`,
      );
    }
  }
  if (report.diagnostics.length > 0 || !isSize(tensor) || !isSize(microBatchSize))
    return { ok: false, diagnostics: report.diagnostics };
  return {
    ok: true,
    value: { tensor, microBatchSize, kinds: kinds.map(mean), embedding, head },
    warnings: [],
  };
};
