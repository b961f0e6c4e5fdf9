/* eslint-disable @typescript-eslint/no-non-null-assertion -- inner loops over typed arrays; indices are in range by construction */
import { expertCount, relativeSpeeds, relativeWeights } from './layer-problem.ts';
import type { LayerPlacement, LayerProblem } from './layer-problem.ts';

/** No expert: a free slot. */
export const FREE = -1;

/**
 * A placement under change, with the times of all GPUs in all scenarios kept up to date. Slots of GPU g are
 * [start[g], start[g + 1]); times are relative to the mean (relativeWeights), so that 1 is perfect balance.
 */
export class LayerState {
  readonly experts: number;
  readonly gpus: number;
  readonly scenarios: number;
  readonly worst: boolean;
  /** [scenario · experts + expert] */
  readonly weights: Float64Array;
  /** 1 ∕ speed of each GPU. */
  readonly slowness: Float64Array;
  readonly start: Int32Array;
  /** GPU of each slot. */
  readonly gpuOf: Int32Array;
  /** Expert of each slot, or FREE. */
  readonly slot: Int32Array;
  /** Replicas of each expert. */
  readonly counts: Int32Array;
  /** [scenario · experts + expert]: weight of one replica. */
  readonly share: Float64Array;
  /** [gpu · experts + expert]: 1 where the GPU holds it. */
  readonly holds: Uint8Array;
  /** [scenario · gpus + gpu] */
  readonly time: Float64Array;

  constructor(problem: LayerProblem) {
    this.experts = expertCount(problem);
    this.gpus = problem.slots.length;
    this.scenarios = problem.loads.length;
    this.worst = problem.objective === 'worst';
    this.weights = relativeWeights(problem);
    this.slowness = relativeSpeeds(problem).map((speed) => 1 / speed);
    this.start = new Int32Array(this.gpus + 1);
    problem.slots.forEach((count, gpu) => {
      this.start[gpu + 1] = (this.start[gpu] ?? 0) + count;
    });
    const slots = this.start[this.gpus] ?? 0;
    this.gpuOf = new Int32Array(slots);
    for (let gpu = 0; gpu < this.gpus; gpu += 1)
      this.gpuOf.fill(gpu, this.start[gpu] ?? 0, this.start[gpu + 1] ?? 0);
    this.slot = new Int32Array(slots).fill(FREE);
    this.counts = new Int32Array(this.experts);
    this.share = new Float64Array(this.scenarios * this.experts);
    this.holds = new Uint8Array(this.gpus * this.experts);
    this.time = new Float64Array(this.scenarios * this.gpus);
  }

  /** Takes over a placement; it must fit the slots. */
  load(placement: LayerPlacement): void {
    this.slot.fill(FREE);
    placement.forEach((held, gpu) => {
      if (held.length > (this.start[gpu + 1] ?? 0) - (this.start[gpu] ?? 0))
        throw new RangeError(`GPU ${gpu} has no room for ${held.length} experts`);
      held.forEach((expert, index) => {
        this.slot[(this.start[gpu] ?? 0) + index] = expert;
      });
    });
    this.refresh();
  }

  /** Overwrites this placement with that of another state of the same problem. */
  copy(other: LayerState): void {
    this.slot.set(other.slot);
    this.counts.set(other.counts);
    this.share.set(other.share);
    this.holds.set(other.holds);
    this.time.set(other.time);
  }

  /** Everything anew from `slot`: counts, shares, times (which drift by rounding as they are updated). */
  refresh(): void {
    const { experts, gpus, scenarios, slot, gpuOf, counts, share, holds, time, weights, slowness } = this;
    counts.fill(0);
    holds.fill(0);
    for (let index = 0; index < slot.length; index += 1) {
      const expert = slot[index]!;
      if (expert === FREE) continue;
      counts[expert]! += 1;
      holds[gpuOf[index]! * experts + expert] = 1;
    }
    for (let scenario = 0; scenario < scenarios; scenario += 1) {
      for (let expert = 0; expert < experts; expert += 1)
        share[scenario * experts + expert] =
          weights[scenario * experts + expert]! / Math.max(1, counts[expert]!);
      time.fill(0, scenario * gpus, (scenario + 1) * gpus);
      for (let index = 0; index < slot.length; index += 1) {
        const expert = slot[index]!;
        const gpu = gpuOf[index]!;
        if (expert !== FREE)
          time[scenario * gpus + gpu]! += share[scenario * experts + expert]! * slowness[gpu]!;
      }
    }
  }

  /** Exchanges what two slots of different GPUs hold. The caller has seen that no GPU gets a second replica. */
  swap(a: number, b: number): void {
    const { experts, gpus, scenarios, slot, gpuOf, share, holds, time, slowness } = this;
    const first = slot[a]!;
    const second = slot[b]!;
    const x = gpuOf[a]!;
    const y = gpuOf[b]!;
    slot[a] = second;
    slot[b] = first;
    for (let scenario = 0; scenario < scenarios; scenario += 1) {
      const moved =
        (first === FREE ? 0 : share[scenario * experts + first]!) -
        (second === FREE ? 0 : share[scenario * experts + second]!);
      time[scenario * gpus + x]! -= moved * slowness[x]!;
      time[scenario * gpus + y]! += moved * slowness[y]!;
    }
    if (first !== FREE) {
      holds[x * experts + first] = 0;
      holds[y * experts + first] = 1;
    }
    if (second !== FREE) {
      holds[y * experts + second] = 0;
      holds[x * experts + second] = 1;
    }
  }

  /** Puts another expert into a slot, where the old one keeps a replica elsewhere. Shares and times follow. */
  replace(index: number, expert: number): void {
    const old = this.slot[index]!;
    const { experts, gpuOf, holds } = this;
    const gpu = gpuOf[index]!;
    if (old !== FREE) this.recount(old, -1, gpu);
    this.slot[index] = expert;
    if (old !== FREE) holds[gpu * experts + old] = 0;
    if (expert !== FREE) {
      this.recount(expert, 1, gpu);
      holds[gpu * experts + expert] = 1;
    }
  }

  /** One replica more or fewer of an expert, on `gpu`: its share changes on all GPUs that hold it. */
  private recount(expert: number, change: 1 | -1, gpu: number): void {
    const { experts, gpus, scenarios, counts, share, holds, time, weights, slowness } = this;
    const count = counts[expert]! + change;
    counts[expert] = count;
    for (let scenario = 0; scenario < scenarios; scenario += 1) {
      const before = share[scenario * experts + expert]!;
      const after = weights[scenario * experts + expert]! / Math.max(1, count);
      share[scenario * experts + expert] = after;
      for (let other = 0; other < gpus; other += 1)
        if (other !== gpu && holds[other * experts + expert] === 1)
          time[scenario * gpus + other]! += (after - before) * slowness[other]!;
      time[scenario * gpus + gpu]! += (change === 1 ? after : -before) * slowness[gpu]!;
    }
  }

  /** Busiest GPU of a scenario, lowest index on ties. */
  hottest(scenario: number): number {
    const { gpus, time } = this;
    let hottest = 0;
    let most = -1;
    for (let gpu = 0; gpu < gpus; gpu += 1)
      if (time[scenario * gpus + gpu]! > most) {
        most = time[scenario * gpus + gpu]!;
        hottest = gpu;
      }
    return hottest;
  }

  /** Mean over scenarios of the busiest GPU's time over the mean, or the worst scenario's. */
  value(): number {
    let total = 0;
    for (let scenario = 0; scenario < this.scenarios; scenario += 1) {
      const most = this.time[scenario * this.gpus + this.hottest(scenario)]!;
      total = this.worst ? Math.max(total, most) : total + most / this.scenarios;
    }
    return total;
  }

  /** Expert ids of each GPU, ascending. */
  placement(): LayerPlacement {
    return Array.from({ length: this.gpus }, (_, gpu) =>
      Array.from(this.slot.subarray(this.start[gpu], this.start[gpu + 1]))
        .filter((expert) => expert !== FREE)
        .sort((a, b) => a - b),
    );
  }
}
