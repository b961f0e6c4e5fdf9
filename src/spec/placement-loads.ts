/** Count files and a trace → loads of the MoE layers, one scenario for each file or window of snapshots. */
import type { PlacementSpec } from '../formats/spec.ts';
import { MAXIMUM_REFERENCED_BYTES } from '../ingest/read-file.ts';
import { checkCounts, zeroRows } from '../ingest/routing-checks.ts';
import { addSnapshots } from '../ingest/routing-counts.ts';
import type { Counts } from '../ingest/routing-counts.ts';
import { readRoutingFile } from '../ingest/routing-file.ts';
import { readRoutingTrace } from '../ingest/routing-trace.ts';
import type { LayerLoads } from '../placement/placement.ts';
import { traceLoads } from '../plan/routing-trace.ts';
import type { RoutingTrace } from '../plan/routing-trace.ts';
import type { BuildContext } from './build-context.ts';

const COUNTS = '/placement/counts';
const TRACES = '/placement/traces';
/** Snapshots of a file beyond so many are added up in windows of equal length. */
const MOST_WINDOWS = 8;

export interface PlacementLoads {
  readonly layers: readonly LayerLoads[];
  readonly experts: number;
  /** Rows of the counts, dense ones included. */
  readonly rows: number;
  /** Names of the scenarios. */
  readonly scenarios: readonly string[];
  readonly trace: RoutingTrace | null;
  readonly notes: readonly string[];
}

interface Scenario {
  readonly name: string;
  readonly counts: Counts;
}

/** Windows of a file's snapshots that have any load; an idle one says nothing about placement. */
const windows = (file: string, snapshots: readonly Counts[]): readonly Scenario[] => {
  const loaded = snapshots.filter((counts) => counts.some((row) => row.some((count) => count > 0)));
  const count = Math.min(loaded.length, MOST_WINDOWS);
  return Array.from({ length: count }, (_, window) => {
    const from = Math.floor((window * loaded.length) / count);
    const to = Math.floor(((window + 1) * loaded.length) / count);
    return {
      name: count === 1 ? file : `${file}#${String(window)}`,
      counts: addSnapshots(loaded.slice(from, to)),
    };
  });
};

const readScenarios = (files: readonly string[], context: BuildContext): readonly Scenario[] | null => {
  const scenarios: Scenario[] = [];
  let sound = 0;
  for (const [index, file] of files.entries()) {
    const at = `${COUNTS}/${String(index)}`;
    const read = context.takeReference(readRoutingFile(context.resolve(file), file), at);
    if (read === null) continue;
    const { source, snapshots } = read;
    const found = checkCounts(source, addSnapshots(snapshots));
    context.diagnostics.push(...found);
    if (!found.some(({ severity }) => severity === 'error')) sound += 1;
    scenarios.push(...windows(file, snapshots));
  }
  return sound === files.length ? scenarios : null;
};

/** All files are of the same model: same rows, same experts, the same rows without load. */
const agree = (scenarios: readonly Scenario[], context: BuildContext): boolean => {
  const first = scenarios[0];
  if (first === undefined) return false;
  const isDense = (counts: Counts, row: number): boolean => (counts[row] ?? []).every((count) => count === 0);
  for (const { name, counts } of scenarios) {
    const experts = counts[0]?.length ?? 0;
    if (counts.length !== first.counts.length || experts !== (first.counts[0]?.length ?? 0)) {
      context.error(
        COUNTS,
        'placement/counts-differ',
        `${name} has ${String(counts.length)} layers of ${String(experts)} experts, ${first.name} ${String(first.counts.length)} of ${String(first.counts[0]?.length ?? 0)}`,
      );
      return false;
    }
    const row = counts.findIndex((_, index) => isDense(counts, index) !== isDense(first.counts, index));
    if (row === -1) continue;
    context.error(
      COUNTS,
      'placement/counts-differ',
      `layer ${String(row)} has load in only one of ${first.name} and ${name}`,
    );
    return false;
  }
  return true;
};

/** A trace numbers its layers as the counts do, or counts the MoE layers alone. */
const alignTrace = (
  trace: RoutingTrace,
  layers: readonly number[],
  experts: number,
  context: BuildContext,
): RoutingTrace | null => {
  if (trace.experts > experts) {
    context.error(
      TRACES,
      'placement/trace',
      `the trace names expert ${String(trace.experts - 1)}, but the counts are of ${String(experts)} experts`,
    );
    return null;
  }
  if (trace.layers.every((layer) => layers.includes(layer))) return { ...trace, experts };
  if (trace.layers.length === layers.length) return { ...trace, experts, layers };
  context.error(
    TRACES,
    'placement/trace',
    `the trace is of layers ${trace.layers.slice(0, 5).join(', ')}…, which the counts do not have`,
  );
  return null;
};

/** null where something is wrong; all of it is in the context. */
export const buildLoads = (spec: PlacementSpec, context: BuildContext): PlacementLoads | null => {
  if (spec.counts === undefined && spec.traces === undefined) {
    context.error(
      '/placement',
      'placement/no-loads',
      'names neither counts nor traces: the load of the experts is unknown',
    );
    return null;
  }
  const trace =
    spec.traces === undefined
      ? null
      : context.takeReference(
          readRoutingTrace(context.resolve(spec.traces), spec.traces, MAXIMUM_REFERENCED_BYTES),
          TRACES,
        );
  if (spec.traces !== undefined && trace === null) return null;
  if (spec.counts === undefined) {
    if (trace === null) return null;
    const layers = trace.layers.map((layer, column) => ({ layer, scenarios: [traceLoads(trace, column)] }));
    const rows = (trace.layers.at(-1) ?? 0) + 1;
    return { layers, experts: trace.experts, rows, scenarios: [spec.traces ?? ''], trace, notes: [] };
  }
  const scenarios = readScenarios(spec.counts, context);
  if (scenarios === null || !agree(scenarios, context)) return null;
  const counts = scenarios[0]?.counts ?? [];
  const experts = counts[0]?.length ?? 0;
  const layers = counts.flatMap((row, layer) =>
    row.every((count) => count === 0)
      ? []
      : [{ layer, scenarios: scenarios.map((scenario) => scenario.counts[layer] ?? []) }],
  );
  const aligned =
    trace === null
      ? null
      : alignTrace(
          trace,
          layers.map(({ layer }) => layer),
          experts,
          context,
        );
  if (trace !== null && aligned === null) return null;
  const dense = zeroRows(counts);
  const notes =
    dense === 0
      ? []
      : [`${String(dense)} of ${String(counts.length)} layers have no load and are left out (dense layers)`];
  return {
    layers,
    experts,
    rows: counts.length,
    scenarios: scenarios.map(({ name }) => name),
    trace: aligned,
    notes,
  };
};
