/** Measured load of experts: JSON `[layers][experts]` of token counts, or `{ "logical_count": … }`. */
import type { Diagnostic, Result } from '../diagnostics.ts';
import { diagnosticInJson, readJson } from './read-json.ts';
import type { Source } from './source.ts';

const MAXIMUM_DIAGNOSTICS = 50;
const WRAPPER = 'logical_count';

export type Counts = readonly (readonly number[])[];

/** Reads counts; every row has as many experts as the first one, every count is a finite number from 0. */
export const readRoutingCounts = (source: Source): Result<Counts> => {
  const read = readJson(source);
  if (!read.ok) return read;
  const diagnostics: Diagnostic[] = [];
  const report = (path: readonly (string | number)[], message: string): void => {
    if (diagnostics.length < MAXIMUM_DIAGNOSTICS)
      diagnostics.push(diagnosticInJson(source, path, 'routing/counts', message));
  };
  const wrapped =
    typeof read.value === 'object' && read.value !== null && Object.hasOwn(read.value, WRAPPER)
      ? (read.value as Readonly<Record<string, unknown>>)[WRAPPER]
      : undefined;
  const prefix = wrapped === undefined ? [] : [WRAPPER];
  const rows = wrapped ?? read.value;
  if (!Array.isArray(rows) || rows.length === 0) {
    report(prefix, 'expected counts as a list of layers, each a list of experts');
    return { ok: false, diagnostics };
  }
  const first: unknown = rows[0];
  const experts = Array.isArray(first) ? first.length : 0;
  const counts = rows.map((row: unknown, layer): readonly number[] => {
    if (!Array.isArray(row) || row.length === 0 || row.length !== experts) {
      const wanted = experts === 0 ? 'a list of counts' : `${String(experts)} counts, as in the first layer`;
      report([...prefix, layer], `layer ${String(layer)}: expected ${wanted}`);
      return [];
    }
    return row.map((count: unknown, expert) => {
      if (typeof count === 'number' && Number.isFinite(count) && count >= 0) return count;
      report(
        [...prefix, layer, expert],
        `layer ${String(layer)}, expert ${String(expert)}: expected a count from 0`,
      );
      return 0;
    });
  });
  return diagnostics.length > 0 ? { ok: false, diagnostics } : { ok: true, value: counts, warnings: [] };
};
