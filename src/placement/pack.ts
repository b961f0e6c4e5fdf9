import type { LayerPlacement } from './layer-problem.ts';

/**
 * A placement of given replica counts by what fits alone: the expert with most replicas first, onto the GPUs with most
 * free slots. Finds one whenever one exists (Gale 1957, Ryser 1957: a 0-1 matrix with given row and column sums).
 */
const packByRoom = (counts: Int32Array, slots: readonly number[]): number[][] => {
  const room = [...slots];
  const held: number[][] = slots.map(() => []);
  const order = Array.from(counts.keys()).sort((a, b) => (counts[b] ?? 0) - (counts[a] ?? 0) || a - b);
  for (const expert of order) {
    const gpus = Array.from(room.keys()).sort((a, b) => (room[b] ?? 0) - (room[a] ?? 0) || a - b);
    for (const gpu of gpus.slice(0, counts[expert])) {
      if ((room[gpu] ?? 0) === 0) throw new RangeError('the replicas do not fit the slots');
      room[gpu] = (room[gpu] ?? 0) - 1;
      held[gpu]?.push(expert);
    }
  }
  return held;
};

/** All replicas, heaviest first; those of one expert stand together. */
const replicasByWeight = (counts: Int32Array, share: ArrayLike<number>): number[] =>
  Array.from(counts.keys())
    .sort((a, b) => (share[b] ?? 0) - (share[a] ?? 0) || a - b)
    .flatMap((expert) => new Array<number>(counts[expert] ?? 0).fill(expert));

/**
 * Longest processing time first, with room for so many experts on each GPU and no GPU with two replicas of one: the
 * next replica goes to the GPU whose time stays least. Where that leads into a dead end, a placement by room.
 * `share`: load of one replica of each expert; `slowness`: 1 ∕ speed.
 */
export const packReplicas = (
  counts: Int32Array,
  share: ArrayLike<number>,
  slots: readonly number[],
  slowness: ArrayLike<number>,
): LayerPlacement => {
  const held: number[][] = slots.map(() => []);
  const time = new Float64Array(slots.length);
  const last = new Int32Array(slots.length).fill(-1);
  for (const expert of replicasByWeight(counts, share)) {
    let chosen = -1;
    let least = Infinity;
    for (let gpu = 0; gpu < slots.length; gpu += 1) {
      if ((held[gpu]?.length ?? 0) >= (slots[gpu] ?? 0) || last[gpu] === expert) continue;
      const after = (time[gpu] ?? 0) + (share[expert] ?? 0) * (slowness[gpu] ?? 1);
      if (after < least) {
        least = after;
        chosen = gpu;
      }
    }
    if (chosen === -1) return packByRoom(counts, slots);
    held[chosen]?.push(expert);
    time[chosen] = least;
    last[chosen] = expert;
  }
  return held;
};
