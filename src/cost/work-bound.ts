/** Work that no strategy of some sizes avoids, whatever its switches. */
import type { Topology } from '../cluster/topology.ts';
import type { Operator } from '../model/operator.ts';
import type { Problem } from '../plan/problem.ts';
import type { Strategy } from '../strategy/strategy.ts';
import { groupSpans, spanOf } from './group-spans.ts';
import { leastLayerTime } from './layer-bound.ts';
import type { LayerChoices } from './layer-bound.ts';
import type { LayerCost } from './layer.ts';
import type { Machine } from './machine.ts';
import type { LayerPieces } from './measured-layers.ts';
import { operatorSums } from './operator-sums.ts';
import type { LayerContext } from './operator-time.ts';
import { bareOptions, mtpOptions } from './piece-options.ts';
import type { Contexts, ModelOperators, PieceOptions } from './piece-options.ts';

export interface WorkBounds {
  /** Operators of both passes of one micro-batch through the model, on the machine where they take least. */
  readonly operatorWork: (strategy: Strategy) => number;
  /** The same with the communication that no choice of switches avoids; not less than `operatorWork`. */
  readonly leastOfSwitches: (strategy: Strategy, choices: LayerChoices) => number;
}

/** What layer tables know. */
interface WorkSource {
  readonly problem: Problem;
  readonly topology: Topology;
  readonly machines: readonly Machine[];
  readonly layersOfKind: readonly number[];
  readonly contextsOf: (s: Strategy, machine: number) => Contexts;
  readonly pieceOperators: (s: Strategy, machine: number) => ModelOperators;
  readonly sets: (s: Strategy) => readonly LayerPieces[];
}

export const createWorkBounds = ({
  problem,
  topology,
  machines,
  layersOfKind,
  contextsOf,
  pieceOperators,
  sets,
}: WorkSource): WorkBounds => {
  const profiled = (problem.layerTimes ?? []).length > 0;
  /** Computing alone where layers were profiled: their operators are not known. */
  const profiledWork = (s: Strategy): number =>
    Math.min(
      ...sets(s).map(({ plain, embedding, head, mtp }) => {
        const compute = (cost: LayerCost | null): number =>
          cost === null ? 0 : cost.forward.compute + cost.backward.compute;
        const layers = plain.reduce((sum, cost, kind) => sum + compute(cost) * (layersOfKind[kind] ?? 0), 0);
        return layers + compute(embedding) + compute(head) + compute(mtp);
      }),
    );
  /** Sum over the pieces of the model on the machine where it is least. */
  const leastWork = (
    s: Strategy,
    work: (context: LayerContext, list: readonly Operator[], piece: PieceOptions) => number,
  ): number => {
    let least = Infinity;
    for (const index of machines.keys()) {
      const { context, once } = contextsOf(s, index);
      const operators = pieceOperators(s, index);
      const mtpLayers = problem.model.multiTokenPrediction?.layers ?? 0;
      let sum = work(once, operators.embedding, bareOptions.embedding);
      sum += work(once, operators.head, bareOptions.head);
      if (mtpLayers > 0) sum += work(context, operators.mtp, mtpOptions(mtpLayers));
      for (const [kind, list] of operators.kinds.entries())
        sum += (layersOfKind[kind] ?? 0) * work(context, list, {});
      least = Math.min(least, sum);
    }
    return least;
  };
  const operatorWork = (s: Strategy): number =>
    profiled
      ? profiledWork(s)
      : leastWork(s, (context, list) => {
          const { forward, backward, weightGradient } = operatorSums(context, list);
          return forward + backward + weightGradient;
        });
  const leastOfSwitches = (s: Strategy, choices: LayerChoices): number => {
    if (profiled || topology.links !== null) return operatorWork(s);
    const group = groupSpans(spanOf(topology, s), s);
    return leastWork(s, (context, list, piece) =>
      leastLayerTime(context, group, list, choices, { hidden: problem.model.hidden, ...piece }),
    );
  };
  return { operatorWork, leastOfSwitches };
};
