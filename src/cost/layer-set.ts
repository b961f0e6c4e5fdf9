/** The costs of all pieces of a model under one layout of its layers, tabulated by the few keys that they depend on. */
import { createTopology } from '../cluster/topology.ts';
import type { GroupSpan, Topology } from '../cluster/topology.ts';
import type { Operator } from '../model/operator.ts';
import { expertLoad } from '../plan/expert-load.ts';
import type { Problem } from '../plan/problem.ts';
import { timeBehaviour } from '../runtimes/time-behaviour.ts';
import type { TimeBehaviour } from '../runtimes/time-behaviour.ts';
import { gpusUsed } from '../strategy/strategy.ts';
import type { Strategy } from '../strategy/strategy.ts';
import { microBatches } from '../strategy/strategy.ts';
import type { Calibration, RuntimeCalibration } from './calibration.ts';
import { dataTypeBytes, shardsLayers, withShardedLayer } from './data-parallel.ts';
import type { DataContext } from './data-parallel.ts';
import { dataSpans, groupSpans, sameSpans, spansOfStages } from './group-spans.ts';
import type { GroupSpans } from './layer-communication.ts';
import { createRecomputeCodes, dataSwitches, pieceSwitches } from './layer-keys.ts';
import { layerCost } from './layer.ts';
import type { LayerCost, LayerOptions } from './layer.ts';
import { gemmFormat, machineOf } from './machine.ts';
import type { Machine } from './machine.ts';
import { nearestTimes, profiledStrategy, withLayerTimes } from './measured-layers.ts';
import type { LayerContext, OperatorTime } from './operator-time.ts';
import { createModelOperators } from './model-operators.ts';
import { bareOptions, mtpOptions } from './piece-options.ts';
import type { Contexts, ModelOperators } from './piece-options.ts';
import { pair, TupleMap } from './tuple-map.ts';
import { createWorkBounds } from './work-bound.ts';
import type { WorkBounds } from './work-bound.ts';

export interface LayerSet {
  readonly machine: Machine;
  readonly runtime: RuntimeCalibration;
  readonly behaviour: TimeBehaviour;
  readonly data: DataContext;
  /** By kind of layer: as the strategy recomputes it, and without recomputation (beyond the first layers of a block). */
  readonly kinds: readonly LayerCost[];
  readonly plain: readonly LayerCost[];
  readonly embedding: LayerCost;
  readonly head: LayerCost;
  readonly mtp: LayerCost | null;
  /** The whole model without recomputed blocks: both passes of one micro-batch, and the parameters of the rank. */
  readonly whole: Whole;
}

export interface Whole {
  readonly work: number;
  readonly denseParameters: number;
  readonly expertParameters: number;
}

type Pieces = Pick<LayerSet, 'kinds' | 'plain' | 'embedding' | 'head' | 'mtp'>;
type OwnPieces = Pieces & Pick<LayerSet, 'whole'>;

type BareKey = `${keyof typeof bareOptions} ${boolean}`;

export interface LayerTables {
  readonly topology: Topology;
  readonly machines: readonly Machine[];
  /**
   * One set per machine of the cluster, in the order of its node groups. Over measured links one for each stage and
   * machine, stage by stage: the groups of every stage have links of their own. Memoised.
   */
  readonly sets: (strategy: Strategy) => readonly LayerSet[];
}

export type SearchTables = LayerTables & WorkBounds;

/** Index into `LayerTables.sets` of node group `group` on a stage. */
export const setIndex = (tables: LayerTables, stage: number, group: number): number =>
  tables.topology.links === null ? group : stage * tables.machines.length + group;

export const createLayerTables = (problem: Problem, calibration: Calibration): SearchTables => {
  const { cluster, model, training } = problem;
  const topology = createTopology(cluster);
  const machines = cluster.groups.map((group) => machineOf(group, calibration));
  const behaviours = cluster.groups.map((group) => timeBehaviour(training, group.accelerator.architecture));
  const format = gemmFormat(training.precision);
  const gradientBytes = dataTypeBytes[training.optimizer.gradients];
  const hasExperts = model.kinds.some((kind) => kind.feedForward.kind === 'moe');
  const layersOfKind = model.kinds.map((_, kind) => model.layers.filter((layer) => layer === kind).length);

  const operatorsFor = createModelOperators(model);

  const behaviourOf = (
    index: number,
  ): { machine: Machine; behaviour: TimeBehaviour; runtime: RuntimeCalibration } => {
    const machine = machines[index];
    const behaviour = behaviours[index];
    if (machine === undefined || behaviour === undefined) throw new RangeError(`no node group ${index}`);
    return { machine, behaviour, runtime: calibration.runtimes[behaviour.profile] };
  };

  const pieceOperators = (s: Strategy, index: number): ModelOperators =>
    operatorsFor(s.tensor, behaviourOf(index).behaviour.profile);

  const sharedTimes = new Map<string, Map<Operator, OperatorTime>>();
  const contextsByKey = new Map<string, Contexts>();
  const contextsOf = (s: Strategy, index: number): Contexts => {
    const sequenceParallel = s.sequenceParallel && s.tensor > 1;
    const key = `${index} ${s.tensor} ${Number(sequenceParallel)} ${s.context} ${s.microBatchSize} ${s.expert} ${s.expertTensor}`;
    const found = contextsByKey.get(key);
    if (found !== undefined) return found;
    const { machine, behaviour, runtime } = behaviourOf(index);
    const sharedKey = `${index} ${s.tensor} ${Number(sequenceParallel)} ${s.context} ${s.microBatchSize}`;
    const shared = sharedTimes.get(sharedKey) ?? new Map<Operator, OperatorTime>();
    sharedTimes.set(sharedKey, shared);
    const context: LayerContext = {
      shared,
      machine,
      runtime,
      behaviour,
      format,
      tokens: (s.microBatchSize * training.sequenceLength) / s.context,
      sequenceLength: training.sequenceLength,
      context: s.context,
      tensor: s.tensor,
      sequenceParallel,
      expert: hasExperts ? s.expert : 1,
      expertTensor: hasExperts ? s.expertTensor : 1,
      imbalance: expertLoad(training.routing, s.expert).mean,
    };
    const made = { context, once: { ...context, behaviour: { ...behaviour, recomputeOperators: false } } };
    contextsByKey.set(key, made);
    return made;
  };

  const bareCosts = new WeakMap<LayerContext, Map<GroupSpan, Partial<Record<BareKey, LayerCost>>>>();
  const buildPieces = (s: Strategy, index: number, group: GroupSpans): Pieces => {
    const { behaviour } = behaviourOf(index);
    const { context, once } = contextsOf(s, index);
    const options: LayerOptions = {
      hidden: model.hidden,
      dispatcher: s.dispatcher,
      contextMethod: s.contextCommunication,
      overlapTensor: s.overlapTensor,
      overlapExpert: s.overlapExpert,
      recompute: s.recompute,
    };
    const plainOptions: LayerOptions = { ...options, recompute: { kind: 'none' } };
    const operators = operatorsFor(s.tensor, behaviour.profile);
    const make = (list: readonly Operator[], chosen: LayerOptions): LayerCost =>
      layerCost(context, group, list, chosen);
    // Beside the layers only the overlap of tensor communication matters.
    const bare = (name: 'embedding' | 'head'): LayerCost => {
      const known = bareCosts.get(once) ?? new Map<GroupSpan, Partial<Record<BareKey, LayerCost>>>();
      bareCosts.set(once, known);
      const bySpan = known.get(group.tensor) ?? {};
      known.set(group.tensor, bySpan);
      const key: BareKey = `${name} ${s.overlapTensor}`;
      return (bySpan[key] ??= layerCost(once, group, operators[name], {
        ...plainOptions,
        ...bareOptions[name],
      }));
    };
    const kindCosts = operators.kinds.map((list) => make(list, options));
    const mtpLayers = model.multiTokenPrediction?.layers ?? 0;
    return {
      kinds: kindCosts,
      plain:
        s.recompute.kind === 'full-block'
          ? operators.kinds.map((list) => make(list, plainOptions))
          : kindCosts,
      embedding: bare('embedding'),
      head: bare('head'),
      mtp: mtpLayers === 0 ? null : make(operators.mtp, { ...options, ...mtpOptions(mtpLayers) }),
    };
  };

  /** The pieces with the times that were profiled, where the problem has such. */
  const profiledPieces = (s: Strategy, index: number, group: GroupSpans): Pieces => {
    const pieces = buildPieces(s, index, group);
    const times = nearestTimes(problem.layerTimes ?? [], s);
    return times === null
      ? pieces
      : withLayerTimes(pieces, buildPieces(profiledStrategy(s, times), index, group), times);
  };

  /** Pieces whose layers gather their parameters, where the strategy shards those. */
  const gathered = (pieces: Pieces, data: DataContext, passes: number): Pieces => {
    const finish = (cost: LayerCost): LayerCost => withShardedLayer(data, cost, passes);
    const kindCosts = pieces.kinds.map(finish);
    return {
      kinds: kindCosts,
      plain: pieces.plain === pieces.kinds ? kindCosts : pieces.plain.map(finish),
      embedding: finish(pieces.embedding),
      head: finish(pieces.head),
      mtp: pieces.mtp === null ? null : finish(pieces.mtp),
    };
  };

  const whole = (pieces: Pieces): Whole => {
    const sum = { work: 0, denseParameters: 0, expertParameters: 0 };
    const add = (cost: LayerCost | null | undefined, count: number): void => {
      if (cost === null || cost === undefined) return;
      sum.work += count * (cost.forwardTime + cost.backwardTime);
      sum.denseParameters += count * cost.denseParameters;
      sum.expertParameters += count * cost.expertParameters;
    };
    for (const cost of [pieces.embedding, pieces.head, pieces.mtp]) add(cost, 1);
    for (const [kind, cost] of pieces.plain.entries()) add(cost, layersOfKind[kind] ?? 0);
    return sum;
  };

  const recomputeCode = createRecomputeCodes();
  const piecesByKey = new TupleMap<readonly OwnPieces[]>();
  const dataByKey = new TupleMap<readonly DataContext[]>();
  const piecesOf = (s: Strategy): readonly OwnPieces[] => {
    const sizes = pair(gpusUsed(s), s.tensor);
    const tokens = pair(s.context, s.microBatchSize);
    const experts = pair(s.expert, s.expertTensor);
    // Over measured links stages differ, so that their number and order count.
    const stages = topology.links === null ? 0 : s.pipeline * 2 + Number(s.rankOrder === 'tp-cp-ep-pp-dp');
    const rest = (stages * 4096 + recomputeCode(s.recompute)) * 128 + pieceSwitches(s);
    const found = piecesByKey.get(sizes, tokens, experts, rest);
    if (found !== undefined) return found;
    let before: { readonly group: GroupSpans; readonly made: OwnPieces[] } | null = null;
    const made = spansOfStages(topology, s).flatMap((span) => {
      const group = groupSpans(span, s);
      if (before !== null && sameSpans(before.group, group)) return before.made;
      const own = machines.map((_, index) => {
        const pieces = profiledPieces(s, index, group);
        return { ...pieces, whole: whole(pieces) };
      });
      before = { group, made: own };
      return own;
    });
    piecesByKey.set(sizes, tokens, experts, rest, made);
    return made;
  };
  const dataOf = (s: Strategy): readonly DataContext[] => {
    const inner = pair(s.tensor, s.context);
    const outer = pair(s.data, s.pipeline);
    const experts = pair(s.expert, s.expertTensor);
    const rest = s.shardingGroup * 64 + dataSwitches(s);
    const found = dataByKey.get(inner, outer, experts, rest);
    if (found !== undefined) return found;
    const made = spansOfStages(topology, s).flatMap((span) => {
      const spans = dataSpans(span, s);
      return machines.map((_, index) => ({
        ...behaviourOf(index),
        strategy: s,
        layers: model.layers.length / s.pipeline,
        gradientBytes,
        ...spans,
      }));
    });
    dataByKey.set(inner, outer, experts, rest, made);
    return made;
  };
  const finished = new WeakMap<OwnPieces, Map<DataContext, OwnPieces>>();
  /** Pieces whose layers gather their parameters, made once for each pair of pieces and data groups, which fix the micro-batches. */
  const gatheredOnce = (own: OwnPieces, data: DataContext, passes: number): OwnPieces => {
    const byData = finished.get(own) ?? new Map<DataContext, OwnPieces>();
    finished.set(own, byData);
    const known = byData.get(data);
    if (known !== undefined) return known;
    const pieces = gathered(own, data, passes);
    const made = { ...pieces, whole: whole(pieces) };
    byData.set(data, made);
    return made;
  };
  // A strategy is asked about several times in a row: its partition, its bound, its time.
  let lastStrategy: Strategy | null = null;
  let lastSets: readonly LayerSet[] = [];
  const sets = (s: Strategy): readonly LayerSet[] => {
    if (s === lastStrategy) return lastSets;
    const pieces = piecesOf(s);
    const passes = microBatches(s, training.globalBatchSize);
    const made = dataOf(s).map((data, index): LayerSet => {
      const plain = pieces[index];
      if (plain === undefined) throw new RangeError(`no layers for set ${index}`);
      const { machine, behaviour, runtime } = data;
      const own = shardsLayers(s, behaviour) ? gatheredOnce(plain, data, passes) : plain;
      return {
        machine,
        behaviour,
        runtime,
        data,
        kinds: own.kinds,
        plain: own.plain,
        embedding: own.embedding,
        head: own.head,
        mtp: own.mtp,
        whole: own.whole,
      };
    });
    lastStrategy = s;
    lastSets = made;
    return made;
  };
  const works = createWorkBounds({
    problem,
    topology,
    machines,
    layersOfKind,
    contextsOf,
    pieceOperators,
    sets,
  });
  return { topology, machines, sets, ...works };
};
