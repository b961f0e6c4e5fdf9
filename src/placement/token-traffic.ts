/* eslint-disable @typescript-eslint/no-non-null-assertion -- inner loops over typed arrays; indices are in range by construction */
import { TokenGains } from './token-gains.ts';
import type { RoutingTrace } from '../plan/routing-trace.ts';
import type { Level } from './levels.ts';

/**
 * The exact cost of one layer when tokens return to their home after it: Σ over tokens and levels of weight · distinct
 * parts among the token's experts, over the number of tokens. Kept up to date as experts change places.
 */
export class TokenTraffic {
  private readonly tokensOf: readonly Int32Array[];
  private readonly member: Uint8Array;
  private readonly experts: number;
  private readonly tokens: number;
  private readonly levels: readonly Level[];
  /** Of each level: [token · parts + part], experts of the token in the part. */
  private readonly counts: readonly Uint8Array[];
  private readonly picks: Int32Array;
  private gains: TokenGains | null = null;
  readonly gpuOf: Int32Array;

  constructor(trace: RoutingTrace, column: number, levels: readonly Level[], gpuOf: Int32Array) {
    const { tokens, topK, ids, layers, experts } = trace;
    const stride = layers.length * topK;
    this.tokens = tokens;
    this.experts = experts;
    this.levels = levels;
    this.gpuOf = Int32Array.from(gpuOf);
    this.member = new Uint8Array(tokens * experts);
    const lists: number[][] = Array.from({ length: experts }, () => []);
    this.counts = levels.map(({ parts }) => new Uint8Array(tokens * parts));
    this.picks = new Int32Array(tokens * topK);
    for (let token = 0; token < tokens; token += 1)
      for (let choice = 0; choice < topK; choice += 1) {
        const expert = ids[token * stride + column * topK + choice]!;
        this.member[token * experts + expert] = 1;
        this.picks[token * topK + choice] = expert;
        lists[expert]!.push(token);
        levels.forEach(({ parts, partOf }, level) => {
          this.counts[level]![token * parts + partOf[gpuOf[expert]!]!]! += 1;
        });
      }
    this.tokensOf = lists.map((list) => Int32Array.from(list));
  }

  /**
   * Tabulates what moves of single experts change: exchanges are then judged by the tokens that have both experts, a
   * tenth of the work, and made at several times theirs. For phases that judge many and make few.
   */
  tabulate(): void {
    const { picks, tokensOf, levels, counts, gpuOf } = this;
    this.gains = new TokenGains({ picks, tokens: this.tokens, tokensOf, levels, counts, gpuOf });
  }

  cost(): number {
    let total = 0;
    this.levels.forEach(({ weight }, level) => {
      let parts = 0;
      for (const count of this.counts[level]!) if (count > 0) parts += 1;
      total += weight * parts;
    });
    return total / this.tokens;
  }

  /** Change of parts at a level when `leaving` goes from one to another, for tokens that do not have `coming`. */
  private half(level: number, leaving: number, coming: number, from: number, to: number): number {
    const counts = this.counts[level]!;
    const { parts } = this.levels[level]!;
    const { member, experts } = this;
    let change = 0;
    for (const token of this.tokensOf[leaving]!) {
      if (member[token * experts + coming] === 1) continue;
      if (counts[token * parts + from] === 1) change -= 1;
      if (counts[token * parts + to] === 0) change += 1;
    }
    return change;
  }

  delta(a: number, b: number): number {
    const x = this.gpuOf[a]!;
    const y = this.gpuOf[b]!;
    if (x === y) return 0;
    if (this.gains !== null) return this.gains.delta(a, b) / this.tokens;
    let total = 0;
    this.levels.forEach(({ partOf, weight }, level) => {
      const from = partOf[x]!;
      const to = partOf[y]!;
      if (from !== to)
        total += weight * (this.half(level, a, b, from, to) + this.half(level, b, a, to, from));
    });
    return total / this.tokens;
  }

  swap(a: number, b: number): void {
    const x = this.gpuOf[a]!;
    const y = this.gpuOf[b]!;
    this.gains?.forget(a, b);
    this.levels.forEach(({ partOf, parts }, level) => {
      const from = partOf[x]!;
      const to = partOf[y]!;
      if (from === to) return;
      const counts = this.counts[level]!;
      for (const token of this.tokensOf[a]!) {
        counts[token * parts + from]! -= 1;
        counts[token * parts + to]! += 1;
      }
      for (const token of this.tokensOf[b]!) {
        counts[token * parts + to]! -= 1;
        counts[token * parts + from]! += 1;
      }
    });
    this.gpuOf[a] = y;
    this.gpuOf[b] = x;
    this.gains?.learn();
  }
}
