/** What measured routing makes of a group of ranks that hold the experts of a model. */
import type { Routing } from './problem.ts';

/** Load of the GPU with most tokens over the mean of its group, 1 where all are equal. */
export interface ExpertLoad {
  /** Mean over the MoE layers, each with its own busiest GPU: what the layers together wait for. */
  readonly mean: number;
  /** The worst MoE layer: what a GPU must have room for. */
  readonly worst: number;
}

const EVEN: ExpertLoad = { mean: 1, worst: 1 };

/** Under the routing's placement, on `ranks` GPUs that hold equally many experts of every layer. */
export const expertLoad = (routing: Routing, ranks: number): ExpertLoad =>
  routing.kind === 'balanced' || ranks <= 1 ? EVEN : routing.load(ranks);
