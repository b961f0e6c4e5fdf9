import { describe, expect, it } from 'vitest';
import { createLayerTables } from '../../src/cost/layer-set.ts';
import type { LayerCost } from '../../src/cost/layer.ts';
import { measuredRouting } from '../../src/placement/training-load.ts';
import type { Problem } from '../../src/plan/problem.ts';
import type { Strategy } from '../../src/strategy/strategy.ts';
import { calibrationWith, clusterOf, model, moeModel, problemOf, strategyOf } from './fixtures.ts';

const layer = (
  strategy: Partial<Strategy> = {},
  problem: Problem = problemOf(),
  constants: Parameters<typeof calibrationWith>[0] = {},
): LayerCost => {
  const cost = createLayerTables(problem, calibrationWith(constants)).sets(strategyOf(strategy))[0]?.kinds[0];
  if (cost === undefined) throw new Error('no layer');
  return cost;
};

// One sequence of 4096 tokens through one layer of the test model, hidden 1024, on 1e14 FLOP/s and 1e12 B/s.
const LINEAR_PARAMETERS = 4 * 1024 * 1024 + 3 * 1024 * 4096;
const PRODUCTS = (2 * 4096 * LINEAR_PARAMETERS) / 1e14;
const ATTENTION = (2 * 8 * ((4096 * 4096) / 2) * 256) / 0.5e14;
/** 20h of norms and residuals, rope 4·3h, SwiGLU 6f, bytes a token. */
const TRAFFIC = (4096 * (20 * 1024 + 12 * 1024 + 6 * 4096)) / 1e12;
/** Hidden state of the micro-batch in bf16. */
const HIDDEN_BYTES = 2 * 4096 * 1024;

describe('a dense layer', () => {
  it('forward: products, attention and memory traffic by hand', () => {
    expect(layer().forwardTime).toBeCloseTo(PRODUCTS + ATTENTION + TRAFFIC, 8);
  });

  it('backward: two products each, 2.5 times the attention, 32h + 12h + 10f of traffic', () => {
    const traffic = (4096 * (32 * 1024 + 12 * 1024 + 10 * 4096)) / 1e12;
    expect(layer().backwardTime).toBeCloseTo(2 * PRODUCTS + 2.5 * ATTENTION + traffic, 8);
    expect(layer().weightGradient).toBeCloseTo(PRODUCTS, 8);
  });

  it('counts the parameters that a rank holds', () => {
    expect(layer().denseParameters).toBe(LINEAR_PARAMETERS + 2 * 1024);
    expect(layer({ tensor: 4, data: 2 }).denseParameters).toBe(LINEAR_PARAMETERS / 4 + 2 * 1024);
  });

  it('full recomputation repeats the forward pass, none repeats nothing, core attention its part', () => {
    const none = layer().backwardTime;
    expect(layer({ recompute: { kind: 'full' } }).backwardTime - none).toBeCloseTo(
      PRODUCTS + ATTENTION + TRAFFIC,
      8,
    );
    const selective = layer({ recompute: { kind: 'selective', modules: ['core_attn'] } });
    expect(selective.backwardTime - none).toBeCloseTo(ATTENTION, 8);
    const norms = layer({ recompute: { kind: 'selective', modules: ['layernorm'] } });
    expect(norms.backwardTime - none).toBeCloseTo((4096 * 8 * 1024) / 1e12, 8);
  });

  it('checkpointing that stops early leaves out the last linear', () => {
    const problem = problemOf({}, { conditions: { profile: 'torchtitan' } });
    const extra =
      layer({ recompute: { kind: 'full' } }, problem).backwardTime - layer({}, problem).backwardTime;
    expect(extra).toBeCloseTo(PRODUCTS + ATTENTION + TRAFFIC - (2 * 4096 * 1024 * 4096) / 1e14, 8);
  });

  it('tensor parallelism without sequence parallelism: two all-reduces forward, those of backward hidden by Megatron Core', () => {
    const cost = layer({ tensor: 8, data: 1 });
    // An all-reduce over 8 ranks moves 2 · 7∕8 of the hidden state at 100 GB/s.
    expect(cost.forward.tensor).toBeCloseTo((2 * 2 * 0.875 * HIDDEN_BYTES) / 100e9, 9);
    expect(cost.backward.tensor).toBe(0);
  });

  it('with sequence parallelism: four passes forward, six backward; overlap leaves its share', () => {
    const cost = layer({ tensor: 8, data: 1, sequenceParallel: true });
    const pass = (0.875 * HIDDEN_BYTES) / 100e9;
    expect(cost.forward.tensor).toBeCloseTo(4 * pass, 9);
    expect(cost.backward.tensor).toBeCloseTo(6 * pass, 9);
    const overlapped = layer({ tensor: 8, data: 1, sequenceParallel: true, overlapTensor: true });
    expect(overlapped.forward.tensor).toBeCloseTo(pass, 9);
  });

  it('a context ring hides behind attention where the link is fast, and shows where it is slow', () => {
    const near = layer({ context: 2, data: 4 });
    expect(near.forward.context).toBe(0);
    const slow = clusterOf(2);
    const [group] = slow.groups;
    if (group === undefined) throw new Error('no group');
    const far = problemOf({
      cluster: {
        ...slow,
        groups: [{ ...group, nics: { ...group.nics, bandwidth: 1e8 as typeof group.nics.bandwidth } }],
      },
    });
    // Context ranks 8 apart: keys and values of half the sequence cross the network once, at 0.1 GB/s.
    const cost = layer({ tensor: 8, context: 2, data: 1 }, far);
    const chunk = 2 * 2048 * 1 * 256;
    expect(cost.forward.context).toBeCloseTo(chunk / 1e8 - ATTENTION / 8 / 2 / 2, 6);
  });

  it('host time bounds an idle GPU and vanishes beside a busy one: (G^6 + H^6)^(1∕6)', () => {
    const gpu = layer().forwardTime + layer().backwardTime;
    const bound = layer({}, problemOf(), { runtime: { hostDense: 10 * gpu } });
    expect(bound.forwardTime + bound.backwardTime).toBeCloseTo(gpu * (1 + 10 ** 6) ** (1 / 6), 6);
    const idle = layer({}, problemOf(), { runtime: { hostDense: gpu / 10 } });
    expect(idle.forwardTime + idle.backwardTime).toBeCloseTo(gpu, 6);
  });

  it('sharded parameters: a layer takes the longer of compute and exchange', () => {
    const network = problemOf(
      { cluster: clusterOf(8) },
      { conditions: { profile: 'pytorch-fsdp', compiled: true } },
    );
    const cost = layer({ data: 64, sharding: 'parameters', shardingGroup: 64 }, network);
    const parameters = LINEAR_PARAMETERS + 2 * 1024;
    // 63∕64 of 2 bytes a parameter, over eight ports of 10 GB/s of each node.
    const gather = (2 * parameters * 63) / 64 / 80e9;
    expect(cost.forwardTime).toBeCloseTo(Math.max(gather, layer().forwardTime), 7);
    expect(cost.backwardTime).toBeCloseTo(Math.max(gather * 3, layer().backwardTime), 7);
  });

  it('8-bit products cast their inputs and output gradients', () => {
    const bf16 = layer();
    const fp8 = layer({}, problemOf({}, { precision: 'fp8' }));
    // The accelerator has no fp8 rate, so only the casts differ: 4 bytes an element.
    expect(fp8.forwardTime - bf16.forwardTime).toBeCloseTo(
      (4 * 4096 * (1024 + 1024 + 1024 + 4096)) / 1e12,
      9,
    );
    expect(fp8.backwardTime - bf16.backwardTime).toBeCloseTo(
      (4 * 4096 * (3072 + 1024 + 8192 + 1024)) / 1e12,
      9,
    );
  });
});

describe('a mixture-of-experts layer', () => {
  const problem = problemOf({ model: moeModel });
  const rows = 4096 * 2;

  it('exchanges tokens twice each pass: 2 copies of the hidden state, 7∕8 of them leave the GPU', () => {
    const cost = layer({ expert: 8 }, problem);
    expect(cost.forward.expert).toBeCloseTo((2 * 2 * HIDDEN_BYTES * 0.875) / 100e9, 9);
    expect(cost.backward.expert).toBeCloseTo(cost.forward.expert, 12);
  });

  it('holds a share of the experts', () => {
    expect(layer({ expert: 8 }, problem).expertParameters).toBe((16 / 8) * 3 * 1024 * 1024);
  });

  it('a grouped product is the root of products² + weight traffic², and an overhead per expert', () => {
    const overhead = layer({ expert: 8 }, problem, { accelerator: { expertOverhead: 1e-3 } }).forwardTime;
    expect(overhead - layer({ expert: 8 }, problem).forwardTime).toBeCloseTo(2 * 2 * 1e-3, 9);
    const up = Math.hypot((2 * rows * 1024 * 2048) / 1e14, (2 * 2 * 1024 * 2048) / 1e12);
    const down = Math.hypot((2 * rows * 1024 * 1024) / 1e14, (2 * 2 * 1024 * 1024) / 1e12);
    const attention = ATTENTION + (2 * 4096 * 4 * 1024 * 1024) / 1e14;
    // Norms, residuals and rope; routing 12 bytes an expert; two permutations of 4h; SwiGLU 6 · width: per row. Two
    // experts on a rank: rows are sorted by expert and back, 4h each.
    const traffic = (4096 * (32 * 1024 + 12 * 16) + rows * (16 * 1024 + 6 * 1024)) / 1e12;
    // The router's 16 outputs are bound by traffic, not by FLOPs.
    const router = (2 * (4096 * 1024 + 1024 * 16 + 4096 * 16)) / 1e12;
    const cost = layer({ expert: 8 }, problem);
    expect(cost.forward.compute).toBeCloseTo(up + down + attention + traffic + router, 7);
  });

  it('overlap hides the smaller of exchange and compute', () => {
    const cost = layer({ expert: 8, overlapExpert: true }, problem);
    expect(cost.forward.expert).toBeCloseTo(0, 9);
  });

  it('unbalanced routing slows the busiest rank', () => {
    const counts = [Array.from({ length: 16 }, (_, expert) => (expert < 2 ? 4 : 1))];
    const skewed = problemOf({ model: moeModel }, { routing: measuredRouting('counts.json', counts) });
    // Two of 16 experts on each of 8 ranks: 8 of 22 tokens land on the first.
    const ratio = layer({ expert: 8 }, skewed).forward.expert / layer({ expert: 8 }, problem).forward.expert;
    expect(ratio).toBeCloseTo((8 * 8) / 22, 9);
  });

  it('DeepEP sends one copy to each node', () => {
    const wide = problemOf({ model: moeModel, cluster: clusterOf(2) });
    const plain = layer({ expert: 16, data: 16 }, wide).forward.expert;
    const fused = layer({ expert: 16, data: 16, dispatcher: 'deepep' }, wide).forward.expert;
    // Two copies over two nodes reach 1.5 nodes on average.
    expect(fused / plain).toBeCloseTo(0.75, 9);
  });

  it('expert tensor parallelism gathers rows and scatters results', () => {
    const cost = layer({ expert: 1, expertTensor: 8, tensor: 8, data: 1, sequenceParallel: true }, problem);
    const gathered = (2 * rows * 1024 * 0.875) / 100e9;
    expect(cost.forward.expert).toBeCloseTo(2 * gathered, 9);
  });

  it('a dense model ignores expert axes', () => {
    expect(layer({ expert: 8 }, problemOf({ model })).forwardTime).toBe(layer().forwardTime);
  });
});
