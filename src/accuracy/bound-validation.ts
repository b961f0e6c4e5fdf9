/**
 * Whether the bound on a stack's memory holds for runs that its factor was not read from: a source of the stack is left
 * out, or one model where the stack has one source alone, and the factor that the rest asks for is held against it.
 */
import type { Comparison } from './compare.ts';
import { mean, upperLimit } from './metrics.ts';
import { memoryPair } from './summary.ts';
import { groupBy } from './sweeps.ts';

/** A further run of the stack is to stay below its bound with this probability. */
export const BOUND_CONFIDENCE = 0.995;

const MIN_RUNS = 5;

export interface BoundValidation {
  readonly stack: string;
  readonly leftOut: string;
  readonly runs: number;
  /** Runs of the stack that are left, and measured over expected that the rule reads from them. */
  readonly rest: number;
  readonly factor: number;
  /** Of the runs that are left out: share above expected × factor, share above the bound that ships, and that bound's mean size over expected. */
  readonly above: number;
  readonly aboveShipped: number;
  readonly shipped: number | null;
}

interface Run {
  readonly source: string;
  readonly model: string;
  readonly ratio: number;
  readonly bound: number;
  readonly expected: number;
  readonly measured: number;
}

const runOf = (row: Comparison): readonly Run[] => {
  const pair = row.scores.memory && !row.suspect ? memoryPair(row) : null;
  const bound = row.predicted.peakMemoryBoundBytes;
  if (pair === null || bound === null) return [];
  const { predicted: expected, measured } = pair;
  const model = (JSON.parse(row.traits.sweep) as readonly unknown[])[1];
  return [
    { source: row.source, model: String(model), ratio: measured / expected, bound, expected, measured },
  ];
};

const share = (runs: readonly Run[], above: (run: Run) => boolean): number =>
  runs.filter(above).length / runs.length;

export const validateBounds = (comparisons: readonly Comparison[]): readonly BoundValidation[] =>
  [...groupBy(comparisons, ({ traits }) => traits.runtime)].flatMap(([stack, rows]) => {
    const runs = rows.flatMap(runOf);
    const sources = new Set(runs.map(({ source }) => source)).size;
    const groups = [...groupBy(runs, (run) => (sources > 1 ? run.source : run.model))];
    return groups.flatMap(([leftOut, own]) => {
      const rest = runs.filter((run) => !own.includes(run));
      const factor = upperLimit(
        rest.map(({ ratio }) => ratio),
        BOUND_CONFIDENCE,
      );
      if (own.length < MIN_RUNS || rest.length < MIN_RUNS || factor === null) return [];
      return [
        {
          stack,
          leftOut,
          runs: own.length,
          rest: rest.length,
          factor,
          above: share(own, ({ ratio }) => ratio > factor),
          aboveShipped: share(own, ({ measured, bound }) => measured > bound),
          shipped: mean(own.map(({ bound, expected }) => bound / expected)),
        },
      ];
    });
  });
