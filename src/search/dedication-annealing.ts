/** Baselines: annealing as Pipette describes and its code does it, and random orders. */
import { randomIndex, seededRandom } from '../placement/random.ts';
import { hostOrder, orderValue, type DedicationInstance } from './dedication-instance.ts';
import type { Found } from './dedication-cooling.ts';

/**
 * Steps that its shipped run makes in the 10 s that it gives each configuration: a Python loop of about 6,000 steps a
 * second. A wall clock would make the answer depend on the machine.
 */
export const PIPETTE_STEPS = 60_000;
const FIRST_TEMPERATURE = 1;
const COOLING = 0.999;

const shuffled = (nodes: number, random: () => number): Int32Array => {
  const order = hostOrder({ nodes });
  for (let last = nodes - 1; last > 0; last -= 1) {
    const other = randomIndex(random, last + 1);
    const kept = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = kept;
  }
  return order;
};

/** One of its five moves: reverse a stretch, insert, swap, move a stretch, move it reversed. */
const neighbour = (order: Int32Array, random: () => number): Int32Array => {
  const nodes = [...order];
  const [one, two] = [randomIndex(random, nodes.length), randomIndex(random, nodes.length)];
  const [first, last] = [Math.min(one, two), Math.max(one, two)];
  switch (randomIndex(random, 5)) {
    case 0:
      return Int32Array.from([
        ...nodes.slice(0, first),
        ...nodes.slice(first, last + 1).reverse(),
        ...nodes.slice(last + 1),
      ]);
    case 1: {
      const [moved = 0] = nodes.splice(one, 1);
      nodes.splice(two, 0, moved);
      return Int32Array.from(nodes);
    }
    case 2: {
      const kept = nodes[one] ?? 0;
      nodes[one] = nodes[two] ?? 0;
      nodes[two] = kept;
      return Int32Array.from(nodes);
    }
    default: {
      const stretch = nodes.splice(first, last - first + 1);
      if (random() < 0.5) stretch.reverse();
      nodes.splice(randomIndex(random, nodes.length + 1), 0, ...stretch);
      return Int32Array.from(nodes);
    }
  }
};

/** Chance of taking a loss: its size is normalised to the decade that it lies in. */
const acceptance = (loss: number, temperature: number): number =>
  Math.exp(-loss / 10 ** (Math.floor(Math.log10(loss)) + 1) / temperature);

/**
 * Pipette's annealing on our objective, from a random order. Source: yimjinkyu1/date2024_pipette @ a2b0683f, strategy/merge4:
 * moves, first temperature 1, factor 0.999 a step, acceptance.
 */
export const pipetteAnnealing = (
  instance: DedicationInstance,
  seed: number,
  steps: number = PIPETTE_STEPS,
): Found => {
  const random = seededRandom(seed);
  let order = shuffled(instance.nodes, random);
  let value = orderValue(instance, order);
  let best: Found = { order, value };
  for (let step = 0, temperature = FIRST_TEMPERATURE; step < steps; step += 1, temperature *= COOLING) {
    const next = neighbour(order, random);
    const found = orderValue(instance, next);
    if (found > value && random() >= acceptance(found - value, temperature)) continue;
    [order, value] = [next, found];
    if (value < best.value) best = { order, value };
  }
  return best;
};

/** Mean value of random orders. */
export const randomMean = (instance: DedicationInstance, seed: number, orders = 1000): number => {
  const random = seededRandom(seed);
  let sum = 0;
  for (let index = 0; index < orders; index += 1)
    sum += orderValue(instance, shuffled(instance.nodes, random));
  return sum / orders;
};
