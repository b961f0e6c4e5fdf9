import type { BalanceLimits } from './balance.ts';
import { eplbLayer } from './eplb.ts';
import type { LayerPlacement, LayerProblem } from './layer-problem.ts';
import { nodesOf } from './placement.ts';
import type { Effort, LayerLoads, PlacedLayer, PlacementTask } from './placement.ts';
import { maxOverMean, placementValue } from './score.ts';
import { solveLayer } from './solve-layer.ts';
import type { GroupRule } from './solve-layer.ts';

/** Bounded by iterations, so that the same input gives the same answer. */
export const effortLimits = (effort: Effort, seed: number): BalanceLimits => ({
  kicks: effort === 'high' ? 4000 : 20,
  tolerance: effort === 'high' ? 1e-6 : 1e-5,
  seed,
});

/** Sum of all scenarios, expert by expert. */
export const summedLoads = ({ scenarios }: LayerLoads): number[] =>
  (scenarios[0] ?? []).map((_, expert) => scenarios.reduce((sum, loads) => sum + (loads[expert] ?? 0), 0));

/** The scenarios that a plan is made for and judged by: each for itself where it shall be robust, else their sum. */
const planScenarios = (layer: LayerLoads, task: PlacementTask): readonly (readonly number[])[] =>
  task.objective === 'robust' ? layer.scenarios : [summedLoads(layer)];

export const layerProblem = (layer: LayerLoads, task: PlacementTask): LayerProblem => ({
  loads: planScenarios(layer, task),
  slots: task.gpus.slots,
  replicas: task.replicas,
  speeds: task.gpus.speeds,
  objective: task.over,
});

export const groupRule = (task: PlacementTask): GroupRule | null =>
  task.groups === null ? null : { groups: task.groups, nodes: nodesOf(task.gpus) };

/** Places each layer for itself. Throws RangeError where no placement exists: see `impossibility`. */
export const placeLayers = (task: PlacementTask, limits: BalanceLimits): readonly PlacedLayer[] =>
  task.layers.map((layer) => {
    const { placement, value, bound } = solveLayer(layerProblem(layer, task), limits, groupRule(task));
    return { layer: layer.layer, placement, maxOverMean: value, bound };
  });

/** Experts in their order, equally many on each GPU as far as they go; redundant slots stay empty. */
export const contiguousPlacement = (task: PlacementTask): LayerPlacement => {
  const gpus = task.gpus.slots.length;
  return Array.from({ length: gpus }, (_, gpu) => {
    const from = Math.floor((gpu * task.experts) / gpus);
    const to = Math.floor(((gpu + 1) * task.experts) / gpus);
    return Array.from({ length: to - from }, (__, index) => from + index);
  });
};

/** A flat list of slots, GPU by GPU, as one list a GPU. */
export const splitSlots = (flat: readonly number[], slots: readonly number[]): LayerPlacement => {
  let at = 0;
  return slots.map((count) => flat.slice(at, (at += count)));
};

/** EPLB on the sum of the scenarios; null where it cannot do what is asked (unequal slots, indivisible sizes). */
export const eplbPlacement = (layer: LayerLoads, task: PlacementTask): LayerPlacement | null => {
  const gpus = task.gpus.slots.length;
  const nodes = nodesOf(task.gpus);
  const groups = task.groups !== null && task.groups % nodes === 0 ? task.groups : 1;
  const parts = groups === 1 ? 1 : nodes;
  if (
    task.gpus.slots.some((count) => count !== task.replicas / gpus) ||
    gpus % parts !== 0 ||
    task.experts % groups !== 0
  )
    return null;
  const shape = { replicas: task.replicas, groups, nodes: parts, gpus };
  return splitSlots(eplbLayer(summedLoads(layer), shape), task.gpus.slots);
};

/** Value of a given placement of a layer under the task's objective. */
export const valueOf = (layer: LayerLoads, task: PlacementTask, placement: LayerPlacement): number =>
  placementValue(layerProblem(layer, task), placement);

export interface Baselines {
  /** Means over layers of max ∕ mean. */
  readonly contiguous: number;
  readonly eplb: number | null;
  /** Replicas that EPLB puts beside another one of the same expert, all layers. */
  readonly eplbDuplicates: number;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

export const baselines = (task: PlacementTask): Baselines => {
  const contiguous = contiguousPlacement(task);
  const eplb = task.layers.map((layer) => ({ layer, placement: eplbPlacement(layer, task) }));
  const values = eplb.flatMap(({ layer, placement }) =>
    placement === null ? [] : [valueOf(layer, task, placement)],
  );
  return {
    contiguous: mean(task.layers.map((layer) => valueOf(layer, task, contiguous))),
    eplb: values.length === task.layers.length ? mean(values) : null,
    eplbDuplicates: eplb.reduce(
      (total, { placement }) =>
        total + (placement ?? []).reduce((sum, held) => sum + held.length - new Set(held).size, 0),
      0,
    ),
  };
};

export interface CrossValidation {
  /** Scenario that was held out, by index. */
  readonly heldOut: number;
  /** Means over layers of max ∕ mean on the held-out scenario: of our plan for the others, and of EPLB's for their sum. */
  readonly planned: number;
  readonly eplb: number | null;
}

/** Plans on all scenarios but one and tests on that one, for each; empty for a single scenario. */
export const crossValidate = (task: PlacementTask, limits: BalanceLimits): readonly CrossValidation[] => {
  const scenarios = task.layers[0]?.scenarios.length ?? 0;
  if (scenarios < 2) return [];
  return Array.from({ length: scenarios }, (_, heldOut) => {
    const tests = task.layers.map(({ scenarios: all }) => all[heldOut] ?? []);
    const layers = task.layers.map(({ layer, scenarios: all }) => ({
      layer,
      scenarios: all.filter((__, scenario) => scenario !== heldOut),
    }));
    const training: PlacementTask = { ...task, layers };
    const score = (placements: readonly LayerPlacement[]): number =>
      mean(
        placements.map((placement, index) => maxOverMean(tests[index] ?? [], placement, task.gpus.speeds)),
      );
    const eplb = layers.map((layer) => eplbPlacement(layer, training));
    return {
      heldOut,
      planned: score(placeLayers(training, limits).map(({ placement }) => placement)),
      eplb: eplb.every((placement) => placement !== null) ? score(eplb) : null,
    };
  });
};
