import type { BalanceLimits } from './balance.ts';
import { impossibility } from './layer-problem.ts';
import { baselines, layerProblem, placeLayers } from './place.ts';
import type { PlacementTask } from './placement.ts';

export interface SweepRow {
  readonly redundant: number;
  /** Means over layers. */
  readonly maxOverMean: number;
  readonly bound: number;
  readonly eplb: number | null;
  /** Slots of the fullest GPU. */
  readonly slots: number;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Numbers of redundant experts that divide: none (where that divides), then one more slot on every GPU at a time. */
export const usualSweep = (experts: number, gpus: number, rows: number): readonly number[] => {
  const first = Math.ceil(experts / gpus) * gpus - experts;
  return Array.from({ length: rows }, (_, row) => first + row * gpus);
};

/** The same layers with more and more redundant experts, in equal slots; what is impossible is left out. */
export const sweepRedundancy = (
  task: PlacementTask,
  redundant: readonly number[],
  limits: BalanceLimits,
): readonly SweepRow[] =>
  redundant.flatMap((count) => {
    const gpus = task.gpus.slots.length;
    const slots = (task.experts + count) / gpus;
    const asked: PlacementTask = {
      ...task,
      replicas: task.experts + count,
      gpus: { ...task.gpus, slots: new Array<number>(gpus).fill(slots) },
    };
    const first = asked.layers[0];
    if (!Number.isInteger(slots) || first === undefined || impossibility(layerProblem(first, asked)) !== null)
      return [];
    const placed = placeLayers(asked, limits);
    return [
      {
        redundant: count,
        maxOverMean: mean(placed.map(({ maxOverMean }) => maxOverMean)),
        bound: mean(placed.map(({ bound }) => bound.value)),
        eplb: baselines(asked).eplb,
        slots,
      },
    ];
  });
