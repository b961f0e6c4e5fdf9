/** The steps of `planner place` between reading and printing. */
import type { Diagnostic } from '../diagnostics.ts';
import { placementsOfRows, readPlacementFile } from '../ingest/expert-placement.ts';
import { MAXIMUM_REFERENCED_BYTES, readTextFile } from '../ingest/read-file.ts';
import { nearestMaxOverMean, rotatedMaxOverMean } from '../placement/dispatch.ts';
import type { BalanceLimits } from '../placement/balance.ts';
import { proveLayers } from '../placement/balance-milp.ts';
import type { ProofCount } from '../placement/balance-milp.ts';
import { lowerBound } from '../placement/bounds.ts';
import type { LayerPlacement } from '../placement/layer-problem.ts';
import { countMoves, mostIncoming } from '../placement/move-count.ts';
import { bestStep, stepsTowards, unavoidableMoves, withinBudget } from '../placement/moves.ts';
import type { Step } from '../placement/moves.ts';
import type { MoveSummary, PlacementOutcome } from '../placement/outcome.ts';
import { baselines, crossValidate, groupRule, layerProblem, summedLoads } from '../placement/place.ts';
import type { PlacedLayer } from '../placement/placement.ts';
import { planPlacement, planTraffic } from '../placement/plan-placement.ts';
import { countReplicas, placementValue } from '../placement/score.ts';
import { sweepRedundancy, usualSweep } from '../placement/sweep.ts';
import type { SolverBackend } from '../solver/solution.ts';
import type { PlacementInput } from '../spec/build-placement.ts';
import { failUsage, failWith } from './fail.ts';

const SWEEP_ROWS = 5;

const fault = (file: string, message: string): Diagnostic => ({
  id: 'placement/file',
  severity: 'error',
  file,
  position: { line: 1, column: 1 },
  message,
});

/**
 * The placement of a file for the layers of the counts, GPU by GPU. Its layers are numbered as the counts', or are as
 * many as the MoE layers. Replicas may lie side by side (others make such plans), but no expert may be missing.
 */
export const givenPlacements = (file: string, input: PlacementInput): readonly LayerPlacement[] => {
  const source = readTextFile(file, file, MAXIMUM_REFERENCED_BYTES);
  if (!source.ok) return failWith(source.diagnostics);
  const { task } = input;
  const { slots } = task.gpus;
  const equal = slots.every((count) => count === slots[0]);
  const read = readPlacementFile(source.value, {
    experts: task.experts,
    gpus: slots.length,
    slots: equal ? null : slots,
  });
  if (!read.ok) return failWith(read.diagnostics);
  const { layers } = read.value;
  const found = placementsOfRows(
    read.value,
    task.layers.map(({ layer }) => layer),
  );
  if (found === null)
    return failWith([
      fault(
        file,
        `has ${String(layers.length)} layers, the counts ${String(task.layers.length)} with other numbers`,
      ),
    ]);
  const faults = found.flatMap((placement, index) => {
    const layer = String(task.layers[index]?.layer ?? index);
    const stray = placement.flat().find((expert) => expert >= task.experts);
    if (stray !== undefined)
      return [
        fault(file, `layer ${layer} names expert ${String(stray)}, but there are ${String(task.experts)}`),
      ];
    const missing = countReplicas(placement, task.experts).indexOf(0);
    return missing === -1 ? [] : [fault(file, `layer ${layer}: expert ${String(missing)} is on no GPU`)];
  });
  return faults.length > 0 ? failWith(faults.slice(0, 20)) : found;
};

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Layers as a given placement has them, judged as ours are. */
const scored = (input: PlacementInput, placements: readonly LayerPlacement[]): readonly PlacedLayer[] =>
  input.task.layers.map((layer, index) => {
    const placement = placements[index] ?? [];
    const problem = layerProblem(layer, input.task);
    const replicas = placement.flat().length;
    const maxOverMean = placementValue(problem, placement);
    // A placement with another number of replicas is bounded by what that number allows.
    const bound =
      replicas === problem.replicas ? lowerBound(problem) : ({ value: 1, method: 'mean' } as const);
    return {
      layer: layer.layer,
      placement,
      maxOverMean,
      bound: { ...bound, value: Math.min(bound.value, maxOverMean) },
    };
  });

export interface MoveBudget {
  /** Experts that GPUs may load, all layers together; Infinity: any. */
  readonly experts: number;
  readonly bytes: number;
}

/** Bytes per second that one GPU can take in from other nodes; null without a cluster. */
const incomingBandwidth = ({ cluster }: PlacementInput): number | null => {
  const group = cluster?.groups[0];
  return group === undefined ? null : (group.nics.count * group.nics.bandwidth) / group.perNode;
};

const movesBetween = (
  input: PlacementInput,
  current: readonly LayerPlacement[],
  next: readonly PlacedLayer[],
): MoveSummary => {
  const problems = input.task.layers.map((layer) => layerProblem(layer, input.task));
  const before = mean(problems.map((problem, index) => placementValue(problem, current[index] ?? [])));
  const after = mean(next.map(({ maxOverMean }) => maxOverMean));
  const experts = next.reduce(
    (total, { placement }, index) => total + countMoves(current[index] ?? [], placement),
    0,
  );
  const { expertBytes } = input;
  const bandwidth = incomingBandwidth(input);
  const waiting = next.reduce(
    (total, { placement }, index) => total + mostIncoming(current[index] ?? [], placement),
    0,
  );
  const time = expertBytes === null || bandwidth === null ? null : (waiting * expertBytes) / bandwidth;
  return {
    experts,
    bytes: expertBytes === null ? null : experts * expertBytes,
    time,
    payback: time === null || after >= before ? null : time / (1 - after / before),
    current: before,
  };
};

/** The best layers that can be reached from `current` within the budget, by the fewest moves. */
const limited = (
  input: PlacementInput,
  current: readonly LayerPlacement[],
  target: readonly PlacedLayer[],
  budget: MoveBudget,
): readonly PlacedLayer[] => {
  const byBytes = input.expertBytes === null ? Infinity : Math.floor(budget.bytes / input.expertBytes);
  const most = Math.min(budget.experts, byBytes);
  const steps = input.task.layers.map((layer, index) =>
    stepsTowards(
      layerProblem(layer, input.task),
      current[index] ?? [],
      target[index]?.placement ?? [],
      groupRule(input.task),
    ),
  );
  const take = (chosen: readonly (Step | undefined)[]): readonly PlacedLayer[] =>
    target.map((layer, index) => {
      const step = chosen[index];
      return step === undefined
        ? layer
        : {
            ...layer,
            placement: step.placement,
            maxOverMean: step.value,
            bound: { ...layer.bound, value: Math.min(layer.bound.value, step.value) },
          };
    });
  if (most === Infinity) return take(steps.map(bestStep));
  const unavoidable = unavoidableMoves(steps);
  if (unavoidable > most)
    return failUsage(
      '--budget',
      `the current placement breaks rules (replicas side by side, split groups, other slots): ${String(unavoidable)} experts must move at least`,
      { found: String(most) },
    );
  return take(withinBudget(steps, most));
};

export interface RunOptions {
  readonly limits: BalanceLimits;
  readonly score: string | null;
  readonly current: string | null;
  readonly budget: MoveBudget;
  /** null: no sweep; empty: the usual rows. */
  readonly sweep: readonly number[] | null;
  readonly crossValidate: boolean;
  /** Asked for the layers that the search's bound leaves open; null: nobody. */
  readonly solver: { readonly backend: SolverBackend; readonly nodes: number } | null;
}

export interface PlacementRun {
  readonly outcome: PlacementOutcome;
  /** What the solver was asked; null without one. */
  readonly proofs: ProofCount | null;
}

/** Plans (or scores) and gathers all that is printed. */
export const runPlacement = (input: PlacementInput, options: RunOptions): PlacementRun => {
  const { task, trace } = input;
  const current = options.current === null ? null : givenPlacements(options.current, input);
  const question =
    trace === null
      ? null
      : { trace, communication: input.communication, slack: input.loadSlack, cluster: input.cluster };
  const planned =
    options.score === null
      ? planPlacement(task, options.limits, question)
      : scored(input, givenPlacements(options.score, input));
  const { solver } = options;
  const balanceAlone = task.groups === null && (task.objective === 'balance' || task.objective === 'robust');
  const proofs =
    solver === null || options.score !== null || !balanceAlone
      ? null
      : proveLayers(
          planned,
          task.layers.map((layer) => layerProblem(layer, task)),
          solver.backend,
          solver.nodes,
        );
  const best = proofs?.layers ?? planned;
  const layers = current === null ? best : limited(input, current, best, options.budget);
  const traffic = trace === null ? null : planTraffic(layers, trace, task.gpus.perNode);
  const rows =
    options.sweep?.length === 0
      ? usualSweep(task.experts, task.gpus.slots.length, SWEEP_ROWS)
      : options.sweep;
  const outcome: PlacementOutcome = {
    task,
    layers,
    baselines: baselines(task),
    crossValidation:
      options.crossValidate && options.score === null ? crossValidate(task, options.limits) : [],
    traffic: traffic?.layers ?? null,
    transitions: traffic?.transitions ?? null,
    moves: current === null ? null : movesBetween(input, current, layers),
    sweep: rows === null ? null : sweepRedundancy(task, rows, options.limits),
  };
  return { outcome, proofs: proofs?.count ?? null };
};

const DISPATCH = { sglang: nearestMaxOverMean, 'vllm-ascend': rotatedMaxOverMean } as const;

/** Mean over layers of the busiest GPU as the named system really sends tokens to replicas. */
export const dispatchedValue = ({ task, layers }: PlacementOutcome, system: keyof typeof DISPATCH): number =>
  mean(
    layers.map(({ placement }, index) => {
      const loads = task.layers[index];
      return loads === undefined ? 1 : DISPATCH[system](summedLoads(loads), placement, task.gpus);
    }),
  );
