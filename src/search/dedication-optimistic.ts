/** A cluster whose links are the best that it has: what no order of hosts can beat. */
import type { Cluster, MeasuredLinks } from '../cluster/cluster.ts';
import { combinedLinks } from '../cluster/measurements.ts';

const best = (
  rows: readonly (readonly number[])[],
  pick: (a: number, b: number) => number,
  from: number,
): number => {
  let found = from;
  for (const [row, values] of rows.entries())
    for (const [column, value] of values.entries())
      if (row !== column && !Number.isNaN(value)) found = pick(found, value);
  return found;
};

const filled = (rows: readonly (readonly number[])[], value: number): readonly (readonly number[])[] => {
  const row = rows.map(() => value);
  return rows.map(() => row);
};

const fastest = (rows: readonly (readonly number[])[]): readonly (readonly number[])[] =>
  filled(rows, best(rows, Math.max, 0));

/** Every link as fast as the fastest one, at every size of message. */
const fastestLinks = (measured: MeasuredLinks): MeasuredLinks => ({
  ...measured,
  bandwidth: fastest(measured.bandwidth),
  latency:
    measured.latency === null ? null : filled(measured.latency, best(measured.latency, Math.min, Infinity)),
  ...(measured.bySize === undefined
    ? {}
    : {
        bySize: measured.bySize.map(({ message, bandwidth }) => ({ message, bandwidth: fastest(bandwidth) })),
      }),
});

/** The iteration time of a strategy on it bounds that of every order of hosts from below: times fall as links get faster. */
export const optimisticCluster = ({ measured, measurements, ...rest }: Cluster): Cluster => {
  if (measured === null) return { ...rest, measured };
  const all = measurements?.links ?? [measured];
  const best = all.map(fastestLinks);
  return {
    ...rest,
    measured: measurements === undefined ? fastestLinks(measured) : combinedLinks(best, 'mean'),
  };
};

/** All measured links are equal, so that no order differs from another. */
export const hasEqualLinks = ({ measured }: Cluster): boolean => {
  if (measured === null) return true;
  const tables = [measured.bandwidth, ...(measured.bySize ?? []).map(({ bandwidth }) => bandwidth)];
  if (measured.latency !== null) tables.push(measured.latency);
  return tables.every((rows) => {
    const first = rows[0]?.[1] ?? 0;
    return rows.every((row, a) =>
      row.every((value, b) => a === b || Math.abs(value - first) <= 1e-9 * Math.abs(first)),
    );
  });
};
