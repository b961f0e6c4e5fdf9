import type { LayerProblem } from '../../src/placement/layer-problem.ts';
import { seededRandom } from '../../src/placement/random.ts';
import { problemOf } from './measured.ts';

/** Log-normal loads of sigma 0.8 by Box and Muller, as the prototypes of such planners are measured on. */
const syntheticLayer = (experts: number, random: () => number): number[] =>
  Array.from({ length: experts }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    return Math.round(1000 * Math.exp(0.8 * radius * Math.cos(2 * Math.PI * random())));
  });

/** The layers of one shape of the scale section; the first ones are the same however many are asked for. */
export const scaleProblems = (
  layers: number,
  experts: number,
  replicas: number,
  gpus: number,
): readonly LayerProblem[] => {
  const random = seededRandom(experts + gpus);
  return Array.from({ length: layers }, () => problemOf([syntheticLayer(experts, random)], replicas, gpus));
};
