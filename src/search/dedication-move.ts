/** One move of the local search: which slots got other nodes, and how to take that back. */
import type { DedicationState } from './dedication-state.ts';

/** Slots and the nodes that they held before, of the move under way. */
export class Move {
  readonly slots: Int32Array;
  readonly old: Int32Array;
  size = 0;
  /** Whole columns were moved or turned: no ring is broken. */
  whole = false;

  constructor(capacity: number) {
    this.slots = new Int32Array(capacity);
    this.old = new Int32Array(capacity);
  }
}

export const set = (state: DedicationState, move: Move, slot: number, node: number): void => {
  move.slots[move.size] = slot;
  move.old[move.size] = state.order[slot] ?? 0;
  move.size += 1;
  state.order[slot] = node;
  state.slotOf[node] = slot;
  state.touch(slot);
};

/** Takes a move back that has not been settled. */
export const cancel = (state: DedicationState, move: Move): void => {
  for (let index = move.size - 1; index >= 0; index -= 1) {
    const [slot, node] = [move.slots[index] ?? 0, move.old[index] ?? 0];
    state.order[slot] = node;
    state.slotOf[node] = slot;
  }
};

export const undo = (state: DedicationState, move: Move): void => {
  cancel(state, move);
  state.revert();
};

/** A ring that is to stay would be broken. */
export const breaks = (move: Move, pinned: Uint8Array): boolean => {
  if (move.whole) return false;
  for (let index = 0; index < move.size; index += 1) if (pinned[move.slots[index] ?? 0] === 1) return true;
  return false;
};

export const swap = (state: DedicationState, move: Move, a: number, b: number): void => {
  const [left, right] = [state.order[a] ?? 0, state.order[b] ?? 0];
  set(state, move, a, right);
  set(state, move, b, left);
};

/** Nodes of `list[first … first + length − 1]` (cyclic) in reverse. */
export const reverse = (
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
export const insert = (
  state: DedicationState,
  move: Move,
  list: Int32Array,
  from: number,
  shift: number,
): void => {
  const size = list.length;
  const moved = state.order[list[from] ?? 0] ?? 0;
  for (let step = 0; step < shift; step += 1)
    set(state, move, list[(from + step) % size] ?? 0, state.order[list[(from + step + 1) % size] ?? 0] ?? 0);
  set(state, move, list[(from + shift) % size] ?? 0, moved);
};

/** Two neighbouring stretches of `list`, of `left` and `right` slots from `first` on, change places; none is turned. */
export const exchange = (
  state: DedicationState,
  move: Move,
  list: Int32Array,
  first: number,
  left: number,
  right: number,
): void => {
  const size = list.length;
  const nodes = Array.from(
    { length: left + right },
    (_, step) => state.order[list[(first + step) % size] ?? 0] ?? 0,
  );
  for (let step = 0; step < left + right; step += 1)
    set(state, move, list[(first + step) % size] ?? 0, nodes[(left + step) % (left + right)] ?? 0);
};
