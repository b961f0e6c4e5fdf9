/* eslint-disable @typescript-eslint/no-non-null-assertion -- inner loops over typed arrays; indices are in range by construction */
/** What leaving a part and entering another one would change for each expert, summed over its tokens. */
import type { Level } from './levels.ts';

/** What TokenTraffic keeps; counts and GPUs are its own, and change under the table. */
export interface TokenView {
  /** Experts of the tokens, [token · top-k + choice]. */
  readonly picks: Int32Array;
  readonly tokens: number;
  readonly tokensOf: readonly Int32Array[];
  readonly levels: readonly Level[];
  readonly counts: readonly Uint8Array[];
  readonly gpuOf: Int32Array;
}

export class TokenGains {
  readonly #view: TokenView;
  readonly #topK: number;
  readonly #experts: number;
  /** Of each level: tokens of an expert that have no other expert in its part. */
  readonly #alone: readonly Int32Array[];
  /** Of each level: [expert · parts + part], tokens of the expert that have none in the part. */
  readonly #absent: readonly Int32Array[];
  /** Tokens that have both experts of a pair (lower · experts + higher), one list after the other. */
  readonly #first: Int32Array;
  readonly #shared: Int32Array;
  #touched: readonly number[] = [];
  #pair: readonly [number, number] = [0, 0];

  constructor(view: TokenView) {
    this.#view = view;
    this.#topK = view.picks.length / view.tokens;
    this.#experts = view.tokensOf.length;
    const experts = this.#experts;
    this.#alone = view.levels.map(() => new Int32Array(experts));
    this.#absent = view.levels.map(({ parts }) => new Int32Array(experts * parts));
    const size = new Int32Array(experts * experts + 1);
    this.#eachPair((pair) => {
      size[pair + 1]! += 1;
    });
    for (let pair = 0; pair < experts * experts; pair += 1) size[pair + 1]! += size[pair]!;
    this.#first = size;
    this.#shared = new Int32Array(size[experts * experts]!);
    const next = Int32Array.from(size);
    this.#eachPair((pair, token) => {
      this.#shared[next[pair]!] = token;
      next[pair]! += 1;
    });
    for (let token = 0; token < view.tokens; token += 1)
      view.levels.forEach(({ parts }, level) => {
        for (let part = 0; part < parts; part += 1) this.#count(level, token, part, 1);
      });
  }

  #eachPair(visit: (pair: number, token: number) => void): void {
    const { picks, tokens } = this.#view;
    for (let token = 0; token < tokens; token += 1)
      for (let one = token * this.#topK; one < (token + 1) * this.#topK; one += 1)
        for (let two = one + 1; two < (token + 1) * this.#topK; two += 1) {
          const low = Math.min(picks[one]!, picks[two]!);
          visit(low * this.#experts + Math.max(picks[one]!, picks[two]!), token);
        }
  }

  /** Adds (1) or takes away (−1) what a token says about a part. */
  #count(level: number, token: number, part: number, sign: number): void {
    const { picks, levels, counts, gpuOf } = this.#view;
    const { parts, partOf } = levels[level]!;
    const held = counts[level]![token * parts + part]!;
    if (held > 1) return;
    for (let at = token * this.#topK; at < (token + 1) * this.#topK; at += 1) {
      const expert = picks[at]!;
      if (held === 0) this.#absent[level]![expert * parts + part]! += sign;
      else if (partOf[gpuOf[expert]!] === part) this.#alone[level]![expert]! += sign;
    }
  }

  /**
   * Change of Σ weight · distinct parts if two experts on different GPUs changed places. Tokens that have both keep
   * their parts: what single moves say of them is taken back.
   */
  delta(a: number, b: number): number {
    const { levels, counts, gpuOf } = this.#view;
    const pair = Math.min(a, b) * this.#experts + Math.max(a, b);
    let total = 0;
    for (let level = 0; level < levels.length; level += 1) {
      const { parts, partOf, weight } = levels[level]!;
      const from = partOf[gpuOf[a]!]!;
      const to = partOf[gpuOf[b]!]!;
      if (from === to) continue;
      const absent = this.#absent[level]!;
      const alone = this.#alone[level]!;
      let change = absent[a * parts + to]! - alone[a]! + absent[b * parts + from]! - alone[b]!;
      const held = counts[level]!;
      for (let at = this.#first[pair]!; at < this.#first[pair + 1]!; at += 1) {
        const row = this.#shared[at]! * parts;
        if (held[row + from] === 1) change += 1;
        if (held[row + to] === 1) change += 1;
      }
      total += weight * change;
    }
    return total;
  }

  #eachTouched(sign: number): void {
    const { levels, gpuOf } = this.#view;
    const [x, y] = [gpuOf[this.#pair[0]]!, gpuOf[this.#pair[1]]!];
    levels.forEach(({ partOf }, level) => {
      if (partOf[x] === partOf[y]) return;
      for (const token of this.#touched) {
        this.#count(level, token, partOf[x]!, sign);
        this.#count(level, token, partOf[y]!, sign);
      }
    });
  }

  /** To be called before two experts change places, and `learn` after. */
  forget(a: number, b: number): void {
    this.#pair = [a, b];
    this.#touched = [...new Set([...this.#view.tokensOf[a]!, ...this.#view.tokensOf[b]!])];
    this.#eachTouched(-1);
  }

  learn(): void {
    this.#eachTouched(1);
  }
}
