/** Annealing of an order of hosts on what exceeds targets. Deterministic for a seed. */
import { orderValue, type DedicationInstance } from './dedication-instance.ts';
import { breaks, cancel, Move, undo } from './dedication-move.ts';
import { createGuide, propose } from './dedication-moves.ts';
import { DedicationState, type Targets } from './dedication-state.ts';

export interface Found {
  readonly order: Int32Array;
  readonly value: number;
}

/** Temperatures of one start, first and last, as shares of the value. */
const HOT = 0.01;
const COLD = 2e-5;
const EPOCHS = 120;
/** How far below the present worst ring and pipeline the targets lie: what comes near counts too. */
const MARGIN = 0.05;
export interface Anneal {
  readonly instance: DedicationInstance;
  readonly start: Int32Array;
  readonly moves: number;
  readonly random: () => number;
  /** Lower bounds, below which no target makes sense. */
  readonly floor: Targets;
  readonly aim: number | null;
  /** Seconds that temperatures are shares of. */
  readonly scale: number;
  /** Slots whose rings may be moved and turned as wholes only. */
  readonly pinned: Uint8Array | null;
}

export const anneal = ({ instance, start, moves, random, floor, aim, scale, pinned }: Anneal): Found => {
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
      if (pinned !== null && breaks(move, pinned)) {
        cancel(state, move);
        continue;
      }
      const change = state.settle();
      if (change > 0 && random() >= Math.exp(-change / temperature)) undo(state, move);
    }
  }
  const value = orderValue(instance, state.order);
  return value < best.value ? { order: state.order.slice(), value } : best;
};
