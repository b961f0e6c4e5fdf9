/** Iteration times that no partition of a strategy undercuts. */
import { gpusUsed } from '../strategy/strategy.ts';
import type { Strategy } from '../strategy/strategy.ts';
import { dataTime, optimizerTime, shardsLayers } from './data-parallel.ts';
import { spreadVocabulary } from './pipeline-part.ts';
import type { IterationContext } from './iteration.ts';
import type { LayerSet } from './layer-set.ts';
import { leastLoads } from './stage-bound.ts';
import { pair } from './tuple-map.ts';
import type { TupleMap } from './tuple-map.ts';

/** Also what bounds remember. */
export interface BoundContext extends IterationContext {
  /** Least transfers of a micro-batch, by the keys that they depend on. */
  readonly transfers: TupleMap<number>;
}

/** Seconds that one micro-batch is at least on its way between stages, down and up: what every partition waits for. */
const leastTransfers = (context: BoundContext, set: LayerSet, s: Strategy): number => {
  const { tables, transfers } = context;
  if (s.pipeline === 1 || tables.topology.links !== null || !opensWithWay(s)) return 0;
  const tokens = pair(s.context, s.microBatchSize);
  const rest = Number(s.sequenceParallel) * 2 + Number(s.rankOrder === 'tp-cp-ep-pp-dp');
  const machine = tables.machines.indexOf(set.machine);
  const place = pair(s.pipeline, machine * 4 + rest);
  const known = transfers.get(gpusUsed(s), s.tensor, tokens, place);
  if (known !== undefined) return known;
  const links = context.linksOf(set, s)[0]?.links ?? [];
  let way = 0;
  for (let index = 0; index < s.pipeline - 1; index += 1) way += 2 * (links[index] ?? 0);
  transfers.set(gpusUsed(s), s.tensor, tokens, place, way);
  return way;
};

/** Schedules that expose at least one micro-batch's whole way through the pipeline. */
const opensWithWay = ({ schedule }: Strategy): boolean =>
  schedule === 'gpipe' || schedule === '1f1b' || schedule === 'interleaved' || schedule === 'zb-h1';

/**
 * No partition of the strategy is faster: some stage does at least the balanced share of all work for every micro-batch,
 * and in synchronous schedules one micro-batch passes every other stage and all transfers; plus the step on the mean
 * shard of parameters. Free of exposed gradients. Zero-bubble schedules have no fill. `bottleneck`: seconds that the
 * slowest stage takes at least for one micro-batch under every partition, where the caller knows.
 */
export const iterationLowerBound = (context: BoundContext, s: Strategy, bottleneck = 0): number =>
  leastTime(context, s, false, bottleneck);

/** The same with the exposed gradients and gathers of the mean stage, which the stage with most parameters exceeds. */
export const iterationExchangeBound = (context: BoundContext, s: Strategy, bottleneck = 0): number =>
  leastTime(context, s, true, bottleneck);

/** Sums of the same times in another order differ by less. */
const ROUNDING = 1e-12;

const leastTime = (context: BoundContext, s: Strategy, exchanges: boolean, bottleneck: number): number => {
  const { problem, tables } = context;
  const m = problem.training.globalBatchSize / (s.data * s.microBatchSize);
  const { pipeline: p, virtualStages: v } = s;
  const sets = tables.sets(s);
  const { share, round } = leastLoads(problem, sets, context.machines, s);
  let end = Infinity;
  for (const set of sets) {
    const { denseParameters: dense, expertParameters: expert } = set.whole;
    const step = optimizerTime(set.data, dense / p, expert / p);
    const whole = exchanges && !shardsLayers(s, set.behaviour);
    const exchange = whole ? dataTime(set.data, dense / p, expert / p) : 0;
    const transfer = leastTransfers(context, set, s);
    end = Math.min(end, exchange + transfer + step + set.runtime.iterationOverhead);
  }
  // A spread vocabulary leaves the last stage; over measured links passes are simulated. Both may undercut the caller's.
  const slowest = spreadVocabulary(s) || tables.topology.links !== null ? share : Math.max(share, bottleneck);
  const filled = s.schedule === 'gpipe' || s.schedule === '1f1b' || s.schedule === 'interleaved';
  const pipeline = filled ? (m - 1 / v) * slowest + Math.max(round, slowest) / v : m * slowest;
  return (pipeline + end) * (1 - ROUNDING);
};
