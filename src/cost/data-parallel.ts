/** Gradient reduction, parameter gathering and the optimizer step. */
import type { GroupSpan } from '../cluster/topology.ts';
import type { DataType } from '../plan/problem.ts';
import type { TimeBehaviour } from '../runtimes/time-behaviour.ts';
import type { Strategy } from '../strategy/strategy.ts';
import type { RuntimeCalibration } from './calibration.ts';
import { allReduceTime, gatherLatency, gatherTime } from './collectives.ts';
import type { LayerCost } from './layer.ts';
import { offloadedUpdateTime } from './optimizer-offload.ts';
import type { Machine } from './machine.ts';
import type { Parts } from './parts.ts';
import { total } from './parts.ts';

export const dataTypeBytes: Readonly<Record<DataType, number>> = { fp32: 4, bf16: 2, fp16: 2, fp8: 1 };

/** Weights travel as 2-byte copies. */
const WEIGHT = 2;

export interface DataContext {
  readonly machine: Machine;
  readonly runtime: RuntimeCalibration;
  readonly behaviour: TimeBehaviour;
  readonly strategy: Strategy;
  /** Layers of a stage, in the mean. */
  readonly layers: number;
  /** Bytes of a gradient element as it is reduced. */
  readonly gradientBytes: number;
  /** Replicas of dense parameters (data × context), and of expert parameters. */
  readonly dense: GroupSpan;
  readonly expert: GroupSpan;
  /** Ranks of one sharded copy, and the replicas of it. */
  readonly shard: GroupSpan;
  readonly replicas: GroupSpan;
}

/** Each bucket of gradients is a collective of its own, with its own latency. */
const reduction = (context: DataContext, span: GroupSpan, parameters: number): number => {
  if (span.size === 1 || parameters === 0) return 0;
  const { machine, behaviour, strategy, gradientBytes } = context;
  const whole = gradientBytes * parameters;
  if (strategy.sharding !== 'none')
    return behaviour.gradientAllReduce
      ? allReduceTime(machine, span, whole)
      : gatherTime(machine, span, whole);
  const buckets = Math.ceil((WEIGHT * parameters) / behaviour.bucketBytes) || 1;
  return buckets * allReduceTime(machine, span, whole / buckets);
};

const gathering = (context: DataContext, span: GroupSpan, parameters: number): number =>
  context.strategy.sharding === 'none' || parameters === 0
    ? 0
    : gatherTime(context.machine, span, WEIGHT * parameters);

/** The host's part of the gathering in stacks that handle a list of all ranks for each tensor: nothing hides it. */
const gatherLists = ({ runtime, strategy, layers, dense }: DataContext): number =>
  strategy.sharding === 'none' || dense.size === 1 ? 0 : runtime.gatherHost * layers * dense.size;

/**
 * What a reduction of `whole` seconds outlives the backward pass of the last micro-batch by, which takes `window` seconds
 * without its own exchanges on the ports. Gradients are final only then. With interleaved stages the first of v chunks are
 * reduced while the others work off their last p micro-batches; the last chunk's have its own pass alone.
 */
const outliving = (
  whole: number,
  window: number,
  { schedule, virtualStages: v, pipeline: p }: Strategy,
): number =>
  schedule === 'interleaved'
    ? Math.max((whole - window) / v, whole - (((v - 1) * p + 1) * window) / v)
    : whole - window;

/** Seconds in which gradients of so many dense and expert parameters are reduced, all of it. */
export const reduceAll = (context: DataContext, dense: number, expert: number): number =>
  reduction(context, context.dense, dense) + reduction(context, context.expert, expert);

/** Seconds in which so many sharded parameters are gathered, all of it. */
export const gatherAll = (context: DataContext, dense: number, expert: number): number =>
  gathering(context, context.dense, dense) + gathering(context, context.expert, expert);

/**
 * Exposed time once an iteration: gradients of the last micro-batch are reduced while its backward runs, parameters
 * gathered while the next forward runs; of what finds room in those passes the measured share is exposed (kernels that
 * slow each other down), of what outlasts them all. `reduce`, `gather`: seconds of the whole; `lastBackward`: those of the
 * pass, of which `ports` are spent on network ports.
 */
export const exposedExchange = (
  context: DataContext,
  reduce: number,
  gather: number,
  lastBackward: number,
  ports: number,
): number => {
  const { runtime, strategy, dense, expert } = context;
  const remote = dense.outside !== null || expert.outside !== null;
  const window = lastBackward - (remote ? ports : 0);
  const share = runtime.dataExposed;
  const late = Math.max(0, outliving(reduce, window, strategy));
  return (
    (strategy.overlapGradients ? late + share * (reduce - late) : reduce) +
    (strategy.overlapParameters ? share : 1) * gather +
    gatherLists(context)
  );
};

/** The exposed exchange of so many parameters. */
export const dataTime = (
  context: DataContext,
  denseParameters: number,
  expertParameters: number,
  lastBackward = Infinity,
  ports = 0,
): number =>
  exposedExchange(
    context,
    reduceAll(context, denseParameters, expertParameters),
    gatherAll(context, denseParameters, expertParameters),
    lastBackward,
    ports,
  );

/** Whether every layer gathers its parameters (ZeRO-3, FSDP; FSDP's ZeRO-2 keeps them until backward). */
export const shardsLayers = (strategy: Strategy, behaviour: TimeBehaviour): boolean =>
  strategy.sharding === 'parameters' ||
  (strategy.sharding === 'gradients' &&
    (behaviour.profile === 'pytorch-fsdp' || behaviour.profile === 'torchtitan'));

/** How often the exchanges of a micro-batch's pass happen: where stages keep what they gather and sum, once an iteration. */
const sharesOf = (
  { strategy, behaviour }: DataContext,
  microBatches: number,
): { readonly gather: number; readonly again: number; readonly scatter: number } => {
  const { one, more } = behaviour.accumulatesWhole;
  const once = 1 / microBatches;
  if (strategy.pipeline > 1)
    return more ? { gather: once, again: 0, scatter: once } : { gather: 1, again: 1, scatter: 1 };
  return { gather: 1, again: 1, scatter: one ? once : 1 };
};

/** max + x · min of compute and communication, less the compute: what communication adds. */
const added = (compute: number, communication: number, x: number): number =>
  Math.max(compute, communication) + x * Math.min(compute, communication) - compute;

/**
 * Seconds in which one pass gathers and scatters a layer's dense and expert parameters; bytes of each, 0 where it does not.
 * Each group has a communicator of its own. Where the runtime starts them together, one group's transfers fill the time in
 * which another's ring waits for its steps: what remains are the exchanges of one communicator, the reductions, which share
 * a stream, and the bytes of all on the same wires (NVIDIA/Megatron-LM @ 062c833 core/distributed/custom_fsdp
 * param_and_grad_buffer.py: all_gather_bucket_and_set_items, mark_item_ready).
 */
const layerExchange = (
  context: DataContext,
  cost: LayerCost,
  gathered: number,
  scattered: number,
): number => {
  const { machine, behaviour, shard, replicas } = context;
  const ofGroup = (
    span: GroupSpan,
    parameters: number,
  ): { readonly gather: number; readonly scatter: number; readonly wires: number } => {
    const gather = gatherTime(machine, span, gathered * parameters);
    const scatter = gatherTime(machine, span, scattered * parameters);
    const rings = Number(gather > 0) + Number(scatter > 0);
    return { gather, scatter, wires: gather + scatter - rings * gatherLatency(machine, span) };
  };
  const dense = ofGroup(shard, cost.denseParameters);
  const experts = ofGroup(context.expert, cost.expertParameters);
  const copies = allReduceTime(machine, replicas, (scattered * cost.denseParameters) / shard.size);
  const ownDense = dense.gather + dense.scatter + copies;
  const ownExperts = experts.gather + experts.scatter;
  if (!behaviour.exchangesGroupsTogether) return ownDense + ownExperts;
  const reductions = dense.scatter + copies + experts.scatter;
  const sameWires = (shard.outside === null) === (context.expert.outside === null);
  const wires = sameWires ? dense.wires + copies + experts.wires : 0;
  return Math.max(ownDense, ownExperts, reductions, wires);
};

/**
 * Fully sharded parameters: each pass of each micro-batch gathers a layer's weights, backward scatters its gradients
 * (and all-reduces the shard over replicas of it); a layer costs max + x · min of compute and communication.
 * Experts are sharded over their own replicas. What gathers over the network hides behind the rest of the layer, not
 * behind exchanges that need the same ports (a token exchange among nodes).
 */
export const withShardedLayer = (context: DataContext, cost: LayerCost, microBatches = 1): LayerCost => {
  const { runtime, shard, strategy, gradientBytes } = context;
  const remote = shard.outside !== null;
  const x = remote ? runtime.fsdpNetwork : runtime.fsdpNode;
  const shares = sharesOf(context, microBatches);
  const again = strategy.sharding === 'parameters' ? WEIGHT * shares.again : 0;
  const pass = (parts: Parts, ports: number, communication: number): Parts => ({
    ...parts,
    data: parts.data + added(total(parts) - (remote ? ports : 0), communication, x),
  });
  const forward = pass(
    cost.forward,
    cost.forwardPorts,
    layerExchange(context, cost, WEIGHT * shares.gather, 0),
  );
  const backward = pass(
    cost.backward,
    cost.backwardPorts,
    layerExchange(context, cost, again, gradientBytes * shares.scatter),
  );
  return { ...cost, forward, backward, forwardTime: total(forward), backwardTime: total(backward) };
};

/**
 * Optimizer step of one rank: bytes per parameter of its whole copy (norm, zeroing, copying back) and of its own shard
 * (moments and main parameters) at streaming bandwidth. What is offloaded runs at the host's pace.
 */
export const optimizerTime = (
  context: DataContext,
  denseParameters: number,
  expertParameters: number,
): number => {
  const { machine, runtime, behaviour, strategy } = context;
  const layers = shardsLayers(strategy, behaviour);
  const pass = (parameters: number, ranks: number): number => {
    const owners = strategy.sharding === 'none' ? 1 : ranks;
    const copy = layers ? owners : 1;
    return parameters * (runtime.optimizerParameter / copy + runtime.optimizerShard / owners);
  };
  const bytes = pass(denseParameters, context.shard.size) + pass(expertParameters, context.expert.size);
  const onDevice = bytes / (machine.memoryBandwidth * machine.constants.streaming);
  // A strategy that offloads without a stated share offloads everything.
  const offloaded =
    strategy.offload === 'optimizer' && behaviour.optimizerOffload === 0 ? 1 : behaviour.optimizerOffload;
  if (offloaded === 0) return onDevice;
  const owned =
    denseParameters / (strategy.sharding === 'none' ? 1 : context.shard.size) +
    expertParameters / (strategy.sharding === 'none' ? 1 : context.expert.size);
  const rates = { host: 1 / runtime.offloadSeconds, device: Infinity };
  return onDevice * (1 - offloaded) + offloadedUpdateTime(owned * offloaded, 0, rates);
};
