/** Which earlier tokens each layer attends to. */
import type { AttentionSpan } from '../model/model.ts';
import { MOST_LAYERS, MOST_TOKENS, describe, isMap } from './model-fields.ts';
import type { Fields } from './model-fields.ts';

const FULL: AttentionSpan = { kind: 'full' };

/** planner's own key: `full`, { window: 1024 } or { window: 1024, sink: 4 }. */
const spanOf = (value: unknown): AttentionSpan | null => {
  if (value === 'full') return FULL;
  if (!isMap(value)) return null;
  const { window, sink = 0 } = value as { readonly window?: unknown; readonly sink?: unknown };
  const count = (size: unknown, least: number): size is number =>
    typeof size === 'number' && Number.isInteger(size) && size >= least && size <= MOST_TOKENS;
  if (Object.keys(value).some((key) => key !== 'window' && key !== 'sink')) return null;
  if (!count(window, 1) || !count(sink, 0)) return null;
  return sink === 0 ? { kind: 'window', window } : { kind: 'sparse', window, sink };
};

/**
 * `layer_attention`: an entry for each layer, or a pattern that the layers repeat (its length divides their number),
 * as LongGen's mix of full and sparse layers. Null where the key is absent or wrong.
 */
const readExplicit = (fields: Fields, layers: number): readonly AttentionSpan[] | null => {
  const list = fields.list('layer_attention', MOST_LAYERS);
  if (list === null) return null;
  if (list.length === 0 || layers % list.length !== 0) {
    fields.report('layer_attention', `layer_attention has ${list.length} entries for ${layers} layers`, {
      expected: `${layers} entries, or a number that divides it`,
    });
    return null;
  }
  const spans = list.map(spanOf);
  const wrong = spans.indexOf(null);
  if (wrong >= 0) {
    fields.report('layer_attention', `entry ${wrong} of layer_attention is not an attention span`, {
      expected: 'full, { window: N } or { window: N, sink: N }',
      found: describe(list[wrong]),
    });
    return null;
  }
  return Array.from({ length: layers }, (_, layer) => spans[layer % spans.length] ?? FULL);
};

const TYPES = ['full_attention', 'sliding_attention', 'chunked_attention', 'linear_attention'] as const;
export type LayerType = (typeof TYPES)[number];

/** `layer_types` of transformers, or null. */
export const readLayerTypes = (fields: Fields, layers: number): readonly LayerType[] | null =>
  fields.layerWords('layer_types', layers, TYPES);

export interface WindowRule {
  /** Value of `use_sliding_window` where the key is absent (Qwen: off). */
  readonly enabled?: boolean;
  /** Which layers slide where no `layer_types` says so; default: all. */
  readonly slides?: (layer: number) => boolean;
}

/**
 * Window of each layer: `layer_attention`; else none where `sliding_window` is absent or null or `use_sliding_window`
 * is off (Qwen2 states a window that it does not use); else by `layer_types`; else by the architecture's rule.
 */
export const readSpans = (
  fields: Fields,
  layers: number,
  { enabled = true, slides = () => true }: WindowRule = {},
): readonly AttentionSpan[] => {
  const explicit = readExplicit(fields, layers);
  if (explicit !== null) return explicit;
  const types = readLayerTypes(fields, layers);
  const used = fields.flag('use_sliding_window', enabled) && fields.has('sliding_window');
  const window = fields.integer('sliding_window', { max: MOST_TOKENS, fallback: 1 });
  const sliding: AttentionSpan = { kind: 'window', window };
  return Array.from({ length: layers }, (_, layer) => {
    const slide = types === null ? slides(layer) : types[layer] === 'sliding_attention';
    return used && slide ? sliding : FULL;
  });
};
