/** The order of the GPUs on each node, where links between GPUs were measured: CUDA_VISIBLE_DEVICES realises it. */

/** Cost of an order of devices (one for each launched node), seconds. */
export type DeviceCost = (devices: readonly (readonly number[])[]) => number;

export interface DeviceOrder {
  /** null: 0, 1, 2, … on every node. */
  readonly devices: readonly (readonly number[])[] | null;
  readonly cost: number;
}

/** Orders of a node's GPUs up to which all are tried. */
const MOST_PERMUTED = 4;

const swapped = (order: readonly number[], a: number, b: number): readonly number[] => {
  const copy = [...order];
  [copy[a], copy[b]] = [order[b] ?? 0, order[a] ?? 0];
  return copy;
};

const permutations = (items: readonly number[]): readonly (readonly number[])[] =>
  items.length < 2
    ? [items]
    : items.flatMap((item) =>
        permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
      );

/**
 * First one order for all nodes of a size (their boards are alike), then exchanges on single nodes. All orders of up to
 * four GPUs, exchanges of pairs beyond; at most `evaluations` questions to the cost model.
 */
export const orderDevices = (
  sizes: readonly number[],
  cost: DeviceCost,
  evaluations: number,
): DeviceOrder => {
  let left = evaluations;
  const identity = sizes.map((size) => Array.from({ length: size }, (_, gpu) => gpu));
  const own = cost(identity);
  let best: { devices: readonly (readonly number[])[]; cost: number } = { devices: identity, cost: own };
  const offer = (devices: readonly (readonly number[])[]): boolean => {
    if (left <= 0) return false;
    left -= 1;
    const value = cost(devices);
    if (!(value < best.cost * (1 - 1e-9))) return false;
    best = { devices, cost: value };
    return true;
  };
  const alike = (size: number, change: (order: readonly number[]) => readonly number[]) =>
    best.devices.map((order, node) => (sizes[node] === size ? change(order) : order));
  for (const size of new Set(sizes)) {
    if (size <= MOST_PERMUTED) {
      for (const order of permutations(Array.from({ length: size }, (_, gpu) => gpu)))
        offer(alike(size, () => order));
      continue;
    }
    for (let improved = true; improved;) {
      improved = false;
      for (let a = 0; a < size; a += 1)
        for (let b = a + 1; b < size; b += 1)
          improved = offer(alike(size, (order) => swapped(order, a, b))) || improved;
    }
  }
  for (let improved = sizes.length > 1; improved && left > 0;) {
    improved = false;
    for (const [node, size] of sizes.entries())
      for (let a = 0; a < size; a += 1)
        for (let b = a + 1; b < size; b += 1)
          improved =
            offer(best.devices.map((order, at) => (at === node ? swapped(order, a, b) : order))) || improved;
  }
  return best.cost < own ? best : { devices: null, cost: own };
};
