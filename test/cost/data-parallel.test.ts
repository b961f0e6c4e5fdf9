import { describe, expect, it } from 'vitest';
import { dataTime, optimizerTime, shardsLayers } from '../../src/cost/data-parallel.ts';
import type { DataContext } from '../../src/cost/data-parallel.ts';
import { createLayerTables } from '../../src/cost/layer-set.ts';
import { timeBehaviour } from '../../src/runtimes/time-behaviour.ts';
import type { Problem } from '../../src/plan/problem.ts';
import type { Strategy } from '../../src/strategy/strategy.ts';
import { calibrationWith, clusterOf, moeModel, problemOf, strategyOf } from './fixtures.ts';

const contextOf = (strategy: Partial<Strategy> = {}, problem: Problem = problemOf()): DataContext => {
  const set = createLayerTables(problem, calibrationWith()).sets(strategyOf(strategy))[0];
  if (set === undefined) throw new Error('no set');
  return set.data;
};

const P = 1e9;
const GB = 1e9;

describe('exposed exchange of gradients and weights', () => {
  it('replicated optimizer: an all-reduce of fp32 gradients, 2 · 7∕8 of 4 GB at 100 GB/s, half of it exposed', () => {
    expect(dataTime(contextOf({ sharding: 'none' }), P, 0)).toBeCloseTo(
      (0.5 * 2 * 0.875 * 4 * GB) / 100e9,
      9,
    );
  });

  it('without overlap all of it is exposed', () => {
    const context = contextOf({ sharding: 'none', overlapGradients: false });
    expect(dataTime(context, P, 0)).toBeCloseTo((2 * 0.875 * 4 * GB) / 100e9, 9);
  });

  it('sharded optimizer: gradients are scattered, bf16 weights gathered; each overlap counts for its own part', () => {
    const scatter = (0.875 * 4 * GB) / 100e9;
    const gather = (0.875 * 2 * GB) / 100e9;
    expect(dataTime(contextOf(), P, 0)).toBeCloseTo(0.5 * (scatter + gather), 9);
    expect(dataTime(contextOf({ overlapParameters: false }), P, 0)).toBeCloseTo(0.5 * scatter + gather, 9);
    expect(dataTime(contextOf({ overlapGradients: false }), P, 0)).toBeCloseTo(scatter + 0.5 * gather, 9);
  });

  it('a stack that all-reduces gradients of a sharded optimizer pays twice for them', () => {
    const problem = problemOf({}, { conditions: { gradientAllReduce: true } });
    expect(dataTime(contextOf({}, problem), P, 0)).toBeCloseTo((0.5 * 0.875 * (2 * 4 + 2) * GB) / 100e9, 9);
  });

  it('bf16 gradients halve their part', () => {
    const problem = problemOf(
      {},
      { optimizer: { name: 'adam', states: 'fp32', gradients: 'bf16', mainParameters: 'fp32' } },
    );
    expect(dataTime(contextOf({}, problem), P, 0)).toBeCloseTo((0.5 * 0.875 * (2 + 2) * GB) / 100e9, 9);
  });

  it('context ranks share gradients with data ranks', () => {
    expect(dataTime(contextOf({ context: 2, data: 4 }), P, 0)).toBeCloseTo((0.5 * 0.875 * 6 * GB) / 100e9, 9);
  });

  it('experts have replicas of their own: 2 of 16 ranks, one in each node, a port each', () => {
    const problem = problemOf({ model: moeModel, cluster: clusterOf(2) });
    const context = contextOf({ data: 16, expert: 8 }, problem);
    expect(dataTime(context, 0, P)).toBeCloseTo((0.5 * 0.5 * 6 * GB) / 10e9, 9);
    expect(dataTime(context, P, 0)).toBeCloseTo((0.5 * (15 / 16) * 6 * GB) / 80e9, 9);
  });

  it('gradients are final in the last backward pass: what lasts longer than it shows', () => {
    const scatter = (0.875 * 4 * GB) / 100e9;
    const gather = (0.875 * 2 * GB) / 100e9;
    const at = (backward: number, strategy: Partial<Strategy> = {}): number =>
      dataTime(contextOf({ overlapParameters: false, ...strategy }), P, 0, backward) - gather;
    // Half of what finds room shows in any case, what does not find room shows whole.
    expect(at(1.5 * scatter)).toBeCloseTo(0.5 * scatter, 12);
    expect(at(0.6 * scatter)).toBeCloseTo((0.4 + 0.5 * 0.6) * scatter, 12);
    expect(at(0.2 * scatter)).toBeCloseTo((0.8 + 0.5 * 0.2) * scatter, 12);
    expect(at(0.2 * scatter, { overlapGradients: false })).toBeCloseTo(scatter, 12);
    expect(at(0.2 * scatter, { schedule: 'interleaved' })).toBeCloseTo((0.8 + 0.5 * 0.2) * scatter, 12);
  });

  it('interleaved stages reduce a chunk while the others work: of 2 chunks on 4 stages 5 passes, for the last its own', () => {
    const keys = {
      pipeline: 4,
      virtualStages: 2,
      schedule: 'interleaved',
      overlapParameters: false,
    } as const;
    const problem = problemOf({ cluster: clusterOf(4) });
    const context = contextOf({ ...keys, data: 8 }, problem);
    const [scatter, gather] = [(0.875 * 4 * GB) / 100e9, (0.875 * 2 * GB) / 100e9];
    const at = (backward: number): number => dataTime(context, P, 0, backward) - gather;
    // A chunk takes half of backward: all but 2.5 of it, or half of scatter less half of it; half of the rest.
    expect(at(0.1 * scatter)).toBeCloseTo((0.75 + 0.5 * 0.25) * scatter, 12);
    expect(at(0.25 * scatter)).toBeCloseTo((0.375 + 0.5 * 0.625) * scatter, 12);
    const rarely = { ...context, runtime: { ...context.runtime, dataExposed: 0.1 } };
    expect(dataTime(rarely, P, 0, 0.6 * scatter) - gather).toBeCloseTo((0.2 + 0.1 * 0.8) * scatter, 12);
  });

  it('a pass that exchanges tokens over the same ports hides so much less', () => {
    const problem = problemOf({ cluster: clusterOf(2) });
    const far = contextOf({ data: 16, overlapParameters: false }, problem);
    // 15∕16 of 4 GB over 8 ports of 10 GB/s; 10 ms of backward, 6 of them on the ports.
    const [scatter, gather] = [(15 / 16) * 0.05, (15 / 16) * 0.025];
    // Half of what they hide shows.
    expect(dataTime(far, P, 0, 0.01) - gather).toBeCloseTo(scatter - 0.5 * 0.01, 12);
    expect(dataTime(far, P, 0, 0.01, 0.006) - gather).toBeCloseTo(scatter - 0.5 * 0.004, 12);
    // Within a node gradients take other wires.
    expect(dataTime(contextOf(), P, 0, 0.01, 0.006)).toBe(dataTime(contextOf(), P, 0, 0.01));
  });

  it('DDP pays the latency of each bucket of 25 MiB of weights: 2 GB are 77', () => {
    // Ring of 8: 14 steps of 3 us and 20 us of base; 7∕8 of twice 4 GB.
    const links = { step: 3e-6, base: 20e-6 };
    const slow = (profile: 'nanotron' | 'megatron-deepspeed'): number => {
      const problem = problemOf({}, { conditions: { profile } });
      const context = contextOf({ sharding: 'none', overlapGradients: false }, problem);
      const { machine } = context;
      const intraNodeConstants = { ...machine.intraNodeConstants, ...links };
      return dataTime({ ...context, machine: { ...machine, intraNodeConstants } }, P, 0);
    };
    expect(slow('megatron-deepspeed')).toBeCloseTo(0.07 + 62e-6, 9);
    expect(slow('nanotron')).toBeCloseTo(0.07 + 77 * 62e-6, 9);
  });

  it('lists of all ranks for each tensor cost the host, whatever hides: 10 us a layer and rank, 4 layers, 8 ranks', () => {
    const context = contextOf();
    const listed = { ...context, layers: 4, runtime: { ...context.runtime, gatherHost: 1e-5 } };
    expect(dataTime(listed, P, 0) - dataTime(context, P, 0)).toBeCloseTo(32e-5, 9);
    const whole = contextOf({ sharding: 'none' });
    expect(dataTime({ ...whole, runtime: listed.runtime }, P, 0)).toBe(dataTime(whole, P, 0));
    const single = contextOf({ tensor: 8, data: 1 });
    expect(dataTime({ ...single, runtime: listed.runtime }, P, 0)).toBe(0);
  });

  it('one replica exchanges nothing', () => {
    expect(dataTime(contextOf({ tensor: 8, data: 1 }), P, 0)).toBe(0);
  });
});

describe('the optimizer step', () => {
  it('10 bytes of every parameter and 40 of the owned ones', () => {
    expect(optimizerTime(contextOf({ sharding: 'none' }), P, 0)).toBeCloseTo((50 * GB) / 1e12, 9);
    expect(optimizerTime(contextOf(), P, 0)).toBeCloseTo(((10 + 40 / 8) * GB) / 1e12, 9);
  });

  it('touches the shard alone where every layer is sharded', () => {
    expect(optimizerTime(contextOf({ sharding: 'parameters' }), P, 0)).toBeCloseTo(((50 / 8) * GB) / 1e12, 9);
  });

  it('owns experts by their own replicas', () => {
    const problem = problemOf({ model: moeModel, cluster: clusterOf(2) });
    expect(optimizerTime(contextOf({ data: 16, expert: 8 }, problem), 0, P)).toBeCloseTo(
      ((10 + 20) * GB) / 1e12,
      9,
    );
  });

  it('runs a stated share on the host, or all of it', () => {
    const half = problemOf({}, { conditions: { optimizerOffload: 0.5 } });
    const device = ((10 + 40 / 8) * GB) / 1e12;
    expect(optimizerTime(contextOf({}, half), P, 0)).toBeCloseTo(0.5 * device + (0.5 * P * 1e-9) / 8, 9);
    expect(optimizerTime(contextOf({ offload: 'optimizer' }), P, 0)).toBeCloseTo((P * 1e-9) / 8, 9);
    expect(optimizerTime(contextOf({ offload: 'optimizer', sharding: 'none' }), P, 0)).toBeCloseTo(
      P * 1e-9,
      9,
    );
  });
});

describe('which stacks shard every layer', () => {
  it.each([
    ['parameters', 'megatron-core', true],
    ['gradients', 'pytorch-fsdp', true],
    ['gradients', 'torchtitan', true],
    ['gradients', 'megatron-deepspeed', false],
    ['optimizer', 'pytorch-fsdp', false],
  ] as const)('sharding of %s in %s: %s', (sharding, profile, want) => {
    const { training } = problemOf({}, { conditions: { profile } });
    expect(shardsLayers(strategyOf({ sharding }), timeBehaviour(training, 'ampere'))).toBe(want);
  });
});
