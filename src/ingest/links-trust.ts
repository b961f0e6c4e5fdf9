/** From what a file says to links that a plan may stand on: complete, and the same both ways within a stated factor. */
import type { MeasuredLinks } from '../cluster/cluster.ts';
import { bytes } from '../units.ts';
import type { LinkMatrix, ReadOptions, ReadingReport } from './links-reading.ts';

export interface TrustedLinks {
  readonly links: MeasuredLinks;
  /** `a → b` of those that must not be used. */
  readonly unusable: readonly (readonly [from: string, to: string])[];
}

const cleaned = (rows: readonly (readonly number[])[]): number[][] =>
  rows.map((row, from) => row.map((value, to) => (from === to ? NaN : value > 0 ? value : 0)));

/** Reports what cannot be trusted at its place in the file; null then. */
export const trustLinks = (
  matrix: LinkMatrix,
  { allowMissing, maximumAsymmetry }: ReadOptions,
  report: ReadingReport,
): TrustedLinks | null => {
  const { names, bandwidth, rangeOf } = matrix;
  const unusable: (readonly [string, string])[] = [];
  const before = report.errors.length;
  for (const [from, sender] of names.entries())
    for (const [to, receiver] of names.entries()) {
      if (from === to) continue;
      const value = bandwidth[from]?.[to] ?? NaN;
      const back = bandwidth[to]?.[from] ?? NaN;
      if (!(value > 0)) {
        unusable.push([sender, receiver]);
        // A pair that lacks both ways is said once.
        if (!allowMissing && (from < to || back > 0))
          report.error(
            rangeOf(from, to),
            `${sender} ${back > 0 ? 'to' : 'and'} ${receiver}: the link is missing (--allow-missing, in a SPEC network.missing: unusable, keeps it as unusable)`,
          );
      } else if (from < to && back > 0 && !matrix.nominal) {
        const ratio = Math.max(value / back, back / value);
        if (ratio > maximumAsymmetry)
          report.error(
            rangeOf(from, to),
            `${sender} to ${receiver} runs ${ratio.toFixed(1)} times as fast one way as the other: more than ${maximumAsymmetry} is not believed (--max-asymmetry, in a SPEC network.max_asymmetry)`,
          );
      }
    }
  if (report.errors.length > before) return null;
  const { level, latency, bySize } = matrix;
  const delays =
    latency?.map((row, from) => row.map((value, to) => (from === to ? NaN : value > 0 ? value : 0))) ?? null;
  const sizes = bySize.map(({ message, bandwidth: rows }) => ({
    message: bytes(message),
    bandwidth: cleaned(rows),
  }));
  const links = { level, names, bandwidth: cleaned(bandwidth), latency: delays };
  return { links: sizes.length === 0 ? links : { ...links, bySize: sizes }, unusable };
};
