import { describe, expect, it } from 'vitest';
import type { Level } from '../../src/placement/levels.ts';
import { randomIndex, seededRandom } from '../../src/placement/random.ts';
import { TokenTraffic } from '../../src/placement/token-traffic.ts';
import type { RoutingTrace } from '../../src/plan/routing-trace.ts';

const random = seededRandom(3);
const TOKENS = 60;
const EXPERTS = 8;
const TOP_K = 3;

/** Tokens with three of eight experts each, in two layers. */
const picks = Array.from({ length: TOKENS * 2 }, () => {
  const chosen = new Set<number>();
  while (chosen.size < TOP_K) chosen.add(randomIndex(random, EXPERTS));
  return [...chosen];
});
const trace: RoutingTrace = {
  tokens: TOKENS,
  topK: TOP_K,
  experts: EXPERTS,
  layers: [0, 1],
  ids: Uint16Array.from(picks.flat()),
};
/** Four GPUs on two nodes; a node costs three times a GPU. */
const levels: readonly Level[] = [
  { name: 'GPU', parts: 4, partOf: Int32Array.from([0, 1, 2, 3]), weight: 1 },
  { name: 'node', parts: 2, partOf: Int32Array.from([0, 0, 1, 1]), weight: 3 },
];
const start = Int32Array.from([0, 0, 1, 1, 2, 2, 3, 3]);
const COLUMN = 1;

/** Σ weight · distinct parts over tokens, from the picks alone. */
const costOf = (gpuOf: Int32Array): number => {
  let total = 0;
  for (let token = 0; token < TOKENS; token += 1) {
    const gpus = (picks[token * 2 + COLUMN] ?? []).map((expert) => gpuOf[expert] ?? 0);
    for (const { partOf, weight } of levels) total += weight * new Set(gpus.map((gpu) => partOf[gpu])).size;
  }
  return total / TOKENS;
};

describe('traffic of tokens that return to their home', () => {
  it('is the weighted number of distinct parts', () => {
    expect(new TokenTraffic(trace, COLUMN, levels, start).cost()).toBeCloseTo(costOf(start), 12);
  });

  it.each([false, true])('knows what every exchange changes, tabulated: %s', (tabulated) => {
    const traffic = new TokenTraffic(trace, COLUMN, levels, start);
    if (tabulated) traffic.tabulate();
    for (let exchange = 0; exchange < 12; exchange += 1) {
      for (let a = 0; a < EXPERTS; a += 1)
        for (let b = 0; b < EXPERTS; b += 1) {
          const after = Int32Array.from(traffic.gpuOf);
          after[a] = traffic.gpuOf[b] ?? 0;
          after[b] = traffic.gpuOf[a] ?? 0;
          const want = costOf(after) - costOf(traffic.gpuOf);
          expect(traffic.delta(a, b), `${a} and ${b} after ${exchange}`).toBeCloseTo(want, 12);
        }
      const a = randomIndex(random, EXPERTS);
      const b = (a + 1 + randomIndex(random, EXPERTS - 1)) % EXPERTS;
      if (traffic.gpuOf[a] !== traffic.gpuOf[b]) traffic.swap(a, b);
      expect(traffic.cost()).toBeCloseTo(costOf(traffic.gpuOf), 12);
    }
  });
});
