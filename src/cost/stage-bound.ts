/** How little the slowest stage of a pipeline can do, whatever the partition. */
import type { Problem } from '../plan/problem.ts';
import type { Strategy } from '../strategy/strategy.ts';
import type { LayerCost } from './layer.ts';
import type { LayerSet } from './layer-set.ts';
import { headStage, slowestSet } from './stages.ts';

export interface LeastLoads {
  /** Seconds of one micro-batch that some stage takes at least. */
  readonly share: number;
  /** Seconds that all stages take at least together. */
  readonly round: number;
}

const both = (cost: LayerCost | undefined | null): number =>
  cost === undefined || cost === null ? 0 : cost.forwardTime + cost.backwardTime;

/**
 * On equal stages the mean of all work. On unequal ones the dual of the fractional partition: with a worth y of each
 * kind of layer (its time on the first stage) and r = the most worth that stage s does in a second, a bottleneck T lets
 * stage s do worth r·(T − extras), so that T ≥ (Σ y·layers + Σ r·extras) ∕ Σ r.
 */
export const leastLoads = (
  problem: Problem,
  sets: readonly LayerSet[],
  machines: (s: Strategy) => readonly (readonly number[])[],
  s: Strategy,
): LeastLoads => {
  const only = sets[0];
  if (sets.length === 1 && only !== undefined) {
    const { work } = only.whole;
    return { share: work / s.pipeline, round: work };
  }
  let round = Infinity;
  for (const set of sets) round = Math.min(round, set.whole.work);
  const stages = machines(s).map((indices) => slowestSet(sets, indices));
  const worth = stages[0]?.plain.map(both) ?? [];
  const onLast = s.vocabulary === 'last' || s.vocabulary === 'redistributed';
  const spread = onLast ? 0 : Math.min(...sets.map((set) => both(set.head))) / s.pipeline;
  let [done, rate] = [0, 0];
  for (const kind of problem.model.layers) done += worth[kind] ?? 0;
  for (const [stage, set] of stages.entries()) {
    let own = 0;
    for (const [kind, cost] of set.plain.entries()) {
      const time = both(cost);
      if (time > 0) own = Math.max(own, (worth[kind] ?? 0) / time);
    }
    let extras = spread;
    if (stage === 0) extras += both(set.embedding);
    if (stage === headStage(s)) extras += (onLast ? both(set.head) : 0) + both(set.mtp);
    done += own * extras;
    rate += own;
  }
  return { share: rate > 0 ? done / rate : 0, round };
};
