/** Experts of a model in training: each once, equally many on every GPU of the expert-parallel group. */
import type { ExpertLoad } from '../plan/expert-load.ts';
import type { MeasuredRouting } from '../plan/problem.ts';
import type { LayerPlacement, LayerProblem } from './layer-problem.ts';
import { effortLimits } from './place.ts';
import { maxOverMean } from './score.ts';
import { solveLayer } from './solve-layer.ts';

/**
 * Where experts stand: `contiguous`, blocks in the model's order, as every runtime places them by itself; `balanced`,
 * the placement that planner finds for each size of the group; else the order of the experts of each loaded layer, of
 * which every GPU holds one block (a permuted checkpoint).
 */
export type ExpertOrder = 'contiguous' | 'balanced' | readonly (readonly number[])[];

const SEED = 1;

const inOrder = (experts: number): readonly number[] => Array.from({ length: experts }, (_, index) => index);

/** Blocks of an order, as equal as their number allows. */
const blocksOf = (order: readonly number[], ranks: number): LayerPlacement =>
  Array.from({ length: ranks }, (_, rank) =>
    order.slice(Math.floor((rank * order.length) / ranks), Math.floor(((rank + 1) * order.length) / ranks)),
  );

const balanced = (loads: readonly number[], ranks: number): LayerPlacement => {
  const problem: LayerProblem = {
    loads: [loads],
    slots: new Array<number>(ranks).fill(loads.length / ranks),
    replicas: loads.length,
    speeds: new Array<number>(ranks).fill(1),
    objective: 'mean',
  };
  return solveLayer(problem, effortLimits('normal', SEED), null).placement;
};

/** The placement of each loaded layer on a group of `ranks`; those that do not divide the experts get blocks. */
const trainingPlacements = (
  layers: readonly (readonly number[])[],
  order: ExpertOrder,
  ranks: number,
): readonly LayerPlacement[] =>
  layers.map((loads, layer) => {
    if (order === 'balanced' && loads.length % ranks === 0) return balanced(loads, ranks);
    const own = typeof order === 'string' ? undefined : order[layer];
    return blocksOf(own ?? inOrder(loads.length), ranks);
  });

const loadOf = (layers: readonly (readonly number[])[], order: ExpertOrder, ranks: number): ExpertLoad => {
  const speeds = new Array<number>(ranks).fill(1);
  const values = trainingPlacements(layers, order, ranks).map((placement, layer) =>
    maxOverMean(layers[layer] ?? [], placement, speeds),
  );
  if (values.length === 0) return { mean: 1, worst: 1 };
  return { mean: values.reduce((sum, value) => sum + value, 0) / values.length, worst: Math.max(...values) };
};

/** The rows that have load: those of MoE layers. */
const loadedLayers = (counts: readonly (readonly number[])[]): readonly (readonly number[])[] =>
  counts.filter((row) => row.some((count) => count > 0));

/** By size of the group; each is computed once. */
const loadBySize = (layers: readonly (readonly number[])[], order: ExpertOrder): MeasuredRouting['load'] => {
  const known = new Map<number, ExpertLoad>();
  return (ranks) => {
    const found = known.get(ranks) ?? loadOf(layers, order, ranks);
    known.set(ranks, found);
    return found;
  };
};

/** Routing by measured counts under a placement, whose name goes with it into results. */
export const measuredRouting = (
  file: string,
  counts: readonly (readonly number[])[],
  placement = 'contiguous',
  order: ExpertOrder = 'contiguous',
): MeasuredRouting => {
  const layers = loadedLayers(counts);
  return {
    kind: 'counts',
    file,
    counts,
    placement,
    load: loadBySize(layers, order),
    contiguous: loadBySize(layers, 'contiguous'),
  };
};
