/* eslint-disable @typescript-eslint/no-non-null-assertion -- inner loops over typed arrays; indices are in range by construction */
import type { SwapObjective } from './annealing.ts';
import type { Level } from './levels.ts';

/**
 * Cost of the steps between layers when tokens stay where their expert was (ExFlow, arXiv 2401.08383; MoETuner,
 * arXiv 2502.06643): Σ over steps of R[e1, e2] · Σ over levels of weight · [different part], over all transitions of the
 * step. R counts pairs of experts of the same token in consecutive layers.
 */
export class ChainTraffic {
  /** GPU of each expert, layer by layer. */
  readonly gpuOf: readonly Int32Array[];
  private readonly steps: readonly Float64Array[];
  private readonly totals: readonly number[];
  private readonly levels: readonly Level[];

  constructor(steps: readonly Float64Array[], levels: readonly Level[], gpuOf: readonly Int32Array[]) {
    this.steps = steps;
    this.levels = levels;
    this.gpuOf = gpuOf.map((gpus) => Int32Array.from(gpus));
    this.totals = steps.map((counts) => counts.reduce((sum, count) => sum + count, 0));
  }

  /** Σ over steps of the mean cost of a transition. */
  cost(): number {
    let total = 0;
    this.steps.forEach((counts, step) => {
      const here = this.gpuOf[step]!;
      const there = this.gpuOf[step + 1]!;
      const experts = here.length;
      for (let a = 0; a < experts; a += 1)
        for (let b = 0; b < experts; b += 1)
          for (const { partOf, weight } of this.levels)
            if (partOf[here[a]!] !== partOf[there[b]!])
              total += (weight * counts[a * experts + b]!) / this.totals[step]!;
    });
    return total;
  }

  /** Share of an expert's transitions, in both directions, with each part: [expert · parts + part]. */
  private affinity(layer: number, { partOf, parts }: Level): Float64Array {
    const experts = this.gpuOf[layer]!.length;
    const table = new Float64Array(experts * parts);
    const before = this.steps[layer - 1];
    const after = this.steps[layer];
    for (let a = 0; a < experts; a += 1)
      for (let b = 0; b < experts; b += 1) {
        if (before !== undefined)
          table[a * parts + partOf[this.gpuOf[layer - 1]![b]!]!]! +=
            before[b * experts + a]! / this.totals[layer - 1]!;
        if (after !== undefined)
          table[a * parts + partOf[this.gpuOf[layer + 1]![b]!]!]! +=
            after[a * experts + b]! / this.totals[layer]!;
      }
    return table;
  }

  /** Exchanges within one layer, its neighbours fixed: a step of each costs one look-up a level. */
  layer(layer: number): SwapObjective {
    const gpuOf = this.gpuOf[layer]!;
    const tables = this.levels.map((level) => this.affinity(layer, level));
    return {
      delta: (a, b) => {
        let total = 0;
        for (let level = 0; level < tables.length; level += 1) {
          const { partOf, parts, weight } = this.levels[level]!;
          const from = partOf[gpuOf[a]!]!;
          const to = partOf[gpuOf[b]!]!;
          if (from === to) continue;
          const table = tables[level]!;
          total -=
            weight *
            (table[a * parts + to]! -
              table[a * parts + from]! +
              table[b * parts + from]! -
              table[b * parts + to]!);
        }
        return total;
      },
      swap: (a, b) => {
        const gpu = gpuOf[a]!;
        gpuOf[a] = gpuOf[b]!;
        gpuOf[b] = gpu;
      },
    };
  }
}
