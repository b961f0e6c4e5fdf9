/** Does the estimator rank layouts as the machine did? Over rows that differ in layout alone. */
import { mean } from './metrics.ts';
import type { Pair } from './metrics.ts';

export interface Sweep {
  readonly key: string;
  readonly rows: readonly Pair[];
}

export interface SweepScore {
  readonly key: string;
  readonly rows: number;
  /** Pairs whose measured times differ by more than the threshold. */
  readonly pairs: number;
  /** (concordant − discordant) ∕ pairs; a predicted tie is neither, but counts. null without pairs. */
  readonly kendallTau: number | null;
  /** Measured time of the predicted best over the best measured, less one. */
  readonly regret: number;
}

/** Repeated runs differ by about this much. */
const THRESHOLD = 0.05;
const MIN_ROWS = 5;

export const groupBy = <T>(
  items: readonly T[],
  key: (item: T) => string,
): ReadonlyMap<string, readonly T[]> => {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = key(item);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [item]);
    else group.push(item);
  }
  return groups;
};

/** 1 for each pair that is ordered as measured, −1 for a reversed one, 0 for a predicted tie; near pairs are left out. */
const pairSigns = (rows: readonly Pair[]): readonly number[] =>
  rows.flatMap((a, i) =>
    rows.slice(i + 1).flatMap((b) => {
      const ratio = Math.max(a.measured, b.measured) / Math.min(a.measured, b.measured);
      return ratio <= 1 + THRESHOLD
        ? []
        : [Math.sign((a.measured - b.measured) * (a.predicted - b.predicted))];
    }),
  );

const concordantPairs = (rows: readonly Pair[]): number => pairSigns(rows).filter((sign) => sign > 0).length;

export const kendallTau = (
  rows: readonly Pair[],
): { readonly pairs: number; readonly tau: number | null } => {
  const signs = pairSigns(rows);
  return { pairs: signs.length, tau: mean(signs) };
};

/** Of equal predictions the worst measured one is taken: a tie must not win by luck. */
export const topRegret = (rows: readonly Pair[]): number => {
  const best = Math.min(...rows.map((row) => row.measured));
  const first = Math.min(...rows.map((row) => row.predicted));
  const chosen = Math.max(...rows.filter((row) => row.predicted === first).map((row) => row.measured));
  return chosen / best - 1;
};

export const scoreSweep = ({ key, rows }: Sweep): SweepScore => {
  const { pairs, tau } = kendallTau(rows);
  return { key, rows: rows.length, pairs, kendallTau: tau, regret: topRegret(rows) };
};

export interface SweepSummary {
  readonly sweeps: number;
  /** Means over sweeps; τ over those that have a pair to order. */
  readonly kendallTau: number | null;
  readonly regret: number | null;
  readonly worst: SweepScore | null;
}

/** Sweeps of five rows or more. */
export const summarizeSweeps = (
  sweeps: readonly Sweep[],
): { readonly summary: SweepSummary; readonly scores: readonly SweepScore[] } => {
  const scores = sweeps.filter((sweep) => sweep.rows.length >= MIN_ROWS).map(scoreSweep);
  const taus = scores.flatMap((score) => (score.kendallTau === null ? [] : [score.kendallTau]));
  const worst = scores.reduce<SweepScore | null>(
    (most, score) => (most === null || score.regret > most.regret ? score : most),
    null,
  );
  return {
    summary: {
      sweeps: scores.length,
      kendallTau: mean(taus),
      regret: mean(scores.map((score) => score.regret)),
      worst,
    },
    scores,
  };
};

export interface OrderingSummary {
  /** Groups of two rows or more that have a pair to order. */
  readonly groups: number;
  readonly pairs: number;
  /** Pairs in the measured order; a predicted tie is wrong. */
  readonly right: number;
  /** Groups whose predicted best is the measured best. */
  readonly bestFound: number;
}

/** Orderings in groups of any size: for sources that compare a handful of methods. */
export const summarizeOrderings = (groups: readonly (readonly Pair[])[]): OrderingSummary => {
  const scored = groups
    .map((rows) => ({ ...kendallTau(rows), concordant: concordantPairs(rows), regret: topRegret(rows) }))
    .filter((group) => group.pairs > 0);
  return {
    groups: scored.length,
    pairs: scored.reduce((sum, group) => sum + group.pairs, 0),
    right: scored.reduce((sum, group) => sum + group.concordant, 0),
    bestFound: scored.filter((group) => group.regret === 0).length,
  };
};
