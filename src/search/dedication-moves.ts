/** Moves of the local search. Each lists the slots whose nodes it permutes; undoing is writing the old nodes back. */
import { randomIndex } from '../placement/random.ts';
import type { DedicationInstance } from './dedication-instance.ts';
import type { DedicationState } from './dedication-state.ts';

/** Slots and the nodes that they held before, of the move under way. */
export class Move {
  readonly slots: Int32Array;
  readonly old: Int32Array;
  size = 0;

  constructor(capacity: number) {
    this.slots = new Int32Array(capacity);
    this.old = new Int32Array(capacity);
  }
}

const set = (state: DedicationState, move: Move, slot: number, node: number): void => {
  move.slots[move.size] = slot;
  move.old[move.size] = state.order[slot] ?? 0;
  move.size += 1;
  state.order[slot] = node;
  state.touch(slot);
};

export const undo = (state: DedicationState, move: Move): void => {
  for (let index = move.size - 1; index >= 0; index -= 1)
    state.order[move.slots[index] ?? 0] = move.old[index] ?? 0;
  state.revert();
};

export const swap = (state: DedicationState, move: Move, a: number, b: number): void => {
  const [left, right] = [state.order[a] ?? 0, state.order[b] ?? 0];
  set(state, move, a, right);
  set(state, move, b, left);
};

/** Nodes of `list[first … first + length − 1]` (cyclic) in reverse. */
const reverse = (
  state: DedicationState,
  move: Move,
  list: Int32Array,
  first: number,
  length: number,
): void => {
  const size = list.length;
  for (let step = 0; step < length >> 1; step += 1)
    swap(state, move, list[(first + step) % size] ?? 0, list[(first + length - 1 - step) % size] ?? 0);
};

/** The node at `from` goes to `to`; those between move up by one (cyclic). */
const insert = (state: DedicationState, move: Move, list: Int32Array, from: number, shift: number): void => {
  const size = list.length;
  const moved = state.order[list[from] ?? 0] ?? 0;
  for (let step = 0; step < shift; step += 1)
    set(state, move, list[(from + step) % size] ?? 0, state.order[list[(from + step + 1) % size] ?? 0] ?? 0);
  set(state, move, list[(from + shift) % size] ?? 0, moved);
};

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

/** One random move, made. */
export const propose = (state: DedicationState, move: Move, random: () => number, all: Int32Array): void => {
  move.size = 0;
  const { grid } = state.instance;
  const kind = random();
  if (kind < 0.62) {
    const a = randomIndex(random, state.instance.slots);
    const b = anySlot(random, state.instance);
    if (a !== b) swap(state, move, a, b);
  } else if (kind < 0.86) withinRing(state, move, random);
  else if (grid === null || kind < 0.9) alongSlots(state, move, random, all);
  else if (kind < 0.95) permutePositions(state, move, random);
  else permuteColumns(state, move, random);
};
