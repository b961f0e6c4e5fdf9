/** Placements from files: planner's own, and those of the systems that it writes for. */
import { parse } from 'yaml';
import type { Diagnostic, Result } from '../diagnostics.ts';
import { diagnosticInJson, readJson } from './read-json.ts';
import { readYaml } from './read-yaml.ts';
import { isMap } from './routing-shape.ts';
import { diagnosticAt } from './source.ts';
import type { Source } from './source.ts';

/** Experts that each GPU holds, layer by layer; layers as the file numbers them. */
export interface GivenPlacement {
  /** Which kind of file it was. */
  readonly form: 'planner' | 'sglang' | 'vllm-ascend' | 'tensorrt-llm' | 'megatron' | 'exflow';
  readonly layers: readonly { readonly layer: number; readonly placement: readonly (readonly number[])[] }[];
}

const ID = 'placement/file';
/** More than any expert-parallel group has, where nothing says how many there are. */
const MAXIMUM_GPUS = 4096;

const isIds = (value: unknown): value is readonly number[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((id) => Number.isSafeInteger(id) && (id as number) >= 0);

/** Equal contiguous blocks; the slots of each GPU where they are known to differ. */
const blocks = (
  flat: readonly number[],
  gpus: number | null,
  slots: readonly number[] | null,
): readonly (readonly number[])[] | string => {
  if (gpus === null) return [flat];
  if (slots !== null) {
    let at = 0;
    const split = slots.map((count) => flat.slice(at, (at += count)));
    return at === flat.length ? split : `has ${String(flat.length)} slots, ${String(at)} are expected`;
  }
  if (flat.length % gpus !== 0)
    return `has ${String(flat.length)} slots, which do not divide among ${String(gpus)} GPUs`;
  const size = flat.length / gpus;
  return Array.from({ length: gpus }, (_, gpu) => flat.slice(gpu * size, (gpu + 1) * size));
};

interface FlatRow {
  readonly layer: number;
  readonly slots: unknown;
  readonly path: readonly (string | number)[];
}

/** The rows of the flat forms; null where the file is none of them. */
const flatRows = (
  value: Readonly<Record<string, unknown>>,
): { readonly form: GivenPlacement['form']; readonly rows: readonly FlatRow[] } | null => {
  const map = value['physical_to_logical_map'];
  if (Array.isArray(map))
    return {
      form: 'sglang',
      rows: map.map((slots: unknown, layer) => ({ layer, slots, path: ['physical_to_logical_map', layer] })),
    };
  const layers = value['layers'];
  if (Array.isArray(layers))
    return {
      form: 'planner',
      rows: layers.map((row: unknown, index) => ({
        layer: isMap(row) && Number.isSafeInteger(row['layer']) ? (row['layer'] as number) : index,
        slots: isMap(row) ? row['physical_to_logical'] : row,
        path: ['layers', index],
      })),
    };
  for (const [key, form] of [
    ['initial_global_assignments', 'tensorrt-llm'],
    ['permutation', 'megatron'],
  ] as const) {
    const byLayer = value[key];
    if (!isMap(byLayer)) continue;
    return {
      form,
      rows: Object.entries(byLayer).map(([layer, slots]) => ({
        layer: Number(layer),
        slots,
        path: [key, layer],
      })),
    };
  }
  return null;
};

const ascendDevices = (layer: unknown): readonly (readonly number[])[] | null => {
  const devices = isMap(layer) ? layer['device_list'] : null;
  if (!Array.isArray(devices)) return null;
  const held = devices.map((device: unknown) => (isMap(device) ? device['device_expert'] : null));
  return held.every(isIds) ? held : null;
};

/** `Expert,Node` (ExFlow): expert layer · experts + e, in all layers the same number of experts. */
const readExflow = (source: Source, experts: number, expected: number | null): Result<GivenPlacement> => {
  const gpus = expected ?? MAXIMUM_GPUS;
  const refuse = (message: string, start = 0): Result<never> => ({
    ok: false,
    diagnostics: [diagnosticAt({ source, start, end: start + 1 }, ID, message)],
  });
  const layers = new Map<number, number[][]>();
  let at = 0;
  let most = 0;
  for (const line of source.text.split('\n')) {
    const start = at;
    at += line.length + 1;
    const [expert = '', gpu = ''] = line.trim().split(',');
    if (line.trim() === '' || expert === 'Expert') continue;
    const id = Number(expert);
    const on = Number(gpu);
    if (!Number.isInteger(id) || id < 0 || !Number.isInteger(on) || on < 0 || on >= gpus)
      return refuse(`expected an expert and a GPU from 0 to ${String(gpus - 1)}`, start);
    const layer = Math.floor(id / experts);
    const placement = layers.get(layer) ?? Array.from({ length: gpus }, (): number[] => []);
    layers.set(layer, placement);
    placement[on]?.push(id % experts);
    most = Math.max(most, on);
  }
  if (layers.size === 0) return refuse('holds no experts');
  const used = expected ?? most + 1;
  const sorted = [...layers]
    .sort(([a], [b]) => a - b)
    .map(([layer, placement]) => ({ layer, placement: placement.slice(0, used) }));
  return { ok: true, value: { form: 'exflow', layers: sorted }, warnings: [] };
};

const yamlValue = (source: Source): Result<unknown> => {
  const read = readYaml(source);
  const errors = read.diagnostics.filter(({ severity }) => severity === 'error');
  if (read.document === null || errors.length > 0) return { ok: false, diagnostics: errors };
  // The same text, which the careful reader has accepted, with the keys that are numbers.
  return { ok: true, value: parse(source.text) as unknown, warnings: [] };
};

export interface ExpectedPlacement {
  readonly experts: number;
  /** null: as many as the file names; forms that are flat lists of slots then come as one block. */
  readonly gpus: number | null;
  /** Of each GPU, where they differ. */
  readonly slots: readonly number[] | null;
}

/**
 * The placements of a file for the given rows of the counts: its layers are numbered as those rows, or are as many and
 * in their order; null where neither is so.
 */
export const placementsOfRows = (
  { layers }: GivenPlacement,
  rows: readonly number[],
): readonly (readonly (readonly number[])[])[] | null => {
  const byRow = new Map(layers.map(({ layer, placement }) => [layer, placement]));
  if (rows.every((row) => byRow.has(row))) return rows.map((row) => byRow.get(row) ?? []);
  return layers.length === rows.length ? layers.map(({ placement }) => placement) : null;
};

/** Reads a placement of any of the forms. */
export const readPlacementFile = (source: Source, expected: ExpectedPlacement): Result<GivenPlacement> => {
  const begin = source.text.trimStart();
  if (/^Expert\s*,/u.test(begin)) return readExflow(source, expected.experts, expected.gpus);
  const json = begin.startsWith('{') || begin.startsWith('[');
  const read = json ? readJson(source) : yamlValue(source);
  if (!read.ok) return read;
  const diagnostics: Diagnostic[] = [];
  const report = (path: readonly (string | number)[], message: string): void => {
    if (diagnostics.length < 20)
      diagnostics.push(
        json
          ? diagnosticInJson(source, path, ID, message)
          : diagnosticAt({ source, start: 0, end: 1 }, ID, message),
      );
  };
  const value = isMap(read.value) ? read.value : {};
  const list = value['layer_list'];
  if (Array.isArray(list)) {
    const layers = list.map((layer: unknown, index) => {
      const placement = ascendDevices(layer);
      if (placement === null) report(['layer_list', index], 'expected device_list with device_expert lists');
      else if (expected.gpus !== null && placement.length !== expected.gpus)
        report(
          ['layer_list', index],
          `has ${String(placement.length)} devices, expected ${String(expected.gpus)}`,
        );
      return { layer: index, placement: placement ?? [] };
    });
    return diagnostics.length > 0
      ? { ok: false, diagnostics }
      : { ok: true, value: { form: 'vllm-ascend', layers }, warnings: [] };
  }
  const flat = flatRows(value);
  if (flat === null || flat.rows.length === 0) {
    report(
      [],
      'is no placement: expected layers, physical_to_logical_map, layer_list, initial_global_assignments or permutation',
    );
    return { ok: false, diagnostics };
  }
  const layers = flat.rows.map(({ layer, slots, path }) => {
    const placement = isIds(slots)
      ? blocks(slots, expected.gpus, expected.slots)
      : 'expected a list of expert ids';
    if (typeof placement === 'string') report(path, `layer ${String(layer)} ${placement}`);
    return { layer, placement: typeof placement === 'string' ? [] : placement };
  });
  return diagnostics.length > 0
    ? { ok: false, diagnostics }
    : { ok: true, value: { form: flat.form, layers }, warnings: [] };
};
