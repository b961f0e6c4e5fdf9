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

export const groupBy = <T>(items: readonly T[], key: (item: T) => string): ReadonlyMap<string, readonly T[]> => {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = key(item);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [item]);
    else group.push(item);
  }
  return groups;
};

export const kendallTau = (rows: readonly Pair[]): { readonly pairs: number; readonly tau: number | null } => {
  let pairs = 0;
  let balance = 0;
  rows.forEach((a, i) => {
    for (const b of rows.slice(i + 1)) {
      const ratio = Math.max(a.measured, b.measured) / Math.min(a.measured, b.measured);
      if (ratio <= 1 + THRESHOLD) continue;
      pairs += 1;
      balance += Math.sign((a.measured - b.measured) * (a.predicted - b.predicted));
    }
  });
  return { pairs, tau: pairs === 0 ? null : balance / pairs };
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
  const worst = scores.reduce<SweepScore | null>((most, score) => (most === null || score.regret > most.regret ? score : most), null);
  return {
    summary: { sweeps: scores.length, kendallTau: mean(taus), regret: mean(scores.map((score) => score.regret)), worst },
    scores,
  };
};
