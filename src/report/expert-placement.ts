import type { Plan } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import { expertLoad } from '../plan/expert-load.ts';
import { integer } from './figures.ts';

/** Which placement of the experts a plan assumes, and what the busiest GPU of the expert-parallel group then carries. */
export interface AssumedPlacement {
  readonly placement: string;
  /** The count file; `balanced` where every expert is taken to get equally many tokens. */
  readonly routing: string;
  /** Busiest GPU over the mean: mean over the MoE layers, by which time goes. */
  readonly maxOverMean: number;
  /** The same of the worst layer, by which memory goes. */
  readonly worstLayer: number;
  /** The first under contiguous blocks. */
  readonly contiguous: number;
}

/** null for a model without experts. */
export const assumedPlacement = (
  { model, training }: Problem,
  { strategy }: Plan,
): AssumedPlacement | null => {
  if (!model.kinds.some(({ feedForward }) => feedForward.kind === 'moe')) return null;
  const { routing } = training;
  const { mean, worst } = expertLoad(routing, strategy.expert);
  const measured = routing.kind === 'counts';
  return {
    placement: measured ? routing.placement : 'contiguous',
    routing: measured ? routing.file : 'balanced',
    maxOverMean: mean,
    worstLayer: worst,
    contiguous: measured && strategy.expert > 1 ? routing.contiguous(strategy.expert).mean : 1,
  };
};

/** The same in a sentence; empty where experts are not spread over GPUs. */
export const placementSentence = (problem: Problem, plan: Plan): string => {
  const assumed = assumedPlacement(problem, plan);
  const gpus = plan.strategy.expert;
  if (assumed === null || gpus === 1) return '';
  const { placement, routing, maxOverMean, worstLayer, contiguous } = assumed;
  if (routing === 'balanced')
    return `Experts: contiguous blocks on ${integer(gpus)} GPUs, all taken to get equally many tokens.`;
  const compared = placement === 'contiguous' ? '' : `; in contiguous blocks ${contiguous.toFixed(3)}`;
  return (
    `Experts: placement ${placement} on ${integer(gpus)} GPUs under ${routing}: the busiest has ` +
    `${maxOverMean.toFixed(3)} times the mean (worst layer ${worstLayer.toFixed(3)})${compared}.`
  );
};
