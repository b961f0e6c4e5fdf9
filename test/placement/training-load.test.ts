import { describe, expect, it } from 'vitest';
import { measuredRouting } from '../../src/placement/training-load.ts';
import { createSearchCosts } from '../../src/search/costs.ts';
import { searchPlans } from '../../src/search/search.ts';
import { loadSpec } from '../../src/spec/load.ts';
import { repositoryPath } from '../shared-data.ts';

const loads = (counts: number[][], placement: 'contiguous' | 'balanced', ranks: number) =>
  measuredRouting('counts.json', counts, placement, placement).load(ranks);

describe('the load of experts that training holds once each', () => {
  // By hand. [1, 2, 3, 4] on two GPUs: blocks carry 3 and 7 of a mean of 5; {1, 4} and {2, 3} carry 5 each. [9, 1, 1, 1]:
  // blocks carry 10 and 2 of a mean of 6, and no pair with the 9 carries less.
  const counts = [
    [1, 2, 3, 4],
    [0, 0, 0, 0],
    [9, 1, 1, 1],
  ];
  it.each([
    ['contiguous', 2, (1.4 + 10 / 6) / 2, 10 / 6],
    ['balanced', 2, (1 + 10 / 6) / 2, 10 / 6],
    // One expert each: nothing to choose. 4 of a mean of 2.5, 9 of a mean of 3.
    ['contiguous', 4, (1.6 + 3) / 2, 3],
    ['balanced', 4, (1.6 + 3) / 2, 3],
    ['balanced', 1, 1, 1],
  ] as const)('%s on %i GPUs', (placement, ranks, mean, worst) => {
    const load = loads(counts, placement, ranks);
    expect(load.mean).toBeCloseTo(mean, 12);
    expect(load.worst).toBeCloseTo(worst, 12);
  });

  it('takes the blocks of a permuted checkpoint, layer by layer, at every size of the group', () => {
    const order = [
      [0, 3, 1, 2],
      [1, 2, 3, 0],
    ];
    const routing = measuredRouting('counts.json', counts, 'order.json', order);
    expect(routing.load(2)).toEqual({ mean: (1 + 10 / 6) / 2, worst: 10 / 6 });
    expect(routing.contiguous(2)).toEqual(loads(counts, 'contiguous', 2));
    expect(routing.load(4).worst).toBeCloseTo(3, 12);
  });

  it('computes each size of the group once', () => {
    const routing = measuredRouting('counts.json', counts, 'balanced', 'balanced');
    expect(routing.load(2)).toBe(routing.load(2));
    expect(routing.load(2)).not.toBe(routing.load(4));
  });

  it('has nothing to say of dense layers alone', () => {
    expect(loads([[0, 0]], 'balanced', 2)).toEqual({ mean: 1, worst: 1 });
  });
});

describe('the example with made-up counts', () => {
  const best = (placement: string) => {
    const loaded = loadSpec(repositoryPath('configs', 'placement', 'deepseek-v2-lite-16-h100.yaml'), {
      set: [
        `training.expert_placement=${placement}`,
        'search.limit={ tensor: [1], pipeline: [1], expert: [8] }',
      ],
    });
    if (!loaded.ok) throw new Error(loaded.diagnostics.map(({ message }) => message).join('\n'));
    const { problem, calibration } = loaded.value;
    const plan = searchPlans(problem, createSearchCosts(problem, calibration)).plans[0];
    const { routing } = problem.training;
    if (plan === undefined || routing.kind !== 'counts') throw new Error('no plan under measured routing');
    return { time: plan.estimate.iterationTime, load: routing.load(8) };
  };

  it('gains by a balanced placement what its expert time allows', () => {
    const contiguous = best('contiguous');
    const balanced = best('balanced');
    expect(balanced.load.mean).toBeLessThan(contiguous.load.mean);
    expect(balanced.time).toBeLessThan(contiguous.time);
    // The rest of the iteration does not depend on the placement: the gain is less than that of the experts.
    expect(balanced.time / contiguous.time).toBeGreaterThan(balanced.load.mean / contiguous.load.mean);
  });
});
