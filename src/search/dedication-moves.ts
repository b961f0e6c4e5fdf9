/** Which moves the local search proposes. */
import { randomIndex } from '../placement/random.ts';
import type { DedicationInstance, Ring } from './dedication-instance.ts';
import { exchange, insert, reverse, set, swap, type Move } from './dedication-move.ts';
import type { DedicationState } from './dedication-state.ts';

/** Longest stretch that a move within a ring reverses or shifts. */
const STRETCH = 12;

const anySlot = (random: () => number, { nodes }: DedicationInstance): number => randomIndex(random, nodes);

/** Two positions of every column change places, or a stretch of positions is reversed: pipelines stay, rings change. */
const permutePositions = (state: DedicationState, move: Move, random: () => number): void => {
  const { grid } = state.instance;
  if (grid === null) return;
  const { columns, positions, block } = grid;
  const blocks = positions / block;
  if (blocks < 2) return;
  const first = randomIndex(random, blocks);
  const length = 2 + randomIndex(random, Math.min(STRETCH, blocks) - 1);
  for (const column of columns)
    for (let step = 0; step < length >> 1; step += 1) {
      const [a, b] = [(first + step) % blocks, (first + length - 1 - step) % blocks];
      for (let inner = 0; inner < block; inner += 1)
        swap(state, move, column[a * block + inner] ?? 0, column[b * block + inner] ?? 0);
    }
};

/** Two columns change places, or a stretch of columns is reversed: rings stay, pipelines change. */
const permuteColumns = (state: DedicationState, move: Move, random: () => number): void => {
  const { grid } = state.instance;
  if (grid === null || grid.columns.length < 2) return;
  const { columns, positions } = grid;
  const first = randomIndex(random, columns.length);
  const second = randomIndex(random, columns.length);
  const shift = random() < 0.5 ? 0 : randomIndex(random, positions);
  const [left, right] = [columns[first], columns[second]];
  if (left === undefined || right === undefined || (first === second && shift === 0)) return;
  move.whole = true;
  const nodes = Array.from(left, (slot) => state.order[slot] ?? 0);
  const others = Array.from(right, (slot) => state.order[slot] ?? 0);
  for (const [position, slot] of left.entries())
    set(state, move, slot, (first === second ? nodes : others)[(position + shift) % positions] ?? 0);
  if (first !== second)
    for (const [position, slot] of right.entries()) set(state, move, slot, nodes[position] ?? 0);
};

/** A ring, turned or mirrored within itself against the others. */
const withinRing = (state: DedicationState, move: Move, random: () => number): void => {
  const { rings } = state.instance;
  const ring = rings[randomIndex(random, rings.length)]?.slots;
  if (ring === undefined || ring.length < 2) return;
  const first = randomIndex(random, ring.length);
  const most = Math.min(ring.length, STRETCH);
  const length = 2 + randomIndex(random, most - 1);
  const kind = random();
  if (kind < 0.4) swap(state, move, ring[first] ?? 0, ring[(first + length - 1) % ring.length] ?? 0);
  else if (kind < 0.7) reverse(state, move, ring, first, length);
  else if (kind < 0.9) insert(state, move, ring, first, length - 1);
  else reverse(state, move, ring, first, 2 + randomIndex(random, ring.length - 1));
};

/** Stretches of two launch positions reversed, moved or exchanged, for slots that form no grid. */
const alongSlots = (state: DedicationState, move: Move, random: () => number, all: Int32Array): void => {
  const first = randomIndex(random, all.length);
  const length = Math.min(all.length, 2 + randomIndex(random, STRETCH));
  if (random() < 0.5) reverse(state, move, all, first, length);
  else insert(state, move, all, first, length - 1);
};

/** What guides proposals: who is near whom. */
export interface Guide {
  readonly random: () => number;
  /** All slots in the order of the launch. */
  readonly all: Int32Array;
  /** near[node · width + k]: the receiver that is k-th nearest to a node. */
  readonly near: Int32Array;
  readonly width: number;
  /** nearSenders[node · width + k]: the sender that is k-th nearest to a node. */
  readonly nearSenders: Int32Array;
  /** Ring and position of each slot, ring · slots + position; −1 where it lies in none. */
  readonly place: Int32Array;
  /** Links of pipelines: from, to, from, to, …. */
  readonly hops: Int32Array;
}

const NEAR = 8;

/** The `width` nodes of least latency to or from each node. */
const nearest = ({ nodes, latency }: DedicationInstance, width: number, senders: boolean): Int32Array => {
  const near = new Int32Array(nodes * width);
  const arc = (node: number, other: number): number =>
    (senders ? latency[other * nodes + node] : latency[node * nodes + other]) ?? 0;
  for (let node = 0; node < nodes; node += 1) {
    const others = Int32Array.from({ length: nodes }, (_, other) => other)
      .filter((other) => other !== node)
      .sort((a, b) => arc(node, a) - arc(node, b));
    near.set(others.subarray(0, width), node * width);
  }
  return near;
};

export const createGuide = (instance: DedicationInstance, random: () => number): Guide => {
  const { nodes, slots, rings, paths } = instance;
  const width = Math.min(NEAR, nodes - 1);
  const place = new Int32Array(slots).fill(-1);
  for (const [index, ring] of rings.entries())
    if (ring.slots.length > 1)
      for (const [position, slot] of ring.slots.entries()) place[slot] = index * slots + position;
  return {
    random,
    all: Int32Array.from({ length: slots }, (_, slot) => slot),
    near: nearest(instance, width, false),
    nearSenders: nearest(instance, width, true),
    width,
    place,
    hops: Int32Array.from(paths.flatMap(({ hops }) => hops.flatMap((hop) => [...hop]))),
  };
};

/** Chance that the length of exchanged stretches is drawn, not chosen. */
const DRAWN = 0.2;

/**
 * How long equal stretches of two rings should be that change places: as long that the arcs at their ends exceed the
 * rings' limits least.
 */
const stretchLength = (
  { order, instance, arcLimit }: DedicationState,
  left: Ring,
  first: number,
  right: Ring,
  second: number,
  random: () => number,
): number => {
  const [a, b] = [left.slots, right.slots];
  const most = Math.min(a.length, b.length) - 1;
  if (random() < DRAWN || most < 2) return 1 + randomIndex(random, Math.max(1, most));
  const { latency, nodes } = instance;
  const [limitA, limitB] = [arcLimit(left), arcLimit(right)];
  let [best, length] = [Infinity, 1];
  let [lastA, lastB] = [order[a[first] ?? 0] ?? 0, order[b[second] ?? 0] ?? 0];
  for (let steps = 1; steps <= most; steps += 1) {
    const nextA = order[a[(first + steps) % a.length] ?? 0] ?? 0;
    const nextB = order[b[(second + steps) % b.length] ?? 0] ?? 0;
    const excess =
      left.weight * Math.max(0, (latency[lastB * nodes + nextA] ?? 0) - limitA) +
      right.weight * Math.max(0, (latency[lastA * nodes + nextB] ?? 0) - limitB);
    if (excess < best) [best, length] = [excess, steps];
    [lastA, lastB] = [nextA, nextB];
  }
  return length;
};

/** Chance that an end of a slow arc changes places with a node of its ring, near or not. */
const MATE = 0.2;

/** Tries at finding a slot whose arc is slower than wished. */
const LOOKS = 6;

/** A near node comes next to the sender of a slow ring arc: exchanged, inserted, or by turning the stretch between. */
const mendRing = (state: DedicationState, move: Move, guide: Guide): void => {
  const { random, near, width, place } = guide;
  const { instance, order, slotOf } = state;
  const { latency, nodes, slots, rings } = instance;
  for (let look = 0; look < LOOKS; look += 1) {
    const at = place[randomIndex(random, slots)] ?? -1;
    const ring = rings[Math.floor(at / slots)];
    if (at < 0 || ring === undefined) continue;
    const own = ring.slots;
    const next = ((at % slots) + 1) % own.length;
    const [from, to] = [order[own[at % slots] ?? 0] ?? 0, own[next] ?? 0];
    if (look < LOOKS - 1 && (latency[from * nodes + (order[to] ?? 0)] ?? 0) <= state.arcLimit(ring)) continue;
    if (random() < MATE) {
      // One end of the slow arc for another node of its ring: between two racks that is who sends and who receives.
      const end = random() < 0.5 ? to : (own[at % slots] ?? 0);
      const mate = own[randomIndex(random, own.length)] ?? 0;
      if (mate !== end) swap(state, move, end, mate);
      return;
    }
    const wanted = near[from * width + randomIndex(random, width)] ?? 0;
    const slot = slotOf[wanted] ?? 0;
    if (slot === to || slot === own[at % slots]) return;
    const there = slot < slots ? (place[slot] ?? -1) : -1;
    const distance =
      Math.floor(there / slots) === Math.floor(at / slots)
        ? ((there % slots) - next + own.length) % own.length
        : -1;
    const kind = random();
    const other = there < 0 ? undefined : rings[Math.floor(there / slots)]?.slots;
    if (distance < 1 && other !== undefined && kind < 0.5) {
      // Equal stretches of two rings change places: what stands inside them stays together.
      const length = stretchLength(
        state,
        ring,
        next,
        rings[Math.floor(there / slots)] ?? ring,
        there % slots,
        random,
      );
      for (let step = 0; step < length; step += 1)
        swap(
          state,
          move,
          own[(next + step) % own.length] ?? 0,
          other[((there % slots) + step) % other.length] ?? 0,
        );
    } else if (distance < 1 || kind < 0.3) swap(state, move, to, slot);
    else if (kind < 0.45) reverse(state, move, own, next, distance + 1);
    else {
      // The stretch from the wanted node on comes first; its end is a near sender of the node that stood there, if it can.
      const sender = guide.nearSenders[(order[to] ?? 0) * width + randomIndex(random, width)] ?? 0;
      const end = slotOf[sender] ?? 0;
      const last = end < slots ? (place[end] ?? -1) : -1;
      const reach =
        Math.floor(last / slots) === Math.floor(at / slots)
          ? ((last % slots) - next + own.length) % own.length
          : -1;
      const length = reach >= distance ? reach - distance + 1 : 1 + randomIndex(random, 3);
      if (distance + length < own.length) exchange(state, move, own, next, distance, length);
    }
    return;
  }
};

/** A near node takes the far end of a pipeline's hop. */
const mendPath = (state: DedicationState, move: Move, { random, near, width, hops }: Guide): void => {
  if (hops.length === 0) return;
  const link = 2 * randomIndex(random, hops.length / 2);
  const [from, to] = [hops[link] ?? 0, hops[link + 1] ?? 0];
  const wanted = near[(state.order[from] ?? 0) * width + randomIndex(random, width)] ?? 0;
  const slot = state.slotOf[wanted] ?? 0;
  if (slot !== to && slot !== from) swap(state, move, to, slot);
};

/** One random move, made. */
export const propose = (state: DedicationState, move: Move, guide: Guide): void => {
  move.size = 0;
  move.whole = false;
  const { random } = guide;
  const { grid, slots } = state.instance;
  const kind = random();
  if (kind < 0.6) mendRing(state, move, guide);
  else if (kind < 0.75) mendPath(state, move, guide);
  else if (kind < 0.85) {
    const a = randomIndex(random, slots);
    const b = anySlot(random, state.instance);
    if (a !== b) swap(state, move, a, b);
  } else if (kind < 0.92) withinRing(state, move, random);
  else if (grid === null || kind < 0.94) alongSlots(state, move, random, guide.all);
  else if (kind < 0.97) permutePositions(state, move, random);
  else permuteColumns(state, move, random);
};
