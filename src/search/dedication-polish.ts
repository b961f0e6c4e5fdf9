/** Exchanges of nodes judged by the estimator itself: what the communication's form does not see. */
import { randomIndex, seededRandom } from '../placement/random.ts';

export interface Polished {
  readonly order: readonly number[];
  /** Seconds. */
  readonly time: number;
}

/**
 * From an order, `evaluations` exchanges of two launched nodes or of one with a spare, each kept if the time falls.
 * `score` is the iteration time of an order.
 */
export const polishOrder = (
  start: readonly number[],
  spares: readonly number[],
  score: (order: readonly number[]) => number,
  evaluations: number,
): Polished => {
  const random = seededRandom(start.length);
  const nodes = [...start, ...spares];
  const launched = (): readonly number[] => nodes.slice(0, start.length);
  let time = score(launched());
  if (nodes.length < 2) return { order: start, time };
  for (let step = 0; step < evaluations; step += 1) {
    const a = randomIndex(random, start.length);
    const b = randomIndex(random, nodes.length);
    if (a === b) continue;
    const [left, right] = [nodes[a] ?? 0, nodes[b] ?? 0];
    [nodes[a], nodes[b]] = [right, left];
    const found = score(launched());
    if (found < time * (1 - 1e-9)) time = found;
    else [nodes[a], nodes[b]] = [left, right];
  }
  return { order: launched(), time };
};
