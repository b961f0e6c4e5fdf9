import { describe, expect, it } from 'vitest';
import { createEstimator } from '../../src/cost/estimator.ts';
import type { RunConditions } from '../../src/plan/conditions.ts';
import type { Strategy } from '../../src/strategy/strategy.ts';
import { calibrationWith, clusterOf, model, moeModel, problemOf, strategyOf } from './fixtures.ts';

/** Host time so long that it is all that a layer costs. */
const HOST = {
  hostDense: 1,
  hostMoe: 10,
  hostExpert: 0.25,
  hostFusedDispatcher: 0.8,
  hostExpertOverlap: 1.5,
  hostAttentionGraph: 0.6,
};

const layerTime = (
  moe: boolean,
  strategy: Partial<Strategy> = {},
  conditions: RunConditions = {},
): number => {
  const problem = problemOf({ model: moe ? moeModel : model, cluster: clusterOf(2) }, { conditions });
  const [kind] = createEstimator(problem, calibrationWith({ runtime: HOST })).layerCosts(
    strategyOf({ data: 16, ...strategy }),
  ).kinds;
  return (kind?.forward ?? 0) + (kind?.backward ?? 0);
};

describe('a layer that the host bounds', () => {
  it.each<[string, boolean, Partial<Strategy>, RunConditions, number]>([
    ['dense', false, {}, {}, 1],
    ['dense, fully recomputed: a third more launches', false, { recompute: { kind: 'full' } }, {}, 4 / 3],
    // Ten seconds and a quarter for each of two local experts.
    ['MoE', true, { expert: 8 }, {}, 10.5],
    ['MoE, one local expert', true, { expert: 16 }, {}, 10.25],
    ['MoE, fused dispatcher', true, { expert: 8, dispatcher: 'deepep' }, {}, 8.4],
    ['MoE, HybridEP', true, { expert: 8, dispatcher: 'hybridep' }, {}, 8.4],
    ['MoE, expert overlap', true, { expert: 8, overlapExpert: true }, {}, 15.75],
    ['MoE, graphs of attention', true, { expert: 8 }, { cudaGraphs: 'attention' }, 6.3],
    ['MoE, graphs of the router alone', true, { expert: 8 }, { cudaGraphs: 'router' }, 10.5],
    [
      'MoE, padded experts inside graphs: like two dense layers',
      true,
      { expert: 8 },
      { cudaGraphs: 'attention', expertCapacity: 1 },
      2,
    ],
    ['MoE, padded experts without graphs', true, { expert: 8 }, { expertCapacity: 1 }, 10.5],
    // Each local expert launches what half a dense layer does.
    ['MoE, experts one after the other', true, { expert: 8 }, { groupedExperts: false }, 11.5],
  ])('%s', (_, moe, strategy, conditions, want) => {
    expect(layerTime(moe, strategy, conditions)).toBeCloseTo(want, 2);
  });

  it('biases of experts are launched one by one: eight kernels of 8 µs for each of two local experts', () => {
    const biased = {
      ...moeModel,
      kinds: moeModel.kinds.map((kind) =>
        kind.feedForward.kind === 'moe'
          ? { ...kind, feedForward: { ...kind.feedForward, bias: true } }
          : kind,
      ),
    };
    const exact = { ...HOST, hostNorm: 20 };
    const time = (subject: typeof moeModel, conditions: RunConditions = {}): number => {
      const problem = problemOf({ model: subject, cluster: clusterOf(2) }, { conditions });
      const [kind] = createEstimator(problem, calibrationWith({ runtime: exact })).layerCosts(
        strategyOf({ data: 16, expert: 8 }),
      ).kinds;
      return (kind?.forward ?? 0) + (kind?.backward ?? 0);
    };
    expect(time(biased) - time(moeModel)).toBeCloseTo(2 * 8 * 8e-6, 6);
    // Fused experts add them in the epilogue.
    expect(time(biased, { fusedExperts: true })).toBeCloseTo(time(moeModel), 6);
  });

  it('costs GPU time alone inside graphs of the whole iteration', () => {
    expect(layerTime(true, { expert: 8 }, { cudaGraphs: 'full' })).toBeLessThan(0.1);
  });
});
