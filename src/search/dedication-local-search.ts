/** Annealing from several starts, each followed by descent on the objective itself. Deterministic for a seed. */
import { seededRandom } from '../placement/random.ts';
import { anneal, type Found } from './dedication-cooling.ts';
import {
  hostOrder,
  orderValue,
  pathValue,
  ringValue,
  type DedicationInstance,
} from './dedication-instance.ts';
import { Move, swap, undo } from './dedication-move.ts';
import { aroundRings, clusteredOrder, sickLast } from './dedication-seeds.ts';
import { DedicationState, type Targets } from './dedication-state.ts';

export interface SearchEffort {
  /** Moves of all starts together. */
  readonly moves: number;
  readonly starts: number;
  readonly seed: number;
}

/** Rings' target of a start from the best so far, as a multiple of their lower bound. */
const AGAIN = 1.03;

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

interface Start {
  readonly order: Int32Array;
  /** Rings' target: near what the rings take now (null), or a multiple of their lower bound. */
  readonly aim: number | null;
  readonly pinned: Uint8Array | null;
}

/** The heaviest rings as the bounds have them, held while the rest is arranged around them. */
const heaviestFirst = (instance: DedicationInstance, from: Int32Array, floor: Floor): Start | null => {
  if (floor.heaviest === null) return null;
  const { order, pinned } = aroundRings(instance, from, floor.heaviest);
  const own = instance.rings.filter(({ slots }) => pinned[slots[0] ?? 0] === 1);
  const heaviest = Math.max(...own.map((ring) => ringValue(instance, ring, order)));
  return { order, pinned, aim: floor.data > 0 ? heaviest / floor.data : null };
};

/** Clusters, the heaviest rings as the bounds found them with clusters around them, and the hosts' own order. */
const startsOf = (instance: DedicationInstance, floor: Floor): readonly Start[] => {
  const [near, plain, host] = [
    clusteredOrder(instance, true),
    clusteredOrder(instance, false),
    hostOrder(instance),
  ].map((order) => sickLast(instance, order));
  if (near === undefined || plain === undefined || host === undefined) return [];
  const first: Start = { order: near, aim: null, pinned: null };
  const second: Start = { order: plain, aim: 1.01, pinned: null };
  const around = heaviestFirst(instance, near, floor);
  return [first, second, around ?? { order: host, aim: 1, pinned: null }];
};

type Floor = Targets & { readonly total: number; readonly heaviest: readonly Int32Array[] | null };

/** From clusters, from rings that are known to be fast, and from the best found so far. `floor`: valid lower bounds. */
export const localSearch = (instance: DedicationInstance, floor: Floor, effort: SearchEffort): Found => {
  const host = hostOrder(instance);
  let best: Found = { order: host, value: orderValue(instance, host) };
  const offer = (found: Found): void => {
    if (found.value < best.value) best = found;
  };
  const starts = startsOf(instance, floor);
  for (const { order } of starts) offer({ order, value: orderValue(instance, order) });
  for (let index = 0; index < effort.starts; index += 1) {
    if (best.value <= floor.total * (1 + 1e-9)) break;
    const random = seededRandom(effort.seed + 7919 * index);
    const { order, aim, pinned } = starts[index] ?? { order: best.order, aim: AGAIN, pinned: null };
    const moves = Math.floor(effort.moves / effort.starts);
    // The last start looks at pipelines beside rings that no longer improve: losses of their size count.
    const fine = index === effort.starts - 1 && index >= starts.length;
    const scale = fine ? longestPath(instance, best.order) || best.value : best.value;
    const found = anneal({
      instance,
      start: order,
      moves,
      random,
      floor,
      aim: fine ? null : aim,
      scale,
      pinned,
    });
    offer(descend(instance, found, 20_000));
  }
  return best;
};
