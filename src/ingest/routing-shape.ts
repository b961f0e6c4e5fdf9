/** Foreign forms of routing counts → snapshots of [layers][experts], before anything is checked. */

type JsonMap = Readonly<Record<string, unknown>>;
/** A place in the file for each row, so that a fault can be shown where it stands; null is a layer that it leaves out. */
export interface ShapedRow {
  readonly path: readonly (string | number)[];
  readonly row: unknown;
}
export type ShapedSnapshot = readonly ShapedRow[];

export const isMap = (value: unknown): value is JsonMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Keys under which the counts stand: SGLang's recorder, and what others call the same. */
const WRAPPERS = ['logical_count', 'expert_load', 'expert_counts', 'counts', 'token_scores'];

const isIndex = (key: string): boolean => /^(0|[1-9]\d{0,5})$/u.test(key);

const byNumber = (keys: readonly string[]): string[] => [...keys].sort((a, b) => Number(a) - Number(b));

/** More layers than any model has: beyond, keys number something else and rows take their order. */
const MOST_LAYERS = 1000;

/**
 * Rows in the order of their numbers, a layer that the file leaves out as a row without load (null): a subset of layers
 * keeps its numbers.
 */
const numberedRows = (
  rows: readonly { readonly layer: number; readonly shaped: ShapedRow }[],
): ShapedSnapshot => {
  const last = rows.at(-1)?.layer ?? 0;
  if (last >= MOST_LAYERS) return rows.map(({ shaped }) => shaped);
  const byLayer = new Map(rows.map(({ layer, shaped }) => [layer, shaped]));
  return Array.from({ length: last + 1 }, (_, layer) => byLayer.get(layer) ?? { path: [], row: null });
};

/** `{ "0": …, "1": … }` as a list in the order of its keys, which must be whole numbers. */
const indexedValues = (map: JsonMap): readonly { readonly key: string; readonly value: unknown }[] | null => {
  const keys = Object.keys(map);
  if (keys.length === 0 || !keys.every(isIndex)) return null;
  return byNumber(keys).map((key) => ({ key, value: map[key] }));
};

/** A row may be a map of expert to count as well (ESFT). Experts that it leaves out have none. */
const rowOf = (value: unknown): unknown => {
  if (!isMap(value)) return value;
  const entries = indexedValues(value);
  if (entries === null) return value;
  const row = new Array<unknown>(Number(entries.at(-1)?.key ?? -1) + 1).fill(0);
  for (const { key, value: count } of entries) row[Number(key)] = count;
  return row;
};

/** `"layer-expert": [weight_sum, count, mean_weight]` (CD-MoE). */
const pairedKeys = (map: JsonMap): ShapedSnapshot | null => {
  const keys = Object.keys(map);
  if (keys.length === 0 || !keys.every((key) => /^\d{1,5}-\d{1,5}$/u.test(key))) return null;
  const cells = keys.map((key) => {
    const [layer = 0, expert = 0] = key.split('-').map(Number);
    const value = map[key];
    return { layer, expert, key, count: Array.isArray(value) ? (value[1] as unknown) : value };
  });
  const layers = [...new Set(cells.map(({ layer }) => layer))].sort((a, b) => a - b);
  const experts = cells.reduce((most, { expert }) => Math.max(most, expert), 0) + 1;
  const rows = new Map(layers.map((layer) => [layer, new Array<unknown>(experts).fill(0)]));
  for (const { layer, expert, count } of cells) {
    const row = rows.get(layer);
    if (row !== undefined) row[expert] = count;
  }
  return numberedRows(
    layers.map((layer) => ({ layer, shaped: { path: [`${String(layer)}-0`], row: rows.get(layer) } })),
  );
};

const listSnapshots = (
  list: readonly unknown[],
  prefix: readonly (string | number)[],
): readonly ShapedSnapshot[] => {
  const first = list[0];
  const deep = Array.isArray(first) && first.length > 0 && Array.isArray(first[0]);
  if (!deep) return [list.map((row, layer) => ({ path: [...prefix, layer], row }))];
  return list.map((snapshot, index) =>
    Array.isArray(snapshot)
      ? snapshot.map((row: unknown, layer) => ({ path: [...prefix, index, layer], row }))
      : [{ path: [...prefix, index], row: snapshot }],
  );
};

/**
 * `[layers][experts]`, `[snapshots][layers][experts]`, either below one of the known keys; `{ "0": [counts] }` (D2MoE),
 * `{ "1": { "0": score } }` (ESFT), `{ "0-2": [sum, count, mean] }` (CD-MoE). null for anything else.
 */
export const shapeCounts = (
  value: unknown,
  prefix: readonly (string | number)[] = [],
): readonly ShapedSnapshot[] | null => {
  if (Array.isArray(value)) return value.length === 0 ? null : listSnapshots(value, prefix);
  if (!isMap(value)) return null;
  const wrapper = WRAPPERS.find((key) => Object.hasOwn(value, key));
  if (wrapper !== undefined && prefix.length === 0) return shapeCounts(value[wrapper], [wrapper]);
  const entries = indexedValues(value);
  if (entries !== null)
    return [
      numberedRows(
        entries.map(({ key, value: row }) => ({
          layer: Number(key),
          shaped: { path: [...prefix, key], row: rowOf(row) },
        })),
      ),
    ];
  const paired = pairedKeys(value);
  return paired === null ? null : [paired];
};
