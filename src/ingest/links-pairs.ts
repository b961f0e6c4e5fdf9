/** Matrices from curves: one curve for each pair of hosts, or one for all of them. */
import { nodeRate } from './links-bus.ts';
import type { LinkCurve, LinkMatrix, ReadingReport } from './links-reading.ts';

import type { Range } from './source.ts';

export const emptyRows = (size: number): number[][] =>
  Array.from({ length: size }, () => Array.from({ length: size }, () => NaN));

/** Bandwidth for where no size is known: at the largest message. */
const largest = ({ bandwidth }: LinkCurve): number => bandwidth.at(-1) ?? NaN;

/** Below this a test measures latency. */
const SMALL = 65_536;

const latencyOf = ({ collective, messages, times }: LinkCurve): number | null =>
  collective === 'sendrecv' && (messages[0] ?? Infinity) <= SMALL ? (times[0] ?? null) : null;

/** Sizes that every curve has, ascending. */
const commonSizes = (curves: readonly LinkCurve[]): readonly number[] =>
  (curves[0]?.messages ?? []).filter((message) => curves.every(({ messages }) => messages.includes(message)));

const atSize = ({ messages, bandwidth }: LinkCurve, message: number): number =>
  bandwidth[messages.indexOf(message)] ?? NaN;

/**
 * A matrix of nodes from tests between two hosts each. A test measures both directions at once, so both get its figure.
 * A pair measured twice gets the lower.
 */
export const pairsMatrix = (pairs: readonly LinkCurve[], names: readonly string[]): LinkMatrix => {
  const bandwidth = emptyRows(names.length);
  const latency = emptyRows(names.length);
  const sizes = commonSizes(pairs);
  const levels = sizes.map(() => emptyRows(names.length));
  const ranges = new Map<string, Range>();
  let timed = true;
  const lower = (rows: number[][], a: number, b: number, value: number): void => {
    for (const [from, to] of [[a, b] as const, [b, a] as const]) {
      const row = rows[from];
      if (row === undefined) continue;
      const known = row[to] ?? NaN;
      row[to] = Number.isNaN(known) ? value : Math.min(known, value);
    }
  };
  for (const curve of pairs) {
    const [a, b] = [names.indexOf(curve.hosts[0] ?? ''), names.indexOf(curve.hosts[1] ?? '')];
    const factor = nodeRate(curve.collective, 2, curve.perHost ?? 1);
    lower(bandwidth, a, b, factor * largest(curve));
    for (const [index, size] of sizes.entries())
      lower(levels[index] ?? [], a, b, factor * atSize(curve, size));
    const small = latencyOf(curve);
    timed &&= small !== null;
    lower(latency, a, b, small ?? 0);
    ranges.set(`${Math.min(a, b)} ${Math.max(a, b)}`, curve.range);
  }
  const first = pairs[0]?.range;
  return {
    level: 'node',
    names,
    bandwidth,
    latency: timed ? latency : null,
    bySize: sizes.map((message, index) => ({ message, bandwidth: levels[index] ?? [] })),
    rangeOf: (from, to) => {
      const found = ranges.get(`${Math.min(from, to)} ${Math.max(from, to)}`) ?? first;
      if (found === undefined) throw new Error('a matrix of pairs comes from at least one');
      return found;
    },
    failed: [],
    nominal: false,
  };
};

/**
 * All hosts of one test, or all GPUs of a single host, with equal links: a ring attained the figure, so none of its
 * links is slower. null where the log does not say where its ranks ran.
 */
export const uniformMatrix = (curves: readonly LinkCurve[], report: ReadingReport): LinkMatrix | null => {
  const curve = curves.find(({ hosts, perHost }) => hosts.length > 0 && perHost !== null);
  if (curve === undefined) return null;
  const { hosts, perHost, messages, bandwidth, range } = curve;
  const nodes = hosts.length;
  const local = nodes === 1;
  const gpus = perHost ?? 1;
  if (local && gpus < 2) return null;
  if (curves.length > 1)
    report.warn(
      range,
      `the file holds ${curves.length} runs; links are taken from the first whose hosts it names`,
    );
  if (nodes > 2 || (local && gpus > 2))
    report.warn(range, 'one group was measured, not its pairs: all of its links are taken to be equal');
  const names = local ? Array.from({ length: gpus }, (_, gpu) => `GPU${gpu}`) : hosts;
  const factor = local ? 1 : nodeRate(curve.collective, nodes, gpus);
  const filled = (value: number): number[][] =>
    names.map((_, from) => names.map((__, to) => (from === to ? NaN : value)));
  const latency = latencyOf(curve);
  return {
    level: local ? 'gpu' : 'node',
    names,
    bandwidth: filled(factor * largest(curve)),
    latency: latency === null ? null : filled(latency),
    bySize: messages
      .map((message, index) => ({ message, bandwidth: filled(factor * (bandwidth[index] ?? NaN)) }))
      // Rates of tiny messages are printed as 0.00.
      .filter(({ bandwidth: rows }) => (rows[0]?.[1] ?? 0) > 0),
    rangeOf: () => range,
    failed: [],
    nominal: false,
  };
};
