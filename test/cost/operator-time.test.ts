/** Every kind of operator on one rank, by hand, under constants that are all different from one. */
import { describe, expect, it } from 'vitest';
import { machineOf } from '../../src/cost/machine.ts';
import { localParameters, operatorTime, ownTokens, routedCopies } from '../../src/cost/operator-time.ts';
import type { LayerContext, OperatorTime } from '../../src/cost/operator-time.ts';
import type { GroupedLinear, Linear, Operator, Pointwise, Recurrence } from '../../src/model/operator.ts';
import { timeBehaviour } from '../../src/runtimes/time-behaviour.ts';
import type { RunConditions, SoftwareProfile } from '../../src/plan/conditions.ts';
import { calibrationWith, clusterOf, problemOf, runtimeConstants } from './fixtures.ts';

const gemm = { efficiency: 0.8, depth: 100 };
const ACCELERATOR = {
  gemm: { fp32: gemm, bf16: gemm, fp8: gemm, nvfp4: gemm },
  sustained: 0.5,
  elementwise: 0.5,
  streaming: 0.25,
  expertOverhead: 1e-4,
  expertCast: 3e-4,
  kernelFloor: 0,
  recurrence: 0.1,
};
const calibration = calibrationWith({ accelerator: ACCELERATOR });
/** 1e14 FLOP/s · 0.8 · 0.5; elementwise and streaming bytes a second. */
const [RATE, ELEMENTWISE, STREAMING] = [4e13, 5e11, 2.5e11];
const ACCUMULATION = 6;

const contextWith = (change: Partial<LayerContext> = {}, conditions: RunConditions = {}): LayerContext => {
  const [group] = clusterOf(1).groups;
  if (group === undefined) throw new Error('no group');
  return {
    machine: machineOf(group, calibration),
    runtime: { ...runtimeConstants, traffic: 0.9, unfusedNorm: 3, accumulationBytes: ACCUMULATION },
    behaviour: timeBehaviour(problemOf({}, { conditions }).training, 'ampere'),
    format: 'bf16',
    tokens: 4096,
    sequenceLength: 4096,
    context: 1,
    tensor: 1,
    sequenceParallel: false,
    expert: 1,
    expertTensor: 1,
    imbalance: 1,
    ...change,
  };
};

const expectTime = (time: OperatorTime, forward: number, backward: number, weightGradient = 0): void => {
  expect(time.forward / forward).toBeCloseTo(1, 10);
  expect(time.backward / backward).toBeCloseTo(1, 10);
  if (weightGradient === 0) expect(time.weightGradient).toBe(0);
  else expect(time.weightGradient / weightGradient).toBeCloseTo(1, 10);
};

const linear = (change: Partial<Linear>): Linear => ({
  kind: 'linear',
  name: 'linear',
  module: 'mlp',
  inputs: 1024,
  outputs: 8192,
  parameters: 1024 * 8192,
  sharding: 'column',
  lowPrecision: true,
  ...change,
});

/** 2·m·n·k over the rate, and the prologue of depth k. */
const product = (m: number, n: number, k: number): number => ((2 * m * n * k) / RATE) * (1 + 100 / k);

describe('a linear', () => {
  it('column: tensor parallelism cuts its outputs', () => {
    const time = operatorTime(contextWith({ tensor: 4 }), linear({}), 0);
    const accumulated = (ACCUMULATION * 1024 * 2048) / ELEMENTWISE;
    expectTime(
      time,
      product(4096, 2048, 1024),
      product(4096, 1024, 2048),
      product(1024, 2048, 4096) + accumulated,
    );
  });

  it('row: its inputs', () => {
    const row = linear({ sharding: 'row', inputs: 8192, outputs: 1024 });
    const accumulated = (ACCUMULATION * 2048 * 1024) / ELEMENTWISE;
    expectTime(
      operatorTime(contextWith({ tensor: 4 }), row, 0),
      product(4096, 1024, 2048),
      product(4096, 2048, 1024),
      product(2048, 1024, 4096) + accumulated,
    );
  });

  it('replicated: nothing of its weights, and its rows with sequence parallelism alone', () => {
    const whole = linear({ sharding: 'replicated' });
    const accumulated = (ACCUMULATION * 1024 * 8192) / ELEMENTWISE;
    for (const [sequenceParallel, rows] of [
      [false, 4096],
      [true, 1024],
    ] as const)
      expectTime(
        operatorTime(contextWith({ tensor: 4, sequenceParallel }), whole, 0),
        product(rows, 8192, 1024),
        product(rows, 1024, 8192),
        product(1024, 8192, rows) + accumulated,
      );
  });

  it.each(['fp8', 'nvfp4'] as const)(
    '%s: inputs and output gradients are cast, 4 bytes an element',
    (format) => {
      // The accelerator lacks both rates: products take as long as in bf16.
      const bf16 = operatorTime(contextWith({ tensor: 4 }), linear({}), 0);
      const cast = operatorTime(contextWith({ tensor: 4, format }), linear({}), 0);
      expect((cast.forward - bf16.forward) / ((4 * 4096 * 1024) / ELEMENTWISE)).toBeCloseTo(1, 8);
      expect((cast.backward - bf16.backward) / ((4 * 4096 * 2048) / ELEMENTWISE)).toBeCloseTo(1, 8);
      expect(cast.weightGradient).toBe(bf16.weightGradient);
    },
  );

  it('the output projection is lowered where the recipe says so', () => {
    const head = linear({ name: 'logits', module: 'head', lowPrecision: false });
    const lowered = contextWith({ format: 'fp8' }, { lowPrecisionHead: true });
    expect(operatorTime(lowered, head, 0)).toEqual(
      operatorTime(contextWith({ format: 'fp8' }), linear({}), 0),
    );
    const other = linear({ lowPrecision: false });
    expect(operatorTime(lowered, other, 0)).toEqual(operatorTime(contextWith(), linear({}), 0));
  });

  it('stays in bf16 where the recipe keeps it, in fp32 where all is fp32', () => {
    const kept = linear({ lowPrecision: false });
    const bf16 = operatorTime(contextWith(), linear({}), 0);
    expect(operatorTime(contextWith({ format: 'fp8' }), kept, 0)).toEqual(bf16);
    // Neither TF32 nor fp32 is stated: an eighth of the half-precision rate.
    const single = operatorTime(contextWith({ format: 'fp32' }), kept, 0);
    expect(single.forward / bf16.forward).toBeCloseTo(8, 10);
    expect(operatorTime(contextWith({ format: 'fp32' }), linear({}), 0)).toEqual(single);
  });
});

const expertLinear = (change: Partial<GroupedLinear> = {}): GroupedLinear => ({
  kind: 'grouped-linear',
  name: 'expert_up',
  module: 'moe',
  experts: 16,
  topK: 2,
  inputs: 1024,
  outputs: 4096,
  parameters: 16 * 1024 * 4096,
  sharding: 'column',
  ...change,
});

describe('experts', () => {
  // 16 experts on 4 ranks, 2 copies of 4096 tokens, gathered over 2 expert-tensor ranks, the busiest with 1.5 times
  // the mean: 24,576 rows for 4 experts of 1024 × 2048 on a rank.
  const rows = 4096 * 2 * 2 * 1.5;
  const weights = 4 * 1024 * 2048;
  const context = { expert: 4, expertTensor: 2, imbalance: 1.5 } as const;
  const pass = (k: number): number =>
    Math.hypot(((2 * rows * 1024 * 2048) / RATE) * (1 + 100 / k), (2 * weights) / STREAMING) + 4 * 1e-4;
  const accumulated = (ACCUMULATION * weights) / ELEMENTWISE;

  it('√(product² + weight traffic²) and the overhead of every local expert', () => {
    expectTime(
      operatorTime(contextWith(context), expertLinear(), 2),
      pass(1024),
      pass(2048),
      pass(rows / 4) + accumulated,
    );
  });

  it('row: expert tensor parallelism cuts the inputs', () => {
    const row = expertLinear({ sharding: 'row', inputs: 4096, outputs: 1024 });
    expectTime(
      operatorTime(contextWith(context), row, 2),
      pass(2048),
      pass(1024),
      pass(rows / 4) + accumulated,
    );
  });

  it('8 bits: rows are cast on both sides, and every local expert has casts of its own', () => {
    const bf16 = operatorTime(contextWith(context), expertLinear(), 2);
    const fp8 = operatorTime(contextWith({ ...context, format: 'fp8' }), expertLinear(), 2);
    const own = 4 * 3e-4;
    expect((fp8.forward - bf16.forward - own) / ((4 * rows * 1024) / ELEMENTWISE)).toBeCloseTo(1, 8);
    expect((fp8.backward - bf16.backward - own) / ((4 * rows * 2048) / ELEMENTWISE)).toBeCloseTo(1, 8);
    expect(fp8.weightGradient - bf16.weightGradient).toBeCloseTo(own, 12);
  });

  it('in graphs of the whole iteration one kernel serves all: no launch and no cast of their own', () => {
    const graphs = { cudaGraphs: 'full' } as const;
    for (const format of ['bf16', 'fp8'] as const) {
      const eager = operatorTime(contextWith({ ...context, format }), expertLinear(), 2);
      const captured = operatorTime(contextWith({ ...context, format }, graphs), expertLinear(), 2);
      const own = 4 * (format === 'bf16' ? 1e-4 : 4e-4);
      expect(eager.forward - captured.forward).toBeCloseTo(own, 12);
      expect(eager.weightGradient - captured.weightGradient).toBeCloseTo(own, 12);
    }
  });

  it('fused: the activation stands in the epilogues, what lies between the products is not cast', () => {
    const fused = (operator: GroupedLinear): OperatorTime =>
      operatorTime(contextWith({ ...context, format: 'fp8' }, { fusedExperts: true }), operator, 2);
    const traffic = (k: number, epilogue: number): number =>
      Math.hypot(
        ((2 * rows * 1024 * 2048) / RATE) * (1 + 100 / k),
        (2 * weights + rows * epilogue) / STREAMING,
      );
    const cast = (4 * rows * 1024) / ELEMENTWISE;
    // Width 1024 of the activation: both halves of the product are kept (4 bytes), its result is written twice in 8 bits.
    const up = fused(expertLinear());
    expect(up.forward).toBeCloseTo(traffic(1024, 6 * 1024) + cast, 10);
    expect(up.backward).toBeCloseTo(traffic(2048, 0), 10);
    expect(up.weightGradient).toBeCloseTo(traffic(rows / 4, 0) + accumulated, 10);
    // Width 2048: the halves are read (4), their gradients written twice in 8 bits (4).
    const down = fused(expertLinear({ sharding: 'row', inputs: 4096, outputs: 1024 }));
    expect(down.forward).toBeCloseTo(traffic(2048, 0), 10);
    expect(down.backward).toBeCloseTo(traffic(1024, 8 * 2048) + cast, 10);
  });

  it('one after the other: each is a product of its own, no shorter than a kernel', () => {
    const slow = calibrationWith({ accelerator: { ...ACCELERATOR, kernelFloor: 2e-3 } });
    const [group] = clusterOf(1).groups;
    if (group === undefined) throw new Error('no group');
    const machine = machineOf(group, slow);
    const together = operatorTime(contextWith({ ...context, machine }), expertLinear(), 2);
    const apart = operatorTime(
      contextWith({ ...context, machine }, { groupedExperts: false }),
      expertLinear(),
      2,
    );
    expect(apart.forward - together.forward).toBeCloseTo(4 * 2e-3, 10);
    expect(apart.weightGradient - together.weightGradient).toBeCloseTo(4 * 2e-3, 10);
  });

  it('a weight gradient is at least one row deep', () => {
    // 4 rows for 16 experts: depth 1, not a quarter.
    const few = operatorTime(contextWith({ tokens: 2 }), expertLinear(), 2);
    const all = 16 * 1024 * 4096;
    const want =
      Math.hypot(((2 * 4 * 1024 * 4096) / RATE) * 101, (2 * all) / STREAMING) +
      16e-4 +
      (ACCUMULATION * all) / ELEMENTWISE;
    expect(few.weightGradient / want).toBeCloseTo(1, 10);
  });

  it('padded experts hold their capacity', () => {
    expect(routedCopies(contextWith(), 2)).toBe(2);
    expect(routedCopies(contextWith({}, { expertCapacity: 1.5 }), 2)).toBe(3);
  });
});

describe('a recurrence', () => {
  const scan = (change: Partial<Recurrence>): Recurrence => ({
    kind: 'recurrence',
    name: 'scan',
    module: 'mixer',
    heads: 16,
    flopsPerToken: 1e6,
    bytesPerToken: 1e4,
    parameters: 0,
    ...change,
  });

  it('the longer of FLOPs at its share of the peak and traffic, over tensor ranks; backward twice as long', () => {
    const context = contextWith({ tensor: 2 });
    expectTime(operatorTime(context, scan({}), 0), (1e6 / 1e13) * 2048, (2e6 / 1e13) * 2048);
    const wide = scan({ bytesPerToken: 1e5 });
    expectTime(operatorTime(context, wide, 0), (1e5 / ELEMENTWISE) * 2048, (2e5 / ELEMENTWISE) * 2048);
  });
});

const work = (change: Partial<Pointwise>): Pointwise => ({
  kind: 'pointwise',
  name: 'activation',
  module: 'mlp',
  width: 1000,
  forwardBytes: 4000,
  backwardBytes: 6000,
  sharding: 'sequence',
  parameters: 0,
  ...change,
});

describe('work bound by memory', () => {
  it.each([
    ['tensor ranks cut it', 'tensor', false, 1024],
    ['whole on every tensor rank', 'sequence', false, 4096],
    ['cut by sequence parallelism', 'sequence', true, 1024],
    ['once per copy, the busiest rank’s', 'expert', false, 4096 * 3 * 1.5],
    ['copies of the rank’s own tokens', 'expert', true, 1024 * 3 * 1.5],
  ] as const)('%s', (_, sharding, sequenceParallel, rows) => {
    const context = contextWith({ tensor: 4, sequenceParallel, imbalance: 1.5 });
    expectTime(
      operatorTime(context, work({ sharding }), 3),
      (4000 * 0.9 * rows) / ELEMENTWISE,
      (6000 * 0.9 * rows) / ELEMENTWISE,
    );
  });

  it('without a compiler each kernel reads and writes its own', () => {
    const eager = contextWith({}, { compiled: false });
    expectTime(
      operatorTime(eager, work({}), 0),
      (4000 * 2 * 4096) / ELEMENTWISE,
      (6000 * 2 * 4096) / ELEMENTWISE,
    );
  });

  it('work that no stack fuses moves its bytes as counted, compiled or not', () => {
    for (const compiled of [true, false])
      expectTime(
        operatorTime(contextWith({}, { compiled }), work({ unfused: true }), 0),
        (4000 * 4096) / ELEMENTWISE,
        (6000 * 4096) / ELEMENTWISE,
      );
  });

  it.each(['expert_activation', 'expert_clamp', 'expert_bias'])('%s is done by fused experts', (name) => {
    const operator = work({ name, module: 'moe', sharding: 'expert' });
    expect(operatorTime(contextWith(), operator, 2).forward).toBeGreaterThan(0);
    expect(operatorTime(contextWith({}, { fusedExperts: true }), operator, 2)).toEqual({
      forward: 0,
      backward: 0,
      weightGradient: 0,
    });
  });

  it.each(['permute', 'unpermute'])('%s moves its bytes at the rate of a copy, compiled or not', (name) => {
    expectTime(
      operatorTime(contextWith(), work({ name, sharding: 'expert' }), 2),
      (4000 * 8192) / STREAMING,
      (6000 * 8192) / STREAMING,
    );
  });

  it('unfused norms of the hidden state add 3 bytes an element, each pass; other work does not', () => {
    const unfused = contextWith({}, { fusedNorm: false });
    for (const module of ['input_norm', 'post_norm'] as const)
      expectTime(
        operatorTime(unfused, work({ module }), 0),
        ((4000 * 0.9 + 3000) * 4096) / ELEMENTWISE,
        ((6000 * 0.9 + 3000) * 4096) / ELEMENTWISE,
      );
    expect(operatorTime(unfused, work({}), 0)).toEqual(operatorTime(contextWith(), work({}), 0));
    const norm = work({ module: 'input_norm' });
    expect(operatorTime(contextWith(), norm, 0)).toEqual(operatorTime(contextWith(), work({}), 0));
  });

  it('the loss moves 14 bytes a logit at streaming rate, on a share of the vocabulary or on all of it', () => {
    // 10 bytes a logit in the model's own count: 1.4 times as many.
    const loss = work({ name: 'cross_entropy', module: 'head', sharding: 'tensor' });
    for (const [gatheredLogits, rows] of [
      [false, 1024],
      [true, 4096],
    ] as const)
      expectTime(
        operatorTime(contextWith({ tensor: 4 }, { gatheredLogits }), loss, 0),
        (4000 * 1.4 * rows) / STREAMING,
        (6000 * 1.4 * rows) / STREAMING,
      );
  });
});

describe('attention in sequence-first layers', () => {
  const attention: Operator = {
    kind: 'core-attention',
    name: 'core_attention',
    module: 'core_attn',
    heads: 32,
    kvHeads: 8,
    queryKeyDim: 128,
    valueDim: 64,
    span: { kind: 'full' },
    topK: null,
    sinks: false,
    parameters: 0,
  };
  const time = (profile: SoftwareProfile, kernel: 'flash2' | 'fused-softmax'): OperatorTime =>
    operatorTime(contextWith({ tensor: 4 }, { profile, attention: kernel, dropout: false }), attention, 0);

  it('copies queries, keys, values and outputs around a fused kernel, each way', () => {
    const [batchFirst, sequenceFirst] = [time('megatron-core', 'flash2'), time('megatron-classic', 'flash2')];
    // Per token 32 · 128 + 8 · 128 + 8 · 64 + 32 · 64 = 7680 elements, read and written in 2 bytes, a quarter on each rank.
    const copies = (4 * 4096 * 7680) / 4 / ELEMENTWISE;
    expectTime(sequenceFirst, batchFirst.forward + copies, batchFirst.backward + copies);
  });

  it('copies nothing around products of its own', () => {
    expect(time('megatron-classic', 'fused-softmax')).toEqual(time('megatron-core', 'fused-softmax'));
  });
});

describe('parameters of an operator on a rank', () => {
  const attention: Operator = {
    kind: 'core-attention',
    name: 'core_attention',
    module: 'core_attn',
    heads: 8,
    kvHeads: 8,
    queryKeyDim: 64,
    valueDim: 64,
    span: { kind: 'full' },
    topK: null,
    sinks: true,
    parameters: 8,
  };
  const recurrence: Operator = {
    kind: 'recurrence',
    name: 'scan',
    module: 'mixer',
    heads: 8,
    flopsPerToken: 1,
    bytesPerToken: 1,
    parameters: 24,
  };

  // Tensor 4, expert 2, expert tensor 8.
  it.each<[string, Operator, number]>([
    ['column', linear({ parameters: 4000 }), 1000],
    ['row', linear({ parameters: 4000, sharding: 'row' }), 1000],
    ['replicated', linear({ parameters: 4000, sharding: 'replicated' }), 4000],
    ['experts', expertLinear({ parameters: 4000 }), 250],
    ['sinks', attention, 2],
    ['recurrence', recurrence, 6],
    ['pointwise, cut', work({ parameters: 40, sharding: 'tensor' }), 10],
    ['pointwise, whole', work({ parameters: 40 }), 40],
  ])('%s', (_, operator, want) => {
    expect(localParameters(operator, 4, 2, 8)).toBe(want);
  });
});

it('tokens of its own: all, unless sequence parallelism cuts them', () => {
  expect(ownTokens(contextWith({ tensor: 4 }))).toBe(4096);
  expect(ownTokens(contextWith({ tensor: 4, sequenceParallel: true }))).toBe(1024);
});
