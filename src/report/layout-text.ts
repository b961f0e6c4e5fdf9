import { recomputeToText } from '../strategy/recompute.ts';
import type { Strategy } from '../strategy/strategy.ts';

/** A strategy in a few words, sizes of 1 left out: `TP 8, PP 4 × 2, DP 16, micro-batch 1, recompute none`. */
export const layoutText = (strategy: Strategy): string => {
  const { tensor, pipeline, virtualStages, context, expert, expertTensor, data } = strategy;
  const size = (name: string, value: number): readonly string[] => (value === 1 ? [] : [`${name} ${value}`]);
  return [
    ...size('TP', tensor),
    ...(virtualStages === 1 ? size('PP', pipeline) : [`PP ${pipeline} × ${virtualStages}`]),
    ...size('CP', context),
    ...size('EP', expert),
    ...(expert === 1 ? [] : size('ETP', expertTensor)),
    ...size('DP', data),
    `micro-batch ${strategy.microBatchSize}`,
    `recompute ${recomputeToText(strategy.recompute)}`,
  ].join(', ');
};
