import type { Placement } from '../formats/placement.ts';
import type { PlacementOutcome } from '../placement/outcome.ts';
import { gapOf } from '../placement/placement.ts';
import type { PlacedLayer } from '../placement/placement.ts';
import { duplicateCount } from '../placement/score.ts';

/** What the document repeats of the question. */
export interface PlacementEcho {
  readonly countFiles: readonly string[];
  readonly traceFile: string | null;
  readonly scenarios: readonly string[];
  readonly communication: 'per_layer' | 'coherent';
  readonly loadSlack: number;
  readonly expertBytes: number | null;
  readonly effort: 'normal' | 'high';
  readonly solver: string;
  readonly seed: number;
  readonly notes: readonly string[];
}

/** A gap this small is that of rounding and of the search's tolerance, and counts as proof. */
export const PROVEN_GAP = 1e-5;

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const sumOf = (loads: readonly number[]): number => loads.reduce((sum, load) => sum + load, 0);

/** Tokens of each placed layer, all scenarios together. */
const weightsOf = ({ task, layers }: PlacementOutcome): readonly number[] => {
  const loads = new Map(task.layers.map(({ layer, scenarios }) => [layer, sumOf(scenarios.map(sumOf))]));
  return layers.map(({ layer }) => loads.get(layer) ?? 0);
};

const worstOf = (layers: readonly PlacedLayer[]): PlacedLayer | undefined =>
  layers.reduce<PlacedLayer | undefined>(
    (worst, layer) => (worst === undefined || layer.maxOverMean > worst.maxOverMean ? layer : worst),
    undefined,
  );

const problemDocument = (
  { task }: PlacementOutcome,
  echo: PlacementEcho,
): NonNullable<Placement['problem']> => {
  const { slots } = task.gpus;
  return {
    counts: [...echo.countFiles],
    traces: echo.traceFile,
    experts: task.experts,
    expert_parallel: slots.length,
    per_node: task.gpus.perNode,
    redundant_experts: task.replicas - task.experts,
    groups: task.groups,
    slots: slots.every((count) => count === slots[0]) ? null : [...slots],
    objective: task.objective,
    robust_over: task.over,
    communication: echo.communication,
    load_slack: echo.loadSlack,
    effort: echo.effort,
    solver: echo.solver,
    seed: echo.seed,
  };
};

/** Bytes that the redundant slots of the fullest GPU take, all layers together. */
const redundantBytes = ({ task, layers }: PlacementOutcome, expertBytes: number | null): number | null => {
  if (expertBytes === null) return null;
  const most = Math.max(...task.gpus.slots);
  return Math.max(0, most - task.experts / task.gpus.slots.length) * layers.length * expertBytes;
};

/** The format of `planner schema placement`. */
export const placementDocument = (outcome: PlacementOutcome, echo: PlacementEcho): Placement => {
  const { layers, traffic, transitions, moves, baselines, sweep } = outcome;
  const values = layers.map(({ maxOverMean }) => maxOverMean);
  const bounds = layers.map(({ bound }) => bound.value);
  const weights = weightsOf(outcome);
  const worst = worstOf(layers);
  const lowerBound = mean(bounds);
  return {
    schema_version: 1,
    problem: problemDocument(outcome, echo),
    layers: layers.map((layer, index) => {
      const crossing = traffic?.[index];
      return {
        layer: layer.layer,
        physical_to_logical: layer.placement.flat(),
        load: {
          max_over_mean: layer.maxOverMean,
          lower_bound: layer.bound.value,
          gap: gapOf(layer),
          bound: layer.bound.method,
          proven_optimal: gapOf(layer) <= PROVEN_GAP,
        },
        ...(crossing === undefined
          ? {}
          : {
              traffic: {
                nodes_per_token: crossing.nodesPerToken,
                gpus_per_token: crossing.gpusPerToken,
              },
            }),
      };
    }),
    summary: {
      max_over_mean: mean(values),
      worst_max_over_mean: worst?.maxOverMean ?? 1,
      token_weighted: sumOf(values.map((value, index) => value * (weights[index] ?? 0))) / sumOf(weights),
      balancedness: mean(values.map((value) => 1 / value)),
      lower_bound: lowerBound,
      gap: mean(values) / lowerBound - 1,
      worst_layer: worst?.layer ?? 0,
      proven_layers: layers.filter((layer) => gapOf(layer) <= PROVEN_GAP).length,
      duplicates: sumOf(layers.map(({ placement }) => duplicateCount(placement))),
      nodes_per_token: traffic === null ? null : mean(traffic.map(({ nodesPerToken }) => nodesPerToken)),
      gpus_per_token: traffic === null ? null : mean(traffic.map(({ gpusPerToken }) => gpusPerToken)),
      same_node_share: transitions?.sameNode ?? null,
      same_gpu_share: transitions?.sameGpu ?? null,
      moved_experts: moves?.experts ?? 0,
      moved_bytes: moves?.bytes ?? null,
      move_time_s: moves?.time ?? null,
      payback_s: moves?.payback ?? null,
      redundant_bytes_per_gpu: redundantBytes(outcome, echo.expertBytes),
      baselines: {
        contiguous: baselines.contiguous,
        eplb: baselines.eplb,
        eplb_duplicates: baselines.eplbDuplicates,
        current: moves?.current ?? null,
      },
      cross_validation: outcome.crossValidation.map(({ heldOut, planned, eplb }) => ({
        held_out: echo.scenarios[heldOut] ?? String(heldOut),
        max_over_mean: planned,
        eplb,
      })),
      notes: [...echo.notes],
    },
    ...(sweep === null
      ? {}
      : {
          sweep: sweep.map((row) => ({
            redundant_experts: row.redundant,
            max_over_mean: row.maxOverMean,
            lower_bound: row.bound,
            eplb: row.eplb,
            bytes_per_gpu: echo.expertBytes === null ? null : row.slots * layers.length * echo.expertBytes,
          })),
        }),
  };
};

/** The same as JSON text; the slots of a layer on one line. */
export const placementJson = (document: Placement): string => {
  const text = JSON.stringify(
    {
      ...document,
      layers: document.layers.map((layer) => ({
        ...layer,
        physical_to_logical: `\u0001${JSON.stringify(layer.physical_to_logical)}\u0001`,
      })),
    },
    null,
    2,
  );
  return `${text.replaceAll(/"\\u0001([^"]*)\\u0001"/gu, '$1')}\n`;
};
