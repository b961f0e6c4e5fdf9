/** An order under change: only the rings and paths that a move touches are computed again. */
import { pathValue, ringValue, type DedicationInstance, type Ring } from './dedication-instance.ts';

/** Values beyond these count in the energy, each for itself, so that a move sees more than the single worst link. */
export interface Targets {
  /** Seconds of a ring's slowest arc. */
  readonly data: number;
  /** Seconds of a path. */
  readonly pipeline: number;
}

type Members = readonly (readonly number[])[];

const membersOf = (slots: number, lists: readonly Iterable<number>[]): Members => {
  const members: Set<number>[] = Array.from({ length: slots }, () => new Set<number>());
  for (const [index, list] of lists.entries()) for (const slot of list) members[slot]?.add(index);
  return members.map((set) => [...set]);
};

/**
 * Energy = Σ over ring arcs of what exceeds the data target + Σ over paths of what exceeds the pipeline target. With the
 * targets added it is never less than the objective, and equal to it where one arc and one path exceed.
 */
export class DedicationState {
  readonly instance: DedicationInstance;
  /** order[slot] = node for the first `slots` entries; the rest are spare nodes. */
  readonly order: Int32Array;
  /** Slot of each node. */
  readonly slotOf: Int32Array;
  energy = 0;
  private targets: Targets = { data: 0, pipeline: 0 };
  private readonly ringsOf: Members;
  private readonly pathsOf: Members;
  private readonly ringEnergy: Float64Array;
  private readonly pathEnergy: Float64Array;
  private readonly ringStamp: Int32Array;
  private readonly pathStamp: Int32Array;
  private readonly touchedRings: Int32Array;
  private readonly touchedPaths: Int32Array;
  private readonly before: Float64Array;
  private stamp = 0;
  private rings = 0;
  private paths = 0;
  private energyBefore = 0;

  constructor(instance: DedicationInstance, order: Int32Array) {
    const { rings, paths, slots } = instance;
    this.instance = instance;
    this.order = order.slice();
    this.slotOf = new Int32Array(order.length);
    for (const [slot, node] of order.entries()) this.slotOf[node] = slot;
    this.ringsOf = membersOf(
      slots,
      rings.map((ring) => ring.slots),
    );
    this.pathsOf = membersOf(
      slots,
      paths.map(({ hops }) => hops.flatMap((hop) => [...hop])),
    );
    this.ringEnergy = new Float64Array(rings.length);
    this.pathEnergy = new Float64Array(paths.length);
    this.ringStamp = new Int32Array(rings.length);
    this.pathStamp = new Int32Array(paths.length);
    this.touchedRings = new Int32Array(rings.length);
    this.touchedPaths = new Int32Array(paths.length);
    this.before = new Float64Array(rings.length + paths.length);
    this.retarget(this.targets);
  }

  retarget(targets: Targets): void {
    this.targets = targets;
    let energy = 0;
    for (const [index, ring] of this.instance.rings.entries()) {
      const value = this.excessOfRing(ring);
      this.ringEnergy[index] = value;
      energy += value;
    }
    for (let index = 0; index < this.instance.paths.length; index += 1) {
      const value = this.excessOfPath(index);
      this.pathEnergy[index] = value;
      energy += value;
    }
    this.energy = energy;
  }

  /** Latency beyond which an arc of a ring counts in the energy. */
  readonly arcLimit = ({ weight }: Ring): number => (weight > 0 ? this.targets.data / weight : Infinity);

  private excessOfRing({ slots, weight }: Ring): number {
    if (slots.length < 2 || weight === 0) return 0;
    const { latency, nodes } = this.instance;
    const { order } = this;
    const limit = this.targets.data / weight;
    let sum = 0;
    let from = order[slots[slots.length - 1] ?? 0] ?? 0;
    for (let position = 0; position < slots.length; position += 1) {
      const to = order[slots[position] ?? 0] ?? 0;
      const arc = latency[from * nodes + to] ?? 0;
      if (arc > limit) sum += arc - limit;
      from = to;
    }
    return weight * sum;
  }

  private excessOfPath(index: number): number {
    const path = this.instance.paths[index];
    if (path === undefined) return 0;
    return Math.max(0, pathValue(this.instance, path, this.order) - this.targets.pipeline);
  }

  /** Says that `slot` has another node now. Slots of spare nodes are ignored. */
  touch(slot: number): void {
    for (const ring of this.ringsOf[slot] ?? []) {
      if (this.ringStamp[ring] === this.stamp) continue;
      this.ringStamp[ring] = this.stamp;
      this.touchedRings[this.rings++] = ring;
    }
    for (const path of this.pathsOf[slot] ?? []) {
      if (this.pathStamp[path] === this.stamp) continue;
      this.pathStamp[path] = this.stamp;
      this.touchedPaths[this.paths++] = path;
    }
  }

  /** Begins a move. */
  begin(): void {
    this.stamp += 1;
    this.rings = 0;
    this.paths = 0;
    this.energyBefore = this.energy;
  }

  /** Ends the changes of a move: the energy now, less that before. */
  settle(): number {
    let change = 0;
    for (let index = 0; index < this.rings; index += 1) {
      const ring = this.touchedRings[index] ?? 0;
      const old = this.ringEnergy[ring] ?? 0;
      const found = this.instance.rings[ring];
      const value = found === undefined ? 0 : this.excessOfRing(found);
      this.before[index] = old;
      this.ringEnergy[ring] = value;
      change += value - old;
    }
    for (let index = 0; index < this.paths; index += 1) {
      const path = this.touchedPaths[index] ?? 0;
      const old = this.pathEnergy[path] ?? 0;
      const value = this.excessOfPath(path);
      this.before[this.rings + index] = old;
      this.pathEnergy[path] = value;
      change += value - old;
    }
    this.energy += change;
    return change;
  }

  /** Takes the figures of a move back whose changes of the order have been undone. */
  revert(): void {
    for (let index = 0; index < this.rings; index += 1)
      this.ringEnergy[this.touchedRings[index] ?? 0] = this.before[index] ?? 0;
    for (let index = 0; index < this.paths; index += 1)
      this.pathEnergy[this.touchedPaths[index] ?? 0] = this.before[this.rings + index] ?? 0;
    this.energy = this.energyBefore;
  }

  /** Largest ring and largest path, seconds. */
  values(): { readonly data: number; readonly pipeline: number } {
    let [data, pipeline] = [0, 0];
    for (const ring of this.instance.rings) data = Math.max(data, ringValue(this.instance, ring, this.order));
    for (const path of this.instance.paths)
      pipeline = Math.max(pipeline, pathValue(this.instance, path, this.order));
    return { data, pipeline };
  }
}
