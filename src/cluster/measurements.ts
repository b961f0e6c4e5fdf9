/** Several measurements of the same links, and one of their quantiles. */
import type { Cluster, MeasuredLinks } from './cluster.ts';

type Rows = readonly (readonly number[])[];

/** Links at a quantile that the measurement carries, at every size of message; null where it does not. */
export const atQuantile = (links: MeasuredLinks, quantile: string): MeasuredLinks | null => {
  const bandwidth = links.quantiles?.[quantile];
  if (bandwidth === undefined) return null;
  const { level, names, latency } = links;
  return { level, names, bandwidth, latency };
};

const combine = (tables: readonly Rows[], pick: (values: readonly number[]) => number): Rows =>
  (tables[0] ?? []).map((row, from) => row.map((_, to) => pick(tables.map((rows) => rows[from]?.[to] ?? 0))));

/** Mean of the times that one byte takes, as a rate; 0 where one of them cannot be used. */
const meanRate = (rates: readonly number[]): number =>
  rates.every((rate) => rate > 0)
    ? rates.length / rates.reduce((sum, rate) => sum + 1 / rate, 0)
    : Math.min(...rates);

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * One matrix for what looks at one: the slowest or the mean of each link; sizes of messages are kept where all
 * measurements have the same. Throws RangeError where they are of different links.
 */
export const combinedLinks = (
  links: readonly MeasuredLinks[],
  how: NonNullable<Cluster['measurements']>['combine'],
): MeasuredLinks => {
  const [first, ...others] = links;
  if (first === undefined) throw new RangeError('no measurement');
  if (others.length === 0) return first;
  if (others.some(({ level, names }) => level !== first.level || names.length !== first.names.length))
    throw new RangeError('measurements of different links');
  const rate = how === 'worst' ? (values: readonly number[]) => Math.min(...values) : meanRate;
  const delays = links.flatMap(({ latency }) => (latency === null ? [] : [latency]));
  const sizes = first.bySize ?? [];
  const sameSizes = others.every(
    ({ bySize = [] }) =>
      bySize.length === sizes.length &&
      bySize.every(({ message }, index) => message === sizes[index]?.message),
  );
  return {
    level: first.level,
    names: first.names,
    bandwidth: combine(
      links.map(({ bandwidth }) => bandwidth),
      rate,
    ),
    latency:
      delays.length < links.length
        ? null
        : combine(delays, how === 'worst' ? (values) => Math.max(...values) : mean),
    ...(sizes.length > 0 && sameSizes
      ? {
          bySize: sizes.map(({ message }, index) => ({
            message,
            bandwidth: combine(
              links.map(({ bySize }) => bySize?.[index]?.bandwidth ?? []),
              rate,
            ),
          })),
        }
      : {}),
  };
};
