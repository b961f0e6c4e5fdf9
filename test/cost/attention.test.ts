import { describe, expect, it } from 'vitest';
import { attentionTime, eightBitAttention } from '../../src/cost/attention.ts';
import type { AttentionShape } from '../../src/cost/attention.ts';
import { machineOf } from '../../src/cost/machine.ts';
import type { Machine } from '../../src/cost/machine.ts';
import type { CoreAttention } from '../../src/model/operator.ts';
import { calibrationWith, clusterOf, runtimeConstants } from './fixtures.ts';

const machineWith = (constants: Parameters<typeof calibrationWith>[0] = {}): Machine => {
  const [group] = clusterOf(1).groups;
  if (group === undefined) throw new Error('no group');
  return machineOf(group, calibrationWith(constants));
};

const core: CoreAttention = {
  kind: 'core-attention',
  name: 'core_attention',
  module: 'core_attn',
  heads: 8,
  kvHeads: 8,
  queryKeyDim: 128,
  valueDim: 128,
  span: { kind: 'full' },
  topK: null,
  sinks: false,
  parameters: 0,
};
const shape: AttentionShape = { tokens: 4096, sequenceLength: 4096, context: 1, tensor: 1 };
/** 2 · 8 heads · 4096² ∕ 2 · 256: the causal half of both products. */
const CAUSAL = 2 * 8 * ((4096 * 4096) / 2) * 256;

describe('fused attention', () => {
  it('causal FLOPs at a share of the peak; backward 2.5 times as many', () => {
    const time = attentionTime(machineWith(), runtimeConstants, core, shape, 'flash2', false);
    expect(time.forward).toBeCloseTo(CAUSAL / 0.5e14, 9);
    expect(time.backward).toBeCloseTo((2.5 * CAUSAL) / 0.5e14, 9);
  });

  it('attains half of its rate at the half length of a context chunk', () => {
    const curve = { rate: 0.5, halfLength: 1024, backward: 0.8 };
    const machine = machineWith({
      accelerator: {
        attention: {
          triton: curve,
          flash1: curve,
          flash2: curve,
          flash3: curve,
          cudnn: curve,
          'cudnn-v9': curve,
        },
      },
    });
    const time = attentionTime(
      machine,
      runtimeConstants,
      core,
      { ...shape, context: 4, tokens: 1024 },
      'flash2',
      false,
    );
    expect(time.forward).toBeCloseTo(CAUSAL / 4 / 0.25e14, 9);
    expect(time.backward).toBeCloseTo((2.5 * CAUSAL) / 4 / 0.2e14, 9);
  });

  it('is shared over tensor ranks', () => {
    const time = attentionTime(
      machineWith(),
      runtimeConstants,
      core,
      { ...shape, tensor: 4 },
      'flash2',
      false,
    );
    expect(time.forward).toBeCloseTo(CAUSAL / 4 / 0.5e14, 9);
  });

  it('a window of 1024 leaves 1024 − 1024²∕8192 keys a token', () => {
    const window: CoreAttention = { ...core, span: { kind: 'window', window: 1024 } };
    const time = attentionTime(machineWith(), runtimeConstants, window, shape, 'flash2', false);
    expect(time.forward).toBeCloseTo((2 * 8 * 4096 * 896 * 256) / 0.5e14, 9);
  });

  it('heads of 64 run at 0.5^0.4 of the rate', () => {
    const narrow: CoreAttention = { ...core, heads: 16, queryKeyDim: 64, valueDim: 64 };
    const time = attentionTime(machineWith(), runtimeConstants, narrow, shape, 'flash2', false);
    expect(time.forward).toBeCloseTo(CAUSAL / (0.5e14 * 0.5 ** 0.4), 9);
  });
});

describe('attention in 8 bits', () => {
  const plain = { forward: 1, backward: 2 };

  it('gains 27 % at a head dimension of 128; queries, keys and values are quantised, 3 bytes an element', () => {
    const time = eightBitAttention(machineWith(), core, shape, plain);
    // 8 heads of queries, 8 of keys and of values, 128 wide; the output's gradient before the backward pass.
    expect(time.forward).toBeCloseTo(1 / 1.27 + (3 * 4096 * 24 * 128) / 1e12, 9);
    expect(time.backward).toBeCloseTo(2 / 1.27 + (3 * 4096 * 8 * 128) / 1e12, 9);
  });

  it('gains half as much at 64, and no more above 128', () => {
    const narrow = eightBitAttention(machineWith(), { ...core, queryKeyDim: 64, valueDim: 64 }, shape, plain);
    expect(narrow.backward).toBeCloseTo(2 / 1.135 + (3 * 4096 * 8 * 64) / 1e12, 9);
    const wide = eightBitAttention(machineWith(), { ...core, queryKeyDim: 192 }, shape, plain);
    expect(wide.backward).toBeCloseTo(2 / 1.27 + (3 * 4096 * 8 * 128) / 1e12, 9);
  });
});

describe('unfused attention', () => {
  const scores = 8 * 4096 * 4096;

  it('both products over all scores, and 8 + 14 bytes a score', () => {
    const time = attentionTime(machineWith(), runtimeConstants, core, shape, 'fused-softmax', false);
    expect(time.forward).toBeCloseTo((2 * CAUSAL) / 1e14 + (8 * scores) / 1e12, 9);
    expect(time.backward).toBeCloseTo((4 * CAUSAL) / 1e14 + (14 * scores) / 1e12, 9);
  });

  it('dropout adds its bytes a score, each pass', () => {
    const without = attentionTime(machineWith(), runtimeConstants, core, shape, 'fused-softmax', false);
    const dropout = attentionTime(machineWith(), runtimeConstants, core, shape, 'fused-softmax', true);
    expect(dropout.forward - without.forward).toBeCloseTo((5 * scores) / 1e12, 9);
  });

  it('a head dimension that 8 does not divide falls off the tensor cores', () => {
    const misaligned: CoreAttention = { ...core, queryKeyDim: 130, valueDim: 130 };
    const time = attentionTime(machineWith(), runtimeConstants, misaligned, shape, 'fused-softmax', false);
    expect(time.forward).toBeCloseTo((2 * scores * 260) / 1e13 + (8 * scores) / 1e12, 9);
  });

  it('is shared over tensor ranks; the softmax’s traffic runs at the elementwise share of the bandwidth', () => {
    const machine = machineWith({ accelerator: { elementwise: 0.5, batchedGemm: 0.25 } });
    const time = attentionTime(
      machine,
      runtimeConstants,
      core,
      { ...shape, tensor: 4 },
      'fused-softmax',
      true,
    );
    expect(time.forward).toBeCloseTo((2 * CAUSAL) / 4 / 0.25e14 + (13 * scores) / 4 / 0.5e12, 9);
    expect(time.backward).toBeCloseTo((4 * CAUSAL) / 4 / 0.25e14 + (19 * scores) / 4 / 0.5e12, 9);
  });

  it('PyTorch’s chain of kernels moves 33 and 37 bytes a score', () => {
    const time = attentionTime(machineWith(), runtimeConstants, core, shape, 'torch', false);
    expect(time.forward).toBeCloseTo((2 * CAUSAL) / 1e14 + (33 * scores) / 1e12, 9);
    expect(time.backward).toBeCloseTo((4 * CAUSAL) / 1e14 + (37 * scores) / 1e12, 9);
  });
});

describe('a sparse-attention indexer', () => {
  it('scores all its heads on every tensor rank', () => {
    const indexer: CoreAttention = { ...core, replicated: true };
    const of = (operator: CoreAttention, tensor: number): number =>
      attentionTime(machineWith(), runtimeConstants, operator, { ...shape, tensor }, 'flash2', false).forward;
    expect(of(indexer, 4)).toBe(of(core, 1));
  });
});
