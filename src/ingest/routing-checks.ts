/** What is suspicious about counts that are well formed: said, never silently mended. */
import type { Diagnostic } from '../diagnostics.ts';
import type { Counts } from './routing-counts.ts';
import { diagnosticAt } from './source.ts';
import type { Source } from './source.ts';

/** Relative spread of the layers' sums above which counts are hardly of the same tokens. */
const SPREAD = 0.01;

const finding = (source: Source, id: string, message: string, severity: 'error' | 'warning'): Diagnostic =>
  diagnosticAt({ source, start: 0, end: 1 }, id, message, {}, severity);

const sumOf = (row: readonly number[]): number => row.reduce((sum, count) => sum + count, 0);

/** Experts [first, last] that any layer uses. */
const usedRange = (
  counts: Counts,
): { readonly first: number; readonly last: number; readonly used: number } => {
  const experts = counts[0]?.length ?? 0;
  const used = Array.from({ length: experts }, (_, expert) => counts.some((row) => (row[expert] ?? 0) > 0));
  return { first: used.indexOf(true), last: used.lastIndexOf(true), used: used.filter(Boolean).length };
};

/** Whether rows of two are every pair (layer, expert) once, in some order: a ranking, which has no counts. */
const arePairs = (counts: Counts): boolean => {
  if (counts.length < 4 || (counts[0]?.length ?? 0) !== 2) return false;
  const seen = new Set(counts.map(([layer = 0, expert = 0]) => `${String(layer)} ${String(expert)}`));
  const size = (column: 0 | 1): number =>
    counts.reduce((most, row) => Math.max(most, row[column] ?? 0), 0) + 1;
  return (
    counts.every((row) => row.every(Number.isInteger)) &&
    seen.size === counts.length &&
    size(0) * size(1) === counts.length
  );
};

/**
 * Layers without any load, sums that differ between layers, and the dump of a single rank: there the experts of all
 * other ranks are zero in every layer (sgl-project/sglang pull request 5524), which would look like a perfect plan.
 */
export const checkCounts = (source: Source, counts: Counts): readonly Diagnostic[] => {
  const experts = counts[0]?.length ?? 0;
  const sums = counts.map(sumOf);
  const loaded = sums.filter((sum) => sum > 0);
  if (loaded.length === 0)
    return [finding(source, 'routing/empty', 'holds no load: every count is zero', 'error')];
  if (!loaded.every((sum) => Number.isFinite(sum * counts.length)))
    return [finding(source, 'routing/too-large', 'holds counts too large to be added up', 'error')];
  if (arePairs(counts))
    return [
      finding(
        source,
        'routing/pairs',
        'lists pairs (layer, expert) in some order, not counts: how much more one expert gets than another is unknown',
        'error',
      ),
    ];
  const found: Diagnostic[] = [];
  const { first, last, used } = usedRange(counts);
  if (experts >= 4 && used <= experts / 2 && last - first < experts / 2)
    found.push(
      finding(
        source,
        'routing/one-rank',
        `only experts ${String(first)} to ${String(last)} of ${String(experts)} ever get a token: this looks like the dump of one rank; counts of all ranks must be added up`,
        'error',
      ),
    );
  const most = Math.max(...loaded);
  const least = Math.min(...loaded);
  if (most / least - 1 > SPREAD)
    found.push(
      finding(
        source,
        'routing/uneven-sums',
        `the sum of a layer varies from ${String(Math.round(least))} to ${String(Math.round(most))}: the layers were not counted over the same tokens`,
        'warning',
      ),
    );
  return found;
};

/** In words: how many rows were left out as dense. */
export const zeroRows = (counts: Counts): number => counts.filter((row) => sumOf(row) === 0).length;
