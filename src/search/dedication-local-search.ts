/** Annealing on the excess over targets, then descent on the objective itself. Deterministic for a seed. */
import { seededRandom } from '../placement/random.ts';
import {
  hostOrder,
  orderValue,
  pathValue,
  ringValue,
  type DedicationInstance,
} from './dedication-instance.ts';
import { createGuide, Move, propose, swap, undo } from './dedication-moves.ts';
import { clusteredOrder, sickLast } from './dedication-seeds.ts';
import { DedicationState, type Targets } from './dedication-state.ts';

export interface Found {
  readonly order: Int32Array;
  readonly value: number;
}

export interface SearchEffort {
  /** Moves of all starts together. */
  readonly moves: number;
  readonly starts: number;
  readonly seed: number;
}

/** Temperatures of one start, first and last, as shares of the value. */
const HOT = 0.01;
const COLD = 2e-5;
const EPOCHS = 120;
/** How far below the present worst ring and pipeline the targets lie: what comes near counts too. */
const MARGIN = 0.05;
/** Rings' target in turn: near what the rings take now, or a multiple of their lower bound. */
const AIMS: readonly (number | null)[] = [null, 1.01, 1, 1.03];

interface Anneal {
  readonly instance: DedicationInstance;
  readonly start: Int32Array;
  readonly moves: number;
  readonly random: () => number;
  /** Lower bounds, below which no target makes sense. */
  readonly floor: Targets;
  readonly aim: number | null;
  /** Seconds that temperatures are shares of. */
  readonly scale: number;
}

const anneal = ({ instance, start, moves, random, floor, aim, scale }: Anneal): Found => {
  const state = new DedicationState(instance, start);
  const move = new Move(8 * instance.nodes + 64);
  const guide = createGuide(instance, random);
  let best: Found = { order: start.slice(), value: orderValue(instance, start) };
  const perEpoch = Math.max(1, Math.floor(moves / EPOCHS));
  for (let epoch = 0; epoch < EPOCHS; epoch += 1) {
    const { data, pipeline } = state.values();
    const worth = data + pipeline;
    if (worth < best.value) best = { order: state.order.slice(), value: worth };
    const margin = 1 - MARGIN * (1 - epoch / EPOCHS);
    state.retarget({
      data: aim === null ? Math.max(floor.data, data * margin) : floor.data * aim,
      pipeline: Math.max(floor.pipeline, pipeline * margin),
    });
    const temperature = scale * HOT * (COLD / HOT) ** (epoch / (EPOCHS - 1));
    for (let step = 0; step < perEpoch; step += 1) {
      state.begin();
      propose(state, move, guide);
      if (move.size === 0) continue;
      const change = state.settle();
      if (change > 0 && random() >= Math.exp(-change / temperature)) undo(state, move);
    }
  }
  const value = orderValue(instance, state.order);
  return value < best.value ? { order: state.order.slice(), value } : best;
};

/** Slots whose nodes decide the objective: ends of the slowest arc of the worst ring, and the worst pipeline. */
const criticalSlots = (instance: DedicationInstance, order: Int32Array): readonly number[] => {
  const { latency, nodes } = instance;
  const critical = new Set<number>();
  let [most, ring] = [0, instance.rings[0]];
  for (const each of instance.rings) {
    const value = ringValue(instance, each, order);
    if (value > most) [most, ring] = [value, each];
  }
  if (ring !== undefined && most > 0) {
    const { slots } = ring;
    for (const [index, to] of slots.entries()) {
      const from = slots[(index + slots.length - 1) % slots.length] ?? 0;
      if ((latency[(order[from] ?? 0) * nodes + (order[to] ?? 0)] ?? 0) * ring.weight >= most * (1 - 1e-12)) {
        critical.add(from);
        critical.add(to);
      }
    }
  }
  let [longest, path] = [0, instance.paths[0]];
  for (const each of instance.paths) {
    const value = pathValue(instance, each, order);
    if (value > longest) [longest, path] = [value, each];
  }
  for (const hop of longest > 0 ? (path?.hops ?? []) : []) for (const slot of hop) critical.add(slot);
  return [...critical];
};

/** Exchanges of a critical node with any other, as long as one makes the objective smaller. */
const descend = (instance: DedicationInstance, from: Found, evaluations: number): Found => {
  const state = new DedicationState(instance, from.order);
  const move = new Move(8);
  let value = from.value;
  let left = evaluations;
  for (let improved = true; improved && left > 0;) {
    improved = false;
    search: for (const a of criticalSlots(instance, state.order))
      for (let b = 0; b < instance.nodes; b += 1) {
        if (a === b) continue;
        left -= 1;
        state.begin();
        move.size = 0;
        swap(state, move, a, b);
        const now = orderValue(instance, state.order);
        if (now < value * (1 - 1e-12)) {
          value = now;
          improved = true;
          break search;
        }
        undo(state, move);
      }
  }
  return { order: state.order.slice(), value };
};

const longestPath = (instance: DedicationInstance, order: Int32Array): number =>
  instance.paths.reduce((most, path) => Math.max(most, pathValue(instance, path, order)), 0);

/** From the hosts' own order, from clusters, and from the best found so far, in turn. `floor`: valid lower bounds. */
export const localSearch = (
  instance: DedicationInstance,
  floor: Targets & { readonly total: number },
  effort: SearchEffort,
): Found => {
  const host = hostOrder(instance);
  let best: Found = { order: host, value: orderValue(instance, host) };
  const seeds = [clusteredOrder(instance, true), clusteredOrder(instance, false), host].map((order) =>
    sickLast(instance, order),
  );
  const offer = (found: Found): void => {
    if (found.value < best.value) best = found;
  };
  for (const order of seeds) offer({ order, value: orderValue(instance, order) });
  for (let start = 0; start < effort.starts; start += 1) {
    if (best.value <= floor.total * (1 + 1e-9)) break;
    const random = seededRandom(effort.seed + 7919 * start);
    const from = start < seeds.length ? (seeds[start] ?? host) : best.order;
    const moves = Math.floor(effort.moves / effort.starts);
    // The last start looks at pipelines beside rings that no longer improve: losses of their size count.
    const fine = start === effort.starts - 1 && start >= seeds.length;
    const scale = fine ? longestPath(instance, best.order) || best.value : best.value;
    const aim = fine ? null : (AIMS[start % AIMS.length] ?? null);
    const found = anneal({ instance, start: from, moves, random, floor, aim, scale });
    offer(descend(instance, found, 20_000));
  }
  return best;
};
