import { describe, expect, it } from 'vitest';
import { MatrixGame } from '../../src/placement/matrix-game.ts';
import { pairBound } from '../../src/placement/pair-bound.ts';
import { pairCounts } from '../../src/placement/pair-search.ts';
import { seededRandom } from '../../src/placement/random.ts';

describe('a matrix game', () => {
  const game = (columns: readonly (readonly number[])[]): MatrixGame => {
    const made = new MatrixGame(columns[0]?.length ?? 0, 10);
    for (const column of columns) made.add(column);
    return made;
  };

  // By hand: 3p = p + 2(1 − p) at p = ½, so the value is 1.5; columns mix such that 3q + 1 − q = 2(1 − q), q = ¼.
  it('has the value and the mixtures of the textbook', () => {
    const solved = game([
      [3, 0],
      [1, 2],
    ]);
    expect(solved.solve()).toBeCloseTo(1.5, 12);
    expect([...solved.rowMixture()]).toEqual([expect.closeTo(0.5, 12), expect.closeTo(0.5, 12)]);
    const mixture = new Map(solved.columnMixture());
    expect(mixture.get(0)).toBeCloseTo(0.25, 12);
    expect(mixture.get(1)).toBeCloseTo(0.75, 12);
  });

  it('is solved anew when a column arrives', () => {
    const growing = game([[3, 0]]);
    expect(growing.solve()).toBeCloseTo(3, 12);
    growing.add([1, 2]);
    expect(growing.solve()).toBeCloseTo(1.5, 12);
    // Dominated by neither, but never worth a share: 2.5 for each row.
    growing.add([2.5, 2.5]);
    expect(growing.solve()).toBeCloseTo(1.5, 12);
    growing.add([-1, -1]);
    expect(growing.solve()).toBeCloseTo(-1, 12);
  });

  it('of rock, paper and scissors is fair', () => {
    const fair = game([
      [0, 1, -1],
      [-1, 0, 1],
      [1, -1, 0],
    ]);
    expect(fair.solve()).toBeCloseTo(0, 12);
    for (const share of fair.rowMixture()) expect(share).toBeCloseTo(1 / 3, 12);
  });
});

/** The busiest pair of the best counts, by trying all of them. */
const bestPair = (weights: readonly number[], gpus: number): number => {
  let best = Infinity;
  const counts = weights.map(() => 1);
  const judge = (): void => {
    const shares = weights.flatMap((weight, expert) =>
      new Array<number>(counts[expert] ?? 1).fill(weight / (counts[expert] ?? 1)),
    );
    shares.sort((a, b) => a - b);
    let most = 0;
    for (let low = 0; low < gpus; low += 1)
      most = Math.max(most, (shares[low] ?? 0) + (shares[2 * gpus - 1 - low] ?? 0));
    best = Math.min(best, most);
  };
  const deal = (expert: number, left: number): void => {
    if (expert === weights.length - 1) {
      if (left + 1 > gpus) return;
      counts[expert] = left + 1;
      judge();
      return;
    }
    for (let extra = 0; extra <= Math.min(left, gpus - 1); extra += 1) {
      counts[expert] = extra + 1;
      deal(expert + 1, left - extra);
    }
  };
  deal(0, 2 * gpus - weights.length);
  return best;
};

describe('GPUs of two slots', () => {
  const instances = Array.from({ length: 150 }, (_, seed) => {
    const random = seededRandom(seed + 1);
    const gpus = 3 + Math.floor(random() * 4);
    const experts = gpus + Math.floor(random() * gpus);
    const raw = Array.from({ length: experts }, () => Math.exp(2 * random()));
    const sum = raw.reduce((total, weight) => total + weight, 0);
    return { gpus, weights: Float64Array.from(raw, (weight) => (weight * gpus) / sum) };
  });

  it('have a bound that no counts are below, and mostly meet', () => {
    let met = 0;
    for (const { weights, gpus } of instances) {
      const best = bestPair([...weights], gpus);
      const bound = pairBound(weights, gpus, 1);
      expect(bound).toBeLessThanOrEqual(best * (1 + 1e-12));
      if (best / bound < 1.005) met += 1;
    }
    expect(met).toBeGreaterThan(instances.length / 2);
  });

  it('get the best counts of nearly all instances, by roundings and local search', () => {
    let met = 0;
    for (const { weights, gpus } of instances) {
      const best = bestPair([...weights], gpus);
      const counts = pairCounts(weights, gpus, pairBound(weights, gpus, 1), 1, 2000, seededRandom(1));
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(2 * gpus);
      const shares = Array.from(counts).flatMap((count, expert) =>
        new Array<number>(count).fill((weights[expert] ?? 0) / count),
      );
      shares.sort((a, b) => a - b);
      const reached = Math.max(...shares.map((share, at) => share + (shares[shares.length - 1 - at] ?? 0)));
      expect(reached).toBeGreaterThan(best * (1 - 1e-9));
      if (reached < best * (1 + 1e-9)) met += 1;
    }
    expect(met).toBeGreaterThan(0.9 * instances.length);
  });
});
