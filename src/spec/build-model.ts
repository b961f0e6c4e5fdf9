/** The model of a SPEC: a preset, a config.json, or a map with the keys of one. */
import path from 'node:path';
import type { LayerTimes } from '../model/layer-times.ts';
import type { Model } from '../model/model.ts';
import { readLayerTimes } from '../ingest/layer-times.ts';
import { modelFromConfig } from '../ingest/model-config.ts';
import type { ModelConfigResult } from '../ingest/model-config.ts';
import { isModelPreset, modelPresetNames, readModelPreset } from '../ingest/model-presets.ts';
import { diagnosticInJson, readJson } from '../ingest/read-json.ts';
import { readYaml } from '../ingest/read-yaml.ts';
import { isDataMap, pointerOf, valueRange } from '../ingest/document.ts';
import type { Data, DataDocument } from '../ingest/document.ts';
import { diagnosticAt, firstLine } from '../ingest/source.ts';
import type { Details } from '../ingest/source.ts';
import { nearest } from '../strategy/parse-value.ts';
import type { BuildContext } from './build-context.ts';

const MODEL = '/model';

type Config = Readonly<Record<string, unknown>>;

export interface ModelChoice {
  readonly model: Model;
  /** What it was read from; null for a preset. */
  readonly config: Config | null;
  /** Profiles of its layers; absent where none are named. */
  readonly layerTimes?: readonly LayerTimes[];
}

type Problem = Extract<ModelConfigResult, { ok: false }>['problems'][number];

const detailsOf = (problem: Problem): Details => ({
  ...(problem.expected === undefined ? {} : { expected: problem.expected }),
  ...(problem.found === undefined ? {} : { found: problem.found }),
  ...(problem.suggestion === undefined ? {} : { suggestion: problem.suggestion }),
});

/** The model, or its problems, each reported at the key that `report` finds. */
const choose = (config: unknown, name: string, report: (problem: Problem) => void): ModelChoice | null => {
  const result = modelFromConfig(config, name);
  if (result.ok) return { model: result.model, config: config as Config };
  result.problems.forEach(report);
  return null;
};

/** Reports a problem of a YAML tree at its key, `prefix` being where the tree stands in its document. */
const reportInDocument =
  (document: DataDocument, prefix: readonly string[], context: BuildContext) =>
  (problem: Problem): void => {
    const range = firstLine(valueRange(document, pointerOf([...prefix, ...problem.path])));
    context.diagnostics.push(diagnosticAt(range, 'spec/model', problem.message, detailsOf(problem)));
  };

/** `…/Llama-3-8B/config.json` is called Llama-3-8B, any other file by its own name. */
const nameOfFile = (file: string): string => {
  const base = path.basename(file).replace(/\.(json|ya?ml)$/iu, '');
  const folder = path.basename(path.dirname(path.resolve(file)));
  return base === 'config' && folder !== '' ? folder : base;
};

const fromFile = (file: string, context: BuildContext): ModelChoice | null => {
  const source = context.readReference(file, MODEL);
  if (source === null) return null;
  const name = nameOfFile(file);
  if (/\.ya?ml$/iu.test(file)) {
    const { document, diagnostics } = readYaml(source);
    context.diagnostics.push(...diagnostics);
    if (document === null || diagnostics.some(({ severity }) => severity === 'error')) return null;
    return choose(document.root, name, reportInDocument(document, [], context));
  }
  const read = readJson(source);
  if (!read.ok) {
    context.diagnostics.push(...read.diagnostics);
    return null;
  }
  return choose(read.value, name, (problem) => {
    context.diagnostics.push(
      diagnosticInJson(source, problem.path, 'spec/model', problem.message, detailsOf(problem)),
    );
  });
};

const fromName = (name: string, context: BuildContext): ModelChoice | null => {
  if (isModelPreset(name)) return { model: readModelPreset(name).model, config: null };
  if (/[/\\]|\.(json|ya?ml)$/iu.test(name)) return fromFile(name, context);
  const suggestion = nearest(name, modelPresetNames());
  const message = `no model preset is named "${name.slice(0, 60)}"; see planner presets models, or name a config.json (./${name.slice(0, 20)}/config.json)`;
  context.error(MODEL, 'spec/unknown-preset', message, suggestion === null ? {} : { suggestion });
  return null;
};

/** One profile or several, each a file. */
const timesOf = (written: Data, model: Model, context: BuildContext): readonly LayerTimes[] | null => {
  const names = Array.isArray(written) ? (written as readonly Data[]) : [written];
  const all = names.map((name, index): LayerTimes | null => {
    const pointer = Array.isArray(written) ? `${MODEL}/measured/${String(index)}` : `${MODEL}/measured`;
    if (typeof name !== 'string' || name === '') {
      context.error(pointer, 'spec/type', 'measured: expected the name of a file, or a list of such');
      return null;
    }
    const source = context.readReference(name, pointer);
    return source === null ? null : context.take(readLayerTimes(source, model));
  });
  const read = all.filter((times) => times !== null);
  return read.length < all.length || read.length === 0 ? null : read;
};

/** null where something is wrong; all of it is in the context. */
export const buildModel = (spec: Data | undefined, context: BuildContext): ModelChoice | null => {
  if (!context.isSound(MODEL)) return null;
  if (typeof spec === 'string') return fromName(spec, context);
  if (!isDataMap(spec)) return null;
  const { measured, ...config } = spec;
  const given = [config['name'], config['model_type']].find((value) => typeof value === 'string');
  const name = typeof given === 'string' ? given.slice(0, 200) : 'model';
  const named = Object.keys(config).length === 1 && config['name'] === name;
  const choice = named
    ? fromName(name, context)
    : choose(config, name, reportInDocument(context.document, ['model'], context));
  if (measured === undefined || choice === null) return choice;
  const layerTimes = timesOf(measured, choice.model, context);
  return layerTimes === null ? null : { ...choice, layerTimes };
};
