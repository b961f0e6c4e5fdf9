/** A report on a set of comparisons: headline figures, what was left out of them, and the same by group. */
import type { Comparison } from './compare.ts';
import { detection, errorStatistics, mean, relativeError } from './metrics.ts';
import type { Detection, ErrorStatistics, Pair } from './metrics.ts';
import { groupBy, summarizeOrderings, summarizeSweeps } from './sweeps.ts';
import type { OrderingSummary, SweepScore, SweepSummary } from './sweeps.ts';

export interface Coverage {
  /** Records that carry such a figure. */
  readonly usable: number;
  readonly predicted: number;
  readonly share: number | null;
}

export interface BoundStatistics {
  readonly count: number;
  readonly violated: number;
  readonly violatedShare: number | null;
  /** Mean of bound ∕ measured − 1. */
  readonly size: number | null;
}

export interface Group {
  readonly name: string;
  readonly records: number;
  readonly skipped: number;
  readonly time: ErrorStatistics;
  readonly memory: ErrorStatistics;
  readonly bound: BoundStatistics;
}

export interface WorstRecord {
  readonly id: string;
  readonly source: string;
  readonly error: number;
}

export interface Summary {
  readonly records: number;
  readonly skipped: readonly { readonly reason: string; readonly count: number }[];
  readonly coverage: { readonly timing: Coverage; readonly memory: Coverage; readonly oom: Coverage };
  readonly headline: {
    readonly time: ErrorStatistics;
    readonly meanOfSourceMedians: number | null;
    readonly meanOfSourceMeans: number | null;
    readonly dense: ErrorStatistics;
    readonly moe: ErrorStatistics;
    readonly sweeps: SweepSummary;
  };
  readonly memory: {
    readonly all: ErrorStatistics;
    /** Mean over sources of their mean absolute error. */
    readonly meanOfSourceMeans: number | null;
    readonly bound: BoundStatistics;
    readonly byKind: readonly Group[];
  };
  readonly oom: {
    readonly all: Detection;
    readonly bySource: readonly (Detection & { readonly name: string })[];
  };
  readonly bySource: readonly Group[];
  readonly byAccelerator: readonly Group[];
  readonly byRuntime: readonly Group[];
  readonly byArchitecture: readonly Group[];
  /** Timing rows left out of the headline, by reason. */
  readonly apart: readonly Group[];
  readonly sweeps: readonly SweepScore[];
  /** Rows whose micro-batch is not printed: orderings only. */
  readonly orderings: OrderingSummary & {
    readonly time: ErrorStatistics;
    readonly bySource: readonly (OrderingSummary & { readonly name: string })[];
  };
  readonly worst: readonly WorstRecord[];
}

/** Sources of fewer rows say too little for a median of their own. */
const MIN_SOURCE_ROWS = 5;

export const timePair = ({ measured, predicted }: Comparison): Pair | null =>
  measured.iterationTimeS === null || predicted.iterationTimeS === null
    ? null
    : { measured: measured.iterationTimeS, predicted: predicted.iterationTimeS };

export const memoryPair = ({ measured, predicted }: Comparison): Pair | null =>
  measured.peakMemoryBytes === null || predicted.peakMemoryBytes === null
    ? null
    : { measured: measured.peakMemoryBytes, predicted: predicted.peakMemoryBytes };

const pairs = (rows: readonly Comparison[], of: (row: Comparison) => Pair | null): readonly Pair[] =>
  rows.flatMap((row) => of(row) ?? []);

const timed = (rows: readonly Comparison[]): readonly Comparison[] => rows.filter((row) => row.scores.timing);
const remembered = (rows: readonly Comparison[]): readonly Comparison[] =>
  rows.filter((row) => row.scores.memory && !row.suspect);

const boundStatistics = (rows: readonly Comparison[]): BoundStatistics => {
  const bounds = rows.flatMap(({ measured, predicted }) =>
    measured.peakMemoryBytes === null || predicted.peakMemoryBoundBytes === null
      ? []
      : [predicted.peakMemoryBoundBytes / measured.peakMemoryBytes - 1],
  );
  const violated = bounds.filter((size) => size < 0).length;
  return {
    count: bounds.length,
    violated,
    violatedShare: bounds.length === 0 ? null : violated / bounds.length,
    size: mean(bounds),
  };
};

/** Times of headline rows; memory of all rows that are not suspect. */
const groupOf = (name: string, rows: readonly Comparison[], timing: readonly Comparison[]): Group => ({
  name,
  records: rows.length,
  skipped: rows.filter((row) => row.skipped !== null).length,
  time: errorStatistics(pairs(timing, timePair)),
  memory: errorStatistics(pairs(remembered(rows), memoryPair)),
  bound: boundStatistics(remembered(rows)),
});

const isHeadline = (row: Comparison): boolean => row.scores.timing && row.apart === null;

const groupsBy = (rows: readonly Comparison[], key: (row: Comparison) => string): readonly Group[] =>
  [...groupBy(rows, key)]
    .map(([name, group]) => groupOf(name, group, group.filter(isHeadline)))
    .sort((a, b) => b.records - a.records || (a.name < b.name ? -1 : 1));

const coverageOf = (usable: readonly Comparison[], has: (row: Comparison) => boolean): Coverage => {
  const predicted = usable.filter(has).length;
  return { usable: usable.length, predicted, share: usable.length === 0 ? null : predicted / usable.length };
};

const sweepRows = (
  rows: readonly Comparison[],
): readonly { readonly key: string; readonly rows: readonly Pair[] }[] => {
  const scored = rows.flatMap((row) => {
    const pair = timePair(row);
    return pair === null ? [] : [{ key: row.traits.sweep, pair }];
  });
  return [...groupBy(scored, (row) => row.key)].map(([key, group]) => ({
    key,
    rows: group.map((row) => row.pair),
  }));
};

const orderingsOf = (rows: readonly Comparison[]): OrderingSummary =>
  summarizeOrderings(sweepRows(rows).map((group) => group.rows));

/** Rows that ran out of memory against rows that ran; a crash of unknown cause is neither. */
const oomCases = (rows: readonly Comparison[]): readonly { real: boolean; alarm: boolean }[] =>
  rows
    .filter((row) => row.predicted.feasible !== null && !row.suspect && (row.scores.oom || row.scores.ran))
    .map((row) => ({ real: row.scores.oom, alarm: row.predicted.feasible === false }));

const countReasons = (rows: readonly Comparison[]): Summary['skipped'] =>
  [
    ...groupBy(
      rows.filter((row) => row.skipped !== null),
      (row) => row.skipped ?? '',
    ),
  ]
    .map(([reason, group]) => ({ reason, count: group.length }))
    .sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1));

const worstOf = (rows: readonly Comparison[], limit: number): readonly WorstRecord[] =>
  rows
    .flatMap((row) => {
      const pair = timePair(row);
      return pair === null ? [] : [{ id: row.id, source: row.source, error: relativeError(pair) }];
    })
    .sort((a, b) => Math.abs(Math.log1p(b.error)) - Math.abs(Math.log1p(a.error)) || (a.id < b.id ? -1 : 1))
    .slice(0, limit);

const sourceMean = (
  groups: readonly Group[],
  of: (group: Group) => ErrorStatistics,
  figure: 'median' | 'mean',
): number | null =>
  mean(
    groups.filter((group) => of(group).count >= MIN_SOURCE_ROWS).flatMap((group) => of(group)[figure] ?? []),
  );

export const summarize = (rows: readonly Comparison[]): Summary => {
  const headline = rows.filter(isHeadline);
  const bySource = groupsBy(rows, (row) => row.source);
  const sweeps = summarizeSweeps(sweepRows(headline));
  const ordering = rows.filter((row) => row.scores.ordering);
  const ofArch = (arch: string): ErrorStatistics =>
    errorStatistics(
      pairs(
        headline.filter((row) => row.traits.arch === arch),
        timePair,
      ),
    );
  const apart = groupBy(
    timed(rows).filter((row) => row.apart !== null),
    (row) => row.apart ?? '',
  );
  return {
    records: rows.length,
    skipped: countReasons(rows),
    coverage: {
      timing: coverageOf(timed(rows), (row) => row.predicted.iterationTimeS !== null),
      memory: coverageOf(
        rows.filter((row) => row.scores.memory),
        (row) => row.predicted.peakMemoryBytes !== null,
      ),
      oom: coverageOf(
        rows.filter((row) => row.scores.oom),
        (row) => row.predicted.feasible !== null,
      ),
    },
    headline: {
      time: errorStatistics(pairs(headline, timePair)),
      meanOfSourceMedians: sourceMean(bySource, (group) => group.time, 'median'),
      meanOfSourceMeans: sourceMean(bySource, (group) => group.time, 'mean'),
      dense: ofArch('dense'),
      moe: ofArch('moe'),
      sweeps: sweeps.summary,
    },
    memory: {
      all: errorStatistics(pairs(remembered(rows), memoryPair)),
      meanOfSourceMeans: sourceMean(bySource, (group) => group.memory, 'mean'),
      bound: boundStatistics(remembered(rows)),
      byKind: groupsBy(remembered(rows), (row) => row.traits.memoryKind),
    },
    oom: {
      all: detection(oomCases(rows)),
      bySource: [...groupBy(rows, (row) => row.source)]
        .map(([name, group]) => ({ name, ...detection(oomCases(group)) }))
        .filter((each) => each.positives > 0 || each.falseAlarms > 0),
    },
    bySource,
    byAccelerator: groupsBy(rows, (row) => row.traits.accelerator),
    byRuntime: groupsBy(rows, (row) => row.traits.runtime),
    byArchitecture: groupsBy(rows, (row) => row.traits.arch),
    apart: [...apart].map(([name, group]) => groupOf(name, group, group)),
    sweeps: sweeps.scores,
    orderings: {
      ...orderingsOf(ordering),
      time: errorStatistics(pairs(ordering, timePair)),
      bySource: [...groupBy(ordering, (row) => row.source)].map(([name, group]) => ({
        name,
        ...orderingsOf(group),
      })),
    },
    worst: worstOf(headline, 20),
  };
};
