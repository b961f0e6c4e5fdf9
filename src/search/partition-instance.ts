import type { LayerCosts, PassTime } from '../cost/estimator.ts';
import type { Problem } from '../plan/problem.ts';
import { isVShaped, modelEnds } from '../strategy/partition.ts';
import type { Strategy } from '../strategy/strategy.ts';
import type { PartitionProblem } from './partition-problem.ts';

const both = (pass: PassTime): number => pass.forward + pass.backward;

/** Seconds of both passes of one micro-batch on one machine: what partitions are made of. */
interface Row {
  /** By kind of layer, and what a recomputed block adds to it. */
  readonly kinds: readonly number[];
  readonly again: readonly number[];
  /** What stands beside the first and the last layer. */
  readonly first: number;
  readonly last: number;
}

const knownRows = new WeakMap<readonly LayerCosts[], readonly Row[]>();

/** Made once for each list of costs: shapes of many numbers of stages ask for it. */
const rowsOf = (times: readonly LayerCosts[]): readonly Row[] => {
  const known = knownRows.get(times);
  if (known !== undefined) return known;
  const rows = times.map(({ kinds, plain, embedding, head, mtp }) => ({
    kinds: plain.map(both),
    again: kinds.map((pass, kind) => both(pass) - both(plain[kind] ?? pass)),
    first: both(embedding),
    last: both(head) + both(mtp),
  }));
  knownRows.set(times, rows);
  return rows;
};

/** The problem of the fastest partition of a strategy whose layers take such times. */
export const partitionProblem = (
  problem: Problem,
  { pipeline, virtualStages, schedule, recompute }: Strategy,
  times: readonly LayerCosts[],
): PartitionProblem => {
  const rows = rowsOf(times);
  const stages = Array.from({ length: pipeline }, (_, stage) => rows[Math.min(stage, rows.length - 1)]);
  const ends = modelEnds(pipeline, virtualStages, schedule);
  const counted = problem.model.kinds.map(() => 1);
  return {
    layers: problem.model.layers,
    stages: pipeline,
    virtualStages,
    vShaped: isVShaped(schedule),
    layerTime: stages.map((row) => row?.kinds ?? []),
    ...(recompute.kind === 'full-block'
      ? { block: { layers: recompute.layers, time: stages.map((row) => row?.again ?? []) } }
      : {}),
    stageTime: stages.map(
      (row, stage) =>
        (stage === ends.first ? (row?.first ?? 0) : 0) + (stage === ends.last ? (row?.last ?? 0) : 0),
    ),
    layerMemory: stages.map(() => counted),
    memoryLimit: stages.map(() => Infinity),
    minimumLayers: pipeline === 1 ? { first: 1, middle: 1, last: 1 } : { first: 0, middle: 1, last: 0 },
  };
};
