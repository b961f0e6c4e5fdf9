/** Tables of collectives in the forms of published planners: Galvatron, Aceso, nnScaler, Sailor. */
import { collectiveNamed } from './links-nccl-runs.ts';
import type { Collective, LinkCurve } from './links-reading.ts';

type Json = Readonly<Record<string, unknown>>;
export type CurveDraft = Omit<LinkCurve, 'range'>;

const MEGABYTE = 2 ** 20;

const draft = (
  collective: Collective,
  ranks: number | null,
  layout: string | null,
  points: readonly (readonly [message: number, bandwidth: number, seconds: number])[],
): CurveDraft => ({
  collective,
  ranks,
  hosts: [],
  perHost: null,
  device: null,
  layout,
  messages: points.map(([message]) => message),
  bandwidth: points.map(([, bandwidth]) => bandwidth),
  times: points.map(([, , seconds]) => seconds).filter((seconds) => seconds > 0),
});

const columns = (value: unknown): readonly [readonly number[], readonly number[]] | null => {
  if (!Array.isArray(value) || value.length !== 2) return null;
  const [a, b] = value as readonly unknown[];
  const sound = (list: unknown): list is readonly number[] =>
    Array.isArray(list) && list.length > 0 && list.every((entry) => typeof entry === 'number' && entry > 0);
  return sound(a) && sound(b) && a.length === b.length ? [a, b] : null;
};

/** `allreduce_size_8_consec_1: GB/s`, `pp_size_2: GB/s`, `allreduce_size_8_16MB_time: ms`. */
const galvatron = (map: Json): readonly CurveDraft[] => {
  const curves: CurveDraft[] = [];
  const timed = new Map<string, [number, number, number][]>();
  for (const [key, value] of Object.entries(map)) {
    if (typeof value !== 'number' || !(value > 0)) continue;
    const rate = /^(?:allreduce_size_(\d+)_consec_([01])|pp_size_(\d+))$/u.exec(key);
    if (rate !== null) {
      const [, size, consecutive, stages] = rate;
      const ranks = Number(size ?? stages);
      const layout = consecutive === undefined ? 'pipeline' : consecutive === '1' ? 'consecutive' : 'strided';
      curves.push(
        draft(size === undefined ? 'sendrecv' : 'all-reduce', ranks, layout, [[0, value * 1e9, 0]]),
      );
      continue;
    }
    const time = /^(allreduce|all2all|allgather)_size_(\d+)_(\d+)MB_time$/u.exec(key);
    if (time === null) continue;
    const [, name = '', size = '', megabytes = ''] = time;
    const message = Number(megabytes) * MEGABYTE;
    const points = timed.get(`${name} ${size}`) ?? [];
    points.push([message, NaN, value * 1e-3]);
    timed.set(`${name} ${size}`, points);
  }
  for (const [key, points] of timed) {
    const [name = '', size = ''] = key.split(' ');
    const collective = collectiveNamed(name.replace('2', '_to_')) ?? 'all-reduce';
    const ranks = Number(size);
    const factor = collective === 'all-reduce' ? (2 * (ranks - 1)) / ranks : (ranks - 1) / ranks;
    const sorted = points.toSorted(([a], [b]) => a - b);
    curves.push(
      draft(
        collective,
        ranks,
        null,
        sorted.map(([message, , seconds]) => [message, (factor * message) / seconds, seconds]),
      ),
    );
  }
  return curves;
};

/** `intra: [[MB], [GB/s]]` of copies, or `all reduce: [[MB], [s]]`. */
const tables = (map: Json): readonly CurveDraft[] =>
  Object.entries(map).flatMap(([key, value]): CurveDraft[] => {
    const found = columns(value);
    if (found === null) return [];
    const [sizes, figures] = found;
    const collective = collectiveNamed(key.replaceAll(' ', '_'));
    const points = sizes.map((megabytes, index): [number, number, number] => {
      const message = megabytes * MEGABYTE;
      const figure = figures[index] ?? NaN;
      // Copies come as GB/s, collectives as seconds.
      return collective === null ? [message, figure * 1e9, 0] : [message, message / figure, figure];
    });
    return [draft(collective ?? 'sendrecv', null, key, points)];
  });

/**
 * Fits of bandwidth (GB/s) = a·x² + b·x + c with x = log₂(bytes∕10⁶), and the largest rate measured. Outside the fitted
 * sizes the parabola falls below 0 or turns over: it is followed up to its top and then held, and left out below 0.
 */
const sailor = (value: unknown, path: readonly string[]): readonly CurveDraft[] => {
  if (Array.isArray(value)) {
    const [fit, top] = value as readonly unknown[];
    if (!Array.isArray(fit) || fit.length !== 3 || typeof top !== 'number' || !(top > 0)) return [];
    const [a = 0, b = 0, c = 0] = fit.map(Number);
    const turn = a < 0 ? -b / (2 * a) : Infinity;
    const points = Array.from({ length: 13 }, (_, x): [number, number, number] => {
      const at = Math.min(x, turn);
      return [2 ** x * 1e6, Math.min(top, (a * at * at + b * at + c) * 1e9), 0];
    }).filter(([, rate]) => rate > 0);
    return points.length === 0 ? [] : [draft('sendrecv', null, path.join(' '), points)];
  }
  if (typeof value !== 'object' || value === null || path.length > 8) return [];
  return Object.entries(value).flatMap(([key, inner]) => sailor(inner, [...path, key]));
};

/** All curves of a document in one of these forms; none where it has another. */
export const readCurves = (map: Json): readonly CurveDraft[] => {
  const flat = [...galvatron(map), ...tables(map)];
  return flat.length > 0 ? flat : sailor(map, []);
};
