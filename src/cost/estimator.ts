/** One estimator for all runtimes and accelerators: time and memory of a strategy. */
import { launchedCluster, specOrder } from '../cluster/launch-order.ts';
import type { LaunchOrder } from '../cluster/launch-order.ts';
import { megatronFlopsPerToken } from '../model/flops.ts';
import type { Estimate, StageMemory } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import { gpusUsed } from '../strategy/strategy.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import { bytes, seconds } from '../units.ts';
import type { Bytes, Seconds } from '../units.ts';
import type { Calibration } from './calibration.ts';
import { createDataParts } from './data-part.ts';
import { iterationExchangeBound, iterationLowerBound } from './iteration-bound.ts';
import type { BoundContext } from './iteration-bound.ts';
import { iterationBreakdown, iterationTime } from './iteration.ts';
import type { LayerCost } from './layer.ts';
import type { LayerChoices } from './layer-bound.ts';
import { createLayerTables, setIndex } from './layer-set.ts';
import { createMemoryModel } from './memory.ts';
import { densePeak, gemmFormat } from './machine.ts';
import { createPipelineParts } from './pipeline-part.ts';
import { createCourses } from './schedule-course.ts';
import { createUnevenTime } from './schedule-uneven.ts';
import { createStageLinks } from './stage-links.ts';
import { createStageSummer } from './stage-sums.ts';
import { kindPrefixes, slowestSet, stageMachines } from './stages.ts';
import { TupleMap } from './tuple-map.ts';
import { unusableReasons } from './unusable-links.ts';

/** Both passes of one micro-batch through one piece of the model on one rank, exposed communication included. */
export interface PassTime {
  readonly forward: Seconds;
  readonly backward: Seconds;
}

/** What the pipeline partition is made of; `kinds` follows `model.kinds`. */
export interface LayerCosts {
  readonly kinds: readonly PassTime[];
  /** The same beyond the first layers of a chunk, where the strategy recomputes only those. */
  readonly plain: readonly PassTime[];
  /** Input embedding, on the first stage. */
  readonly embedding: PassTime;
  /** Final norm, output projection and loss, on the last stage. */
  readonly head: PassTime;
  /** All multi-token-prediction modules, on the last stage. */
  readonly mtp: PassTime;
}

/** The little that a search needs of most strategies. */
export interface Evaluation {
  readonly iterationTime: Seconds;
  readonly peakMemoryBound: Bytes;
  readonly feasible: boolean;
}

export interface Estimator {
  /**
   * Everything of FORMATS section 3. Throws RangeError on a strategy that does not fit the model or cluster (rules come
   * first), and on an order of hosts or GPUs that is none; without one, ranks fill the nodes in the SPEC's order.
   */
  readonly estimate: (strategy: Strategy, partition: Partition, order?: LaunchOrder) => Estimate;
  /** The same figures without breakdowns. */
  readonly evaluate: (strategy: Strategy, partition: Partition) => Evaluation;
  /** The same estimator for ranks on other hosts or GPUs, with tables of its own. Throws RangeError on an order that is none. */
  readonly ordered: (order: LaunchOrder) => Estimator;
  /** Iteration time alone. */
  readonly iterationTime: (strategy: Strategy, partition: Partition) => Seconds;
  readonly layerCosts: (strategy: Strategy) => LayerCosts;
  /** The same on the machines of each stage: one entry for all stages where the cluster is uniform. */
  readonly stageCosts: (strategy: Strategy) => readonly LayerCosts[];
  /**
   * Valid for every partition of the strategy: balanced stages, no exposed data communication. `bottleneck`: seconds of
   * one micro-batch that the slowest stage of every partition takes at least, where the caller knows.
   */
  readonly lowerBound: (strategy: Strategy, bottleneck?: number) => Seconds;
  /** The same with the exposed data communication of the mean stage: tighter, but no longer in order of the switches. */
  readonly exchangeBound: (strategy: Strategy, bottleneck?: number) => Seconds;
  /** Both passes of one micro-batch through the whole model, operators alone: no switch but sequence parallelism changes it. */
  readonly operatorWork: (strategy: Strategy) => Seconds;
  /** The same with the communication that no choice of switches avoids, nothing recomputed. */
  readonly leastOfSwitches: (strategy: Strategy, choices: LayerChoices) => Seconds;
}

const GIB = 2 ** 30;

const passTime = (cost: LayerCost | null): PassTime =>
  cost === null
    ? { forward: seconds(0), backward: seconds(0) }
    : { forward: seconds(cost.forwardTime), backward: seconds(cost.backwardTime) };

const largest = (stages: readonly StageMemory[], key: 'total' | 'bound'): Bytes =>
  bytes(stages.reduce((most, stage) => Math.max(most, stage[key]), 0));

/** Why a strategy does not fit, stage by stage. */
const shortages = (stages: readonly StageMemory[]): readonly string[] =>
  stages
    .filter(({ bound, capacity }) => bound > capacity)
    .map(
      ({ stage, bound, capacity }) =>
        `stage ${stage} may need ${(bound / GIB).toFixed(1)} GiB of ${(capacity / GIB).toFixed(1)} GiB`,
    );

export const createEstimator = (problem: Problem, calibration: Calibration): Estimator => {
  const { model, training, cluster } = problem;
  const tables = createLayerTables(problem, calibration);
  const memory = createMemoryModel(problem);
  const prefixes = kindPrefixes(model.kinds.length, model.layers);
  const flopsPerToken = megatronFlopsPerToken(model, training.sequenceLength);
  const tokens = training.globalBatchSize * training.sequenceLength;
  const format = gemmFormat(training.precision);
  const moe = model.kinds.some((kind) => kind.feedForward.kind === 'moe');
  const error = moe ? calibration.error.moe : calibration.error.dense;
  const machinesOf = new Map<string, readonly (readonly number[])[]>();
  const machines = (s: Strategy): readonly (readonly number[])[] => {
    const key =
      cluster.groups.length === 1 ? String(s.pipeline) : `${s.pipeline} ${gpusUsed(s)} ${s.rankOrder}`;
    const found =
      machinesOf.get(key) ??
      stageMachines(problem, s).map((groups, stage) => groups.map((group) => setIndex(tables, stage, group)));
    machinesOf.set(key, found);
    return found;
  };
  const simulate = createCourses();
  const context: BoundContext = {
    problem,
    tables,
    prefixes,
    machines,
    linksOf: createStageLinks(problem, tables),
    pipelinePart: createPipelineParts(createStageSummer(problem, prefixes)),
    dataPart: createDataParts(),
    simulate,
    uneven: createUnevenTime(simulate),
    transfers: new TupleMap(),
  };
  const uniform = cluster.groups.length === 1 && cluster.measured === null;
  /** Mean dense peak of the first `gpus` GPUs: on an unequal cluster each counts with its own. */
  const meanPeak = (gpus: number): number => {
    let left = gpus;
    let sum = 0;
    for (const [index, group] of cluster.groups.entries()) {
      const machine = tables.machines[index];
      const own = Math.min(left, group.count * group.perNode);
      if (machine === undefined || own === 0) break;
      sum += own * densePeak(machine, format);
      left -= own;
    }
    return sum / gpus;
  };
  const allOf = (s: Strategy): readonly number[] => tables.sets(s).map((_, index) => index);
  const costsOn = (s: Strategy, indices: readonly number[]): LayerCosts => {
    const set = slowestSet(tables.sets(s), indices);
    const kinds = set.kinds.map(passTime);
    return {
      kinds,
      plain: set.plain === set.kinds ? kinds : set.plain.map(passTime),
      embedding: passTime(set.embedding),
      head: passTime(set.head),
      mtp: passTime(set.mtp),
    };
  };

  // One list for each pair of layers and machines, so that callers can recognise equal costs by identity.
  const costsByLayers = new WeakMap<object, Map<object, readonly LayerCosts[]>>();
  const everywhere = {};
  const stageCosts = (s: Strategy): readonly LayerCosts[] => {
    const layers = tables.sets(s)[0]?.kinds ?? [];
    const placed = uniform ? everywhere : machines(s);
    const byPlace = costsByLayers.get(layers) ?? new Map<object, readonly LayerCosts[]>();
    costsByLayers.set(layers, byPlace);
    const made =
      byPlace.get(placed) ??
      (uniform ? [costsOn(s, allOf(s))] : machines(s).map((indices) => costsOn(s, indices)));
    byPlace.set(placed, made);
    return made;
  };

  const ordered = (order: LaunchOrder): Estimator => {
    const launched = launchedCluster(cluster, order);
    return launched === cluster ? estimator : createEstimator({ ...problem, cluster: launched }, calibration);
  };
  const estimator: Estimator = {
    ordered,
    estimate: (s, partition, order = specOrder) => {
      if (order.hosts !== null || order.devices !== null) return ordered(order).estimate(s, partition);
      const { time, breakdown } = iterationBreakdown(context, s, partition);
      const stages = memory.stages(s, partition);
      const reasons = [...shortages(stages), ...unusableReasons(tables.topology, s)];
      const gpus = gpusUsed(s);
      const rate = tokens / time / gpus;
      return {
        feasible: reasons.length === 0,
        reasons,
        iterationTime: seconds(time),
        iterationTimeLow: seconds(time / (1 + error)),
        iterationTimeHigh: seconds(time * (1 + error)),
        tokensPerSecondPerGpu: rate,
        modelTflopsPerGpu: (rate * flopsPerToken) / 1e12,
        mfu: (rate * flopsPerToken) / meanPeak(gpus),
        time: breakdown,
        peakMemory: largest(stages, 'total'),
        peakMemoryBound: largest(stages, 'bound'),
        memory: stages,
      };
    },
    evaluate: (s, partition) => {
      const { bound, excess } = memory.peak(s, partition);
      return {
        iterationTime: seconds(iterationTime(context, s, partition)),
        peakMemoryBound: bound,
        feasible: excess <= 0 && unusableReasons(tables.topology, s).length === 0,
      };
    },
    iterationTime: (s, partition) => seconds(iterationTime(context, s, partition)),
    layerCosts: (s) => costsOn(s, allOf(s)),
    stageCosts,
    exchangeBound: (s, bottleneck) => seconds(iterationExchangeBound(context, s, bottleneck)),
    leastOfSwitches: (s, choices) => seconds(tables.leastOfSwitches(s, choices)),
    operatorWork: (s) => seconds(tables.operatorWork(s)),
    lowerBound: (s, bottleneck) => seconds(iterationLowerBound(context, s, bottleneck)),
  };
  return estimator;
};
