/** Measured load of experts from JSON in any of the forms of routing-shape.ts. */
import type { Diagnostic, Result } from '../diagnostics.ts';
import { diagnosticInJson, readJson } from './read-json.ts';
import { shapeCounts } from './routing-shape.ts';
import type { ShapedRow, ShapedSnapshot } from './routing-shape.ts';
import type { Source } from './source.ts';

const MAXIMUM_DIAGNOSTICS = 50;
const MAXIMUM_EXPERTS = 16_384;

export type Counts = readonly (readonly number[])[];

class Report {
  readonly diagnostics: Diagnostic[] = [];
  readonly source: Source;

  constructor(source: Source) {
    this.source = source;
  }

  at(path: readonly (string | number)[], message: string): void {
    if (this.diagnostics.length < MAXIMUM_DIAGNOSTICS)
      this.diagnostics.push(diagnosticInJson(this.source, path, 'routing/counts', message));
  }
}

const readRow = (
  { path, row }: ShapedRow,
  layer: number,
  experts: number,
  report: Report,
): readonly number[] => {
  if (row === null && path.length === 0) return new Array<number>(experts).fill(0);
  if (!Array.isArray(row) || row.length === 0 || row.length !== experts) {
    const wanted = experts === 0 ? 'a list of counts' : `${String(experts)} counts, as in the first layer`;
    report.at(path, `layer ${String(layer)}: expected ${wanted}`);
    return [];
  }
  return row.map((count: unknown, expert) => {
    if (typeof count === 'number' && Number.isFinite(count) && count >= 0) return count;
    report.at([...path, expert], `layer ${String(layer)}, expert ${String(expert)}: expected a count from 0`);
    return 0;
  });
};

const widthOf = (snapshot: ShapedSnapshot | undefined): number => {
  const row = snapshot?.find(({ path }) => path.length > 0)?.row;
  return Array.isArray(row) ? row.length : 0;
};

/** Snapshots of equal shape; every count is a finite number from 0. */
export const readRoutingSnapshots = (source: Source): Result<readonly Counts[]> => {
  const read = readJson(source);
  if (!read.ok) return read;
  const report = new Report(source);
  const shaped = shapeCounts(read.value);
  const experts = widthOf(shaped?.[0]);
  if (shaped === null) report.at([], 'expected counts as a list of layers, each a list of experts');
  else if (experts > MAXIMUM_EXPERTS) report.at([], `has more than ${String(MAXIMUM_EXPERTS)} experts`);
  else {
    const layers = shaped[0]?.length ?? 0;
    shaped.forEach((snapshot, index) => {
      if (snapshot.length !== layers)
        report.at(
          snapshot[0]?.path.slice(0, -1) ?? [],
          `snapshot ${String(index)} has ${String(snapshot.length)} layers, the first one ${String(layers)}`,
        );
    });
    const snapshots = shaped.map((snapshot) =>
      snapshot.map((row, layer) => readRow(row, layer, experts, report)),
    );
    if (report.diagnostics.length === 0) return { ok: true, value: snapshots, warnings: [] };
  }
  return { ok: false, diagnostics: report.diagnostics };
};

/** Snapshots of equal shape added up. */
export const addSnapshots = ([first = [], ...others]: readonly Counts[]): Counts =>
  first.map((row, layer) =>
    row.map((count, expert) =>
      others.reduce((sum, snapshot) => sum + (snapshot[layer]?.[expert] ?? 0), count),
    ),
  );
