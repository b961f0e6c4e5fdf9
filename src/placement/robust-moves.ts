/* eslint-disable @typescript-eslint/no-non-null-assertion -- inner loops over typed arrays; indices are in range by construction */
import { FREE } from './layer-state.ts';
import type { LayerState } from './layer-state.ts';

/** The three busiest GPUs of each scenario: what stays the maximum when two GPUs change. */
class Leaders {
  readonly gpu: Int32Array;
  readonly time: Float64Array;

  constructor(scenarios: number) {
    this.gpu = new Int32Array(scenarios * 3);
    this.time = new Float64Array(scenarios * 3);
  }

  update(state: LayerState): void {
    const { scenarios, gpus, time } = state;
    this.gpu.fill(-1);
    this.time.fill(0);
    for (let scenario = 0; scenario < scenarios; scenario += 1)
      for (let gpu = 0; gpu < gpus; gpu += 1) {
        const value = time[scenario * gpus + gpu]!;
        let at = 3;
        while (
          at > 0 &&
          (this.gpu[scenario * 3 + at - 1] === -1 || value > this.time[scenario * 3 + at - 1]!)
        )
          at -= 1;
        if (at === 3) continue;
        for (let later = 2; later > at; later -= 1) {
          this.gpu[scenario * 3 + later] = this.gpu[scenario * 3 + later - 1]!;
          this.time[scenario * 3 + later] = this.time[scenario * 3 + later - 1]!;
        }
        this.gpu[scenario * 3 + at] = gpu;
        this.time[scenario * 3 + at] = value;
      }
  }

  /** Busiest of the GPUs other than x and y; 0 where there are none. */
  without(scenario: number, x: number, y: number): number {
    for (let at = scenario * 3; at < scenario * 3 + 3; at += 1)
      if (this.gpu[at] !== x && this.gpu[at] !== y) return this.time[at]!;
    return 0;
  }
}

/** Exchanges for several scenarios at once. Holds buffers, so one is made for each search. */
export class ScenarioImprover {
  private readonly leaders: Leaders;
  private readonly rest: Float64Array;

  constructor(state: LayerState) {
    this.leaders = new Leaders(state.scenarios);
    this.rest = new Float64Array(state.scenarios);
  }

  /** Notes what stays of each scenario's maximum when GPUs x and y change; returns the value if both became idle. */
  private set(state: LayerState, x: number, y: number): number {
    const { scenarios, worst } = state;
    let value = 0;
    for (let scenario = 0; scenario < scenarios; scenario += 1) {
      const rest = this.leaders.without(scenario, x, y);
      this.rest[scenario] = rest;
      value = worst ? Math.max(value, rest) : value + rest / scenarios;
    }
    return value;
  }

  /** Value after two slots of the GPUs of `set` changed places, `least` being what it returned; stops at `limit`. */
  private after(state: LayerState, a: number, b: number, least: number, limit: number): number {
    const { scenarios, experts, gpus, slot, gpuOf, share, slowness, time, worst } = state;
    const x = gpuOf[a]!;
    const y = gpuOf[b]!;
    const first = slot[a]!;
    const second = slot[b]!;
    let value = least;
    for (let scenario = 0; scenario < scenarios; scenario += 1) {
      const moved =
        (first === FREE ? 0 : share[scenario * experts + first]!) -
        (second === FREE ? 0 : share[scenario * experts + second]!);
      const rest = this.rest[scenario]!;
      const left = time[scenario * gpus + x]! - moved * slowness[x]!;
      const right = time[scenario * gpus + y]! + moved * slowness[y]!;
      const most = left > right ? left : right;
      if (most <= rest) continue;
      if (!worst) value += (most - rest) / scenarios;
      else if (most > value) value = most;
      if (value >= limit) return Infinity;
    }
    return value;
  }

  /** The best exchange of any scenario's hottest GPU with any other; false where none lowers the value. */
  improve(state: LayerState): boolean {
    const { scenarios, experts, gpus, start, slot, gpuOf, holds } = state;
    this.leaders.update(state);
    let best = state.value() - 1e-12;
    let from = -1;
    let to = -1;
    const seen = new Set<number>();
    for (let scenario = 0; scenario < scenarios; scenario += 1) {
      const hottest = this.leaders.gpu[scenario * 3]!;
      if (seen.has(hottest)) continue;
      seen.add(hottest);
      for (let other = 0; other < gpus; other += 1) {
        if (other === hottest) continue;
        const least = this.set(state, hottest, other);
        if (least >= best) continue;
        for (let a = start[hottest]!; a < start[hottest + 1]!; a += 1) {
          const item = slot[a]!;
          if (item !== FREE && holds[other * experts + item] === 1) continue;
          for (let b = start[other]!; b < start[other + 1]!; b += 1) {
            const back = slot[b]!;
            if (back === item || (back !== FREE && holds[gpuOf[a]! * experts + back] === 1)) continue;
            const value = this.after(state, a, b, least, best);
            if (value >= best) continue;
            best = value;
            from = a;
            to = b;
          }
        }
      }
    }
    if (from === -1) return false;
    state.swap(from, to);
    return true;
  }
}
